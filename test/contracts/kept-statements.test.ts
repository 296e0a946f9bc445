import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { keepingDriver } from '../../src/database/kept-statements.js';

describe('a connection that keeps its statements', () => {
  let folder: string;
  let source: DataSource;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'codegenapp-statements-'));
    const database = join(folder, 'test.sqlite');
    source = new DataSource({ type: 'sqlite', driver: keepingDriver(), database, enableWAL: true });
    await source.initialize();
    await source.query('CREATE TABLE words (id INTEGER PRIMARY KEY, word TEXT UNIQUE)');
  });
  afterEach(async () => {
    // SQLite closes no connection that has statements left.
    if (source.isInitialized) await source.destroy();
    rmSync(folder, { recursive: true });
  });
  const insert = (word: string) => source.query<number>('INSERT INTO words (word) VALUES (?)', [word]);
  const wordOf = async (id: number) =>
    (await source.query<{ word: string }[]>('SELECT word FROM words WHERE id = ?', [id]))[0]?.word;

  it('answers each of many that ask the same at once', async () => {
    const ids = await Promise.all(Array.from({ length: 50 }, (_, n) => insert(`word ${n}`)));
    expect(new Set(ids).size).toBe(50);
    expect(await Promise.all(ids.map(wordOf))).toEqual(ids.map((_, n) => `word ${n}`));
    expect(await wordOf(99)).toBeUndefined();
  });

  it('tells everyone of an error, and works on', async () => {
    await insert('one');
    const failed = await Promise.allSettled([insert('one'), insert('one')]);
    expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    const wrong = () => source.query('SELECT colour FROM words');
    const answers = await Promise.allSettled([wrong(), wrong()]);
    expect(answers.map((answer) => answer.status === 'rejected' && String(answer.reason))).toEqual(
      Array(2).fill(expect.stringContaining('no such column: colour')),
    );
    await expect(wrong()).rejects.toThrow('no such column: colour');
    expect(await insert('two')).toBe(2);
  });

  it('sees a table that has changed, and leaves none locked', async () => {
    const all = () => source.query('SELECT * FROM words');
    await insert('one');
    expect(await all()).toEqual([{ id: 1, word: 'one' }]);
    await source.query('ALTER TABLE words ADD COLUMN seen INTEGER DEFAULT 0');
    expect(await all()).toEqual([{ id: 1, word: 'one', seen: 0 }]);
    await source.query('DROP TABLE words');
    await expect(all()).rejects.toThrow('no such table: words');
  });

  it('takes more statements than it keeps, and values too large to be kept', async () => {
    for (let n = 0; n < 300; n++) await source.query(`SELECT ${n}`);
    expect(await source.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await insert('long '.repeat(10_000));
    expect(await wordOf(1)).toHaveLength(50_000);
  });

  it('can be closed while it is asked', async () => {
    const { Database } = keepingDriver();
    const database = new Database(join(folder, 'other.sqlite'));
    const said = await new Promise<unknown[]>((resolve) => {
      const answers: unknown[] = [];
      database.all('SELECT 1 AS one', [], (error, rows) => answers.push(error, rows));
      database.close((error) => resolve([...answers, error]));
    });
    expect(said).toEqual([null, [{ one: 1 }], null]);
  });
});
