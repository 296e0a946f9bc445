/**
 * Brings together what GitHub, the rows and the jobs say, at start and every 10 minutes, in one process at a time:
 * webhooks get lost, processes die, and Apps are installed while nobody listens. What is each process's own is
 * looked after in each.
 */
import type { Logger } from '../logging.js';
import { askForMissedDeliveries } from './reconcile/deliveries.js';
import type { ReconcileDeps } from './reconcile/deps.js';
import { checkRegistration, followInstallations } from './reconcile/installations.js';
import { endDeployments, publishAgain, reviveLostPipelines } from './reconcile/lost-jobs.js';
import { OpenPullRequests } from './reconcile/pull-requests.js';

const EVERY_MS = 10 * 60_000;
const TASK = 'reconcile';
/** Of several processes each has its own timer: none begins so soon after another has ended. */
const PAUSE_MS = EVERY_MS / 2;
/** How long a step may go on after it was told to stop, before it is left behind. */
const STOP_MS = 5_000;

interface Step {
  what: string;
  onlyAtStart?: boolean;
  /** How long it is left out of this process's rounds once it was done; in each of them without. */
  everyMs?: number;
  run(signal: AbortSignal): Promise<unknown>;
}

export class Reconciler {
  private readonly controller = new AbortController();
  private readonly steps: Step[];
  private timer: NodeJS.Timeout | null = null;
  private running: Promise<void> | null = null;
  private readonly own: Step[];
  private readonly notBefore = new Map<Step, number>();
  private readonly log: Logger;

  /** @param further what else is done, after the rest of a round: by one process, and by each for itself */
  constructor(
    private readonly deps: ReconcileDeps,
    further: { byOne?: Step[]; byEach?: Step[] } = {},
  ) {
    this.own = further.byEach ?? [];
    this.log = deps.log;
    const pullRequests = new OpenPullRequests(deps);
    this.steps = [
      { what: 'pipelines without a job', run: () => reviveLostPipelines(deps) },
      { what: 'failed publications', run: () => publishAgain(deps) },
      { what: 'deployments left behind', run: () => endDeployments(deps) },
      { what: 'the registration', onlyAtStart: true, run: (signal) => checkRegistration(deps, signal) },
      { what: 'the installations', onlyAtStart: true, run: (signal) => followInstallations(deps, signal) },
      { what: 'projects without an installation', run: (signal) => deps.linker.linkSome(signal) },
      { what: 'missed deliveries', run: (signal) => askForMissedDeliveries(deps, signal) },
      { what: 'open pull requests', run: (signal) => pullRequests.validate(signal) },
      ...(further.byOne ?? []),
    ];
  }

  start(): void {
    this.begin(true);
    this.timer = setInterval(() => this.begin(false), EVERY_MS).unref();
  }

  /** Resolves when nothing of it runs any more. */
  async stop(): Promise<void> {
    if (this.timer) clearInterval(this.timer);
    this.controller.abort();
    let late: NodeJS.Timeout | undefined;
    const enough = new Promise<void>((resolve) => (late = setTimeout(resolve, STOP_MS)));
    await Promise.race([this.running, enough]);
    clearTimeout(late);
  }

  /** One round; a step that fails stops no other. @param atStart of this process: does all, at once */
  async round(atStart: boolean): Promise<void> {
    try {
      await this.sharedRound(atStart);
    } finally {
      for (const step of this.own) await this.attempt(step);
    }
  }

  private async sharedRound(atStart: boolean): Promise<void> {
    const { leases } = this.deps;
    if (!(await leases.take(TASK, atStart ? 0 : PAUSE_MS))) return;
    for (const step of this.steps) {
      if (step.onlyAtStart && !atStart) continue;
      // Prolonged before every step: a process that is stuck in one loses it.
      if (!(await this.attempt(step, () => leases.take(TASK)))) return;
    }
    await leases.end(TASK);
  }

  /** @returns false where it may not be done any more */
  private async attempt(step: Step, mayBegin?: () => Promise<boolean>): Promise<boolean> {
    const { signal } = this.controller;
    if (signal.aborted || Date.now() < (this.notBefore.get(step) ?? 0)) return true;
    try {
      if (mayBegin && !(await mayBegin())) return false;
      await step.run(signal);
      if (step.everyMs && !signal.aborted) this.notBefore.set(step, Date.now() + step.everyMs);
    } catch (error) {
      if (!signal.aborted)
        this.log.warn({ err: error }, `could not reconcile ${step.what}; the next round will`);
    }
    return true;
  }

  private begin(atStart: boolean): void {
    this.running ??= this.round(atStart)
      .catch((error: unknown) => this.log.warn({ err: error }, 'could not reconcile'))
      .finally(() => (this.running = null));
  }
}
