import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import {
  defaultSettings,
  isSettingKey,
  nearestKey,
  parseSetting,
  resolveSettings,
  SETTING_KEYS,
  SETTINGS,
  unknownKeySentence,
  type SettingKey,
} from '../../src/domain/settings.js';

const messagesOf = (key: SettingKey, value: unknown) => {
  const result = parseSetting(key, value);
  return result.ok ? [] : result.problems.map(({ message }) => message);
};

describe('the table of settings', () => {
  it.each(SETTING_KEYS)('%s has a default and an example that it accepts, and a reference line', (key) => {
    const setting = SETTINGS[key];
    expect(parseSetting(key, setting.default)).toEqual({ ok: true, value: setting.default });
    expect(parseSetting(key, setting.example)).toEqual({ ok: true, value: setting.example });
    expect(setting.example).not.toEqual(setting.default);
    expect(setting.description).toMatch(/^[A-Z].*\.$/);
    expect(z.toJSONSchema(setting.schema, { io: 'input' })).toBeTruthy();
  });

  it('has the defaults that the reference promises', () => {
    expect(defaultSettings()).toEqual({
      setup_commands: null,
      deploy_commands: null,
      test_commands: null,
      repository_rules: '',
      auto_merge_enabled: false,
      auto_confirm_plan: false,
      merge_method: 'squash',
      auto_fix_enabled: true,
      max_fix_attempts: 3,
      health_check_path: '/',
      deploy_timeout_seconds: 120,
      stage_timeout_seconds: 600,
      min_accessibility_score: null,
      min_performance_score: null,
      ai_review: 'advisory',
      test_reports: [],
      min_coverage: null,
      test_retries: 0,
      environment: {},
      secrets: {},
      paths_ignore: [],
      skip_drafts: true,
      validation_paths: ['/'],
      network: 'shared',
      setup_cache: 'auto',
      clone_depth: 1,
    });
  });

  it('gives everyone defaults of their own', () => {
    defaultSettings().validation_paths.push('/changed');
    expect(defaultSettings().validation_paths).toEqual(['/']);
  });

  it('has secrets as the only secret', () => {
    expect(SETTING_KEYS.filter((key) => 'secret' in SETTINGS[key] && SETTINGS[key].secret)).toEqual([
      'secrets',
    ]);
  });
});

describe('a value that fits', () => {
  it.each<[SettingKey, unknown, unknown]>([
    ['test_commands', 'npm test\nnpm run lint', 'npm test\nnpm run lint'],
    ['test_commands', ['npm test', 'npm run lint'], 'npm test\nnpm run lint'],
    ['test_commands', 'npm test\r\nnpm run lint\r', 'npm test\nnpm run lint\n'],
    ['deploy_commands', '', ''],
    ['setup_commands', 'a'.repeat(64 * 1024), 'a'.repeat(64 * 1024)],
    ['max_fix_attempts', 10, 10],
    ['min_coverage', 82.5, 82.5],
    ['min_coverage', null, null],
    ['health_check_path', '/health?full=1#x', '/health?full=1#x'],
    ['validation_paths', ['/', '/ä b'.replace(' ', '%20')], ['/', '/ä%20b']],
    ['paths_ignore', ['docs/**', '!docs/api/**', 'a..b/*'], ['docs/**', '!docs/api/**', 'a..b/*']],
    [
      'environment',
      { _A1: '', PATH: '/opt/bin', NODE_OPTIONS: '--x' },
      { _A1: '', PATH: '/opt/bin', NODE_OPTIONS: '--x' },
    ],
    ['secrets', { KEY: 'x'.repeat(32 * 1024) }, { KEY: 'x'.repeat(32 * 1024) }],
    ['stage_timeout_seconds', 6 * 3600, 6 * 3600],
    ['clone_depth', 0, 0],
  ])('%s is taken', (key, written, value) => {
    expect(parseSetting(key, written)).toEqual({ ok: true, value });
  });
});

