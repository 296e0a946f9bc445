/** What the lists and the statistics read: as much of many rows as of few. Plans, no times. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { fillPipelines, fillTable } from '../support/pipeline-rows.js';
import { Lease } from '../../src/database/entities/index.js';
import { ApiClient, storyOn } from '../support/api.js';
import { onEachDatabase } from '../support/databases.js';
import type { Story } from '../support/story.js';

const ROWS = 20_000;
/** The median is of 1,000, and a page has 50. */
const MOST_READ = 1_100;
const LARGE = ['validation_pipelines', 'webhook_events', 'agent_runs'];

interface Plan {
  'Node Type': string;
  'Relation Name'?: string;
  'Index Name'?: string;
  'Actual Rows': number;
  'Actual Loops': number;
  'Rows Removed by Filter'?: number;
  'Rows Removed by Index Recheck'?: number;
  Plans?: Plan[];
}

onEachDatabase('plans of queries', (databases) => {
  let story: Story;
  let api: ApiClient;
  let projectId: string;
  let asked: [sql: string, parameters: unknown[]][] = [];
  beforeAll(async () => {
    story = await storyOn(databases);
    api = await ApiClient.of(story);
    // What is done at the start reads more, and not for anybody who waits.
    await story.until(
      async () => (await story.app.database.read.findOneBy(Lease, { name: 'reconcile' }))?.owner === null,
      'the end of the first round',
    );
    projectId = ((await api.post('/api/projects', { fullName: 'acme/large' })).body as { id: string }).id;
    const { database } = story.app;
    await database.write(async (tx) => {
      await fillTable(tx, 'webhook_events', ROWS, ({ id, ms }) => ({
        id,
        delivery_id: `'delivery-' || n`,
        event: `CASE WHEN n % 3 = 0 THEN 'push' ELSE 'pull_request' END`,
        project_id: `'${projectId}'`,
        status: `CASE WHEN n % 3 = 0 THEN 'ignored' ELSE 'processed' END`,
        payload: `'{}'`,
        received_at: ms,
      }));
      await fillTable(tx, 'agent_runs', ROWS, ({ id, ms }) => ({
        id,
        project_id: `'${projectId}'`,
        pull_request_number: 'n / 3 + 1',
        status: `'completed'`,
        prompt: `'Do it'`,
        created_at: ms,
        updated_at: ms,
      }));
    });
    await fillPipelines(database, projectId, ROWS);
    database.onQuery((sql, _seconds, parameters = []) => asked.push([sql, parameters]));
  }, 60_000);
  afterAll(() => story.end());

  /** What the statements that a request led to read of the large tables. */
  const plansOf = async (path: string) => {
    asked = [];
    const answer = await api.get(path.replace('PROJECT', projectId));
    expect(answer.status).toBe(200);
    const statements = asked.filter(
      ([sql]) => sql.startsWith('SELECT') && LARGE.some((table) => sql.includes(table)),
    );
    if (!path.includes('status=queued&conclusion')) expect(statements).not.toEqual([]);
    const { database } = story.app;
    for (const [sql, parameters] of statements) {
      if (database.kind === 'sqlite') {
        const steps = await database.read.query<{ detail: string }[]>(
          `EXPLAIN QUERY PLAN ${sql}`,
          parameters,
        );
        for (const { detail } of steps) {
          // By an index, from where it is to begin; no collecting and sorting.
          expect([sql, detail]).not.toEqual([sql, expect.stringMatching(/^SCAN|TEMP B-TREE/)]);
        }
        continue;
      }
      const [row] = await database.read.query<{ 'QUERY PLAN': { Plan: Plan }[] }[]>(
        `EXPLAIN (ANALYZE, FORMAT JSON) ${sql}`,
        parameters,
      );
      for (const node of nodesOf(row!['QUERY PLAN'][0]!.Plan)) {
        if (!node['Relation Name']) continue;
        expect([sql, node['Node Type']]).toEqual([sql, expect.stringMatching(/^Index/)]);
        const read = node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0);
        expect([sql, read * node['Actual Loops'] <= MOST_READ]).toEqual([sql, true]);
      }
    }
  };
  const nodesOf = (plan: Plan): Plan[] => [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];

  const look = async () => {
    const cursor = ((await api.get(`/api/projects/${projectId}/pipelines`)).body as { nextCursor: string })
      .nextCursor;
    const pipelines = [
      '',
      `?cursor=${cursor}`,
      '?limit=200',
      '?status=queued',
      '?status=completed',
      '?conclusion=failure',
      '?conclusion=skipped',
      '?status=completed&conclusion=timed_out',
      '?status=queued&conclusion=success',
      '?pullRequestNumber=7&status=completed',
      `?headSha=${'0'.repeat(39)}a&conclusion=success&status=completed`,
    ];
    for (const query of pipelines) await plansOf(`/api/projects/PROJECT/pipelines${query}`);
    for (const query of ['', '?event=push', '?status=failed&event=pull_request', '?status=queued'])
      await plansOf(`/webhooks/events/PROJECT${query}`);
    for (const query of ['', '?status=running', '?pullRequestNumber=9&status=completed'])
      await plansOf(`/api/projects/PROJECT/agent-runs${query}`);
    for (const query of ['', '?days=7', '?projectId=PROJECT', '?projectId=PROJECT&days=1'])
      await plansOf(`/api/projects/stats${query}`);
  };

  it('use an index and read few rows, right after many were stored', look, 30_000);

  it('stay so once the database has counted them', async () => {
    await story.app.database.write((tx) => tx.query('ANALYZE'));
    await look();
  }, 30_000);

  it('count what is there, without what was run on the base branch', async () => {
    const { body } = (await api.get('/api/projects/stats')) as {
      body: { pipelines: Record<string, number>; agentRuns: number };
    };
    expect([body.pipelines['total'], body.agentRuns]).toEqual([ROWS * 0.9, ROWS]);
    const first = (await api.get(`/api/projects/${projectId}/pipelines?limit=200`)).body as {
      items: { trigger: string }[];
    };
    expect(first.items).toHaveLength(200);
    expect(first.items.filter(({ trigger }) => trigger === 'base')).toEqual([]);
  });
});
