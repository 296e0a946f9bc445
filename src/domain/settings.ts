/**
 * The settings of a project: THE table that types, defaults, checks, error sentences, the REST API, the settings
 * file and the reference derive from. Keys are snake_case everywhere, also in JSON.
 */
import type { z } from 'zod';
import { nearest } from './nearest.js';
import {
  choice,
  globs,
  prose,
  score,
  script,
  truth,
  urlPath,
  urlPaths,
  variables,
  wholeNumber,
  type Kind,
} from './setting-kinds.js';

interface Setting<Schema extends z.ZodType> {
  schema: Schema;
  /** Completes "must be …". */
  expects: string;
  default: z.output<Schema>;
  /** One sentence for the reference. */
  description: string;
  example: z.input<Schema>;
  /** Write-only: answered as `{"set": true}`, kept encrypted, redacted, never in a settings file. */
  secret?: true;
}

const setting = <Schema extends z.ZodType>(
  kind: Kind<Schema>,
  rest: Omit<Setting<NoInfer<Schema>>, keyof Kind<Schema>>,
): Setting<Schema> => ({ ...kind, ...rest });

const SIX_HOURS = 6 * 60 * 60;

export const SETTINGS = {
  setup_commands: setting(script(), {
    default: null,
    description:
      'Script that installs and builds; unset, it is detected from the repository, empty, nothing is run.',
    example: 'npm ci\nnpm run build',
  }),
  deploy_commands: setting(script(), {
    default: null,
    description: 'Script that starts the app on `$PORT`, in the foreground or in the background.',
    example: 'npm start',
  }),
  test_commands: setting(script(), {
    default: null,
    description: 'Script that runs the tests; it passes with exit code 0.',
    example: 'npm test',
  }),
  repository_rules: setting(prose(), {
    default: '',
    description: 'What reviewer and agent must know and keep to, in prose.',
    example: 'User-visible texts are German. Public functions have a docstring.',
  }),
  auto_merge_enabled: setting(truth(), {
    default: false,
    description: 'Whether a pull request that passed is merged.',
    example: true,
  }),
  auto_confirm_plan: setting(truth(), {
    default: false,
    description: "Whether the agent's plan is carried out without a person confirming it.",
    example: true,
  }),
  merge_method: setting(choice('squash', 'merge', 'rebase'), {
    default: 'squash',
    description: 'How pull requests are merged.',
    example: 'rebase',
  }),
  auto_fix_enabled: setting(truth(), {
    default: true,
    description: 'Whether the agent is asked to fix what failed without a person asking for it.',
    example: false,
  }),
  max_fix_attempts: setting(wholeNumber(0, 10), {
    default: 3,
    description: 'How often at most the agent tries to fix one pull request.',
    example: 1,
  }),
  health_check_path: setting(urlPath(), {
    default: '/',
    description: 'Path on the preview that answers once the app is ready.',
    example: '/healthz',
  }),
  deploy_timeout_seconds: setting(wholeNumber(1, SIX_HOURS), {
    default: 120,
    description: 'How long the app may take until it answers, in seconds.',
    example: 300,
  }),
  stage_timeout_seconds: setting(wholeNumber(1, SIX_HOURS), {
    default: 600,
    description: 'How long any other stage may take, in seconds.',
    example: 1800,
  }),
  min_accessibility_score: setting(score(), {
    default: null,
    description: 'Lighthouse accessibility score below which validation fails; unset, it is only reported.',
    example: 90,
  }),
  min_performance_score: setting(score(), {
    default: null,
    description: 'Lighthouse performance score below which validation fails; unset, it is only reported.',
    example: 50,
  }),
  ai_review: setting(choice('off', 'advisory', 'required'), {
    default: 'advisory',
    description:
      'Whether Gemini reviews the change, and whether its verdict can fail the pipeline (`required`).',
    example: 'required',
  }),
  test_reports: setting(globs(), {
    default: [],
    description: 'Where the tests leave their reports; empty, the usual places are looked at.',
    example: ['reports/**/*.xml'],
  }),
  min_coverage: setting(score(), {
    default: null,
    description: 'Percentage of lines that the tests must cover; unset, it is only reported.',
    example: 80,
  }),
  test_retries: setting(wholeNumber(0, 10), {
    default: 0,
    description: 'How often failed tests are run again; a test that then passes is reported as flaky.',
    example: 1,
  }),
  environment: setting(variables(), {
    default: {},
    description: 'Environment variables for the commands.',
    example: { NODE_ENV: 'test' },
  }),
  secrets: setting(variables(), {
    default: {},
    description: 'Environment variables that are write-only and never given to code from forks.',
    example: { API_TOKEN: 'value' },
    secret: true,
  }),
  paths_ignore: setting(globs(), {
    default: [],
    description: 'A pull request that changes only paths matching these is skipped.',
    example: ['docs/**', '**/*.md'],
  }),
  skip_drafts: setting(truth(), {
    default: true,
    description: 'Whether drafts wait until they are ready for review.',
    example: false,
  }),
  validation_paths: setting(urlPaths(), {
    default: ['/'],
    description: 'Pages of the preview that are looked at.',
    example: ['/', '/login'],
  }),
  network: setting(choice('shared', 'none'), {
    default: 'shared',
    description: 'Whether the preview and the tests reach the network; setup always does.',
    example: 'none',
  }),
  setup_cache: setting(choice('auto', 'off'), {
    default: 'auto',
    description: 'Whether what setup installed is kept for the next pipeline with the same lockfiles.',
    example: 'off',
  }),
  clone_depth: setting(wholeNumber(0, 1_000_000), {
    default: 1,
    description: 'How many commits the checkout holds; 0 for the whole history.',
    example: 0,
  }),
};

