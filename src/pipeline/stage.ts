/**
 * The stage contract. A stage returns what it found out about the pull request. A throw means that our own machinery
 * or the surroundings broke: that is tried again or reported as ours, and never blamed on the pull request.
 */
import type { FileChange } from '../domain/changes.js';
import type { PipelineResults, StageConclusion, StageName, StageRecord } from '../domain/pipeline.js';
import type { Redactor } from '../domain/redaction.js';
import type { Settings } from '../domain/settings.js';
import type { Checkout, CheckoutRequest } from '../git/checkout.js';
import type { GitTree } from '../git/files.js';
import type { RepositorySource } from '../git/source.js';
import type { GitToken } from '../github/git-tokens.js';
import type { ProcessGroup, TotalLimits, Totals } from '../sandbox/cgroup.js';
import type { Sandbox, SandboxLimits } from '../sandbox/contract.js';
import type { WatchLimits } from '../sandbox/watch.js';
import type { TokenBudget, Validator } from '../validators/contract.js';
import type { Comparison } from './compare.js';
import type { Preview } from './preview.js';
import type { Layer } from './setup-cache/layers.js';
import type { SetupCache, SetupScope } from './setup-cache/setup-cache.js';

export interface Stage {
  readonly name: StageName;
  /** Stages without whose success this one makes no sense; a skipped stage holds nothing up. */
  readonly needs: readonly StageName[];
  /** Runs also when the pipeline has ended early or was cancelled. */
  readonly always?: boolean;
  run(run: PipelineRun): Promise<StageResult>;
}

export interface StageResult {
  conclusion: StageConclusion;
  /** One line, plain text: the reason first. */
  summary: string;
  /** Ends the pipeline here, with this conclusion and reason instead of the stages'. */
  end?: { conclusion: 'skipped' | 'cancelled'; reason: string };
}

/** What is validated: facts that stay the same for the whole pipeline. */
export interface PipelineSpec {
  id: string;
  source: Omit<RepositorySource, 'token'>;
  /** The ref of the base repository that should be at `headSha`. */
  fetchRef: string;
  headSha: string;
  headRef: string;
  baseRef: string;
  pullRequestNumber: number | null;
  settings: Settings;
  /** Whether the head commit may ask not to be validated; not where a person asked for this run. */
  heedSkipMarkers: boolean;
  /** Secrets for the commands: empty for code of forks. */
  secrets: Record<string, string>;
  /** Which layers of the setup cache it may use; absent: none. */
  setup?: SetupScope;
}

/** The scripts of the stages; null where there is none. */
export interface Commands {
  setup: string | null;
  deploy: string | null;
  test: string | null;
}

/** What the machine lends to every pipeline. */
export interface PipelineTools {
  sandbox: Sandbox;
  /** What bounds all processes of a pipeline together; null where this machine can't. */
  totals?: Totals | null;
  validators: readonly Validator[];
  checkout: (request: CheckoutRequest) => Promise<Checkout>;
  /** A token for git, asked for when it is needed. */
  gitToken: () => Promise<GitToken | null>;
  /** Hides the project's and the server's secrets, and the git token. */
  redactor: Redactor;
  /** Where they differ from the defaults. */
  limits?: Partial<WatchLimits & SandboxLimits & { totals: Partial<TotalLimits> }>;
  /** What the head changes against the base; null where nobody can tell. */
  changes?: () => Promise<FileChange[] | null>;
  /** What is known of the base branch and of this very sha, to compare with. */
  comparison?: () => Promise<Comparison>;
  /** Keeps a PNG with the pipeline; answers the name by which it is found again. */
  keepScreenshot?: (pipelineId: string, png: Uint8Array) => Promise<string>;
  tokens?: TokenBudget;
  /** Keeps what setups made. */
  setupCache?: SetupCache;
}

/** One run through the stages: what earlier stages leave for later ones. */
export interface PipelineRun {
  readonly spec: PipelineSpec;
  readonly tools: PipelineTools;
  /** Absolute path of the checkout, which the commands may write. */
  readonly workspace: string;
  /** HOME of the commands, kept from stage to stage. */
  readonly home: string;
  /** Paths of the checkout's files, as git knows them. */
  files: ReadonlySet<string>;
  /** The same with what is in them; null before the checkout. */
  tree: GitTree | null;
  /** The tree of ours under the checkout, see Checkout. */
  lower: string | null;
  /** The layer that setup was taken from, where it did not run. */
  setupLayer: Layer | null;
  /** Setup was taken from this one at first, and what came after failed. */
  suspectLayer: Layer | null;
  /** Nothing is mounted any more: what a script did can't be done there. */
  isCopied: boolean;
  /** The log of a stage; scripts append to it. */
  logFile(stage: StageName): string;
  readonly signal: AbortSignal;
  /** As the tools' own, but asked once and never failing: a note in the results says why it is null. */
  changes: () => Promise<readonly FileChange[] | null>;
  readonly results: PipelineResults;
  commands: Commands;
  /** Stages as they stand. */
  readonly records: ReadonlyMap<StageName, Readonly<StageRecord>>;
  /** The port that the commands get as PORT. */
  port: number;
  preview: Preview | null;
  /** Holds all processes of the pipeline to the tools' totals. */
  readonly group?: ProcessGroup | undefined;
}
