/**
 * A validator looks at the preview or at the change. It answers what it found out about the pull request; what it
 * could not find out, because something of ours or of a service failed, is `neutral` or `skipped` with the reason,
 * and never a failure.
 */
import type { FileChange } from '../domain/changes.js';
import type { Finding, PipelineResults, StageRecord, ValidationResult } from '../domain/pipeline.js';
import type { Settings } from '../domain/settings.js';
import type { Preview } from '../pipeline/preview.js';

export type Validator = { readonly name: string } & (
  | {
      readonly needs: 'preview';
      validate(subject: ValidationSubject & { preview: Preview }): Promise<Validation>;
    }
  /** Runs also where no app was started. */
  | { readonly needs: 'change'; validate(subject: ValidationSubject): Promise<Validation> }
);

export interface ValidationSubject {
  preview: Preview | null;
  settings: Settings;
  /** What stages and validators before this one found. */
  results: Readonly<PipelineResults>;
  stages: readonly Readonly<StageRecord>[];
  /** What the head changes against the base; null where it can't be told. Asked for once, however often called. */
  changes: () => Promise<readonly FileChange[] | null>;
  /** PNG of the preview, where an earlier validator took one. */
  screenshot: Uint8Array | null;
  /** What the AI review may spend; absent where nobody counts. */
  tokens?: TokenBudget;
  /** Hides the project's secrets from whoever else is told. */
  redact?: (text: string) => string;
  signal: AbortSignal;
}

/** Of one project. */
export interface TokenBudget {
  spentToday(): Promise<number>;
  spend(tokens: number): Promise<void>;
}

export interface Validation {
  result: Omit<ValidationResult, 'validator'>;
  findings: Finding[];
  /** PNG; kept with the pipeline. */
  screenshot?: Uint8Array | null;
}

/** @param why a sentence, with what to do about it */
export const skipped = (why: string): Validation => ({
  result: { conclusion: 'skipped', summary: why },
  findings: [],
});
