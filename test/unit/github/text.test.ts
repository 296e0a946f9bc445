import { describe, expect, it } from '@jest/globals';
import { cleanText } from '../../../src/github/clean.js';
import { fit, listWithin, type Section } from '../../../src/github/fit.js';
import {
  clause,
  codeBlock,
  codeSpan,
  details,
  inlineText,
  link,
  plainText,
  safeUrl,
  table,
} from '../../../src/github/text.js';
import { keepTail, sizeOf, truncateEnd, truncateStart, type Unit } from '../../../src/github/truncate.js';
import { liveMarkdown } from '../../support/markdown.js';

describe('cleanText', () => {
  it.each([
    ['\x1b[31mred\x1b[0m', 'red'],
    ['\x1b]8;;http://evil\x07label\x1b]8;;\x07', 'label'],
    ['10%\r50%\r100%\r\nnext\r', '100%\nnext'],
    ['a\0b\x07c\td', 'abc\td'],
    ['user\u202etxt.exe\u200b', 'usertxt.exe'],
    ['half \ud83d pair 🙂', 'half \ufffd pair 🙂'],
    ['hidden \u{e0041}\u{e0042}text', 'hidden text'],
    ['👩\u200d🚀', '👩\u200d🚀'],
    ['a\u2028b', 'a\nb'],
  ])('%j becomes %j', (text, expected) => {
    expect(cleanText(text)).toBe(expected);
  });

  it('takes time in proportion to the text', () => {
    for (const piece of ['\r', '\x1b]', '\x1b[', '\x9b0', '\ud83d']) {
      expect(cleanText(piece.repeat(200_000)).length).toBeLessThanOrEqual(400_000);
    }
  });
});

describe('inlineText', () => {
  it.each([
    ['plain words stay', 'plain words stay'],
    ['thanks @octocat!', 'thanks `@octocat`!'],
    ['fixes #1, acme/shop#2 and GH-3', 'fixes `#1`, `acme/shop#2` and `GH-3`'],
    ['see (https://evil.example/x).', 'see (`https://evil.example/x`).'],
    ['checked out 3f2a9c4', 'checked out `3f2a9c4`'],
    ['1234567 defaced', '1234567 defaced'],
    ['a *b* _c_ [e](f) ~g~ $h$', 'a \\*b\\* \\_c\\_ \\[e\\](f) \\~g\\~ \\$h\\$'],
    ['`npm test` failed (test_commands)', '`npm test` failed (test_commands)'],
    ['<b>&amp;</b>', '&lt;b&gt;&amp;amp;&lt;/b&gt;'],
    ['# no heading', '\\# no heading'],
    ['- no item', '\\- no item'],
    ['1. no item', '1\\. no item'],
    ['a | b\nc', 'a &#124; b c'],
    ['take :x: care', 'take :\u200bx: care'],
  ])('%j becomes %j', (text, expected) => {
    expect(inlineText(text)).toBe(expected);
  });

  it('breaks what it can not set in code font', () => {
    expect(inlineText('`@octocat#1')).toBe('\\`@\u200boctocat#\u200b1');
  });
});

describe('code', () => {
  it.each([
    ['npm test', '`npm test`'],
    ['a `b` c', '``a `b` c``'],
    ['`', '`` ` ``'],
    ['a\nb', '`a b`'],
    ['a | @b', '<code>a &#124; @\u200bb</code>'],
    ['', ''],
  ])('codeSpan(%j) is %j', (text, expected) => {
    expect(codeSpan(text)).toBe(expected);
  });

  it('is fenced beyond the longest run of backticks', () => {
    expect(codeBlock('a\n```\n@octocat', 'sh')).toBe('````sh\na\n```\n@octocat\n````');
    expect(liveMarkdown(codeBlock('`````\n</details>@octocat'))).not.toContain('octocat');
  });
});

it('plainText keeps addresses and shas, but no mention or reference', () => {
  expect(plainText('by @octocat for #1\nat https://a.example of 3f2a9c4')).toBe(
    'by @\u200boctocat for #\u200b1 at https://a.example of 3f2a9c4',
  );
});

it('details escapes its summary', () => {
  expect(details('a </summary> @b', 'body')).toBe(
    '<details><summary>a &lt;/summary&gt; @\u200bb</summary>\n\nbody\n\n</details>',
  );
});

it('table cells hold pipes and line breaks', () => {
  expect(table(['A', 'B:'], [['x|y', 'two\nlines']])).toBe(
    '| A | B |\n| --- | --: |\n| x&#124;y | two lines |',
  );
});

