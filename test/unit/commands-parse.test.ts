import { describe, expect, it } from '@jest/globals';
import { MAX_COMMANDS_PER_COMMENT, parseCommands } from '../../src/commands/parse.js';

const names = (markdown: string): string[] => parseCommands(markdown).commands.map(({ name }) => name);

describe('parseCommands', () => {
  it.each([
    ['a command alone', '/codegen fix', ['fix']],
    ['upper case', '/CodeGen FIX', ['fix']],
    ['a little indented', '   /codegen fix', ['fix']],
    ['many blanks', '/codegen \t  fix  ', ['fix']],
    ['no command word', '/codegen', ['']],
    ['punctuation after it', '/codegen fix: the cart\n/codegen help.', ['fix', 'help']],
    ['several, with text between', 'Hi\n/codegen retry\nthanks\n\n/codegen status', ['retry', 'status']],
    ['Windows line ends', 'Hi\r\n/codegen retry\r\n/codegen status\r\n', ['retry', 'status']],
    ['after a paragraph', 'some text\n/codegen retry', ['retry']],
    ['after a quote', '> quoted\n\n/codegen retry', ['retry']],
    ['typed right below a quote', '> quoted\n/codegen retry', ['retry']],
    ['after a fence', '```\ncode\n```\n/codegen retry', ['retry']],
    ['after a heading', '# Title\n/codegen retry', ['retry']],
    ['after a comment', '<!-- note -->\n/codegen retry', ['retry']],
    ['after a list', '- one\n- two\n\n/codegen retry', ['retry']],
    ['an unknown word', '/codegen deploy', ['deploy']],
  ])('finds %s', (_, markdown, expected) => expect(names(markdown)).toEqual(expected));

  it.each([
    ['nothing', ''],
    ['in the middle of a line', 'please /codegen fix'],
    ['another word', '/codegenapp fix'],
    ['a path', '/codegen/fix'],
    ['a quote', '> /codegen fix'],
    ['an indented quote', '   > /codegen fix'],
    ['a nested quote', '> > /codegen fix'],
    ['a backtick fence', '```\n/codegen fix\n```'],
    ['a fence with a language', '```sh\n/codegen fix\n```'],
    ['a tilde fence', '~~~\n/codegen fix\n~~~'],
    ['a fence of four with three inside', '````\n```\n/codegen fix\n```\n/codegen fix\n````'],
    ['a tilde fence with backticks inside', '~~~\n```\n/codegen fix\n~~~'],
    ['a fence that is not closed', '```\n/codegen fix\n\n/codegen retry'],
    ['a fence that a shorter one does not close', '````\n```\n/codegen fix'],
    ['a fence that text after it does not close', '```\n``` not the end\n/codegen fix'],
    ['a fence in a list', '- like this:\n  ```\n  /codegen fix\n  ```'],
    ['a fence that opens on a list marker', '- ```\n  /codegen fix\n  ```'],
    ['a fence deep in a list', '1. one\n   - two\n     ```\n     /codegen fix\n     ```'],
    ['indented code', 'text\n\n    /codegen fix'],
    ['code indented by a tab', '\t/codegen fix'],
    ['a list item', '- /codegen fix'],
    ['inline code', '`/codegen fix`'],
    ['inline code over lines', 'see `this\n/codegen fix\nhere` please'],
    ['inline code of two backticks', 'see ``a ` b\n/codegen fix\n`` end'],
    ['an HTML comment', '<!-- /codegen fix -->'],
    ['an HTML comment over lines', '<!--\n/codegen fix\n\n/codegen retry\n-->'],
    ['an HTML comment that is not closed', '<!--\n/codegen fix'],
    ['an HTML comment within a paragraph', 'text <!-- a\n/codegen fix\n--> more'],
    ['preformatted HTML', '<pre>\n/codegen fix\n</pre>'],
    ['an HTML quote', '<blockquote>\n\n/codegen fix\n\n</blockquote>'],
    ['bold', '**/codegen fix**'],
    ['an escaped slash', '\\/codegen fix'],
  ])('finds no command in %s', (_, markdown) => expect(names(markdown)).toEqual([]));

  it.each([
    ['a lone backtick', 'it`s odd\n/codegen fix', ['fix']],
    ['runs of different lengths', 'a ` b ``\n/codegen fix', ['fix']],
    ['backticks of another paragraph', 'one ` two\n\n/codegen fix\n\nthree ` four', ['fix']],
    ['backticks of other list items', '- one `\n/codegen fix\n- two `', ['fix']],
    ['an escaped backtick', 'one \\` two\n/codegen fix\nthree `', ['fix']],
    ['a comment’s beginning in code', '`<!--`\n/codegen fix\n-->', ['fix']],
    ['a fence in a comment', '<!--\n```\n-->\n/codegen fix', ['fix']],
    ['a comment in a fence', '```\n<!--\n```\n/codegen fix', ['fix']],
    ['a comment that begins but never ends in its paragraph', 'a <!-- b\n\n/codegen fix', ['fix']],
    ['a backtick fence with backticks in its line', '``` not a fence ```\n/codegen fix', ['fix']],
    ['a fence whose list item ends', '- ```\n  code\n\n/codegen fix', ['fix']],
  ])('is not misled by %s', (_, markdown, expected) => expect(names(markdown)).toEqual(expected));

  it('takes arguments from the line, and the lines after it up to a blank one', () => {
    expect(
      parseCommands(
        [
          'Hello',
          '/codegen fix use `round()` <!-- hidden --> here  ',
          'and keep the cache',
          '```ts',
          'round(1)',
          '',
          'round(2)',
          '```',
          '',
          'not part of it',
          '/codegen retry --no-cache',
          '> quoted',
          'nor this',
        ].join('\n'),
      ).commands,
    ).toEqual([
      {
        index: 0,
        name: 'fix',
        argument: 'use `round()`  here',
        following: 'and keep the cache\n```ts\nround(1)\n\nround(2)\n```',
      },
      { index: 1, name: 'retry', argument: '--no-cache', following: '' },
    ]);
  });

  it('ends the following lines at the next command', () => {
    expect(parseCommands('/codegen fix\none\n/codegen status\ntwo').commands).toMatchObject([
      { name: 'fix', following: 'one' },
      { name: 'status', following: 'two' },
    ]);
  });

  it('takes a bounded number of commands and counts the rest', () => {
    const parsed = parseCommands('/codegen status\n'.repeat(MAX_COMMANDS_PER_COMMENT + 3));
    expect(parsed.commands).toHaveLength(MAX_COMMANDS_PER_COMMENT);
    expect(parsed.leftOut).toBe(3);
  });

  it.each([
    ['`', []],
    ['` `` ', ['fix']],
    ['\\`', ['fix']],
    ['<!--', []],
    ['a<!--', ['fix']],
    ['a<!---->', ['fix']],
    ['<pre>', []],
    ['>', ['fix']],
    ['- ', ['fix']],
    ['```\n', ['fix']],
    ['a`\n', ['fix']],
    ['\t', ['fix']],
  ])('reads the largest comment made of %j', (piece, expected) => {
    const even = 2 * Math.floor(65_000 / piece.length / 2);
    expect(names(`${piece.repeat(even)}\n\n/codegen fix`)).toEqual(expected);
  });

  it('reads no further than a comment can be long', () => {
    expect(names(`${'x\n'.repeat(40_000)}\n/codegen fix`)).toEqual([]);
  });
});
