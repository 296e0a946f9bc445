import { describe, expect, it } from '@jest/globals';
import { Mutex } from 'async-mutex';
import { SharedTurn } from '../../src/webhooks/shared-turn.js';

describe('a turn that is shared', () => {
  const mutex = new Mutex();
  const turn = new SharedTurn(mutex);

  it('is that of what overlaps, and after the eighth that of who has waited', async () => {
    const order: string[] = [];
    const share = (name: string, until?: Promise<void>) =>
      turn.run(async () => {
        order.push(name);
        await until;
      });
    let end!: () => void;
    const first = share('1', new Promise((resolve) => (end = resolve)));
    const other = mutex.runExclusive(() => order.push('other'));
    for (let n = 2; n <= 8; n++) await share(String(n));
    const ninth = share('9');
    const tenth = share('10');
    end();
    await Promise.all([first, other, ninth, tenth]);
    expect(order.join(' ')).toBe('1 2 3 4 5 6 7 8 other 9 10');
  });

  it('is given back by what fails', async () => {
    await expect(turn.run(() => Promise.reject(new Error('no room')))).rejects.toThrow('no room');
    expect(mutex.isLocked()).toBe(false);
  });
});
