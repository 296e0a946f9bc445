/**
 * The Codegen API (https://api.codegen.com, "Developer API" 1.0.0), as far as this app needs it. Statuses and
 * limits of its own that matter here: creating is limited to 10 a minute, looking to 60 in 30 seconds; 402
 * means that the plan's runs are used up.
 */
import type { z } from 'zod';
import { logsAnswer, repositoriesAnswer, runAnswer, runsAnswer } from './answers.js';
import type { CodegenRun, RunLogs } from './answers.js';
import { CodegenError } from './errors.js';
import { badAnswer, createHttp } from './http.js';
import type { HttpOptions } from './http.js';

/** Stored with a run at Codegen; what it is found by after a create whose outcome is not known. */
export interface RunMetadata {
  project_id: string;
  pull_request_number?: number;
  pipeline_id?: string;
  attempt?: number;
  repository: string;
  head_sha?: string;
  /** Our own id of the run's record, so that no two runs have all of this in common. */
  request_id: string;
}

export interface NewRun {
  prompt: string;
  metadata: RunMetadata;
  /** Codegen's id of the repository, where known. */
  repositoryId?: number;
  /** Data URIs of PNG or JPEG pictures. */
  images?: string[];
  /** Stored with the metadata, and no part of what a run is found by: it changes with the server's address. */
  callbackUrl?: string;
}

export type Probe = { ok: true; detail: string } | { ok: false; problem: string; advice: string };

interface Call {
  signal?: AbortSignal;
}

/** Every method rejects with CodegenError, or with the reason of `signal` when that aborts. */
export interface CodegenClient {
  /**
   * Starts a run. Whenever a try may have taken effect unseen (no answer, 5xx), the runs are searched for
   * `metadata` before it is repeated. If it rejects with `effectUnknown`, or if this process may have died
   * while creating, call it again with `mayExist` since when: it then looks first.
   */
  createRun(input: NewRun, options?: Call & { mayExist?: { since: Date } }): Promise<CodegenRun>;
  getRun(id: string, options?: Call): Promise<CodegenRun>;
  /**
   * Continues a run with a message. It is not sent again where a try may have taken effect: the run is looked
   * at, and unless it differs from `before` (without that: is seen to go on), this rejects with `effectUnknown`.
   */
  resumeRun(id: string, message: string, options?: Call & { before?: CodegenRun }): Promise<CodegenRun>;
  /** The newest run whose metadata has all these values, among those created since then; null if none has. */
  findRun(metadata: RunMetadata, options?: Call & { since?: Date }): Promise<CodegenRun | null>;
  /** One page of runs, newest first; at most 100. */
  listRuns(options?: Call & { skip?: number; limit?: number }): Promise<CodegenRun[]>;
  /** One page of a run's log, oldest first, at most 100; null where this API has no logs. */
  getLogs(id: string, options?: Call & { skip?: number; limit?: number }): Promise<RunLogs | null>;
  /** Codegen's id of the repository `owner/name`, null if the organization does not have it. */
  findRepositoryId(fullName: string, options?: Call): Promise<number | null>;
  /** Asks once whether address, key and organization work. Never rejects but by `signal`. */
  probe(options?: Call): Promise<Probe>;
}

const PAGE = 100;
const MAX_PAGES = 10;
/** Clocks differ: how much older than asked for a run may claim to be. */
const CLOCK_TOLERANCE_MS = 10 * 60_000;

