import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FinishedRun } from '../pipeline/run.js';
import { standalonePage } from '../web/layout.js';
import type { ShownLog } from '../web/log-panel.js';
import { pipelinePage } from '../web/pipeline-page.js';

/** Writes the page of each run, as the server would show it, into a new folder. @returns the paths */
export async function writePages(
  runs: readonly { title: string; finished: FinishedRun }[],
): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'codegenapp-pages-'));
  return Promise.all(
    runs.map(async ({ title, finished }) => {
      const { conclusion, reason, stages, run } = finished;
      const times = stages
        .flatMap(({ startedAt, completedAt }) => [startedAt, completedAt])
        .filter((time) => time !== null);
      const path = join(folder, `${run.spec.headRef}.html`);
      const body = pipelinePage({
        title,
        author: '',
        project: null,
        agentConfigured: false,
        runs: [],
        logs: logsOf(finished),
        newerId: null,
        view: {
          id: run.spec.id,
          repository: run.spec.source.fullName,
          pullRequestNumber: null,
          pullRequestUrl: null,
          headSha: run.spec.headSha,
          headRef: run.spec.headRef,
          baseRef: run.spec.baseRef,
          status: 'completed',
          conclusion,
          reason: reason ?? '',
          errorMessage: null,
          advice: '',
          currentStep: null,
          stages,
          results: run.results,
          logTail: run.results.logTail,
          attempt: 1,
          retryCount: 0,
          deploymentUrl: run.preview?.url ?? null,
          pageUrl: '',
          createdAt: times.at(0) ?? new Date(),
          startedAt: times.at(0) ?? null,
          completedAt: times.at(-1) ?? null,
          isFork: false,
          settingsNotes: [],
          baseline: null,
          agent: null,
          merge: null,
        },
      });
      await writeFile(path, standalonePage(title, body));
      return path;
    }),
  );
}

/** Of the logs themselves nothing is left but the end of the one that tells what failed. */
function logsOf({ run: { results } }: FinishedRun): ShownLog[] {
  if (!results.logTail) return [];
  const { stage, text, omittedLines } = results.logTail;
  const tail = text.replace(/\n$/, '').split('\n');
  return [{ stage, bytes: Buffer.byteLength(text), total: omittedLines + tail.length, tail }];
}
