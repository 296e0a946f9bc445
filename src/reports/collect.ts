/** From the files and the log that a stage leaves behind to one test report and one coverage report. */
import type { CoverageReport, FileCoverage, TestCase, TestReport } from '../domain/test-report.js';
import type { ParsedCoverage, ParsedReport, ReportFile } from './contract.js';
import { coverageOf, type CoverageSource } from './coverage.js';
import { locate, resolvePath, type Repository } from './locate.js';
import { mergeTests } from './merge.js';
import { parseReports, type ParsedFiles, type ParseOptions } from './parse-reports.js';

export interface CollectOptions extends ParseOptions {
  /** What the stage printed, or the end of it: TAP, `go test -json` and Jest's JSON are found in it. */
  log?: Buffer | string;
  /** Lines that the pull request adds or changes, by path; asked for only where there is coverage. */
  changedLines?: () => Promise<ReadonlyMap<string, ReadonlySet<number>> | undefined>;
  /** The project named the files, so one in no known format is worth a note. */
  named?: boolean;
}

export interface CollectedReports {
  /** Null when no file and no log held a test report. */
  tests: TestReport | null;
  coverage: CoverageReport | null;
  /** Sentences for the author: which file could not be read, and why. */
  notes: string[];
}

/**
 * Reads, maps to the repository and merges. Files and lines in the result are the repository's; names and
 * messages hold no path of the workspace, so that the same test has the same name in every run. Throws
 * OperationalError when no process could be started for reading.
 */
export async function collectReports(
  files: ReportFile[],
  repository: Repository,
  options: CollectOptions = {},
): Promise<CollectedReports> {
  const { log, changedLines, named = false } = options;
  const nothing: ParsedFiles = { parsed: [], unreadable: [] };
  const read = files.length === 0 && !log ? nothing : await parseReports(files, options, log);
  const tests: TestReport[] = [];
  const coverage: CoverageSource[] = [];
  // Tools and scripts copy a report to a second place; the same bytes are the same report.
  const digests = new Set<string>();
  for (const { path, digest, reports } of read.parsed) {
    if (!digests.has(digest)) for (const report of reports) add(report, path);
    digests.add(digest);
  }
  return {
    tests: mergeTests(tests),
    coverage: coverage.length === 0 ? null : coverageOf(coverage, await changedLines?.()),
    notes: read.unreadable.filter((error) => named || error.recognised).map((error) => error.message),
  };

  function add(parsed: ParsedReport, path: string): void {
    if (parsed.kind === 'coverage') coverage.push(mapCoverage(parsed, repository, path));
    else tests.push({ ...parsed.report, cases: mapCases(parsed.report.cases, repository, path) });
  }
}

function mapCases(cases: TestCase[], repository: Repository, reportPath: string): TestCase[] {
  const inWorkspace = workspacePaths(repository.workspace);
  // Most tests of a file share what leads to it.
  const places = new Map<string, string | null>();
  return cases.map(({ file, line, ...rest }) => {
    const test: TestCase = {
      ...rest,
      ...(file !== undefined && { file }),
      ...(line !== undefined && { line }),
    };
    const mapped: TestCase = {
      ...rest,
      suite: inWorkspace(rest.suite),
      name: inWorkspace(rest.name),
      ...(rest.message !== undefined && { message: inWorkspace(rest.message) }),
      ...(rest.details !== undefined && { details: inWorkspace(rest.details) }),
    };
    if (test.status === 'failed') {
      const place = locate(test, repository, reportPath);
      if (place) mapped.file = place.path;
      if (place?.line !== undefined) mapped.line = place.line;
      return mapped;
    }
    const key = `${file ?? ''}\0${rest.suite}`;
    const known = places.get(key);
    const path = known === undefined ? (locate(test, repository, reportPath)?.path ?? null) : known;
    places.set(key, path);
    if (path !== null) mapped.file = path;
    if (path !== null && line !== undefined) mapped.line = line;
    return mapped;
  });
}

/** Takes the workspace's own path out of a text. */
function workspacePaths(workspace: string): (text: string) => string {
  const root = workspace.replace(/\/*$/, '/');
  return (text) => (text.includes(root) ? text.replaceAll(`file://${root}`, '').replaceAll(root, '') : text);
}

/** Files that are not the repository's (built, generated, of a dependency) don't count. */
function mapCoverage(parsed: ParsedCoverage, repository: Repository, reportPath: string): CoverageSource {
  const files: FileCoverage[] = [];
  for (const { path, lines } of parsed.files) {
    const places = path.startsWith('/') ? [path] : [...parsed.roots.map((root) => `${root}/${path}`), path];
    const found = places
      .map((place) => resolvePath(place, repository, reportPath))
      .find((place) => place !== null);
    if (found) files.push({ path: found, lines });
  }
  return { format: parsed.format, files };
}
