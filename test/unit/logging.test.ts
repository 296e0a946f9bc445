import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  addToLogContext,
  createLogger,
  RotatingFile,
  withLogContext,
  type Logger,
} from '../../src/logging.js';

/** What is logged in one turn of the event loop is written after it. */
const aTurn = () => setImmediate();

describe('the log', () => {
  let folder: string;
  let stdout: jest.SpiedFunction<typeof process.stdout.write>;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'codegenapp-log-'));
    stdout = jest.spyOn(process.stdout, 'write').mockReturnValue(true);
  });
  afterEach(() => {
    jest.restoreAllMocks();
    rmSync(folder, { recursive: true });
  });

  const toFile = async (redact?: (line: string) => string) => {
    const file = join(folder, 'logs', 'x.log');
    const log = await createLogger({ level: 'info', format: 'json', file }, redact);
    const lines = async () => {
      await aTurn();
      return readFileSync(file, 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    };
    return { log, lines };
  };

  it('carries the ids of the work under way, also in what a library logs later by a logger of its own', async () => {
    const { log, lines } = await toFile();
    const library = async (child: Logger) => {
      await setImmediate();
      child.info('from afar');
    };
    await Promise.all([
      withLogContext({ requestId: 'r1' }, () =>
        withLogContext({ pipelineId: 'p1' }, () => library(log.child({ name: 'octokit' }))),
      ),
      withLogContext({ requestId: 'r2' }, async () => {
        addToLogContext({ deliveryId: 'd2' });
        await library(log);
      }),
    ]);
    log.info('outside');
    expect(await lines()).toEqual([
      expect.objectContaining({ requestId: 'r1', pipelineId: 'p1', name: 'octokit', msg: 'from afar' }),
      expect.objectContaining({ requestId: 'r2', deliveryId: 'd2', msg: 'from afar' }),
      { level: 30, time: expect.any(String), msg: 'outside' },
    ]);
  });

  it('lets what a line says itself win, and names each id once', async () => {
    const { log } = await toFile();
    withLogContext({ pipelineId: 'outer' }, () => log.info({ pipelineId: 'inner' }, 'x'));
    await aTurn();
    const text = readFileSync(join(folder, 'logs', 'x.log'), 'utf8');
    expect(text.match(/pipelineId/g)).toHaveLength(1);
    expect(text).toContain('"pipelineId":"inner"');
  });

  it('hides secrets in the file and on stdout', async () => {
    const { log, lines } = await toFile((line) => line.replaceAll('hunter2', '***'));
    log.info({ password: 'hunter2' }, 'hunter2');
    expect(await lines()).toEqual([expect.objectContaining({ password: '***', msg: '***' })]);
    expect(stdout.mock.calls.join('')).not.toContain('hunter2');
  });

  it('is written where the process ends before its turn does', async () => {
    const file = join(folder, 'x.log');
    const log = await createLogger({ level: 'info', format: 'json', file });
    log.info('the last words');
    process.emit('exit', 0);
    expect(readFileSync(file, 'utf8')).toContain('the last words');
  });

  it('rotates the file by size, keeps five old ones and loses no line of those', () => {
    const path = join(folder, 'r.log');
    const file = new RotatingFile(path, 100);
    for (let n = 0; n < 40; n++) file.write(`${String(n).padStart(29, '0')}\n`);
    const names = readdirSync(folder).sort();
    expect(names).toEqual(['r.log', 'r.log.1', 'r.log.2', 'r.log.3', 'r.log.4', 'r.log.5']);
    for (const name of names) expect(statSync(join(folder, name)).size).toBeLessThanOrEqual(100);
    const kept = [...names]
      .reverse()
      .flatMap((name) => readFileSync(join(folder, name), 'utf8').trim().split('\n'))
      .map(Number);
    expect(kept).toEqual(kept.map((_, n) => 39 - kept.length + 1 + n));
    expect(kept.at(-1)).toBe(39);
  });

  it('goes on where an earlier process stopped', () => {
    const path = join(folder, 'again.log');
    new RotatingFile(path, 100).write(`${'a'.repeat(60)}\n`);
    new RotatingFile(path, 100).write(`${'b'.repeat(60)}\n`);
    expect(readFileSync(`${path}.1`, 'utf8')).toMatch(/^a+\n$/);
    expect(readFileSync(path, 'utf8')).toMatch(/^b+\n$/);
  });
});
