import { beforeAll, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { hostname } from 'node:os';
import type { Database } from '../../src/database/database.js';
import { Lease } from '../../src/database/entities/index.js';
import { LeaseStore } from '../../src/database/lease-store.js';
import { newOwner } from '../../src/queue/owner.js';
import { onEachDatabase } from '../support/databases.js';

onEachDatabase('leases', (databases) => {
  let database: Database;
  beforeAll(async () => {
    database = await databases.open();
  });

  it('are had by one of those who ask at once, and by another when it is done', async () => {
    const stores = [1, 2, 3, 4].map(() => new LeaseStore(database));
    const taken = await Promise.all(stores.map((store) => store.take('task')));
    expect(taken.filter(Boolean)).toHaveLength(1);
    const holder = stores[taken.indexOf(true)]!;
    const others = stores.filter((store) => store !== holder);
    expect(await holder.take('task')).toBe(true);
    expect(await others[0]!.take('task')).toBe(false);
    // Ending what one does not have ends nothing.
    await others[0]!.end('task');
    expect(await others[1]!.take('task')).toBe(false);
    await holder.end('task');
    expect(await others[0]!.take('task', 60_000)).toBe(false);
    expect(await others[0]!.take('task')).toBe(true);
  });

  it('are taken over from a process that died, at once on its machine and elsewhere when they run out', async () => {
    const store = new LeaseStore(database);
    const { pid } = spawnSync('true');
    const held = (owner: string, leaseUntil: Date) =>
      database.write((tx) =>
        tx.upsert(Lease, { name: 'other', owner, leaseUntil, endedAt: null, mark: null }, ['name']),
      );
    const later = new Date(Date.now() + 600_000);
    await held(newOwner(), later);
    expect(await store.take('other')).toBe(false);
    await held(`${hostname()}:${pid}:1`, later);
    expect([newOwner(), await store.take('other')]).toEqual([expect.any(String), true]);
    await held('elsewhere:1:1', later);
    expect(await store.take('other')).toBe(false);
    await held('elsewhere:1:1', new Date(0));
    expect(await store.take('other')).toBe(true);
  });
});
