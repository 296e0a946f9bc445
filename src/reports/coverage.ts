/** Coverage from several reports as one number, and over the changed lines alone. */
import type { CoverageReport, FileCoverage } from '../domain/test-report.js';

export interface CoverageSource {
  format: string;
  /** Paths relative to the repository's root. */
  files: FileCoverage[];
}

/**
 * Line coverage of all sources together; a line counts once, covered if any source says so. `changedLines`:
 * the lines that a pull request adds or changes, by path. Null when there is no source.
 */
export function coverageOf(
  sources: CoverageSource[],
  changedLines?: ReadonlyMap<string, ReadonlySet<number>>,
): CoverageReport | null {
  if (sources.length === 0) return null;
  const all = { covered: 0, total: 0 };
  const changed = { covered: 0, total: 0 };
  for (const [path, lines] of union(sources.flatMap((source) => source.files))) {
    const ofPath = changedLines?.get(path);
    for (const [line, hits] of lines) {
      all.total += 1;
      if (hits > 0) all.covered += 1;
      if (!ofPath?.has(line)) continue;
      changed.total += 1;
      if (hits > 0) changed.covered += 1;
    }
  }
  return {
    formats: [...new Set(sources.map((source) => source.format))],
    coveredLines: all.covered,
    totalLines: all.total,
    percent: percentOf(all),
    changedPercent: percentOf(changed),
  };
}

function union(files: FileCoverage[]): Map<string, Map<number, number>> {
  const byPath = new Map<string, Map<number, number>>();
  for (const { path, lines } of files) {
    const known = byPath.get(path);
    if (!known) {
      byPath.set(path, new Map(lines));
      continue;
    }
    for (const [line, hits] of lines) known.set(line, Math.max(known.get(line) ?? 0, hits));
  }
  return byPath;
}

/** Rounded down, so that only full coverage shows as 100. */
function percentOf({ covered, total }: { covered: number; total: number }): number | null {
  return total === 0 ? null : Math.floor((covered / total) * 10_000) / 100;
}
