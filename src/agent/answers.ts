/**
 * What the Codegen API answers, read tolerantly: only a run's id is required, further fields are let through
 * unseen, and a field of an unexpected type counts as missing. Codegen's description says that nearly
 * everything may be null.
 */
import { z } from 'zod';

export const RUN_STATES = ['running', 'complete', 'failed', 'cancelled'] as const;
export type RunState = (typeof RUN_STATES)[number];

export interface RunStatus {
  state: RunState;
  /** As Codegen words it; empty where it says nothing. */
  raw: string;
}

export interface RunPullRequest {
  url: string;
  title: string | null;
  headBranch: string | null;
}

/** One run as Codegen tells it. */
export interface CodegenRun {
  id: string;
  status: RunStatus;
  /** The run's page at Codegen; http or https. */
  webUrl: string | null;
  result: string | null;
  summary: string | null;
  pullRequests: RunPullRequest[];
  metadata: Record<string, unknown> | null;
  createdAt: Date | null;
}

export interface RunLogEntry {
  createdAt: Date | null;
  /** Codegen's `message_type`, free text. */
  kind: string | null;
  tool: string | null;
  /** The thought, or what was observed, as text. */
  text: string;
}

export interface RunLogs {
  entries: RunLogEntry[];
  /** How many there are in all, null where not told. */
  total: number | null;
}

/** Codegen's statuses are free text: the known final words end a run, anything else goes on. */
export function readStatus(raw: string | null): RunStatus {
  const word = (raw ?? '').trim();
  switch (word.toLowerCase()) {
    case 'complete':
    case 'completed':
      return { state: 'complete', raw: word };
    case 'failed':
    case 'error':
      return { state: 'failed', raw: word };
    case 'cancelled':
    case 'canceled':
    case 'stopped':
      return { state: 'cancelled', raw: word };
    default:
      return { state: 'running', raw: word };
  }
}

const id = z.union([z.number().int(), z.string().min(1)]).transform(String);
const text = z
  .string()
  .nullish()
  .transform((value) => value ?? null)
  .catch(null);
const webAddress = text.transform((value) =>
  value !== null && /^https?:\/\/\S+$/i.test(value) ? value : null,
);
const time = text.transform((value) => (value === null ? null : readTime(value)));
const record = z.record(z.string(), z.unknown()).nullable().catch(null);

const pullRequest = z.object({ url: webAddress, title: text, head_branch_name: text });

const run = z
  .object({
    id,
    status: text,
    web_url: webAddress,
    result: text,
    summary: text,
    github_pull_requests: z.array(pullRequest.nullable().catch(null)).catch([]),
    metadata: record,
    created_at: time,
  })
  .transform((answer): CodegenRun => ({
    id: answer.id,
    status: readStatus(answer.status),
    webUrl: answer.web_url,
    result: answer.result,
    summary: answer.summary,
    pullRequests: answer.github_pull_requests.flatMap((pull) =>
      pull?.url ? [{ url: pull.url, title: pull.title, headBranch: pull.head_branch_name }] : [],
    ),
    metadata: answer.metadata,
    createdAt: answer.created_at,
  }));

const logEntry = z.object({
  created_at: time,
  message_type: text,
  tool_name: text,
  thought: text,
  observation: z.unknown().optional(),
  tool_output: z.unknown().optional(),
});

const logs = z
  .object({ logs: z.array(logEntry.nullable().catch(null)), total_logs: z.number().nullable().catch(null) })
  .transform((answer): RunLogs => ({
    entries: answer.logs.flatMap((entry) =>
      entry === null
        ? []
        : [
            {
              createdAt: entry.created_at,
              kind: entry.message_type,
              tool: entry.tool_name,
              text: entry.thought ?? asText(entry.observation ?? entry.tool_output),
            },
          ],
    ),
    total: answer.total_logs,
  }));

const page = <T extends z.ZodType>(item: T) => z.object({ items: z.array(item) });

export const runAnswer = run;
export const runsAnswer = page(run);
export const logsAnswer = logs;
export const repositoriesAnswer = page(z.object({ id: z.number().int(), full_name: text }));

function asText(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** ISO 8601; a time without a zone is UTC, as Python writes it. */
function readTime(value: string): Date | null {
  const zoned = /(?:Z|[+-]\d\d:?\d\d)$/i.test(value.trim()) ? value.trim() : `${value.trim()}Z`;
  const date = new Date(zoned);
  return Number.isNaN(date.getTime()) ? null : date;
}