describe('links', () => {
  it.each([
    ['https://preview.example/x', 'https://preview.example/x'],
    ['javascript:alert(1)', null],
    ['http://127.0.0.1:3000/', null],
    ['http://localhost:3000/', null],
    ['http://[::1]:3000/', null],
    ['https://user:password@example.com/', null],
    [`https://example.com/${'x'.repeat(3000)}`, null],
    ['not a url', null],
  ])('safeUrl(%j) is %j', (address, expected) => {
    expect(safeUrl(address)).toBe(expected);
  });

  it('can not be left by what the address holds', () => {
    expect(link('here', 'https://a.example/(x)|`[y]@z')).toBe(
      '[here](https://a.example/%28x%29%7C%60%5By%5D%40z)',
    );
  });
});

it.each([
  ['Superseded by abc1234.', 'superseded by abc1234'],
  ['exit code 1', 'exit code 1'],
  ['GitHub did not answer.', 'GitHub did not answer'],
  ['HTTP 500', 'HTTP 500'],
])('clause(%j) is %j', (sentence, expected) => {
  expect(clause(sentence)).toBe(expected);
});

describe('shortening', () => {
  const text = 'ä🙂漢'.repeat(400);
  it.each<[Unit, number]>(
    (['bytes', 'characters'] as const).flatMap((unit) =>
      [0, 1, 2, 3, 4, 5, 50, 95, 96, 97, 98, 99, 100, 101, 1000, 100_000].map((limit): [Unit, number] => [
        unit,
        limit,
      ]),
    ),
  )('keeps to %s %d and to whole characters', (unit, limit) => {
    for (const shortened of [truncateEnd(text, limit, unit), truncateStart(text, limit, unit)]) {
      expect(sizeOf(shortened, unit)).toBeLessThanOrEqual(limit);
      expect(shortened).not.toMatch(/\ufffd|\p{Surrogate}/u);
    }
  });

  it('says how much was cut', () => {
    expect(truncateEnd('x'.repeat(2000), 100)).toBe(`${'x'.repeat(52)}… (1,948 characters more)`);
    expect(truncateStart('x'.repeat(2000), 100)).toBe(`(1,948 characters before) …${'x'.repeat(52)}`);
    expect(truncateEnd('short', 100)).toBe('short');
  });

  it('keeps the last whole lines', () => {
    const lines = Array.from({ length: 100 }, (_, index) => `line ${index + 1}`).join('\n');
    expect(keepTail(`${lines}\n\n`, { bytes: 18 })).toEqual({ text: 'line 99\nline 100', omittedLines: 98 });
    expect(keepTail(lines, { bytes: 1000, lines: 1 })).toEqual({ text: 'line 100', omittedLines: 99 });
    expect(keepTail('short', { bytes: 1000 })).toEqual({ text: 'short', omittedLines: 0 });
    const long = keepTail(`a\n${'b'.repeat(500)}end`, { bytes: 100 });
    expect(long.text).toMatch(/^\(451 characters before\) …b+end$/);
    expect(long.omittedLines).toBe(1);
  });
});

describe('fit', () => {
  const section = (name: string, priority: number, size: number, shrinks = false): Section => ({
    name,
    priority,
    render: (limit) => (size <= limit ? name.repeat(size) : shrinks ? name.repeat(Math.max(0, limit)) : ''),
  });

  it('leaves what fits as it is, without empty parts', () => {
    const sections = [section('a', 1, 3), section('b', 2, 0), section('c', 3, 2)];
    expect(fit(sections, 1000)).toBe('aaa\n\ncc');
  });

  it('gives up the least useful first, shortens where it can, and says so', () => {
    const sections = [section('a', 3, 900), section('b', 1, 500), section('c', 2, 900, true)];
    const text = fit(sections, 2000);
    expect(text).toMatch(/^a{900}\n\nc+\n\n_Shortened to what GitHub allows: b, c\._$/);
    expect(text.length).toBeLessThanOrEqual(2000);
  });

  it('leaves out a part that breaks its promise', () => {
    const liar: Section = { name: 'liar', priority: 1, render: () => 'x'.repeat(3000) };
    expect(fit([section('a', 2, 10), liar], 1000)).toBe(
      `${'a'.repeat(10)}\n\n_Shortened to what GitHub allows: liar._`,
    );
  });

  it('lists say how many are missing', () => {
    const items = Array.from({ length: 10 }, (_, index) => `- item ${index}`);
    expect(listWithin('### H', items, 1000, { total: 12 })).toContain('- item 9\n\n… and 2 more');
    const short = listWithin('### H', items, 44);
    expect(short).toMatch(/^### H\n\n- item 0\n- item 1\n+… and 8 more$/);
    expect(listWithin('### H', items, 10)).toBe('');
  });
});
