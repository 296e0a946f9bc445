import { inOwnLogContext, type LogContext } from '../logging.js';
import type { JobKind, JobKindOptions, JobRun } from './contract.js';

/** The ids that lines written while a job runs carry. */
export function jobContext(kind: string, subject: string): LogContext {
  if (kind === 'pipeline' || kind === 'publish') return { pipelineId: subject };
  if (kind === 'event') return { eventId: subject };
  if (kind === 'agent') return { agentRunId: subject };
  return {};
}

/** Handlers whose log lines name what they work on, and whose begins are told to `began`, for the metrics. */
export function observed(
  kinds: Partial<Record<JobKind, JobKindOptions>>,
  began: (kind: JobKind, job: JobRun) => void,
): Partial<Record<JobKind, JobKindOptions>> {
  return Object.fromEntries(
    (Object.entries(kinds) as [JobKind, JobKindOptions][]).map(([kind, options]) => [
      kind,
      {
        ...options,
        handler: (job: JobRun) => {
          began(kind, job);
          return inOwnLogContext(jobContext(kind, job.subject), () => options.handler(job));
        },
      },
    ]),
  );
}
