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

const several = z.object({
  repositories: z.array(z.object({ id })).catch([]).default([]),
  repositories_added: z.array(z.object({ id })).catch([]).default([]),
});

/** GitHub's numbers of the repositories that an event of an installation tells of. */
export function repositoriesOf(payload: object): number[] {
  const facts = several.parse(payload);
  return [...facts.repositories, ...facts.repositories_added].map((repository) => repository.id);
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
