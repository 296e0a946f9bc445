import type { Config } from '../../config.js';

/** `ok`, `warn` (works, but not all of it, or not as it should) or `fail`. */
export interface Verdict {
  level: 'ok' | 'warn' | 'fail';
  /** A sentence: what is so. */
  says: string;
  /** What to do about it. */
  advice?: string;
}

export interface Check {
  name: string;
  run(config: Config): Promise<Verdict[]>;
}

export const ok = (says: string): Verdict => ({ level: 'ok', says });
export const warn = (says: string, advice: string): Verdict => ({ level: 'warn', says, advice });
export const fail = (says: string, advice: string): Verdict => ({ level: 'fail', says, advice });