export type SettingKey = keyof typeof SETTINGS;
export type Settings = { [Key in SettingKey]: z.output<(typeof SETTINGS)[Key]['schema']> };

export const SETTING_KEYS = Object.keys(SETTINGS) as SettingKey[];

export const isSettingKey = (name: string): name is SettingKey => Object.hasOwn(SETTINGS, name);

/** The setting that an unknown name probably meant, or null. */
export const nearestKey = (unknown: string): SettingKey | null => nearest(unknown, SETTING_KEYS);

/** One sentence for whoever wrote a name that is no setting. */
export function unknownKeySentence(name: string): string {
  const near = nearestKey(name);
  return `\`${printable(name)}\` is not a setting${near === null ? '.' : `; did you mean \`${near}\`?`}`;
}

/** A name from outside, short and on one line, for use between backticks. */
export const printable = (name: string) =>
  (name.length > 60 ? `${name.slice(0, 60)}…` : name).replace(/[`\p{C}\s]/gu, ' ').trim();

/** Fresh at every call, so that nobody changes them for others. */
export function defaultSettings(): Settings {
  const defaults = SETTING_KEYS.map((key) => [key, SETTINGS[key].default]);
  return structuredClone(Object.fromEntries(defaults)) as Settings;
}

export interface SettingProblem {
  /** Where in the value: [] for all of it, ["NAME"] or [3] for a part. */
  path: (string | number)[];
  /** A sentence that names the setting. It never repeats the value, which may be a secret. */
  message: string;
}

export type ParsedSetting<Key extends SettingKey> =
  { ok: true; value: Settings[Key] } | { ok: false; problems: SettingProblem[] };

/** Checks and normalises one value from outside (JSON or YAML); at most one problem for each part of it. */
export function parseSetting<Key extends SettingKey>(key: Key, value: unknown): ParsedSetting<Key> {
  const problem = (path: (string | number)[], message: string): SettingProblem => ({
    path,
    message: `\`${printable([key, ...path].join('.'))}\` ${message}.`.replace(/\?\.$/, '?'),
  });

  const dangerous = PROTOTYPE_NAMES.filter((name) => isObject(value) && Object.hasOwn(value, name));
  if (dangerous.length > 0) {
    return { ok: false, problems: dangerous.map((name) => problem([name], 'must have another name')) };
  }

  const result = SETTINGS[key].schema.safeParse(value);
  if (result.success) return { ok: true, value: result.data as Settings[Key] };
  const problems = new Map<string, SettingProblem>();
  for (const { path, message } of result.error.issues) {
    const place = JSON.stringify(path);
    if (!problems.has(place)) problems.set(place, problem(path as (string | number)[], message));
  }
  return { ok: false, problems: [...problems.values()] };
}

/** Names with a meaning of their own in JavaScript objects: refused rather than dropped or copied. */
const PROTOTYPE_NAMES = ['__proto__', 'constructor', 'prototype'];

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

export type SettingOrigin = 'default' | 'file' | 'project';

/**
 * The settings that count: what the project (dashboard, API) sets wins over the file, and the file over the
 * defaults. Each key as a whole: mappings and lists are replaced, not mixed. Both sources hold parsed values.
 */
export function resolveSettings(sources: { file?: Partial<Settings>; project?: Partial<Settings> }): {
  settings: Settings;
  origin: Record<SettingKey, SettingOrigin>;
} {
  const settings: Record<string, unknown> = defaultSettings();
  const origin: Record<string, SettingOrigin> = {};
  for (const key of SETTING_KEYS) {
    origin[key] = 'default';
    for (const source of ['file', 'project'] as const) {
      const value = sources[source]?.[key];
      if (value === undefined) continue;
      settings[key] = value;
      origin[key] = source;
    }
  }
  return { settings: settings as Settings, origin: origin };
}