describe('a value that does not fit', () => {
  it.each<[SettingKey, unknown, string[]]>([
    ['max_fix_attempts', 11, ['`max_fix_attempts` must be a whole number from 0 to 10.']],
    ['max_fix_attempts', 1.5, ['`max_fix_attempts` must be a whole number from 0 to 10.']],
    ['max_fix_attempts', '3', ['`max_fix_attempts` must be a whole number from 0 to 10.']],
    ['max_fix_attempts', null, ['`max_fix_attempts` must be a whole number from 0 to 10.']],
    ['max_fix_attempts', undefined, ['`max_fix_attempts` must be a whole number from 0 to 10.']],
    ['max_fix_attempts', 1e400, ['`max_fix_attempts` must be a whole number from 0 to 10.']],
    ['deploy_timeout_seconds', 0, ['`deploy_timeout_seconds` must be a whole number from 1 to 21600.']],
    ['stage_timeout_seconds', 21601, ['`stage_timeout_seconds` must be a whole number from 1 to 21600.']],
    ['clone_depth', -1, ['`clone_depth` must be a whole number from 0 to 1000000.']],
    ['min_coverage', 100.1, ['`min_coverage` must be a number from 0 to 100.']],
    ['min_coverage', NaN, ['`min_coverage` must be a number from 0 to 100.']],
    ['skip_drafts', 'yes', ['`skip_drafts` must be `true` or `false`.']],
    [
      'merge_method',
      'sqash',
      ['`merge_method` must be `squash`, `merge` or `rebase`; did you mean `squash`?'],
    ],
    ['merge_method', 'fast-forward', ['`merge_method` must be `squash`, `merge` or `rebase`.']],
    ['network', false, ['`network` must be `shared` or `none`.']],
    [
      'test_commands',
      ['npm test', 3],
      [
        '`test_commands` must be a shell script of at most 64 KiB: a text, or a list of texts that become its lines.',
      ],
    ],
    [
      'test_commands',
      'ä'.repeat(32 * 1024 + 1),
      [
        '`test_commands` must be a shell script of at most 64 KiB: a text, or a list of texts that become its lines.',
      ],
    ],
    ['test_commands', 'true\0', ['`test_commands` must not hold a NUL character.']],
    ['repository_rules', null, ['`repository_rules` must be a text of at most 64 KiB.']],
    ['paths_ignore', 'docs/**', ['`paths_ignore` must be a list of at most 100 glob patterns.']],
    ['paths_ignore', Array(101).fill('a'), ['`paths_ignore` must be a list of at most 100 glob patterns.']],
    ['paths_ignore', ['a', ''], ['`paths_ignore.1` must be a glob pattern of 1 to 500 characters.']],
    ['paths_ignore', ['a'.repeat(501)], ['`paths_ignore.0` must be a glob pattern of 1 to 500 characters.']],
    [
      'paths_ignore',
      ['[a'],
      ['`paths_ignore.0` must be a glob pattern, but a `[` in it is never closed by `]`.'],
    ],
    ...['/docs/**', './docs', '../x', 'a/../b', '!/docs', 'a/..'].map(
      (glob): [SettingKey, unknown, string[]] => [
        'test_reports',
        [glob],
        [
          "`test_reports.0` must be relative to the repository's top folder, without `/` or `./` before it and without `..`.",
        ],
      ],
    ),
    ['validation_paths', [], ['`validation_paths` must be a list of 1 to 20 paths.']],
    ...[
      'health',
      '//evil.example',
      '/\\evil.example',
      '/\t/evil.example',
      '/a b',
      '',
      'http://x/',
      '/a\nb',
    ].map((path): [SettingKey, unknown, string[]] => [
      'health_check_path',
      path,
      [
        '`health_check_path` must be a path that begins with `/` and stays on the preview, of at most 2000 characters.',
      ],
    ]),
    ['environment', ['A=b'], ['`environment` must be a mapping of at most 100 names to texts.']],
    [
      'environment',
      { RETRIES: 3 },
      ['`environment.RETRIES` must be a text; put a number, `true` or `false` in quotes.'],
    ],
    [
      'environment',
      { PORT: '80', 'A-B': 'x' },
      [
        '`environment.PORT` must have another name, because CodegenApp sets this one itself; a script can still change it with `export`.',
        '`environment.A-B` must have a name of at most 255 letters, digits and `_` that does not begin with a digit.',
      ],
    ],
    [
      'secrets',
      { LD_PRELOAD: './x.so' },
      [
        '`secrets.LD_PRELOAD` must have another name, because this one would also act outside of the sandbox; `export` it in the script instead.',
      ],
    ],
    ['environment', { A: 'x'.repeat(32 * 1024 + 1) }, ['`environment.A` must be a text of at most 32 KiB.']],
    ['environment', { A: '\0' }, ['`environment.A` must not hold a NUL character.']],
    [
      'environment',
      Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`N${i}`, ''])),
      ['`environment` must be a mapping of at most 100 names to texts.'],
    ],
    [
      'environment',
      Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`N${i}`, 'x'.repeat(32 * 1024)])),
      ['`environment` must hold at most 256 KiB in all.'],
    ],
  ])('%s says what it must be', (key, written, messages) => {
    expect(messagesOf(key, written)).toEqual(messages);
  });

  it('is never repeated in the sentence: it may be a secret', () => {
    const canary = 'canary-value';
    const wrong = [
      canary,
      [canary],
      { A: [canary] },
      { PORT: canary },
      { A: canary + '\0' },
      { A: canary.repeat(9999) },
    ];
    for (const value of wrong) {
      expect(messagesOf('secrets', value)).not.toEqual([]);
      expect(messagesOf('secrets', value).join()).not.toContain(canary);
    }
  });

  it('keeps a hostile name out of the sentence', () => {
    const [message] = messagesOf('environment', { ['`@team` \u202e\n' + 'x'.repeat(5000)]: 'y' });
    expect(message!.length).toBeLessThan(250);
    expect(message).not.toMatch(/[\n\u202e]|`@/);
  });

  it('may not be named like parts of JavaScript objects', () => {
    const value: unknown = JSON.parse('{"__proto__": "x", "constructor": "y"}');
    expect(messagesOf('environment', value)).toEqual([
      '`environment.__proto__` must have another name.',
      '`environment.constructor` must have another name.',
    ]);
    expect(isSettingKey('__proto__')).toBe(false);
    expect(isSettingKey('constructor')).toBe(false);
  });
});

describe('a name that is no setting', () => {
  it.each([
    ['tests_commands', 'test_commands'],
    ['autoMergeEnabled', 'auto_merge_enabled'],
    ['path-ignore', 'paths_ignore'],
    ['secret', 'secrets'],
  ])('%s is taken for %s', (written, meant) => {
    expect(nearestKey(written)).toBe(meant);
    expect(unknownKeySentence(written)).toBe(`\`${written}\` is not a setting; did you mean \`${meant}\`?`);
  });

  it('far from all is only said to be none', () => {
    expect(unknownKeySentence('colour')).toBe('`colour` is not a setting.');
  });
});

