import { describe, expect, it } from '@jest/globals';
import { parseSettingsFile, SETTINGS_PATH } from '../../src/domain/settings-file.js';

const parse = (text: string) => parseSettingsFile(text, SETTINGS_PATH);
const problemsOf = (text: string) =>
  parse(text).problems.map(({ line, column, message }) => `${line}:${column} ${message}`);

describe('a settings file', () => {
  it('holds the same keys as the dashboard', () => {
    const {
      settings,
      extends: from,
      problems,
    } = parse(`
# How we validate.
setup_commands: npm ci
test_commands: |
  npm run lint
  npm test
deploy_commands:
  - export NODE_ENV=production
  - npm start
auto_merge_enabled: true
ai_review: off
min_coverage: 80
paths_ignore: [docs/**, '**/*.md']
environment:
  NODE_ENV: test
`);
    expect(problems).toEqual([]);
    expect(from).toBeNull();
    expect(settings).toEqual({
      setup_commands: 'npm ci',
      test_commands: 'npm run lint\nnpm test\n',
      deploy_commands: 'export NODE_ENV=production\nnpm start',
      auto_merge_enabled: true,
      ai_review: 'off',
      min_coverage: 80,
      paths_ignore: ['docs/**', '**/*.md'],
      environment: { NODE_ENV: 'test' },
    });
  });

  it.each(['', '\n\n', '# only a comment\n', '---\n', '~', 'null\n', '\uFEFF', '{}'])(
    'may be empty: %j',
    (text) => {
      expect(parse(text)).toEqual({ settings: {}, extends: null, problems: [] });
    },
  );

  it('takes values of environment as they are written', () => {
    const { settings, problems } = parse(
      'environment:\n  VERSION: 3.10\n  DEBUG: true\n  SIZE: 1e3\n  HEX: 0x1F\n',
    );
    expect(problems).toEqual([]);
    expect(settings.environment).toEqual({ VERSION: '3.10', DEBUG: 'true', SIZE: '1e3', HEX: '0x1F' });
  });

  it('may unset what has no default, and use anchors', () => {
    expect(parse('min_coverage:\ntest_commands: ~\n').settings).toEqual({
      min_coverage: null,
      test_commands: null,
    });
    const shared = parse('setup_commands: &common [npm ci]\ntest_commands: *common\n');
    expect(shared.settings).toEqual({ setup_commands: 'npm ci', test_commands: 'npm ci' });
  });

  it('may extend another', () => {
    expect(parse('merge_method: merge\n_extends: acme/settings\n').extends).toEqual({
      value: 'acme/settings',
      line: 2,
      column: 11,
    });
    expect(parse('_extends:\n')).toEqual({ settings: {}, extends: null, problems: [] });
  });
});

