/** The secrets of this server: those it was given, and those it makes itself on its first start and keeps. */
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from './config.js';

/** Of the REST API and the pages, kept with mode 0600. */
export const keptToken = (dataDir: string): Promise<string> => kept(dataDir, 'api.token', 'base64url');

/** The key that secrets are encrypted with: from the environment, or made once and kept beside the data. */
export async function secretsKey({ secretsKey: given, dataDir }: Config): Promise<Buffer> {
  return given ?? Buffer.from(await kept(dataDir, 'secrets.key', 'base64'), 'base64');
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

async function kept(dataDir: string, name: string, encoding: 'base64' | 'base64url'): Promise<string> {
  const path = join(dataDir, name);
  await mkdir(dataDir, { recursive: true });
  try {
    await writeFile(path, randomBytes(32).toString(encoding), { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return (await readFile(path, 'utf8')).trim();
}
