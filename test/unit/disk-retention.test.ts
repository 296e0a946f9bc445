import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { pino } from 'pino';
import type { Database } from '../../src/database/database.js';
import { ValidationPipeline } from '../../src/database/entities/index.js';
import { ProjectStore } from '../../src/database/project-store.js';
import { idAt, newId } from '../../src/domain/ids.js';
import { cacheBytes } from '../../src/git/cache-bytes.js';
import { RepositoryCache } from '../../src/git/repository-cache.js';
import { Workspaces } from '../../src/git/workspaces.js';
import { DiskRetention } from '../../src/pipeline/disk-retention.js';
import { Reconciler } from '../../src/pipeline/reconcile.js';
import type { ReconcileDeps } from '../../src/pipeline/reconcile/deps.js';
import { SetupLayers } from '../../src/pipeline/setup-cache/layers.js';
import { onEachDatabase } from '../support/databases.js';

const DAY = 86_400_000;
const ago = (days: number) => new Date(Date.now() - days * DAY);
const log = pino({ level: 'silent' });

onEachDatabase('what is kept on the disk', (databases) => {
  let dataDir: string;
  let database: Database;
  let retention: DiskRetention;
  const pruned: number[] = [];
  beforeEach(async () => {
    database = await databases.open();
    dataDir = mkdtempSync(join(tmpdir(), 'codegenapp-retention-'));
    pruned.length = 0;
    const repositories = new RepositoryCache({ directory: dataDir });
    repositories.pruneCaches = (maxBytes) => Promise.resolve(void pruned.push(maxBytes));
    retention = new DiskRetention({
      config: { dataDir, retentionDays: 30 },
      database,
      workspaces: new Workspaces({ directory: dataDir }),
      repositories,
      trees: null,
      layers: new SetupLayers({ directory: dataDir }),
      log,
    });
  });
  afterEach(() => rmSync(dataDir, { recursive: true }));

  const sweep = () => retention.sweep(new AbortController().signal);

  it('are logs and screenshots of pipelines that are stored, or young', async () => {
    const [gone, kept, young] = [40, 40, 20].map((days) => idAt(ago(days).getTime()) + newId().slice(13));
    const { id: projectId } = await new ProjectStore(database, 'https://github.com').follow(
      { id: 1, name: 'web', full_name: 'acme/web' },
      7,
    );
    const row = {
      ...{ id: kept!, projectId, createdAt: ago(40), updatedAt: ago(40) },
      ...{ headSha: 'a'.repeat(40), headRef: 'feature', baseRef: 'main', fetchRef: 'refs/pull/1/head' },
      ...{ trigger: 'event' as const, status: 'completed' as const },
    };
    await database.write((tx) => tx.insert(ValidationPipeline, row));
    for (const kind of ['logs', 'artifacts'])
      for (const id of [gone!, kept!, young!]) {
        mkdirSync(join(dataDir, kind, id), { recursive: true });
        writeFileSync(join(dataDir, kind, id, 'file'), 'x');
        utimesSync(join(dataDir, kind, id), ago(40), ago(40));
      }
    expect(await sweep()).toMatchObject({ logs: 1, artifacts: 1 });
    for (const kind of ['logs', 'artifacts'])
      expect(readdirSync(join(dataDir, kind)).sort()).toEqual([kept, young].sort());
  });

  it('are workspaces that were touched in the last days', async () => {
    const names = ['a'.repeat(32), 'b'.repeat(32)];
    for (const name of names) mkdirSync(join(dataDir, 'workspaces', name, 'tree'), { recursive: true });
    utimesSync(join(dataDir, 'workspaces', names[0]!), ago(3), ago(3));
    expect(await sweep()).toMatchObject({ workspaces: 1 });
    expect(existsSync(join(dataDir, 'workspaces', names[1]!))).toBe(true);
    expect(existsSync(join(dataDir, 'workspaces', names[0]!))).toBe(false);
  });

  it('is looked after by every process, also while another one reconciles', async () => {
    const elsewhere = { log, leases: { take: () => Promise.resolve(false) } } as unknown as ReconcileDeps;
    const reconciler = new Reconciler(elsewhere, { byEach: [retention] });
    await reconciler.round(false);
    expect(pruned).toEqual([await cacheBytes(dataDir)]);
    // Not again so soon.
    await reconciler.round(false);
    expect(pruned).toHaveLength(1);
  });
});
