import type { Config } from '../config.js';
import type { Validator } from './contract.js';
import { gemini } from './gemini/index.js';
import { health } from './health.js';
import { lighthouse } from './lighthouse/index.js';

/** THE list of validators, in the order they look. */
export function validators({
  chromePath,
  gemini: access,
}: Pick<Config, 'chromePath' | 'gemini'>): Validator[] {
  return [health, lighthouse({ chromePath }), gemini(access)];
}
