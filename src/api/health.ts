import { Router } from 'express';
import { messageOf } from '../domain/errors.js';
import type { QueueCounts } from '../queue/contract.js';
import { Problem } from './problem.js';

export interface HealthDeps {
  version: string;
  /** Rejects where the database does not answer. */
  askDatabase(): Promise<void>;
  counts(): Promise<QueueCounts>;
  lastEventAt(): Promise<Date | null>;
  /** Whether this process has been told to end. */
  isDraining(): boolean;
  /** How much room there is where this process writes; `isFull` where it can't go on without. */
  disk(): Promise<{ says: string; isFull: boolean }>;
  /** What is known of GitHub without asking it: `ok`, or what was answered last. */
  github(): string;
}

/** Open to everyone: what load balancers and uptime monitors ask. */
export function healthRoutes(deps: HealthDeps): Router {
  const router = Router();
  router.get('/health', async (_request, response) => {
    const database = await deps.askDatabase().then(
      () => 'ok',
      (error: unknown) => `down: ${messageOf(error).split('\n')[0]!.slice(0, 200)}`,
    );
    const disk = await deps.disk();
    const status = database !== 'ok' || disk.isFull ? 'down' : deps.isDraining() ? 'draining' : 'ok';
    response
      .status(status === 'ok' ? 200 : 503)
      .json({ status, version: deps.version, database, disk: disk.says, github: deps.github() });
  });
  router.get('/webhooks/health', async (_request, response) => {
    try {
      const [counts, lastEventAt] = await Promise.all([deps.counts(), deps.lastEventAt()]);
      response.json({ status: 'ok', ...counts, lastEventAt });
    } catch {
      throw new Problem(503, 'Database down', 'The database does not answer.');
    }
  });
  return router;
}
