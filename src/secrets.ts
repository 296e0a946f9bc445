/** The secrets of this server: those it was given, and those it makes itself on its first start and keeps. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Config } from './config.js';
import { OperationalError } from './domain/errors.js';
import { madeOnce } from './made-once.js';

const KEY_BYTES = 32;

/** Of the REST API and the pages, kept with mode 0600. @throws OperationalError where its file is empty */
export const keptToken = (dataDir: string): Promise<string> =>
  kept(join(dataDir, 'api.token'), 'base64url', {
    isSound: (token) => token !== '',
    without: 'another is made, and is to be given to whoever uses this server',
  });

/**
 * The key that secrets are encrypted with: from the environment, or made once and kept beside the data.
 * @throws OperationalError where its file holds no key
 */
export async function secretsKey({ secretsKey: given, dataDir }: Config): Promise<Buffer> {
  if (given) return given;
  const text = await kept(join(dataDir, 'secrets.key'), 'base64', {
    isSound: (key) => Buffer.from(key, 'base64').length === KEY_BYTES,
    without: 'another is made, and the secrets of projects are to be set anew',
  });
  return Buffer.from(text, 'base64');
}

/** What must appear nowhere. */
export function secretsOf({ github, apiToken, codegen, gemini, databaseUrl }: Config): string[] {
  const password = databaseUrl ? decodeURIComponent(new URL(databaseUrl).password) : null;
  return [
    github.app?.privateKey,
    github.token,
    github.webhookSecret,
    apiToken,
    codegen?.apiKey,
    gemini?.apiKey,
    password,
  ].flatMap((secret) => secret || []);
}

async function kept(
  file: string,
  encoding: 'base64' | 'base64url',
  { isSound, without }: { isSound: (secret: string) => boolean; without: string },
): Promise<string> {
  const made = await madeOnce(file, () => Buffer.from(randomBytes(KEY_BYTES).toString(encoding)));
  const secret = made.toString().trim();
  if (!isSound(secret))
    throw new OperationalError(`${file} is damaged: it does not hold what CodegenApp wrote into it.`, {
      advice: `Put back what was in it. Or remove it: ${without}.`,
    });
  return secret;
}
