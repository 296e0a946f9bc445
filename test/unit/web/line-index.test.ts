import { describe, expect, it } from '@jest/globals';
import { createRedactor, type Redactor } from '../../../src/domain/redaction.js';
import { LineIndex, looksLikeError, search, type LogBytes } from '../../../src/web/line-index.js';

/** A log in memory, read as PipelineLog is, in chunks that respect nothing. */
class Log implements LogBytes {
  bytesRead = 0;
  constructor(
    public content: Buffer,
    private readonly chunk = 1009,
  ) {}
  get size(): number {
    return this.content.length;
  }
  async *read(start: number, end: number, redactor: Redactor): AsyncGenerator<Buffer> {
    await Promise.resolve();
    const masked = redactor.redactBytes(this.content).subarray(start, end);
    this.bytesRead += masked.length;
    for (let at = 0; at < masked.length; at += this.chunk) yield masked.subarray(at, at + this.chunk);
  }
}

const open = createRedactor([]);
const numbered = (count: number) => Array.from({ length: count }, (_, n) => `line ${n + 1}`);
const logOf = (lines: string[], end = '\n') => new Log(Buffer.from(lines.join('\n') + end));

describe('the lines of a log', () => {
  it('are found by number wherever they are', async () => {
    const lines = numbered(5_321);
    const log = logOf(lines);
    const index = new LineIndex();
    await index.extend(log);
    expect(index.count(false)).toBe(5_321);
    for (const [from, count] of [
      [0, 3],
      [998, 5],
      [2_499, 400],
      [5_320, 10],
      [5_321, 10],
    ] as const)
      expect(await index.read(log, from, count, false, open)).toEqual(lines.slice(from, from + count));
    expect(await index.read(log, 0, 10_000, false, open)).toHaveLength(500);
  });

  it('cost no more to read in a long log', async () => {
    const log = new Log(Buffer.from(`${'x'.repeat(99)}\n`.repeat(200_000)), 65_536);
    const index = new LineIndex();
    await index.extend(log);
    log.bytesRead = 0;
    await index.read(log, 150_123, 100, false, open);
    expect(log.bytesRead).toBeLessThan(600_000);
  });

  it('grow with it, each byte being read once', async () => {
    const log = logOf(['first', 'begun'], '');
    const index = new LineIndex();
    await index.extend(log);
    expect([index.count(false), index.count(true)]).toEqual([1, 2]);
    log.content = Buffer.from('first\nbegun and ended\nnext');
    await Promise.all([index.extend(log), index.extend(log)]);
    expect(log.bytesRead).toBe(log.size);
    expect(await index.read(log, 0, 10, true, open)).toEqual(['first', 'begun and ended', 'next']);
    expect(index.count(false)).toBe(2);
  });

  it('begin anew where it became shorter', async () => {
    const log = logOf(numbered(100));
    const index = new LineIndex();
    await index.extend(log);
    log.content = Buffer.from('another\n');
    await index.extend(log);
    expect(await index.read(log, 0, 10, true, open)).toEqual(['another']);
  });

  it('are cut where they are very long, and those after them are found', async () => {
    const log = new Log(Buffer.from(`a\n${'é'.repeat(2_000_000)}\nb\r\n${'y'.repeat(5_000)}\n\nc`), 65_536);
    const index = new LineIndex();
    await index.extend(log);
    log.bytesRead = 0;
    const lines = await index.read(log, 0, 10, true, open);
    expect(lines.map((line) => line.slice(0, 3))).toEqual(['a', 'ééé', 'b', 'yyy', '', 'c']);
    expect(lines.every((line) => Buffer.byteLength(line) < 4_200)).toBe(true);
    expect(log.bytesRead).toBeLessThan(1_000_000);
  });

  it('hide secrets, also from who searches for them', async () => {
    const log = logOf(['the key is hunter2hunter2', 'end']);
    const index = new LineIndex();
    await index.extend(log);
    const redactor = createRedactor(['hunter2hunter2']);
    expect(await index.read(log, 0, 5, true, redactor)).toEqual(['the key is **************', 'end']);
    const hits = [];
    for await (const hit of search(log, index, 0, true, (line) => line.includes('hunter'), redactor))
      hits.push(hit);
    expect(hits).toEqual([]);
  });

  it('are searched through to the end', async () => {
    const log = logOf(numbered(2_345));
    const index = new LineIndex();
    await index.extend(log);
    const hits = [];
    for await (const hit of search(log, index, 0, true, (line) => line.endsWith('99'), open))
      hits.push(hit.line);
    expect(hits).toEqual(Array.from({ length: 23 }, (_, n) => n * 100 + 99));
  });
});

it.each([
  ['Error: it broke', true],
  ['npm ERR! code 1', true],
  ['not ok 3 - adds', true],
  ['FAIL src/cart.test.js', true],
  ['src/a.ts(3,1): error TS2304: Cannot find name', true],
  ['panic: runtime error', true],
  ['0 errors, 3 warnings', false],
  ['# fail 0', false],
  ['Tests: 12 passed, 0 failed', false],
  ['compiled without errors', false],
  ['ok 4 - subtracts', false],
])('%j looks like an error: %s', (line, expected) => {
  expect(looksLikeError(line)).toBe(expected);
});
