import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { ValidationPipeline } from '../../src/database/entities/index.js';
import { logMixin } from '../../src/logging.js';
import { scripted, Story } from '../support/story.js';

describe('what an operator sees', () => {
  const lines: Record<string, unknown>[] = [];
  let story: Story;
  beforeEach(async () => {
    lines.length = 0;
    const log = pino(
      { level: 'debug', mixin: logMixin },
      { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
    );
    story = await Story.begin({ overrides: { log } });
  });
  afterEach(() => story.end());

  const validated = async (test = 'true') => {
    const repository = story.github.createRepository('acme/web', {
      files: scripted({ test_commands: test }),
    });
    repository.commit('feature', { 'feature.txt': 'done' });
    const pr = repository.openPullRequest({ head: 'feature' });
    const [delivery] = await story.deliver(pr.opened);
    const check = await story.completedCheck(repository, pr.headSha);
    await story.settled();
    return { check, delivery: delivery! };
  };
  const metrics = async () => {
    const response = await story.ask('/metrics');
    expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    return response.text();
  };
  const value = (text: string, name: string) =>
    Number(
      text
        .split('\n')
        .find((line) => line.startsWith(`${name} `))
        ?.slice(name.length + 1) ?? NaN,
    );

  it('counts and times pipelines, stages, jobs, answers, statements, webhooks and GitHub’s limit', async () => {
    await validated();
    const text = await metrics();
    expect(value(text, 'codegenapp_pipelines_total{conclusion="success"}')).toBe(1);
    expect(value(text, 'codegenapp_pipeline_success_ratio')).toBe(1);
    expect(value(text, 'codegenapp_pipeline_duration_seconds_count{conclusion="success"}')).toBe(1);
    expect(value(text, 'codegenapp_stage_duration_seconds_count{stage="test",conclusion="success"}')).toBe(1);
    expect(value(text, 'codegenapp_queue_wait_seconds_count{kind="event"}')).toBe(1);
    expect(value(text, 'codegenapp_queue_jobs{kind="pipeline",state="queued"}')).toBe(0);
    expect(
      value(
        text,
        'codegenapp_http_request_duration_seconds_count{method="POST",route="/api/github/webhooks",status="202"}',
      ),
    ).toBe(1);
    expect(
      value(text, 'codegenapp_database_query_duration_seconds_count{statement="insert"}'),
    ).toBeGreaterThan(0);
    expect(value(text, 'codegenapp_webhook_deliveries_total{event="pull_request",outcome="queued"}')).toBe(1);
    const left = value(text, 'codegenapp_github_rate_limit_remaining{resource="core"}');
    expect(left).toBeGreaterThan(4_000);
    expect(left).toBeLessThan(5_000);
    expect(text).toContain('process_cpu_seconds_total');
  });

  it('counts failures, and gives the share that passed', async () => {
    await validated('false');
    const text = await metrics();
    expect(value(text, 'codegenapp_pipelines_total{conclusion="failure"}')).toBe(1);
    expect(value(text, 'codegenapp_pipeline_success_ratio')).toBe(0);
  });

  it('leaves out what is run on a base branch to compare with', async () => {
    const report = `<testsuite><testcase name="adds up"/></testsuite>`;
    await validated(`echo '${report}' > junit.xml; test ! -e feature.txt`);
    const { read } = story.app.database;
    const rows = await read.find(ValidationPipeline, { order: { id: 'ASC' } });
    expect(rows.map(({ trigger, conclusion }) => [trigger, conclusion])).toEqual([
      ['event', 'failure'],
      ['base', 'success'],
    ]);
    const text = await metrics();
    expect(text.match(/^codegenapp_pipelines_total.*/gm)).toEqual([
      'codegenapp_pipelines_total{conclusion="failure"} 1',
    ]);
    expect(
      value(text, 'codegenapp_stage_duration_seconds_count{stage="test",conclusion="success"}'),
    ).toBeNaN();
    expect(value(text, 'codegenapp_pipeline_success_ratio')).toBe(0);
  });

  it('does not grow with what strangers send', async () => {
    for (let n = 0; n < 20; n++) {
      await story.ask(`/no/such/path/${n}`);
      await fetch(`${story.url}/api/github/webhooks`, {
        method: 'POST',
        headers: { 'x-github-event': `made_up_${n}`, 'x-github-delivery': `x${n}` },
        body: '{}',
      });
    }
    const text = await metrics();
    expect(text).not.toContain('made_up');
    expect(text).not.toContain('/no/such/path');
    expect(value(text, 'codegenapp_webhook_deliveries_total{event="other",outcome="refused"}')).toBe(20);
    expect(
      value(text, 'codegenapp_http_request_duration_seconds_count{method="GET",route="none",status="404"}'),
    ).toBe(20);
  });

  it('keeps the metrics of two Apps in one process apart', async () => {
    const other = await Story.begin();
    try {
      await validated();
      const text = await (await other.ask('/metrics')).text();
      expect(text).not.toContain('codegenapp_pipelines_total{');
    } finally {
      await other.end();
    }
  });

  it('logs with request, delivery and pipeline ids, on every line that is about one', async () => {
    const { check, delivery } = await validated();
    const pipelineId = check.externalId;
    const answered = lines.find(
      ({ msg, path }) => msg === 'request answered' && path === '/api/github/webhooks',
    );
    expect(answered).toMatchObject({ status: 202, method: 'POST', deliveryId: delivery.guid });
    expect(answered!['requestId']).toBe(delivery.responseHeaders['x-request-id']);
    // Octokit's own lines, written deep in a library while the event was handled.
    const octokit = lines.filter(({ msg }) =>
      /^GitHub request: (GET|POST|PATCH) .* - 20\d/.test(String(msg)),
    );
    expect(octokit.some((line) => line['deliveryId'] === delivery.guid)).toBe(true);
    const checkWrites = octokit.filter(({ msg }) => String(msg).includes('/check-runs'));
    expect(checkWrites.length).toBeGreaterThan(0);
    for (const line of checkWrites) expect(line['pipelineId']).toBe(pipelineId);
    const completed = lines.find(({ msg }) => msg === 'pipeline completed');
    expect(completed).toMatchObject({ pipelineId, attempt: 1 });
    // The request that woke the queue is not what this line is about.
    expect(completed).not.toHaveProperty('requestId');
  });

  it('takes a proxy’s request id, makes one in place of a strange one, and logs no query', async () => {
    const given = await story.ask('/health?token=secret-in-a-query', {
      headers: { 'x-request-id': 'from-the-proxy-1' },
    });
    expect(given.headers.get('x-request-id')).toBe('from-the-proxy-1');
    const strange = await story.ask('/health', { headers: { 'x-request-id': 'a b' } });
    expect(strange.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    expect(JSON.stringify(lines)).not.toContain('secret-in-a-query');
  });
});
