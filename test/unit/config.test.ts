import { describe, expect, it } from '@jest/globals';
import { readConfig, type ConfigError } from '../../src/config.js';

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

describe('the secret of webhooks', () => {
  const problems = (env: NodeJS.ProcessEnv): string[] => {
    try {
      readConfig(env);
      return [];
    } catch (error) {
      return (error as ConfigError).problems;
    }
  };
  const app = { APP_ID: '1', PRIVATE_KEY_PATH: '/nowhere/key.pem' };

  it.each<[string, NodeJS.ProcessEnv, RegExp[]]>([
    ['is needed by an App, and said beside all else', app, [/PRIVATE_KEY_PATH/, /WEBHOOK_SECRET is missing/]],
    [
      'of an App is not guessed',
      { ...app, WEBHOOK_SECRET: 'short' },
      [/PRIVATE_KEY_PATH/, /shorter than 16/],
    ],
    ['beside a token is not guessed', { ...NEEDED, WEBHOOK_SECRET: 'development' }, [/well-known/]],
    ['may be missing beside a token', { ...NEEDED, WEBHOOK_SECRET: '' }, []],
    ['may be Probot’s example where nothing is set up', { WEBHOOK_SECRET: 'development' }, []],
  ])('%s', (_, env, expected) => {
    const found = problems(env);
    expect(found).toHaveLength(expected.length);
    expected.forEach((problem, n) => expect(found[n]).toMatch(problem));
  });
});
