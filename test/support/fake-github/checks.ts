import type { Account } from './accounts.js';
import type { AppRegistration } from './app-registration.js';
import { webhookEvent, type Change, type WebhookEvent } from './events.js';
import { checkRunJson, checkSuiteJson } from './json/checks.js';
import { completeAutoMerges } from './mergeability.js';
import type { FakeRepository } from './repository.js';

export interface Annotation {
  path: string;
  start_line: number;
  end_line: number;
  start_column?: number;
  end_column?: number;
  annotation_level: 'notice' | 'warning' | 'failure';
  message: string;
  title?: string;
  raw_details?: string;
}
export interface CheckAction {
  label: string;
  description: string;
  identifier: string;
}
/** What creating and updating a check run may set, in the names of the REST API. */
export interface CheckRunFields {
  name?: string;
  details_url?: string;
  external_id?: string;
  status?: 'queued' | 'in_progress' | 'completed';
  started_at?: string;
  conclusion?: string;
  completed_at?: string;
  output?: {
    title?: string;
    summary: string;
    text?: string;
    annotations?: Annotation[];
    images?: { alt: string; image_url: string; caption?: string }[];
  };
  actions?: CheckAction[];
}

/** All check runs of one App on one commit. */
export interface CheckSuite {
  id: number;
  app: AppRegistration;
  headSha: string;
  createdAt: Date;
}

export interface CheckRun {
  id: number;
  name: string;
  headSha: string;
  app: AppRegistration;
  suite: CheckSuite;
  externalId: string;
  detailsUrl: string | null;
  status: 'queued' | 'in_progress' | 'completed';
  conclusion: string | null;
  startedAt: Date;
  completedAt: Date | null;
  title: string | null;
  summary: string | null;
  text: string | null;
  images: { alt: string; image_url: string; caption?: string }[];
  annotations: Annotation[];
  actions: CheckAction[];
  /** What it showed after each write, oldest first. */
  shown: { at: Date; status: string; conclusion: string | null; title: string | null }[];
}

export interface CommitStatus {
  id: number;
  sha: string;
  state: 'error' | 'failure' | 'pending' | 'success';
  context: string;
  description: string | null;
  targetUrl: string | null;
  creator: Account;
  createdAt: Date;
}

/** Makes a check run of an App, in its suite of that commit. */
export function createCheckRun(
  repository: FakeRepository,
  app: AppRegistration,
  headSha: string,
  fields: CheckRunFields & { name: string },
): CheckRun {
  const { world, checkSuites } = repository;
  let suite = checkSuites.find((each) => each.app === app && each.headSha === headSha);
  if (!suite) {
    suite = { id: world.nextId('check'), app, headSha, createdAt: new Date() };
    checkSuites.push(suite);
  }
  const run: CheckRun = {
    id: world.nextId('check'),
    name: fields.name,
    headSha,
    app,
    suite,
    externalId: '',
    detailsUrl: null,
    status: 'queued',
    conclusion: null,
    startedAt: new Date(),
    completedAt: null,
    title: null,
    summary: null,
    text: null,
    images: [],
    annotations: [],
    actions: [],
    shown: [],
  };
  repository.allCheckRuns.push(run);
  changeCheckRun(run, fields);
  return run;
}

/** Applies an update: what is not named stays, annotations are added to those there are. */
export function changeCheckRun(run: CheckRun, fields: CheckRunFields): void {
  const status = fields.conclusion === undefined ? fields.status : 'completed';
  run.name = fields.name ?? run.name;
  run.externalId = fields.external_id ?? run.externalId;
  run.detailsUrl = fields.details_url ?? run.detailsUrl;
  run.startedAt = fields.started_at === undefined ? run.startedAt : new Date(fields.started_at);
  if (status !== undefined && status !== 'completed') {
    run.conclusion = run.completedAt = null;
  } else if (status === 'completed') {
    run.conclusion = fields.conclusion ?? run.conclusion;
    run.completedAt = fields.completed_at === undefined ? new Date() : new Date(fields.completed_at);
  }
  run.status = status ?? run.status;
  run.actions = fields.actions ?? run.actions;
  if (fields.output) {
    const { title, summary, text, annotations = [], images } = fields.output;
    run.title = title ?? run.title;
    run.summary = summary;
    run.text = text ?? run.text;
    run.images = images ?? run.images;
    run.annotations.push(...annotations);
  }
  const { conclusion, title } = run;
  run.shown.push({ at: new Date(), status: run.status, conclusion, title });
}

/** An event about a check run. `requested_action` also names the button. */
export function checkRunEvent(
  repository: FakeRepository,
  run: CheckRun,
  action: 'created' | 'completed' | 'rerequested' | 'requested_action',
  sender: Account,
  identifier?: string,
): WebhookEvent {
  return webhookEvent(
    repository.world,
    'check_run',
    {
      action,
      check_run: checkRunJson(repository.world.urls, repository, run),
      ...(identifier !== undefined && { requested_action: { identifier } }),
    },
    { sender, repository },
  );
}

/** Another App, GitHub Actions say, reports a check run. */
export function reportCheck(
  repository: FakeRepository,
  sha: string,
  fields: CheckRunFields & { name: string },
  slug: string,
): Change {
  const { world } = repository;
  const app = world.otherApp(slug);
  const run = createCheckRun(repository, app, sha, fields);
  if (run.status === 'completed') completeAutoMerges(repository, sha);
  const action = run.status === 'completed' ? 'completed' : 'created';
  return { event: checkRunEvent(repository, run, action, world.user(`${slug}[bot]`)) };
}

/** Someone presses a button of a check run. Throws where GitHub would not show that button. */
export function pressButton(
  repository: FakeRepository,
  run: CheckRun,
  identifier: string,
  by: string,
): Change {
  if (run.status !== 'completed')
    throw new Error(`"${run.name}" is ${run.status}: GitHub shows no buttons yet.`);
  if (!run.actions.some((action) => action.identifier === identifier)) {
    const shown = run.actions.map((action) => action.identifier).join(', ') || 'none';
    throw new Error(`"${run.name}" has no button ${identifier}; it has ${shown}.`);
  }
  return {
    event: checkRunEvent(repository, run, 'requested_action', repository.world.user(by), identifier),
  };
}

/** Someone asks for a check run again, by GitHub's own "Re-run". */
export function rerequest(repository: FakeRepository, run: CheckRun, by: string): Change {
  return { event: checkRunEvent(repository, run, 'rerequested', repository.world.user(by)) };
}

/** Someone asks for all checks of the App on a commit again. */
export function rerequestSuite(repository: FakeRepository, suite: CheckSuite, by: string): Change {
  const { world } = repository;
  const checkSuite = checkSuiteJson(world.urls, repository, suite);
  return {
    event: webhookEvent(
      world,
      'check_suite',
      { action: 'rerequested', check_suite: checkSuite },
      { sender: world.user(by), repository },
    ),
  };
}
