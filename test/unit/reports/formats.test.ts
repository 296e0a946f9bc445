import { describe, expect, it } from '@jest/globals';
import { UnreadableReport } from '../../../src/reports/contract.js';
import { formats, readReport } from '../../../src/reports/index.js';
import { coverageIn, outline, reportFixture, testsIn } from '../../support/reports.js';

const counts = (name: string) => {
  const { formats: read, passed, failed, skipped } = testsIn(name);
  return [read.join(), passed, failed, skipped];
};

describe('the tests of a report', () => {
  it.each([
    ['junit/jest-junit.xml', 'junit', 3, 2, 1],
    ['junit/vitest.xml', 'junit', 1, 1, 1],
    ['junit/node-20.xml', 'junit', 3, 3, 2],
    ['junit/node-24.xml', 'junit', 3, 3, 2],
    ['junit/pytest.xml', 'junit', 2, 5, 2],
    ['junit/TEST-com.example.shop.CalcTest.xml', 'junit', 3, 2, 1],
    ['junit/TEST-com.example.shop.FlakyTest.xml', 'junit', 1, 0, 0],
    ['junit/gradle.xml', 'junit', 2, 1, 1],
    ['junit/gotestsum.xml', 'junit', 3, 2, 1],
    ['junit/phpunit.xml', 'junit', 3, 3, 1],
    ['junit/rspec.xml', 'junit', 1, 2, 2],
    ['junit/nextest.xml', 'junit', 2, 2, 0],
    ['trx/dotnet-test.trx', 'trx', 2, 2, 1],
    ['tap/node-20.tap', 'tap', 3, 4, 2],
    ['tap/node-24.tap', 'tap', 3, 4, 2],
    ['tap/node-tap.tap', 'tap', 1, 1, 1],
    ['tap/tape.tap', 'tap', 1, 1, 0],
    ['tap/perl.tap', 'tap', 1, 1, 1],
    ['tap/npm-test.txt', 'tap', 3, 4, 2],
    ['jest/jest.json', 'jest', 2, 3, 2],
    ['jest/vitest.json', 'jest', 1, 1, 1],
    ['go/go-test.json', 'go', 3, 3, 1],
    ['go/go-test-1.24.json', 'go', 1, 2, 0],
    ['ctrf/jest.json', 'ctrf', 2, 2, 2],
  ])('%s is %s: %i passed, %i failed, %i skipped', (name, ...expected) => {
    expect(counts(name)).toEqual(expected);
  });

  it('are found by content, whatever the file is called', () => {
    expect(testsIn('output.txt', reportFixture('junit/pytest.xml')).formats).toEqual(['junit']);
    expect(testsIn('junit.xml', reportFixture('tap/node-20.tap')).formats).toEqual(['tap']);
  });

  it('have one suite and name in every format of the same run', () => {
    const jest = outline(testsIn('jest/jest.json'));
    expect(jest).toEqual([
      'passed calc › adds',
      'failed calc › adds & compares <things>',
      'failed calc › divide › throws from the source',
      'skipped calc › divide › is skipped',
      'skipped calc › divide › is still to do',
      'flaky passes when run again',
      'failed broken.test.js (the file itself failed)',
    ]);
    expect(outline(testsIn('ctrf/jest.json'))).toEqual(jest.slice(0, -1));
    const tap = outline(testsIn('tap/node-24.tap'));
    expect(tap).toContain('failed calc › divide › throws from the source');
    expect(tap).toEqual(expect.arrayContaining(outline(testsIn('junit/node-24.xml'))));
    expect(outline(testsIn('junit/vitest.xml'))).toEqual(outline(testsIn('jest/vitest.json')));
    const go = outline(testsIn('go/go-test.json'));
    expect(go).toEqual(expect.arrayContaining(outline(testsIn('junit/gotestsum.xml'))));
  });

  it('say why they failed', () => {
    const message = (name: string, test: string) =>
      testsIn(name).cases.find((one) => one.name.includes(test))?.message;
    expect(message('junit/pytest.xml', 'adds_wrongly')).toMatch(
      /^AssertionError: the sum is <wrong> & more\nassert/,
    );
    expect(message('junit/pytest.xml', 'test_import')).toBe(
      "ModuleNotFoundError: No module named 'shop.missing'",
    );
    expect(message('junit/phpunit.xml', 'AddsWrongly')).toMatch(/^the sum is <wrong>\nFailed asserting/);
    expect(message('junit/rspec.xml', 'compares')).toMatch(/^expected: \{:sum=>4\}/);
    expect(message('junit/gotestsum.xml', 'wrong_sum')).toContain('calc_test.go:22: Add(1, 2) = 3, want 4');
    expect(message('junit/gotestsum.xml', 'Panics')).toMatch(/^panic: runtime error: integer divide by zero/);
    expect(message('junit/TEST-com.example.shop.CalcTest.xml', 'throws')).toBe('/ by zero');
    expect(message('junit/nextest.xml', 'throws')).toMatch(
      /panicked at src\/lib.rs:6:5:\nattempt to divide by zero$/,
    );
    expect(message('jest/jest.json', 'throws')).toBe('RangeError: division by zero');
    expect(message('jest/jest.json', 'broken.test.js')).toMatch(/^Cannot find module '..\/src\/missing'/);
    expect(message('tap/node-20.tap', 'throws')).toBe('division by zero');
    expect(message('tap/node-20.tap', 'broken.test.mjs')).toContain('Cannot find module');
    expect(message('tap/node-tap.tap', 'compares')).toContain('-  "sum": 4,\n+  "sum": 3,');
    expect(message('tap/tape.tap', 'compares')).toBe('expected: { sum: 4 }\nactual: { sum: 3 }');
    expect(message('tap/perl.tap', 'wrongly')).toMatch(/got: '3'\n\s+expected: '4'/);
    expect(message('trx/dotnet-test.trx', 'AddsWrongly')).toBe(
      'Assert.Equal() Failure: Values differ\nExpected: 4\nActual:   3',
    );
    expect(message('go/go-test-1.24.json', 'the package itself')).toContain('undefined: undefinedFunction');
    expect(message('go/go-test-1.24.json', 'NeverEnds')).toBe('The test did not finish.');
  });

  it('are flaky when they passed only when run again', () => {
    const flaky = (name: string) =>
      testsIn(name)
        .cases.filter((test) => test.flaky)
        .map((test) => test.name);
    expect(flaky('jest/jest.json')).toEqual(['passes when run again']);
    expect(flaky('ctrf/jest.json')).toEqual(['passes when run again']);
    expect(flaky('junit/TEST-com.example.shop.FlakyTest.xml')).toEqual(['passesWhenRunAgain']);
    expect(flaky('junit/nextest.xml')).toEqual(['tests::passes_when_run_again']);
    expect(flaky('go/go-test-1.24.json')).toEqual(['TestFlaky']);
  });

  it('take as long as the report says', () => {
    expect(testsIn('junit/gradle.xml').durationMs).toBe(1_234_056);
    expect(testsIn('junit/pytest.xml').durationMs).toBe(50);
    expect(testsIn('trx/dotnet-test.trx').durationMs).toBe(1500);
    expect(testsIn('trx/dotnet-test.trx').cases.map((test) => test.durationMs)).toEqual([
      4.568, 1250, 1, 10, 10,
    ]);
    expect(testsIn('tap/node-20.tap').cases[1]?.durationMs).toBe(0.72);
  });

  it('are named by the rows of a data-driven test', () => {
    expect(outline(testsIn('trx/dotnet-test.trx'))).toEqual([
      'passed Shop.Tests.CalcTests › Adds',
      'failed Shop.Tests.CalcTests › AddsWrongly',
      'skipped Shop.Tests.CalcTests › Skipped',
      'passed Shop.Tests.CalcTests › Halves (1)',
      'failed Shop.Tests.CalcTests › Halves (0)',
    ]);
  });
});

