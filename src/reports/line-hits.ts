import type { FileCoverage } from '../domain/test-report.js';
import { LIMITS } from './contract.js';
import { validLine } from './text.js';

/** Gathers hit counts by file and line; of several counts of one line the highest stands. */
export class LineHits {
  readonly #files = new Map<string, Map<number, number>>();
  #lines = 0;

  /** Numbers that can't be a line are passed over. Throws beyond LIMITS. */
  add(path: string, line: number, hits: number): void {
    if (validLine(line) === undefined || Number.isNaN(hits)) return;
    const lines = this.#files.get(path) ?? new Map<number, number>();
    if (lines.size === 0) this.#files.set(path, lines);
    const before = lines.get(line);
    if (before === undefined) this.#lines += 1;
    if (this.#lines > LIMITS.coveredLines || this.#files.size > LIMITS.coveredFiles) {
      throw new Error(`it covers more than ${LIMITS.coveredFiles} files or ${LIMITS.coveredLines} lines`);
    }
    lines.set(line, Math.max(before ?? 0, Math.min(hits, Number.MAX_SAFE_INTEGER)));
  }

  files(): FileCoverage[] {
    return [...this.#files].map(([path, lines]) => ({ path, lines }));
  }
}
