/** The process environment, read once into one frozen Config. Every problem is reported at once. */
import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';

export type SandboxMode = 'auto' | 'bubblewrap' | 'none';
export type ForkPolicy = 'approve' | 'run' | 'ignore';

export interface Config {
  github: {
    /** Null without App credentials. */
    app: { id: number; privateKey: string } | null;
    token: string | null;
    webhookSecret: string | null;
    /** Host name, with port where it has one: github.com, or GHE_HOST. */
    host: string;
    /** Without a slash at the end. */
    webUrl: string;
    apiUrl: string;
  };
  host: string;
  port: number;
  /** Without a slash at the end; null: derived from the port that is listened on. */
  publicUrl: string | null;
  /** A smee.io channel that webhooks are forwarded from, on a development machine. */
  webhookProxyUrl: string | null;
  production: boolean;
  log: { level: string; format: 'json' | 'pretty'; file: string | null };
  dataDir: string;
  /** Null: SQLite in dataDir. */
  databaseUrl: string | null;
  apiToken: string | null;
  concurrency: number;
  sandbox: SandboxMode;
  forkPolicy: ForkPolicy;
  retentionDays: number;
  secretsKey: Buffer | null;
  chromePath: string | null;
  shutdownGraceSeconds: number;
  codegen: { apiKey: string; orgId: string; baseUrl: string; pollSeconds: number } | null;
  gemini: { apiKey: string; model: string; baseUrl: string } | null;
}

/** All that is wrong with the environment, a sentence each. */
export class ConfigError extends Error {
  override name = 'ConfigError';
  constructor(readonly problems: string[]) {
    super(
      `The configuration has ${problems.length === 1 ? 'a problem' : `${problems.length} problems`}:\n- ${problems.join('\n- ')}`,
    );
  }
}