export function createCodegenClient(options: HttpOptions): CodegenClient {
  const http = createHttp(options);
  const { organization } = options;
  const base = `/v1/organizations/${encodeURIComponent(organization)}`;
  // Servers differ in the path of resuming; the form that worked last is tried first.
  let resumeForms: readonly ['new' | 'older', 'new' | 'older'] = ['new', 'older'];

  async function getOnce<T extends z.ZodType>(schema: T, path: string, signal?: AbortSignal) {
    return parse(schema, await http.once({ method: 'GET', path, signal }), false);
  }
  const get = <T extends z.ZodType>(schema: T, path: string, signal?: AbortSignal) =>
    http.repeat(() => getOnce(schema, path, signal), { signal });

  async function post(path: string, body: unknown, signal?: AbortSignal): Promise<CodegenRun> {
    return parse(runAnswer, await http.once({ method: 'POST', path, body, signal }), true);
  }

  const getRun: CodegenClient['getRun'] = (id, { signal } = {}) =>
    get(runAnswer, `${base}/agent/run/${encodeURIComponent(id)}`, signal);

  const listRuns: CodegenClient['listRuns'] = async ({ skip = 0, limit = PAGE, signal } = {}) =>
    (await get(runsAnswer, `${base}/agent/runs?skip=${skip}&limit=${limit}`, signal)).items;

  const findRun: CodegenClient['findRun'] = async (metadata, { since, signal } = {}) => {
    const oldest = since ? since.getTime() - CLOCK_TOLERANCE_MS : -Infinity;
    for (let page = 0; page < MAX_PAGES; page++) {
      const runs = await listRuns({ skip: page * PAGE, signal });
      for (const run of runs) {
        if (run.createdAt && run.createdAt.getTime() < oldest) return null;
        if (matches(run, metadata)) return run;
      }
      if (runs.length < PAGE) return null;
    }
    return null;
  };

  const createRun: CodegenClient['createRun'] = async (input, { mayExist, signal } = {}) => {
    if (mayExist) {
      const existing = await findRun(input.metadata, { since: mayExist.since, signal });
      if (existing) return existing;
    }
    const since = new Date((options.now ?? Date.now)());
    const body = {
      prompt: input.prompt,
      metadata: {
        ...input.metadata,
        ...(input.callbackUrl === undefined ? {} : { callback_url: input.callbackUrl }),
      },
      ...(input.repositoryId === undefined ? {} : { repo_id: input.repositoryId }),
      ...(input.images?.length ? { images: input.images } : {}),
    };
    return http.repeat(() => post(`${base}/agent/run`, body, signal), {
      signal,
      recover: (failure) =>
        orElse(failure, signal, () => findRun(input.metadata, { since: mayExist?.since ?? since, signal })),
    });
  };

  async function sendResume(id: string, message: string, signal?: AbortSignal): Promise<CodegenRun> {
    const send = (form: 'new' | 'older') =>
      form === 'new'
        ? post(`${base}/agent/run/resume`, { agent_run_id: numeric(id), prompt: message }, signal)
        : post(`${base}/agent/run/${encodeURIComponent(id)}/resume`, { message }, signal);
    const [first, second] = resumeForms;
    try {
      return await send(first);
    } catch (error) {
      if (!(error instanceof CodegenError) || (error.status !== 404 && error.status !== 405)) throw error;
    }
    const run = await send(second);
    resumeForms = [second, first];
    return run;
  }

  const resumeRun: CodegenClient['resumeRun'] = (id, message, { before, signal } = {}) =>
    http.repeat(() => sendResume(id, message, signal), {
      signal,
      recover: async (failure) => {
        const run = await orElse(failure, signal, () => getRun(id, { signal }));
        const taken = before
          ? run.status.raw !== before.status.raw || run.result !== before.result
          : run.status.state === 'running';
        if (taken) return run;
        throw new CodegenError(
          'unavailable',
          'It is not known whether Codegen received the answer to its run; look at the run before sending it again.',
          { effectUnknown: true, status: failure.status, advice: failure.advice },
        );
      },
    });

  return {
    createRun,
    getRun,
    resumeRun,
    findRun,
    listRuns,

    async getLogs(id, { skip = 0, limit = PAGE, signal } = {}) {
      const path = `/v1/alpha/organizations/${encodeURIComponent(organization)}/agent/run/${encodeURIComponent(id)}/logs`;
      try {
        return await get(logsAnswer, `${path}?skip=${skip}&limit=${limit}`, signal);
      } catch (error) {
        const absent = error instanceof CodegenError && [404, 405, 410, 501].includes(error.status ?? 0);
        if (absent) return null;
        throw error;
      }
    },

    async findRepositoryId(fullName, { signal } = {}) {
      const wanted = fullName.toLowerCase();
      for (let page = 0; page < MAX_PAGES; page++) {
        const path = `${base}/repos?skip=${page * PAGE}&limit=${PAGE}`;
        const { items } = await get(repositoriesAnswer, path, signal);
        const found = items.find((repository) => repository.full_name?.toLowerCase() === wanted);
        if (found) return found.id;
        if (items.length < PAGE) return null;
      }
      return null;
    },

    async probe({ signal } = {}) {
      try {
        await getOnce(runsAnswer, `${base}/agent/runs?skip=0&limit=1`, signal);
        return { ok: true, detail: `Codegen accepts the API key for organization ${organization}.` };
      } catch (error) {
        if (!(error instanceof CodegenError)) throw error;
        return { ok: false, problem: error.message, advice: error.advice };
      }
    },
  };
}

function parse<T extends z.ZodType>(schema: T, answer: unknown, changes: boolean): z.output<T> {
  const parsed = schema.safeParse(answer);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw badAnswer(`${issue?.path.join('.') || 'answer'}: ${issue?.message ?? 'unknown'}`, changes);
}

/** Where looking fails too, the first failure is the one that tells what is not known. */
async function orElse<T>(
  failure: CodegenError,
  signal: AbortSignal | undefined,
  look: () => Promise<T>,
): Promise<T> {
  try {
    return await look();
  } catch {
    signal?.throwIfAborted();
    throw failure;
  }
}

function matches(run: CodegenRun, wanted: RunMetadata): boolean {
  const entries = Object.entries(wanted).filter(([, value]) => value !== undefined);
  return entries.every(([key, value]) => String(run.metadata?.[key]) === String(value));
}

/** The new form wants the id as the number that Codegen gave. */
function numeric(id: string): number | string {
  const number = Number(id);
  return Number.isSafeInteger(number) ? number : id;
}