describe('a mistake in a settings file', () => {
  it.each<[mistake: string, text: string, problems: string[]]>([
    [
      'unknown name',
      'merge_method: merge\ntests_commands: x\n',
      ['2:1 `tests_commands` is not a setting; did you mean `test_commands`?'],
    ],
    ['far name', 'colour: red', ['1:1 `colour` is not a setting.']],
    ['number as name', '1: red', ['1:1 `1` is not a setting.']],
    ['mapping as name', '? {a: b}\n: red', ['1:3 `?` is not a setting.']],
    ['wrong type', 'skip_drafts: yes', ['1:14 `skip_drafts` must be `true` or `false`.']],
    [
      'wrong type, not on the line of its name',
      'max_fix_attempts:\n  - 3\n',
      ['1:1 `max_fix_attempts` must be a whole number from 0 to 10.'],
    ],
    [
      'one item',
      'paths_ignore:\n  - docs/**\n  - /src\n',
      [
        "3:5 `paths_ignore.1` must be relative to the repository's top folder, without `/` or `./` before it and without `..`.",
      ],
    ],
    [
      'one name',
      'environment:\n  A: b\n  PORT: 80\n',
      [
        '3:9 `environment.PORT` must have another name, because CodegenApp sets this one itself; a script can still change it with `export`.',
      ],
    ],
    [
      'empty variable',
      'environment:\n  A:\n',
      ['2:3 `environment.A` must be a text; put a number, `true` or `false` in quotes.'],
    ],
    ['no value', 'skip_drafts:\n', ['1:1 `skip_drafts` has no value; give it one or leave the line out.']],
    [
      'name twice',
      'network: none\nclone_depth: 0\nnetwork: shared\n',
      ['3:1 `network` is set twice; keep one of them.'],
    ],
    ['variable twice', 'environment:\n  A: b\n  A: c\n', ['3:3 `A` is set twice; keep one of them.']],
    ['list', '- npm ci\n', ['1:1 The file must hold settings, one `name: value` a line.']],
    ['text', '\nnpm ci\n', ['2:1 The file must hold settings, one `name: value` a line.']],
    [
      'broken YAML',
      'network: none\ntest_commands: "npm test\n',
      ['3:1 This is not valid YAML: Missing closing "quote.'],
    ],
    ['tab', 'environment:\n\tA: b\n', ['2:1 This is not valid YAML: Tabs are not allowed as indentation.']],
    [
      'two documents',
      'network: none\n---\nnetwork: shared\n',
      ['2:1 The file must hold one YAML document; remove this `---`.'],
    ],
    [
      'custom tag',
      'network: !env NETWORK\n',
      ['1:10 This is not valid YAML: Unresolved tag: !env.', '1:15 `network` must be `shared` or `none`.'],
    ],
    [
      'unknown alias',
      'network: *other\n',
      ["1:10 `network` can't be read: Unresolved alias (the anchor must be set before the alias): other."],
    ],
    [
      'mapping in _extends',
      '_extends: {repo: x}',
      ['1:1 `_extends` must name a repository, as `repo`, `owner/repo` or `owner/repo:path/to/file.yml`.'],
    ],
    [
      'names of JavaScript',
      '__proto__:\n  skip_drafts: false\nconstructor: x\n',
      ['1:1 `__proto__` is not a setting.', '3:1 `constructor` is not a setting.'],
    ],
    [
      'several',
      'skip_drafts: 1\nclone_depth: x\n',
      [
        '1:14 `skip_drafts` must be `true` or `false`.',
        '2:14 `clone_depth` must be a whole number from 0 to 1000000.',
      ],
    ],
  ])('%s is named with its place', (_, text, problems) => {
    expect(problemsOf(text)).toEqual(problems);
  });

  it('leaves the other settings and says which file it is in', () => {
    const parsed = parseSettingsFile('network: on\nclone_depth: 0\n', 'acme/settings:x.yml');
    expect(parsed.settings).toEqual({ clone_depth: 0 });
    expect(parsed.problems[0]).toMatchObject({ file: 'acme/settings:x.yml', line: 1, column: 10 });
  });

  it('is every secret: they are neither taken nor repeated', () => {
    const { settings, problems } = parse('secrets:\n  API_TOKEN: canary-value\n');
    expect(settings).toEqual({});
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({ line: 1, column: 1 });
    expect(problems[0]!.message).toMatch(/^`secrets` must not be in a file.*set them in the dashboard/);
    expect(JSON.stringify(problems)).not.toContain('canary-value');
  });
});

describe('a settings file made to hurt', () => {
  const levels = (count: number, level: string) => level.repeat(count);
  it.each<[kind: string, text: string, message: RegExp]>([
    ['too large', '#'.repeat(64 * 1024 + 1), /^1:1 The file is larger than 64 KiB/],
    ['deep flow sequences', levels(60_000, '['), /nests more than 20 levels/],
    ['deep flow sequences in a value', `environment: ${levels(60_000, '[')}`, /nests more than 20 levels/],
    ['deep flow mappings', levels(16_000, '{a: '), /nests more than 20 levels/],
    ['deep block sequences', levels(30_000, '- '), /nests more than 20 levels/],
    ['deep keys', levels(30_000, '? '), /nests more than 20 levels/],
    ['keys in keys', `environment:\n  ${levels(17, '? ')}a\n`, /`environment/],
    ['20,000 anchors', levels(20_000, '&x '), /not valid YAML/],
    ['an alias of itself', 'environment: &a [*a]', /`environment` must be a mapping/],
    ['an alias of itself, deeper', 'environment: &a {A: *a}', /`environment.A` must be a text/],
    ['8,000 unknown names', Array.from({ length: 8000 }, (_, i) => `k${i}:`).join('\n'), /is not a setting/],
    ['15,000 times one name', levels(15_000, '? a\n'), /is not a setting/],
    [
      'aliases that multiply',
      [
        'setup_commands: &a [x,x,x,x,x,x,x,x,x]',
        'test_commands: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]',
        'paths_ignore: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]',
        'test_reports: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]',
        'validation_paths: [*d,*d,*d,*d,*d,*d,*d,*d,*d]',
      ].join('\n'),
      /`validation_paths` can't be read: Excessive alias count/,
    ],
  ])('%s ends in problems', (_, text, message) => {
    const problems = problemsOf(text);
    expect(problems.join('\n')).toMatch(message);
    expect(problems.length).toBeLessThanOrEqual(20);
  });
});
