import { afterEach, expect, it, jest } from '@jest/globals';
import { GitTokens } from '../../../src/github/git-tokens.js';

afterEach(() => void jest.useRealTimers());

function counting() {
  const minted: string[] = [];
  const tokens = new GitTokens((installation, repository) => {
    minted.push(`${installation} ${repository}`);
    return minted.length === 3 ? Promise.reject(new Error('502')) : Promise.resolve(`token ${minted.length}`);
  });
  return { minted, tokens };
}

it('one for each repository and installation, also where several ask at a time', async () => {
  const { minted, tokens } = counting();
  const [one, same] = await Promise.all([tokens.of(7, 'acme/web'), tokens.of(7, 'acme/web')]);
  expect([one.token, same.token]).toEqual(['token 1', 'token 1']);
  expect((await tokens.of(7, 'acme/api')).token).toBe('token 2');
  await expect(tokens.of(8, 'acme/web')).rejects.toThrow('502');
  expect((await tokens.of(8, 'acme/web')).token).toBe('token 4');
  expect(minted).toEqual(['7 web', '7 api', '8 web', '8 web']);
});

it('is given out for half an hour', async () => {
  jest.useFakeTimers({ now: 0 });
  const { tokens } = counting();
  await tokens.of(7, 'acme/web');
  jest.setSystemTime(29 * 60_000);
  expect((await tokens.of(7, 'acme/web')).token).toBe('token 1');
  jest.setSystemTime(31 * 60_000);
  expect((await tokens.of(7, 'acme/web')).token).toBe('token 2');
});

it('one that was refused is not given out again, and only where it was kept another may do', async () => {
  const { tokens } = counting();
  const fresh = await tokens.of(7, 'acme/web');
  const kept = await tokens.of(7, 'acme/web');
  expect(kept.refused()).toBe(true);
  const next = await tokens.of(7, 'acme/web');
  expect(next.token).toBe('token 2');
  // Long replaced.
  fresh.refused();
  expect((await tokens.of(7, 'acme/web')).token).toBe('token 2');
  expect(next.refused()).toBe(false);
});
