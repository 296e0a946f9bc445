/** Rows that say that something is to be done while no job does it. */
import { In, MoreThan, Not } from 'typeorm';
import { ValidationPipeline } from '../../database/entities/index.js';
import { isDead } from '../../queue/owner.js';
import type { ReconcileDeps } from './deps.js';

const MAX_ROWS = 500;
/** What could not be shown for so long is not worth showing any more. */
const SHOW_FOR_MS = 86_400_000;

/**
 * Gives pipelines that are queued, or whose worker is gone, their job again where they have none: whoever takes
 * them finishes their check run too.
 * @returns how many
 */
export async function reviveLostPipelines({
  database,
  queue,
  pipelines,
  log,
}: ReconcileDeps): Promise<number> {
  const rows = await database.read.query<{ id: string; owner: string | null; over: number | boolean }[]>(
    `SELECT id, lease_owner AS owner, (lease_until IS NULL OR lease_until < ${database.nowMs}) AS over
     FROM validation_pipelines WHERE status IN ('queued', 'in_progress') ORDER BY id LIMIT ${MAX_ROWS}`,
  );
  const idle = rows.filter(({ owner, over }) => Boolean(over) || (owner !== null && isDead(owner)));
  if (idle.length === 0) return 0;
  const ids = idle.map(({ id }) => id);
  const withJob = await queue.withJob('pipeline', ids);
  const lost = ids.filter((id) => !withJob.has(id));
  for (const id of lost) {
    await database.write((tx) => pipelines.revive(tx, id));
    log.warn({ pipelineId: id }, 'a pipeline had lost its job and gets another');
  }
  return lost.length;
}

/** Has deployments ended whose preview is gone, where that failed or was cut off. @returns how many */
export async function endDeployments({ database, queue, pipelines, log }: ReconcileDeps): Promise<number> {
  const rows = await database.read.find(ValidationPipeline, {
    select: { id: true },
    where: {
      deploymentState: In(['requested', 'active']),
      status: Not('in_progress'),
      updatedAt: MoreThan(new Date(Date.now() - SHOW_FOR_MS)),
    },
    take: MAX_ROWS,
  });
  const subjectOf = (id: string) => `deployment:${id}`;
  const withJob = await queue.withJob(
    'agent',
    rows.map(({ id }) => subjectOf(id)),
  );
  const left = rows.filter(({ id }) => !withJob.has(subjectOf(id)));
  for (const { id } of left) {
    await database.write((tx) => pipelines.jobs.followDeployment(tx, id));
    log.warn({ pipelineId: id }, 'a deployment was left behind and is ended');
  }
  return left.length;
}

/** Tries once more to show what could not be shown on GitHub, for a day. @returns how many */
export async function publishAgain({ database, queue, pipelines, log }: ReconcileDeps): Promise<number> {
  const ids = await database.write(async (tx) => {
    const again: string[] = [];
    for (const id of new Set(await queue.takeFailed(tx, 'publish', MAX_ROWS))) {
      const row = await tx.findOneBy(ValidationPipeline, { id });
      if (!row || row.updatedAt.getTime() < Date.now() - SHOW_FOR_MS) continue;
      await pipelines.jobs.publish(tx, id);
      again.push(id);
    }
    return again;
  });
  for (const id of ids) log.warn({ pipelineId: id }, 'what could not be shown on GitHub is tried again');
  return ids.length;
}
