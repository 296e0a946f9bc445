import type {
  Conclusion,
  Finding,
  LogTail,
  PipelineResults,
  PipelineStatus,
  StageName,
  StageRecord,
} from '../domain/pipeline.js';
import type { TestCase } from '../domain/test-report.js';

/** Everything that can be said on GitHub about one pipeline; the input of every renderer here. */
export interface PipelineView {
  id: string;
  /** "owner/name" */
  repository: string;
  /** Null for a merge queue's group. */
  pullRequestNumber: number | null;
  pullRequestUrl: string | null;
  headSha: string;
  headRef: string;
  baseRef: string;
  status: PipelineStatus;
  /** Null until completed. */
  conclusion: Conclusion | null;
  /** One sentence: why skipped, cancelled, waiting or neutral; empty where the stages say it. */
  reason: string;
  /** A fault of ours, in a sentence for the author; null where there was none. */
  errorMessage: string | null;
  /** What whoever operates CodegenApp can do about that fault. */
  advice: string;
  currentStep: StageName | null;
  stages: StageRecord[];
  results: PipelineResults;
  /** The end of the failed command's output. */
  logTail: LogTail | null;
  /** The nth try after a crash of ours, from 1. */
  attempt: number;
  /** How many pushes of the agent led here. */
  retryCount: number;
  deploymentUrl: string | null;
  /** Our page of this pipeline. */
  pageUrl: string;
  createdAt: Date;
  startedAt: Date | null;
  completedAt: Date | null;
  isFork: boolean;
  /** Where the settings came from, mistakes in them included: plain sentences. */
  settingsNotes: string[];
  /** The base branch's commit that failures and scores were compared with. */
  baseline: { sha: string } | null;
  /** Pictures of the preview, at addresses that GitHub can fetch. */
  images?: { alt: string; url: string }[];
  agent: AgentView | null;
  merge: MergeView | null;
}

/**
 * `off`: no Codegen key. `declined`: not asked, for the reason in `text`. `exhausted`: not asked any more,
 * a person is needed.
 */
export type AgentState =
  'off' | 'asked' | 'running' | 'plan_waiting' | 'finished' | 'failed' | 'declined' | 'exhausted';

export interface AgentView {
  state: AgentState;
  /** The agent's own words or our reason; may be empty. */
  text: string;
  /** The run's page at Codegen. */
  url: string | null;
  plan: string | null;
  /** The pull request of its own that the run opened: on this GitHub, so that it may be linked. */
  opened?: OwnPullRequestLink | null;
}

export interface OwnPullRequestLink {
  /** `owner/name#7` */
  name: string;
  url: string;
}

/** `scheduled`: GitHub merges it once branch protection allows. `refused`: not merged, for `reason`. */
export interface MergeView {
  state: 'merged' | 'scheduled' | 'refused';
  reason: string;
}

/** The view with every text of others redacted; before rendering, as markdown's escapes would hide secrets. */
export function redactView(view: PipelineView, redact: (text: string) => string): PipelineView {
  const orNull = (text: string | null) => (text === null ? null : redact(text));
  return {
    ...view,
    headRef: redact(view.headRef),
    baseRef: redact(view.baseRef),
    reason: redact(view.reason),
    errorMessage: orNull(view.errorMessage),
    advice: redact(view.advice),
    stages: view.stages.map((stage) => ({ ...stage, summary: redact(stage.summary) })),
    results: redactResults(view.results, redact),
    logTail: redactLogTail(view.logTail, redact),
    deploymentUrl: orNull(view.deploymentUrl),
    settingsNotes: view.settingsNotes.map(redact),
    agent: view.agent && redactAgent(view.agent, redact),
    merge: view.merge && { ...view.merge, reason: redact(view.merge.reason) },
  };
}

function redactAgent(agent: AgentView, redact: (text: string) => string): AgentView {
  const { opened = null, plan } = agent;
  return {
    ...agent,
    text: redact(agent.text),
    plan: plan === null ? null : redact(plan),
    // An address with something hidden in it leads nowhere.
    opened: opened && redact(opened.url) === opened.url ? opened : null,
  };
}

/** Results with every text in them redacted; also the form in which they may be stored. */
export function redactResults(results: PipelineResults, redact: (text: string) => string): PipelineResults {
  const optional = (text: string | undefined) => (text === undefined ? undefined : redact(text));
  const finding = (found: Finding): Finding => ({
    ...found,
    title: redact(found.title),
    message: redact(found.message),
    path: optional(found.path),
    details: optional(found.details),
  });
  const testCase = (test: TestCase): TestCase => ({
    ...test,
    suite: redact(test.suite),
    name: redact(test.name),
    file: optional(test.file),
    message: optional(test.message),
    details: optional(test.details),
  });
  return {
    ...results,
    findings: results.findings.map(finding),
    validations: results.validations.map((validation) => ({
      ...validation,
      summary: redact(validation.summary),
      facts: validation.facts && redactFacts(validation.facts, redact),
    })),
    tests: results.tests && {
      ...results.tests,
      cases: results.tests.cases.map(testCase),
      notes: results.tests.notes.map(redact),
    },
    logTail: redactLogTail(results.logTail, redact),
    notes: results.notes.map(redact),
  };
}

const redactLogTail = (tail: LogTail | null, redact: (text: string) => string): LogTail | null =>
  tail && { ...tail, command: redact(tail.command), text: redact(tail.text) };

type Facts = Record<string, string | number | boolean | null>;

const redactFacts = (facts: Facts, redact: (text: string) => string): Facts =>
  Object.fromEntries(
    Object.entries(facts).map(([name, fact]) => [name, typeof fact === 'string' ? redact(fact) : fact]),
  );