describe('TAP beyond what one tool writes', () => {
  it('reads subtests in braces, escapes and a given-up run', () => {
    const report = testsIn(
      'x.tap',
      [
        'TAP version 14',
        'ok 1 - outer # time=12.5ms {',
        '    ok 1 - inner \\# one',
        '    not ok 2 - inner two # TODO later',
        '    1..2',
        '}',
        'not ok 2 - alone',
        'Bail out! the database is gone',
        '1..5',
      ].join('\r\n'),
    );
    expect(outline(report)).toEqual([
      'passed outer › inner # one',
      'skipped outer › inner two',
      'failed alone',
      'failed Bail out!',
    ]);
    expect(report.notes).toEqual(['The TAP output ends 3 test(s) short of its plan.']);
  });

  it('reads several documents of one log, each with its own plan', () => {
    const report = testsIn(
      'x',
      'TAP version 13\nok 1 - a\n1..1\nnoise\nTAP version 13\nnot ok 1 - b\n1..1\n',
    );
    expect(outline(report)).toEqual(['passed a', 'failed b']);
    expect(report.notes).toEqual([]);
  });
});

describe('JUnit XML beyond what one tool writes', () => {
  const junit = (body: string) => testsIn('x.xml', `<testsuites>${body}</testsuites>`);

  it('takes skipped from attributes too, and skipped before failed', () => {
    const report = junit(
      '<testsuite name="s"><testcase name="a" status="notrun"/><testcase name="b" result="skipped"/>' +
        '<testcase name="c"><skipped/><failure/></testcase><testcase name="d" status="run"/></testsuite>',
    );
    expect(report).toMatchObject({ passed: 1, failed: 0, skipped: 3 });
  });

  it('reads text and CDATA around each other, numeric entities, and no other', () => {
    const report = junit(
      '<testsuite name="s"><testcase name="&#x41;&#66;&copy;"><failure>a &lt; <![CDATA[b & <c>]]> d</failure></testcase></testsuite>',
    );
    expect(report.cases[0]).toMatchObject({ name: 'AB&copy;', details: 'a < b & <c> d' });
  });

  it('survives numbers that are none', () => {
    const report = junit(
      '<testsuite name="s" time="1e999"><testcase name="a" time="-1" line="99999999999"/><testcase name="b" time="NaN"/></testsuite>',
    );
    expect(report.durationMs).toBeNull();
    expect(report.cases).toEqual([
      { suite: 's', name: 'a', status: 'passed', durationMs: null },
      { suite: 's', name: 'b', status: 'passed', durationMs: null },
    ]);
  });
});

