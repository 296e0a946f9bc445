import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FinishedRun } from '../pipeline/run.js';
import { standalonePage } from '../web/layout.js';
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
      const body = pipelinePage(
        {
          id: run.spec.id,
          status: 'completed',
          conclusion,
          reason,
          errorMessage: null,
          currentStep: null,
          startedAt: times.at(0) ?? null,
          completedAt: times.at(-1) ?? null,
          pullRequestUrl: '',
          pullRequestNumber: null,
          title,
          headRef: run.spec.headRef,
          headSha: run.spec.headSha,
          baseRef: run.spec.baseRef,
          deploymentUrl: run.preview?.url ?? null,
          validationResults: run.results,
        },
        null,
        stages,
      );
      await writeFile(path, standalonePage(title, body));
      return path;
    }),
  );
}
