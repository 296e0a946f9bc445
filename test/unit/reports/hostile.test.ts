import { describe, expect, it } from '@jest/globals';
import { LIMITS } from '../../../src/reports/contract.js';
import { parseReports } from '../../../src/reports/parse-reports.js';
import { testsIn } from '../../support/reports.js';

/** Reads one file in the child process and gives the reason for which it was refused. */
async function refusal(content: string | Buffer, options = {}): Promise<string | undefined> {
  const { unreadable } = await parseReports([{ path: 'a.xml', content }], options);
  return unreadable[0]?.message;
}

describe('hostile reports are unreadable, not a problem', () => {
  it('entity bombs', async () => {
    const entities = Array.from(
      { length: 9 },
      (_, n) => `<!ENTITY l${n + 1} "${`&l${n};`.repeat(10)}">`,
    ).join('');
    const bomb = `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "lol">${entities}]><testsuite name="&l9;"/>`;
    expect(await refusal(bomb)).toBe("The report a.xml can't be read: it declares entities in a DOCTYPE.");
  });

  it('external entities', async () => {
    const xml =
      '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><testsuite name="a"><testcase name="&f;"/></testsuite>';
    expect(await refusal(xml)).toContain('it declares entities');
  });

  it('a DOCTYPE inside the document', async () => {
    const xml = '<testsuite name="a"><!DOCTYPE x [<!ENTITY f "g">]><testcase name="&f;"/></testsuite>';
    expect(await refusal(xml)).toContain('it is not well-formed XML');
  });

  it('deep nesting, closed or not', async () => {
    expect(await refusal('<testsuite>'.repeat(1_000_000))).toContain('nested deeper than 64 elements');
    expect(await refusal('<testsuite>'.repeat(1000) + '</testsuite>'.repeat(1000))).toContain(
      'nested deeper',
    );
    expect(await refusal(`{"numTotalTests":1,"testResults":${'['.repeat(100_000)}`)).toContain(
      'not valid JSON',
    );
  });

  it('100 MB', async () => {
    expect(await refusal(Buffer.alloc(100 * 1024 ** 2, '<testsuite>'))).toBe(
      "The report a.xml can't be read: it has 100 MB, and 50 MB is the most that is read.",
    );
  });

  it('more attributes than any tool writes', async () => {
    expect(await refusal(`<testsuite ${'a="b" '.repeat(100_000)}/>`)).toContain('more than 100 attributes');
  });

  it('megabytes of what makes patterns slow', async () => {
    const megabytes = 5 * 1024 ** 2;
    const gap = ' '.repeat(megabytes);
    const { parsed, unreadable } = await parseReports([
      {
        path: 'gap.xml',
        content: `<testsuite name="s"><testcase name="t"><failure>a${gap}b</failure></testcase></testsuite>`,
      },
      {
        path: 'lines.tap',
        content: `${'\n'.repeat(megabytes)}TAP version 13\n1..1\nnot ok 1 - a\n# ${gap}x\n`,
      },
      { path: 'tags.xml', content: '<coverage '.repeat(megabytes / 10) },
      { path: 'events.json', content: `{${'"Action":"'.repeat(megabytes / 10)}` },
    ]);
    expect(parsed.map(({ path }) => path)).toEqual(['gap.xml']);
    expect(unreadable.map((error) => error.reason)).toEqual([
      expect.stringContaining('no format known here'),
      expect.stringContaining('no format known here'),
      expect.stringContaining('no format known here'),
    ]);
  });

  it('names that would reach into objects', () => {
    const report = testsIn(
      'x.xml',
      '<testsuite __proto__="x" constructor="y" name="s"><testcase name="__proto__" classname="constructor"/></testsuite>',
    );
    expect(report.cases).toEqual([
      { suite: 'constructor', name: '__proto__', status: 'passed', durationMs: null },
    ]);
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });

  it('what takes too long, without what comes after it', async () => {
    const slow = {
      path: 'slow.tap',
      content: Buffer.from(`TAP version 13\n${'ok 1 - a\n'.repeat(400_000)}`),
    };
    const good = { path: 'good.tap', content: 'TAP version 13\nok 1 - a\n1..1\n' };
    const { parsed, unreadable } = await parseReports([slow, good], { fileTimeoutMs: 1 });
    // A millisecond is too short for either; what counts is that each is answered for.
    expect(unreadable.map((error) => error.message)).toContain(
      "The report slow.tap can't be read: reading it took longer than 0.001 s.",
    );
    expect(parsed.length + unreadable.length).toBe(2);
    const again = await parseReports([slow, good], { timeoutMs: 1 });
    expect(again.unreadable.at(-1)?.reason).toMatch(/the time for reading reports was up|took longer/);
  });

  it('what needs too much memory, and the next file is read all the same', async () => {
    const wide = Buffer.from(`{"numTotalTests":1,"testResults":[${'{},'.repeat(3_000_000)}{}]}`);
    const good = { path: 'good.tap', content: 'TAP version 13\nok 1 - a\n1..1\n' };
    const { parsed, unreadable } = await parseReports([{ path: 'wide.json', content: wide }, good], {
      fileTimeoutMs: 60_000,
      memoryMb: 48,
    });
    expect(unreadable.map((error) => error.reason)).toEqual(['reading it took too much memory']);
    expect(parsed.map(({ path }) => path)).toEqual(['good.tap']);
  });

  it('too many files', async () => {
    const files = Array.from({ length: LIMITS.files + 2 }, (_, n) => ({ path: `${n}.txt`, content: '' }));
    const { unreadable } = await parseReports(files);
    expect(unreadable.filter((error) => error.reason.startsWith('the reports before it'))).toHaveLength(2);
  });
});

describe('very many tests', () => {
  it('are all counted, and listed up to a limit with a note', async () => {
    const tests = Array.from({ length: LIMITS.cases + 10 }, (_, n) => `<testcase name="t${n}"/>`).join('');
    const failures = '<testcase name="f"><failure/></testcase>'.repeat(LIMITS.failures + 1);
    const { parsed } = await parseReports([
      { path: 'a.xml', content: `<testsuite name="s">${tests}${failures}</testsuite>` },
    ]);
    const [report] = parsed[0]!.reports;
    if (report?.kind !== 'tests') throw new Error('no tests');
    expect(report.report).toMatchObject({ passed: LIMITS.cases + 10, failed: LIMITS.failures + 1 });
    expect(report.report.cases).toHaveLength(LIMITS.cases + LIMITS.failures);
    expect(report.report.notes).toEqual(['There are too many tests to list them all; all are counted.']);
  });

  it('of several files are listed up to one limit together', async () => {
    const suite = (name: string) =>
      `<testsuite name="${name}">${'<testcase name="t"/>'.repeat(30_000)}</testsuite>`;
    const files = ['a', 'b'].map((name) => ({ path: `${name}.xml`, content: suite(name) }));
    const { parsed } = await parseReports(files);
    const listed = parsed.flatMap(({ reports }) =>
      reports.map((one) => (one.kind === 'tests' ? one.report.cases.length : 0)),
    );
    expect(listed).toEqual([30_000, LIMITS.cases - 30_000]);
  });
});

describe('the reading process', () => {
  it('is gone afterwards', async () => {
    const processes = () => process.getActiveResourcesInfo().filter((name) => name === 'ProcessWrap').length;
    const before = processes();
    const reading = parseReports([{ path: 'a.tap', content: 'TAP version 13\nok 1\n1..1\n' }]);
    expect(processes()).toBe(before + 1);
    await reading;
    expect(processes()).toBe(before);
  });
});
