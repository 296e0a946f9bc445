/** The main job on a fresh machine: the sample repository's two pull requests through the real pipeline. */
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { readConfig } from '../config.js';
import type { FinishedRun } from '../pipeline/run.js';
import { writePages } from './demo-pages.js';
import { runLocally } from './local-run.js';
import { printVerdict, TerminalObserver } from './terminal.js';

const SAMPLE = fileURLToPath(new URL('../../test/fixtures/sample/', import.meta.url));

const PULL_REQUESTS = [
  { branch: 'fix-rounding', title: 'Round tax to whole cents', expected: 'success' },
  { branch: 'add-delivery', title: 'Deliver in the whole town', expected: 'failure' },
] as const;

/** Exit code 0 where both pull requests end as they should: one passes, one fails on its test. */
export async function demoCommand(): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'codegenapp-demo-'));
  const verdicts: [title: string, finished: FinishedRun, asExpected: boolean][] = [];
  try {
    await makeRepository(folder);
    for (const { branch, title, expected } of PULL_REQUESTS) {
      console.log(`\nPull request "${title}" (${branch} into main)\n`);
      const finished = await runLocally({
        directory: folder,
        head: branch,
        base: 'main',
        config: { ...readConfig({}), chromePath: process.env['CHROME_PATH']?.trim() || null },
        observer: new TerminalObserver(),
        say: (sentence) => console.log(`  ${sentence}`),
      });
      printVerdict(finished);
      verdicts.push([title, finished, finished.conclusion === expected]);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  console.log('Both pull requests were validated for real:\n');
  for (const [title, { conclusion, reason }] of verdicts)
    console.log(`  ${conclusion.padEnd(8)} ${title}${reason ? `: ${reason}` : ''}`);
  const paths = await writePages(verdicts.map(([title, finished]) => ({ title, finished })));
  console.log(`
Both as pages, to open in a browser:
${paths.map((path) => `  file://${path}`).join('\n')}

The same on a repository of yours:  npx codegenapp validate DIR --base main --head BRANCH
As a check on every pull request:   npm start, then open http://localhost:3002 to register the GitHub App`);
  return verdicts.every(([, , asExpected]) => asExpected) ? 0 : 1;
}

/** A git repository with the sample's main branch and a branch for each pull request. */
export async function makeRepository(folder: string): Promise<void> {
  const git = (...args: string[]) =>
    execa('git', args, {
      cwd: folder,
      env: {
        GIT_CONFIG_GLOBAL: '/dev/null',
        GIT_CONFIG_NOSYSTEM: '1',
        ...Object.fromEntries(
          ['AUTHOR', 'COMMITTER'].flatMap((who) => [
            [`GIT_${who}_NAME`, 'Corner Shop'],
            [`GIT_${who}_EMAIL`, 'shop@example.com'],
          ]),
        ),
      },
    });
  await git('init', '--quiet', '--initial-branch=main');
  await cp(join(SAMPLE, 'main'), folder, { recursive: true });
  await git('add', '--all');
  await git('commit', '--quiet', '--message=Open the shop');
  for (const { branch, title } of PULL_REQUESTS) {
    await git('checkout', '--quiet', '-b', branch, 'main');
    await cp(join(SAMPLE, branch), folder, { recursive: true });
    await git('add', '--all');
    await git('commit', '--quiet', `--message=${title}`);
  }
  await git('checkout', '--quiet', 'main');
}
