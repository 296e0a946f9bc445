import { chmodSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { removeTree } from '../../src/git/remove-tree.js';
import { codegenEnvironment, FEATURE_TEST } from '../support/agent-story.js';
import { FakeCodegen, type Operation } from '../support/fake-codegen.js';
import { FakeGitHub, type WebhookEvent } from '../support/fake-github/index.js';
import { ServerProcess } from '../support/server-process.js';
import { scripted, until } from '../support/story.js';

/** A request that never gets its answer, because the server is killed then. */
type Point = { codegen: Operation } | { github: { method: string; path: RegExp } };

const COMMENT = { method: 'POST', path: /issues\/1\/comments$/ };
const COMMENT_CHANGED = { method: 'PATCH', path: /issues\/comments\/\d+$/ };
const MERGE = { method: 'PUT', path: /pulls\/1\/merge$/ };
const LOOK = { method: 'GET', path: /pulls\/1$/ };

/** Each is one way from red to merged, on which the server dies at every one of these requests, one after the other. */
const WAYS: [what: string, way: { afterEffect: boolean[]; points: Point[]; plan?: true }][] = [
  [
    'before the other side has heard of it',
    {
      afterEffect: [false],
      points: [{ github: COMMENT }, { codegen: 'create' }, { github: COMMENT_CHANGED }, { github: MERGE }],
    },
  ],
  [
    'after it took effect and before that is noted',
    {
      afterEffect: [true],
      points: [
        { github: COMMENT },
        { codegen: 'create' },
        { codegen: 'get' },
        { github: LOOK },
        { github: COMMENT_CHANGED },
        { github: MERGE },
      ],
    },
  ],
  [
    'before and after a plan is confirmed',
    { plan: true, afterEffect: [false, true], points: [{ codegen: 'resume' }, { codegen: 'resume' }] },
  ],
];

describe('a server that is killed at every request of the fix loop', () => {
  it.concurrent.each(WAYS)(
    '%s, goes on: one run, one comment, one merge',
    async (_what, { points, afterEffect: effects, plan = false }) => {
      const github = await FakeGitHub.start();
      const codegen = await FakeCodegen.start();
      const dataDir = mkdtempSync(join(tmpdir(), 'codegenapp-crash-'));
      // As root, scripts run as somebody who has to get to the workspace.
      chmodSync(dataDir, 0o777);
      const start = async () => {
        const env = { API_TOKEN: 'a token of the tests', SANDBOX: 'none' };
        const own = { ...github.environment, ...codegenEnvironment(codegen), ...env };
        const started = await ServerProcess.start(dataDir, own);
        github.webhookUrl = `${started.url}/api/github/webhooks`;
        return started;
      };
      /** Resolves to whether the request was made that is to be cut off. */
      const arm = (point: Point, afterEffect: boolean): (() => boolean) => {
        if ('github' in point) {
          const fault = github.fault({ ...point.github, hang: true, onlyAfterEffect: afterEffect });
          return () => fault.hits > 0;
        }
        const before = codegen.requestsOf(point.codegen).length;
        codegen.fail({ on: point.codegen, with: 'hang', afterEffect });
        return () => codegen.requestsOf(point.codegen).length > before;
      };
      let server = await start();
      try {
        const repository = github.createRepository('acme/web', {
          files: {
            ...scripted({ test_commands: FEATURE_TEST, auto_merge_enabled: true, auto_confirm_plan: plan }),
            'feature.txt': 'right',
          },
        });
        repository.commit('feature', { 'feature.txt': 'wrong' });
        const pr = repository.openPullRequest({ head: 'feature', author: 'ann' });
        const redSha = pr.headSha;
        const events: WebhookEvent[] = [pr.opened];
        codegen.onWork = (run) => {
          if (plan && run.messages.length === 0)
            return Object.assign(run, { status: 'COMPLETE', result: '## Plan\n\nWrite right.' });
          events.push(pr.push({ 'feature.txt': 'right' }, 'Fix it', 'codegen-sh[bot]').event);
          Object.assign(run, { status: 'COMPLETE', result: 'Done.' });
        };
        /** What happens on GitHub is told whenever the server is up. */
        const toldUntil = (condition: () => boolean, what: string) =>
          until(async () => {
            if (condition()) return true;
            const event = events.shift();
            if (event) await github.deliver(event);
            return condition();
          }, what);

        for (const [n, point] of points.entries()) {
          const isMade = arm(point, effects[n % effects.length]!);
          await toldUntil(isMade, `the request of point ${n + 1}`);
          await server.kill();
          server = await start();
        }
        const says = (text: string) => pr.comments().some(({ body }) => body.includes(text));
        await toldUntil(() => pr.merged && says('🔀 Merged.'), 'the merge in the comment');
        await until(async () => {
          const answer = await fetch(`${server.url}/webhooks/health`);
          const { queued, running } = (await answer.json()) as { queued: number; running: number };
          return queued + running === 0;
        }, 'an empty queue');

        expect(codegen.runs).toHaveLength(1);
        expect(codegen.runs[0]!.messages).toHaveLength(plan ? 1 : 0);
        expect(pr.comments()).toHaveLength(1);
        expect([redSha, pr.headSha].map((sha) => repository.checkRuns(sha).length)).toEqual([1, 1]);
        const merges = github.requests.filter(
          ({ method, path }) => method === 'PUT' && path.endsWith('/merge'),
        );
        const heard = merges.flatMap(({ body }) => body ?? []);
        expect(heard).toEqual([{ sha: pr.headSha, merge_method: 'squash' }]);
      } catch (error) {
        // What it misses follows from this, and must not stand in its place.
        await github.stop().catch(() => undefined);
        throw error;
      } finally {
        await server.kill();
        await codegen.close();
        await removeTree(dataDir);
      }
      await github.stop();
    },
    400_000,
  );
});
