import { expect, it } from '@jest/globals';
import { BaselineStore } from '../../src/database/baseline-store.js';
import { TokenUsage } from '../../src/database/entities/index.js';
import { TokenStore } from '../../src/database/token-store.js';
import { onEachDatabase } from '../support/databases.js';

onEachDatabase('what reviews spend', (databases) => {
  it('is summed by project and day, and forgotten after two days', async () => {
    const database = await databases.open();
    const store = new TokenStore(database);
    expect(await store.spentToday('one')).toBe(0);
    const old = { id: 'old', projectId: 'one', pipelineId: 'p', tokens: 7, usedAt: new Date(0) };
    await database.write((tx) => tx.insert(TokenUsage, old));
    await store.spend('one', 'p', 1_000);
    await store.spend('one', 'q', 234);
    await store.spend('two', 'r', 5);
    expect([await store.spentToday('one'), await store.spentToday('two')]).toEqual([1_234, 5]);
    expect(await database.read.existsBy(TokenUsage, { id: 'old' })).toBe(false);
  });

  it('leaves the baselines to be found by the same migration', async () => {
    const known = new BaselineStore(await databases.open());
    expect(await known.lastShaOf('one', 'main')).toBeNull();
    expect(await known.resultsOf('one', 'a'.repeat(40), 'none')).toEqual([]);
    expect(await known.buildingOn('one', 'a'.repeat(40))).toEqual([]);
  });
});
