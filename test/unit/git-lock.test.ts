import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { existsSync, mkdirSync, utimesSync } from 'node:fs';
import path from 'node:path';
import { withLock } from '../../src/git/lock.js';
import { removeFolder, temporaryFolder } from '../support/sample-git.js';

let folder: string;
let lock: string;
beforeEach(() => {
  folder = temporaryFolder();
  lock = path.join(folder, 'cache.lock');
});
afterEach(() => removeFolder(folder));

describe('a lock', () => {
  it('lets one in at a time, in the order they came, and is free after a failure', async () => {
    const seen: string[] = [];
    const work = (name: string) => async () => {
      seen.push(`${name} in`);
      await new Promise((resolve) => setImmediate(resolve));
      seen.push(`${name} out`);
      if (name === 'a') throw new Error('a failed');
    };
    const results = await Promise.allSettled(['a', 'b', 'c'].map((n) => withLock(lock, undefined, work(n))));
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled']);
    expect(seen).toEqual(['a in', 'a out', 'b in', 'b out', 'c in', 'c out']);
    expect(existsSync(lock)).toBe(false);
  });

  it('is waited for while another process holds it, until aborted', async () => {
    mkdirSync(lock);
    const controller = new AbortController();
    let entered = false;
    const waits = ['first', 'second'].map(() =>
      withLock(lock, controller.signal, () => Promise.resolve((entered = true))),
    );
    const reason = new Error('superseded');
    setImmediate(() => controller.abort(reason));
    expect(await Promise.allSettled(waits)).toEqual([
      { status: 'rejected', reason },
      { status: 'rejected', reason },
    ]);
    expect(entered).toBe(false);
    expect(existsSync(lock)).toBe(true);
  });

  it('of a process that died is taken over by one of those who wait', async () => {
    mkdirSync(lock);
    const longAgo = new Date(Date.now() - 60_000);
    utimesSync(lock, longAgo, longAgo);
    await expect(withLock(lock, undefined, () => Promise.resolve('in'))).resolves.toBe('in');
    expect(existsSync(lock)).toBe(false);
  });
});
