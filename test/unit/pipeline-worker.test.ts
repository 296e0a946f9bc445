import { afterEach, expect, it } from '@jest/globals';
import { pino } from 'pino';
import type { ValidationPipeline } from '../../src/database/entities/index.js';
import type { Held, HeldPipelines } from '../../src/database/held-pipelines.js';
import type { Workspaces } from '../../src/git/workspaces.js';
import { PipelineWorker } from '../../src/pipeline/worker.js';

let worker: PipelineWorker;
afterEach(() => worker.close());

it('gives back unspent what it was taking at the moment when it was told to end', async () => {
  let taken!: (pipeline: Partial<ValidationPipeline>) => void;
  const givenBack: [Held, object][] = [];
  const pipelines = {
    onCancel: () => undefined,
    take: () => new Promise((resolve) => (taken = resolve)),
    giveBack: (held: Held, how: object) => Promise.resolve(void givenBack.push([held, how])),
  } as unknown as HeldPipelines;
  worker = new PipelineWorker({
    pipelines,
    workspaces: {} as Workspaces,
    logsDir: '/nowhere',
    prepare: () => Promise.reject(new Error('nothing is to run')),
    publish: () => Promise.resolve(),
    log: pino({ level: 'silent' }),
  });
  const running = worker.run('a');
  await worker.abandonAll();
  taken({ id: 'a', attempt: 1 });
  await running;
  expect(givenBack).toMatchObject([
    [
      { id: 'a', attempt: 1 },
      { spent: false, delayMs: 0 },
    ],
  ]);
});
