/**
 * A validator looks at the preview. It answers what it found out about the pull request; what it could not find out,
 * because something of ours or of a service failed, is `neutral` or `skipped` with the reason, and never a failure.
 */
import type { Finding, PipelineResults, ValidationResult } from '../domain/pipeline.js';
import type { Settings } from '../domain/settings.js';
import type { Preview } from '../pipeline/preview.js';

export interface Validator {
  readonly name: string;
  validate(subject: ValidationSubject): Promise<Validation>;
}

export interface ValidationSubject {
  preview: Preview;
  settings: Settings;
  /** What stages and validators before this one found. */
  results: Readonly<PipelineResults>;
  signal: AbortSignal;
}

export interface Validation {
  result: Omit<ValidationResult, 'validator'>;
  findings: Finding[];
}
