/**
 * What we use of a webhook. GitHub's payloads are large and differ between versions, and a signed body may still be
 * anything: nothing is taken from one that was not checked here.
 */
import { z } from 'zod';

/** PostgreSQL's text can't hold NUL, and nobody needs it. */
const text = z.string().transform((value) => value.replaceAll('\0', ''));
const id = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);
const number = z
  .number()
  .int()
  .positive()
  .max(2 ** 31 - 1);

const repository = z.object({
  id,
  name: text,
  full_name: z.string().regex(/^[A-Za-z0-9_.-]{1,100}\/[A-Za-z0-9_.-]{1,100}$/),
  description: text.nullish(),
  html_url: text.optional(),
  default_branch: text.optional(),
});
export type RepositoryFacts = z.infer<typeof repository>;

const sha = z.string().regex(/^[0-9a-f]{40}([0-9a-f]{24})?$/);
const user = z.object({ login: text, type: z.string().optional() });

export const pullRequest = z.object({
  id,
  number,
  html_url: text,
  title: text,
  state: z.string(),
  draft: z.boolean().optional(),
  merged: z.boolean().nullish(),
  user: user.nullish(),
  labels: z.array(z.object({ name: z.string() })).optional(),
  head: z.object({ sha, ref: text, repo: z.object({ full_name: z.string() }).nullish() }),
  base: z.object({ sha, ref: text, repo: z.object({ full_name: z.string() }).nullish() }),
});
export type PullRequestFacts = z.infer<typeof pullRequest>;

const installation = z.object({ id });
const sender = user.optional();
const checkRun = z.object({
  id,
  name: z.string(),
  external_id: z.string().nullish(),
  head_sha: sha,
});

const common = { action: z.string().optional(), installation: installation.optional(), sender };
const listed = z.object({ id, name: text, full_name: text });

/** The events that are handled, with the part of each payload that is used. */
export const EVENTS = {
  pull_request: z.object({
    ...common,
    action: z.string(),
    repository,
    pull_request: pullRequest,
    changes: z.object({ base: z.unknown().optional() }).optional(),
  }),
  issue_comment: z.object({
    ...common,
    action: z.string(),
    repository,
    issue: z.object({
      number,
      pull_request: z.unknown().optional(),
      state: z.string().optional(),
      user: user.nullish(),
    }),
    comment: z.object({
      id,
      body: text.nullish(),
      user: user.nullish(),
      created_at: z.iso.datetime().optional(),
    }),
  }),
  check_run: z.object({
    ...common,
    action: z.string(),
    repository,
    check_run: checkRun,
    requested_action: z.object({ identifier: z.string() }).optional(),
  }),
  check_suite: z.object({
    ...common,
    action: z.string(),
    repository,
    check_suite: z.object({ head_sha: sha }),
  }),
  merge_group: z.object({
    ...common,
    action: z.string(),
    repository,
    merge_group: z.object({ head_sha: sha, head_ref: text, base_ref: text, base_sha: sha }),
  }),
  installation: z.object({
    ...common,
    action: z.string(),
    installation,
    repositories: z.array(listed).optional(),
  }),
  installation_repositories: z.object({
    ...common,
    action: z.string(),
    installation,
    repositories_added: z.array(listed),
    repositories_removed: z.array(listed),
  }),
  repository: z.object({ ...common, action: z.string(), repository }),
} as const;

export type EventName = keyof typeof EVENTS;
export type Payload<Name extends EventName> = z.infer<(typeof EVENTS)[Name]>;

const ACTIONS: Record<EventName, readonly string[]> = {
  pull_request: ['opened', 'reopened', 'synchronize', 'ready_for_review', 'edited', 'closed'],
  issue_comment: ['created'],
  check_run: ['rerequested', 'requested_action'],
  check_suite: ['rerequested'],
  merge_group: ['checks_requested', 'destroyed'],
  installation: ['created', 'deleted', 'suspend', 'unsuspend', 'new_permissions_accepted'],
  installation_repositories: ['added', 'removed'],
  repository: ['renamed', 'transferred', 'deleted', 'edited'],
};

const isEventName = (name: string): name is EventName => Object.hasOwn(EVENTS, name);

/** What is kept beside a stored event, read without trusting the payload's form. */
export interface EventSummary {
  action: string | null;
  repositoryId: number | null;
  fullName: string | null;
  pullRequestNumber: number | null;
  /** Events of one pull request are handled in order, those of different ones side by side. */
  lane: string;
  /** Whether we have a use for it. */
  wanted: boolean;
}

const outline = z.object({
  action: z
    .string()
    .regex(/^[a-z_]{1,100}$/)
    .nullish()
    .catch(null),
  repository: z.object({ id, full_name: text }).nullish().catch(null),
  installation: installation.nullish().catch(null),
  pull_request: z.object({ number }).nullish().catch(null),
  issue: z.object({ number }).nullish().catch(null),
});

/** @param payload a JSON object, of any content */
export function summarise(event: string, payload: object): EventSummary {
  const facts = outline.parse(payload);
  const pullRequestNumber = facts.pull_request?.number ?? facts.issue?.number ?? null;
  const action = facts.action ?? null;
  const where = facts.repository?.id ?? `installation-${facts.installation?.id ?? 0}`;
  return {
    action,
    repositoryId: facts.repository?.id ?? null,
    fullName: facts.repository?.full_name ?? null,
    pullRequestNumber,
    lane: `event:${where}:${pullRequestNumber ?? ''}`,
    wanted: isEventName(event) && action !== null && ACTIONS[event].includes(action),
  };
}

/** @throws Error naming the first field that is not as GitHub documents it. */
export function parseEvent<Name extends EventName>(name: Name, payload: unknown): Payload<Name> {
  const result = EVENTS[name].safeParse(payload);
  if (result.success) return result.data as Payload<Name>;
  const issue = result.error.issues[0]!;
  throw new MalformedEvent(`${name}: ${issue.path.join('.') || 'payload'}: ${issue.message}`);
}

/** A delivery that is signed but not what GitHub documents: trying it again would change nothing. */
export class MalformedEvent extends Error {
  override name = 'MalformedEvent';
}
