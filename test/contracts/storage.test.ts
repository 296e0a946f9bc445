import { appendFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from '@jest/globals';
import { pino } from 'pino';
import type { Database } from '../../src/database/database.js';
import { createRedactor } from '../../src/domain/redaction.js';
import { newId } from '../../src/domain/ids.js';
import { trimLog } from '../../src/sandbox/output.js';
import type { PipelineStorage } from '../../src/storage/contract.js';
import { DatabaseStorage } from '../../src/storage/database.js';
import { FolderStorage } from '../../src/storage/folder.js';
import { LogCopy } from '../../src/storage/log-copy.js';
import { onEachDatabase } from '../support/databases.js';
import { until } from '../support/story.js';

const SECRET = 'correct-horse-battery-staple';
const redactor = createRedactor([SECRET]);

onEachDatabase('logs and screenshots', (databases) => {
  const folders: string[] = [];
  afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

  interface Kept {
    id: string;
    storage: PipelineStorage;
    print(text: string): void;
    /** Resolves when readers see all that was printed. */
    shown(): Promise<void>;
    /** As the report stage bounds it at the end. */
    end(headBytes: number, tailBytes: number): Promise<void>;
  }

  /** The log of a stage as a worker writes it. */
  const begin = async (): Promise<Kept> => {
    const where = await databases.place();
    folders.push(where.dataDir);
    const database = await databases.open(where);
    const id = newId();
    const logs = join(where.dataDir, 'logs', id);
    mkdirSync(logs, { recursive: true });
    const file = join(logs, 'test.log');
    let printed = 0;
    const print = (text: string) => {
      appendFileSync(file, text);
      printed += Buffer.byteLength(text);
    };
    const storage = where.databaseUrl
      ? new DatabaseStorage(database, { isConnected: false })
      : new FolderStorage(where.dataDir);
    const copy = storage instanceof DatabaseStorage ? copied(database, storage, id, logs) : null;
    return {
      id,
      storage,
      print,
      shown: () =>
        until(async () => (await storage.logSizes(id)).get('test') === printed, 'what was printed'),
      async end(headBytes, tailBytes) {
        await trimLog(file, headBytes, tailBytes);
        await copy?.finish();
      },
    };
  };

  const copied = (database: Database, storage: DatabaseStorage, id: string, folder: string) =>
    new LogCopy({
      folder,
      redactor,
      isOver: () => false,
      log: pino({ level: 'silent' }),
      write: (rows, insteadOf) =>
        database.write(async (tx) => {
          if (insteadOf) await storage.forgetLogs(tx, id, insteadOf);
          for await (const some of rows) await storage.append(tx, id, some);
        }),
    });

  const read = async ({ storage, id }: Kept, start = 0, end = Infinity) => {
    const size = (await storage.logSizes(id)).get('test') ?? 0;
    const pieces: Buffer[] = [];
    for await (const piece of storage.readLog(id, 'test', start, Math.min(end, size))) pieces.push(piece);
    return Buffer.concat(pieces);
  };
  /** Readers mask too. */
  const readMasked = async (kept: Kept) => redactor.redactBytes(await read(kept)).toString();

  it('are read in part while they grow, byte for byte', async () => {
    const kept = await begin();
    expect((await kept.storage.logSizes(kept.id)).size).toBe(0);
    expect(await read(kept)).toEqual(Buffer.alloc(0));
    const lines = Array.from({ length: 30_000 }, (_, n) => `line ${n} of the log\n`);
    kept.print(lines.slice(0, 2).join(''));
    await kept.shown();
    expect((await read(kept)).toString()).toBe(lines.slice(0, 2).join(''));
    for (let n = 2; n < lines.length; n += 7_000) kept.print(lines.slice(n, n + 7_000).join(''));
    await kept.shown();
    const whole = lines.join('');
    expect((await read(kept)).toString() === whole).toBe(true);
    for (const [start, end] of [
      [0, 1],
      [65_535, 65_537],
      [100_001, 400_000],
      [whole.length - 1, whole.length],
    ] as const)
      expect((await read(kept, start, end)).toString() === whole.slice(start, end)).toBe(true);
    await kept.end(10_000_000, 10_000_000);
    expect((await read(kept)).toString() === whole).toBe(true);
  });

  it('hold no secret where others see them, and come out bounded as the report leaves them', async () => {
    const kept = await begin();
    const line = `the key is ${SECRET} here\n`;
    kept.print(line.slice(0, 20));
    kept.print(line.slice(20));
    kept.print(line.repeat(20_000));
    await kept.shown();
    if (kept.storage instanceof DatabaseStorage) expect((await read(kept)).includes(SECRET)).toBe(false);
    expect(
      (await readMasked(kept)) === redactor.redactBytes(Buffer.from(line.repeat(20_001))).toString(),
    ).toBe(true);
    await kept.end(100_000, 200_000);
    const bounded = await readMasked(kept);
    expect(bounded.length).toBeLessThan(301_000);
    expect(bounded).toMatch(/\n\[… \d+ KiB left out …\]\n/);
    expect(bounded).not.toContain(SECRET);
    const masked = line.replace(SECRET, '*'.repeat(SECRET.length));
    expect(bounded.startsWith(masked) && bounded.endsWith(masked)).toBe(true);
  });

  it('are kept with their screenshots until they are removed', async () => {
    const kept = await begin();
    kept.print('something\n'.repeat(200_000));
    await kept.shown();
    await kept.end(10_000_000, 10_000_000);
    const png = Buffer.from('not really a PNG');
    const [pipeline, name] = (await kept.storage.keepScreenshot(kept.id, png)).split('/');
    expect(pipeline).toBe(kept.id);
    expect(await kept.storage.screenshot(kept.id, name!)).toEqual(png);
    expect(await kept.storage.screenshot(newId(), name!)).toBeNull();
    // Nobody's, as its pipeline is not stored.
    if (kept.storage instanceof DatabaseStorage) expect(await kept.storage.orphans(10)).toEqual([kept.id]);
    await kept.storage.remove(kept.id);
    expect(await kept.storage.screenshot(kept.id, name!)).toBeNull();
    expect((await kept.storage.logSizes(kept.id)).size).toBe(0);
    if (kept.storage instanceof DatabaseStorage) expect(await kept.storage.orphans(10)).toEqual([]);
  });
});
