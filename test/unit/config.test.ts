import { describe, expect, it } from '@jest/globals';
import { readConfig } from '../../src/config.js';

const NEEDED = { GITHUB_TOKEN: 'a token of the tests', WEBHOOK_SECRET: 'a secret of the tests' };

describe('the level of the log', () => {
  it.each<[NodeJS.ProcessEnv, string]>([
    [{}, 'info'],
    [{ LOG_LEVEL: 'warn' }, 'warn'],
    [{ DEBUG: 'true' }, 'debug'],
    [{ DEBUG: 'true', LOG_LEVEL: 'error' }, 'debug'],
    [{ DEBUG: 'false', LOG_LEVEL: 'error' }, 'error'],
    [{ DEBUG: '' }, 'info'],
    // Of the library of that name.
    [{ DEBUG: 'express:*' }, 'info'],
  ])('is, with %j, %s', (env, level) => {
    expect(readConfig({ ...NEEDED, ...env }).log.level).toBe(level);
  });
});
