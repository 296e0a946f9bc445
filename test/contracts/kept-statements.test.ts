import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { bindNumbers, keepingDriver } from '../../src/database/kept-statements.js';

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

  it('is asked the same for other numbers, also large ones and none', async () => {
    bindNumbers(source);
    await source.query('CREATE TABLE times (at BIGINT, n INTEGER, share REAL)');
    const asked = new Set<string>();
    source.subscribers.push({ beforeQuery: ({ query }) => void asked.add(query) });
    const rows = [
      { at: 1_795_979_810_302, n: 1, share: 0.5 },
      { at: 1_795_979_810_303, n: -7, share: 1 },
      { at: null, n: 0, share: 2 ** 40 },
    ];
    for (const row of rows)
      await source.createQueryBuilder().insert().into('times', Object.keys(row)).values(row).execute();
    expect(await source.query('SELECT * FROM times')).toEqual(rows);
    expect(await source.query('SELECT DISTINCT typeof(n) AS type FROM times')).toEqual([{ type: 'integer' }]);
    const after = (at: number, ...ns: number[]) =>
      source
        .createQueryBuilder()
        .select('n')
        .from('times', 'times')
        .where('at > :at OR n IN (:...ns)', { at, ns })
        .getRawMany();
    expect(await after(1_795_979_810_302, 0, 5)).toEqual([{ n: -7 }, { n: 0 }]);
    expect(await after(1_795_979_810_301, 5, 6)).toEqual([{ n: 1 }, { n: -7 }]);
    expect([...asked].filter((sql) => /1795|-7/.test(sql))).toEqual([]);
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
