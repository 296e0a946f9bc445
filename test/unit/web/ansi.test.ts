import { describe, expect, it } from '@jest/globals';
import { parseAnsi, plainLine } from '../../../src/web/client/ansi.js';
import { colored } from '../../../src/web/log-panel.js';
import { html } from '../../../src/web/html.js';

describe('a line of output', () => {
  it('becomes pieces of one look each', () => {
    expect(parseAnsi('a \u001b[1;31mred\u001b[22m still\u001b[0m plain')).toEqual([
      { text: 'a ', classes: '' },
      { text: 'red', classes: 'ansi-red ansi-bold' },
      { text: ' still', classes: 'ansi-red' },
      { text: ' plain', classes: '' },
    ]);
  });

  it.each([
    ['\u001b[92mx', 'ansi-bright-green'],
    ['\u001b[44mx', 'ansi-on-blue'],
    ['\u001b[38;5;196mx', 'ansi-bright-red'],
    ['\u001b[38;5;3mx', 'ansi-yellow'],
    ['\u001b[38;2;0;250;10mx', 'ansi-bright-green'],
    ['\u001b[38;2;255;0;0;4mx', 'ansi-bright-red ansi-underline'],
    ['\u001b[2;3mx', 'ansi-faint ansi-italic'],
    ['\u001b[31m\u001b[mx', ''],
  ])('knows %j', (line, classes) => {
    expect(parseAnsi(line)).toEqual([{ text: 'x', classes }]);
  });

  it.each([
    ['\u001b]8;;javascript:alert(1)\u001b\\click\u001b]8;;\u001b\\ me', 'click me'],
    ['\u001b]8;;https://evil.example\u0007here\u001b]8;;\u0007', 'here'],
    ['\u001b]0;a title\u0007text', 'text'],
    ['\u001b[2K\u001b[1Gdone', 'done'],
    ['10 %\r50 %\r100 %\r', '100 %'],
    ['user\u202enimda\u2066\u200b', 'usernimda'],
    ['a\u0000b\u0008c', 'abc'],
    ['an unfinished \u001b]8;;http://x', 'an unfinished '],
    ['tab\tstays', 'tab\tstays'],
  ])('shows %j as %j', (line, text) => {
    expect(plainLine(line)).toBe(text);
  });

  it('never becomes markup, whatever it holds', () => {
    const hostile = '\u001b[31m<script>alert(1)</script>\u001b[0m"\'&<img onerror=x>';
    expect(html`${colored(hostile)}`.text).toBe(
      '<span class="ansi-red">&lt;script&gt;alert(1)&lt;/script&gt;</span>&quot;&#39;&amp;&lt;img onerror=x&gt;',
    );
  });

  it('takes no longer than it is long', () => {
    const began = process.cpuUsage();
    for (const piece of ['\u001b[', '\u001b]8;;', '\u001b[31m', '\u001b']) parseAnsi(piece.repeat(20_000));
    expect(process.cpuUsage(began).user / 1e6).toBeLessThan(5);
  });
});