describe('resolving', () => {
  it('prefers the project to the file and the file to the defaults, each key as a whole', () => {
    const { settings, origin } = resolveSettings({
      file: { merge_method: 'rebase', max_fix_attempts: 1, environment: { A: '1', B: '2' } },
      project: { max_fix_attempts: 0, environment: { A: '3' }, min_coverage: null, clone_depth: undefined },
    });
    expect(settings).toEqual({
      ...defaultSettings(),
      merge_method: 'rebase',
      max_fix_attempts: 0,
      environment: { A: '3' },
    });
    expect(Object.entries(origin).filter(([, from]) => from !== 'default')).toEqual([
      ['merge_method', 'file'],
      ['max_fix_attempts', 'project'],
      ['min_coverage', 'project'],
      ['environment', 'project'],
    ]);
  });

  it('with nothing set is the defaults', () => {
    const { settings, origin } = resolveSettings({});
    expect(settings).toEqual(defaultSettings());
    expect(new Set(Object.values(origin))).toEqual(new Set(['default']));
  });

  it('lets only settings in', () => {
    const file = JSON.parse('{"__proto__": {"polluted": true}, "other": 1}') as object;
    expect(resolveSettings({ file }).settings).toEqual(defaultSettings());
    expect('polluted' in {}).toBe(false);
  });
});