/** `.env` in the working directory; what the environment says already wins. */
export function loadEnvFile(): void {
  try {
    process.loadEnvFile();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

/**
 * Reads the environment. Empty variables count as unset, as `.env` files leave them.
 * @throws ConfigError naming every problem.
 */
export function readConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const problems: string[] = [];
  const text = (name: string): string | null => env[name]?.trim() || null;

  const integer = (name: string, fallback: number, min: number, max: number): number => {
    const given = text(name);
    if (given === null) return fallback;
    const value = Number(given);
    if (Number.isInteger(value) && value >= min && value <= max) return value;
    problems.push(`${name} is "${given}": it takes a whole number from ${min} to ${max}.`);
    return fallback;
  };
  const choice = <T extends string>(name: string, fallback: T, choices: readonly T[]): T => {
    const given = text(name);
    if (given === null) return fallback;
    if (choices.includes(given as T)) return given as T;
    problems.push(`${name} is "${given}": it takes ${choices.join(', ')}.`);
    return fallback;
  };
  const url = (name: string, protocols: readonly string[]): string | null => {
    const given = text(name);
    if (given === null) return null;
    if (URL.canParse(given) && protocols.includes(new URL(given).protocol)) return given.replace(/\/+$/, '');
    problems.push(`${name} is not a URL that begins with ${protocols.map((p) => `${p}//`).join(' or ')}.`);
    return null;
  };

  const app = readAppCredentials(text, problems);
  const webhookSecret = text('WEBHOOK_SECRET');
  const isApp = ['APP_ID', 'PRIVATE_KEY', 'PRIVATE_KEY_PATH'].some((name) => text(name) !== null);
  // A token alone may be for git only; then no webhook is accepted, rather than anybody's.
  if (isApp || (text('GITHUB_TOKEN') !== null && webhookSecret !== null))
    problems.push(...webhookSecretProblems(webhookSecret));

  const gheHost = text('GHE_HOST');
  const protocol = choice('GHE_PROTOCOL', 'https', ['http', 'https']);
  const host = gheHost ?? 'github.com';
  const webUrl = `${protocol}://${host}`;

  const codegenKey = text('CODEGEN_API_KEY');
  const codegenOrg = text('CODEGEN_ORG_ID');
  if ((codegenKey === null) !== (codegenOrg === null))
    problems.push(
      `CODEGEN_API_KEY and CODEGEN_ORG_ID go together: ${codegenKey ? 'CODEGEN_ORG_ID' : 'CODEGEN_API_KEY'} is missing.`,
    );
  const codegenUrl = url('CODEGEN_API_BASE_URL', ['https:', 'http:']) ?? 'https://api.codegen.com';
  const pollSeconds = integer('AGENT_POLL_SECONDS', 15, 1, 3600);

  const geminiKey = text('GEMINI_API_KEY');
  const geminiUrl =
    url('GEMINI_API_BASE_URL', ['https:', 'http:']) ?? 'https://generativelanguage.googleapis.com';

  const config: Config = {
    github: {
      app,
      token: text('GITHUB_TOKEN'),
      webhookSecret,
      host,
      webUrl,
      apiUrl: gheHost ? `${webUrl}/api/v3` : 'https://api.github.com',
    },
    host: text('HOST') ?? 'localhost',
    port: integer('PORT', 3002, 0, 65535),
    publicUrl: url('PUBLIC_URL', ['https:', 'http:']),
    webhookProxyUrl: url('WEBHOOK_PROXY_URL', ['https:', 'http:']),
    production: env['NODE_ENV'] === 'production',
    log: {
      level: text('DEBUG') === 'true' ? 'debug' : choice('LOG_LEVEL', 'info', LOG_LEVELS),
      format: choice('LOG_FORMAT', 'json', ['json', 'pretty']),
      file: env['LOG_FILE'] === undefined ? 'logs/codegenapp.log' : text('LOG_FILE'),
    },
    dataDir: resolve(text('DATA_DIR') ?? './data'),
    databaseUrl: url('DATABASE_URL', ['postgres:', 'postgresql:']),
    apiToken: text('API_TOKEN'),
    concurrency: integer('CONCURRENCY', Math.max(1, Math.floor(availableParallelism() / 2)), 1, 1000),
    sandbox: choice('SANDBOX', 'auto', ['auto', 'bubblewrap', 'none']),
    forkPolicy: choice('FORK_POLICY', 'approve', ['approve', 'run', 'ignore']),
    retentionDays: integer('RETENTION_DAYS', 30, 1, 3650),
    secretsKey: readSecretsKey(text('SECRETS_KEY'), problems),
    chromePath: text('CHROME_PATH'),
    shutdownGraceSeconds: integer('SHUTDOWN_GRACE_SECONDS', 25, 0, 3600),
    codegen:
      codegenKey && codegenOrg
        ? { apiKey: codegenKey, orgId: codegenOrg, baseUrl: codegenUrl, pollSeconds }
        : null,
    gemini: geminiKey
      ? { apiKey: geminiKey, model: text('GEMINI_MODEL') ?? 'gemini-2.5-flash', baseUrl: geminiUrl }
      : null,
  };
  const { apiToken } = config;
  if (apiToken !== null && apiToken.length < 16) problems.push('API_TOKEN is shorter than 16 characters.');

  if (problems.length > 0) throw new ConfigError(problems);
  return Object.freeze(config);
}

function webhookSecretProblems(secret: string | null): string[] {
  const advice = 'Set the same long random value here and in the App’s settings on GitHub.';
  if (secret === null) return [`WEBHOOK_SECRET is missing: anyone could send webhooks. ${advice}`];
  // Probot takes this word as its secret when none is set, so it is known to everyone.
  if (secret === 'development') return [`WEBHOOK_SECRET is the well-known "development". ${advice}`];
  if (secret.length < 16) return [`WEBHOOK_SECRET is shorter than 16 characters. ${advice}`];
  return [];
}

function readAppCredentials(
  text: (name: string) => string | null,
  problems: string[],
): Config['github']['app'] {
  const id = text('APP_ID');
  const path = text('PRIVATE_KEY_PATH');
  let key = text('PRIVATE_KEY');
  if (key === null && path !== null) {
    try {
      key = readFileSync(path, 'utf8');
    } catch (error) {
      problems.push(
        `PRIVATE_KEY_PATH names ${path}, which can't be read (${(error as NodeJS.ErrnoException).code}).`,
      );
      return null;
    }
  }
  if (id === null && key === null) return null;
  if (id === null) problems.push('APP_ID is missing beside the private key.');
  else if (!/^\d{1,15}$/.test(id)) problems.push(`APP_ID is "${id}": it takes the App's number.`);
  if (key === null) problems.push('PRIVATE_KEY or PRIVATE_KEY_PATH is missing beside APP_ID.');
  if (id === null || key === null) return null;

  const pem = normalisePrivateKey(key);
  try {
    createPrivateKey(pem);
  } catch {
    problems.push(
      'PRIVATE_KEY is not a private key in PEM form (it may be base64, or hold \\n for line ends).',
    );
  }
  return { id: Number(id), privateKey: pem };
}

/** Hosts that allow no line ends in variables keep the key in base64 or with \n written out. */
function normalisePrivateKey(key: string): string {
  const unquoted = key.replace(/^"([\s\S]*)"$/, '$1');
  const pem = unquoted.includes('-----BEGIN') ? unquoted : Buffer.from(unquoted, 'base64').toString('utf8');
  return pem.replaceAll('\\n', '\n').trim() + '\n';
}

function readSecretsKey(given: string | null, problems: string[]): Buffer | null {
  if (given === null) return null;
  const key = Buffer.from(given, 'base64');
  if (key.length === 32) return key;
  problems.push('SECRETS_KEY is not 32 bytes in base64: make one with `openssl rand -base64 32`.');
  return null;
}
