import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { plainText, readTail, readableSize, trimLog } from '../../../src/sandbox/output.js';

describe('plainText', () => {
  it.each([
    ['colours', '\u001b[31mred\u001b[0m', 'red'],
    ['links', '\u001b]8;;https://evil.example\u0007text\u001b]8;;\u0007', 'text'],
    ['a lone escape', 'a\u001bb', 'ab'],
    ['control characters', 'a\u0007\u0008\u0085b\tc\nd', 'ab\tc\nd'],
    ['NUL', 'a\0b', 'a\ufffdb'],
    ['bidirectional controls', 'a\u202eb\u2066c\u200f', 'abc'],
    ['invisible tag characters', 'a\u{e0041}\u{e007f}b', 'ab'],
    ['Windows line ends', 'a\r\nb\r\n', 'a\nb\n'],
    ['progress bars', '10%\r50%\r100%\ndone', '100%\ndone'],
    ['progress bars that end a state with a return', '10%\r100%\r\ndone', '100%\ndone'],
    ['joined emoji', '👩‍💻 ok', '👩‍💻 ok'],
  ])('cleans %s', (_, text, clean) => expect(plainText(text)).toBe(clean));

  it('takes no more than linear time for sequences that never end', () => {
    const text = '\u001b]'.repeat(300_000) + '\u001b['.repeat(300_000) + '\r'.repeat(300_000);
    expect(plainText(text)).not.toContain('\u001b');
  });
});

describe('readableSize', () => {
  it.each([
    [0, '0 bytes'],
    [1, '1 byte'],
    [1023, '1023 bytes'],
    [1024, '1 KiB'],
    [1536, '1.5 KiB'],
    [20 * 1024 ** 2, '20 MiB'],
    [1024 ** 2 - 1, '1 MiB'],
    [1024 ** 3, '1 GiB'],
  ])('%d is %s', (bytes, text) => expect(readableSize(bytes)).toBe(text));
});

describe('a log file', () => {
  let directory: string;
  let path: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'codegenapp-output-'));
    path = join(directory, 'log');
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('is read whole when it is short', async () => {
    await writeFile(path, 'one\ntwo\n');
    expect(await readTail(path)).toBe('one\ntwo\n');
  });

  it('is read from the end by bytes, from a whole line on', async () => {
    await writeFile(path, 'first line\nsecond line\nthird line\n');
    expect(await readTail(path, { maxBytes: 15 })).toBe('third line\n');
  });

  it('is read from the end by lines', async () => {
    await writeFile(path, 'one\ntwo\nthree\n');
    expect(await readTail(path, { maxLines: 2 })).toBe('two\nthree\n');
    await writeFile(path, 'one\ntwo\nthree');
    expect(await readTail(path, { maxLines: 2 })).toBe('two\nthree');
  });

  it('is read from a whole character on where there is no line', async () => {
    await writeFile(path, 'é'.repeat(100));
    expect(await readTail(path, { maxBytes: 11 })).toBe('é'.repeat(5));
  });

  it('is readable whatever bytes it holds', async () => {
    await writeFile(path, Buffer.from([0x61, 0xff, 0x00, 0x62, 0xc3]));
    expect(await readTail(path)).toBe('a\ufffd\ufffdb\ufffd');
  });

  it('is trimmed to head and tail with a line that says what is missing', async () => {
    const lines = Array.from({ length: 100_000 }, (_, index) => `line ${index}\n`);
    await writeFile(path, lines.join(''));
    const size = lines.join('').length;
    const leftOut = await trimLog(path, 30, 40);
    const [head, tail] = (await readFile(path, 'utf8')).split(/\n\[… .* left out …\]\n\n/);
    expect(head).toBe('line 0\nline 1\nline 2\nline 3\n');
    expect(tail).toBe('line 99997\nline 99998\nline 99999\n');
    expect(leftOut).toBe(size - (head?.length ?? 0) - (tail?.length ?? 0));
    expect(await readdir(directory)).toEqual(['log']);
  });

  it('is trimmed between characters where there is no line', async () => {
    await writeFile(path, '€'.repeat(100_000));
    await trimLog(path, 100, 100);
    expect(await readFile(path, 'utf8')).toMatch(/^€{33}\n\[… 293 KiB left out …\]\n\n€{33}$/);
  });

  it('is left alone when it is short enough', async () => {
    await writeFile(path, 'a'.repeat(100));
    expect(await trimLog(path, 50, 50)).toBe(0);
    expect(await readFile(path, 'utf8')).toBe('a'.repeat(100));
  });
});