describe('the coverage of a report', () => {
  const hits = (lines: Map<number, number> | undefined) => Object.fromEntries(lines ?? []);

  it('is the same from LCOV and Cobertura of one run', () => {
    const expected = { 1: 3, 2: 1, 3: 2, 4: 0, 6: 1, 7: 0 };
    const [lcov] = coverageIn('lcov/jest.info');
    const [cobertura] = coverageIn('cobertura/jest.xml');
    expect(lcov?.path).toBe('src/calc.js');
    expect(hits(lcov?.lines)).toEqual(expected);
    expect(hits(cobertura?.lines)).toEqual(expected);
  });

  it('keeps the folders that its paths are relative to', () => {
    const parsed = readReport('coverage.xml', reportFixture('cobertura/coverage-py.xml'));
    expect(parsed).toMatchObject({ kind: 'coverage', format: 'cobertura', roots: ['/workspace/py/shop'] });
  });

  it('counts every file of node:test', () => {
    expect(coverageIn('lcov/node-20.info').map((file) => file.path)).toEqual([
      'lib/calc.mjs',
      'test/calc.test.mjs',
    ]);
  });
});

describe('what is no report', () => {
  const refusal = (content: string | Buffer): UnreadableReport => {
    try {
      readReport('out/a.xml', content);
    } catch (error) {
      if (error instanceof UnreadableReport) return error;
    }
    throw new Error('it was read');
  };

  it.each([
    ['an empty file', '  \n', 'it is empty', false],
    ['a binary file', Buffer.from([1, 0, 2]), 'it is a binary file', false],
    ['prose', 'All is ok.', 'it is in no format known here', false],
    ['other XML', '<project><testsuite/></project>', 'it is in no format known here', false],
    ['Clover', '<coverage clover="3"><project/></coverage>', 'it is in no format known here', false],
    ['other JSON', '{"name": "shop"}', 'it is in no format known here', false],
    ['a report cut off', '<testsuites><testsuite name="a"><testcase', 'it is not well-formed XML', true],
    ['a report cut off between tags', '<testsuites><testsuite name="a">', 'it ends in the middle', true],
    ['wrong nesting', '<testsuite><testcase></testsuite></testcase>', 'it is not well-formed XML', true],
    ['Jest cut off', '{"numTotalTests":1,"testResults":[{', 'it is not valid JSON', true],
  ])('%s is refused with the file and the reason', (_what, content, reason, recognised) => {
    const error = refusal(content);
    expect(error.message).toMatch(/^The report out\/a.xml can't be read: .*\.$/);
    expect(error.reason).toContain(reason);
    expect(error.recognised).toBe(recognised);
  });

  it('names every format that it could have been', () => {
    for (const name of Object.keys(formats)) expect(refusal('prose').message).toContain(name);
  });
});

describe('text', () => {
  it('is read from UTF-16, Latin-1 and broken UTF-8', () => {
    const xml = '<testsuite name="s"><testcase name="größer"/></testsuite>';
    const name = (content: Buffer) => testsIn('x.xml', content).cases[0]?.name;
    expect(name(Buffer.from(`\uFEFF${xml}`, 'utf16le'))).toBe('größer');
    expect(name(Buffer.from(`<?xml version="1.0" encoding="ISO-8859-1"?>${xml}`, 'latin1'))).toBe('größer');
    expect(name(Buffer.from(xml, 'latin1'))).toBe('gr\uFFFD\uFFFDer');
  });

  it('loses colours and control characters', () => {
    const failure = '\u001b[31mred\u001b[39m\u0000 and \u0007 bell\r\nnext';
    const json = {
      numTotalTests: 1,
      testResults: [{ assertionResults: [{ status: 'failed', title: 't', failureMessages: [failure] }] }],
    };
    expect(testsIn('x.json', JSON.stringify(json)).cases[0]?.message).toBe('red and  bell\nnext');
  });
});
