import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { removeTree } from '../../src/git/remove-tree.js';
import { FakeGitHub, type FakePullRequest, type FakeRepository } from '../support/fake-github/index.js';
import { ServerProcess } from '../support/server-process.js';
import { scripted, until } from '../support/story.js';

/** Root without its rights and under another number: what it owns it may still read. */
const AS_USER =
  process.getuid?.() === 0 ? ['unshare', '--user', '--map-user=1000', '--map-group=1000', '--'] : [];

const whyMissing = (() => {
  try {
    const namespace = ['unshare', '--user', '--map-root-user', '--mount', '--', 'true'];
    const [file = '', ...args] = [...AS_USER, ...namespace];
    execFileSync(file, args, { stdio: 'pipe' });
    execFileSync('bwrap', ['--version'], { stdio: 'pipe' });
    return null;
  } catch (error) {
    return String(error);
  }
})();
// eslint-disable-next-line no-console
if (whyMissing) console.warn(`The tests of a server that is not root are skipped: ${whyMissing}`);

const LOCK = { 'package-lock.json': '{"lockfileVersion":3}\n', 'src/a.txt': 'one\n', '.gitignore': 'dep\n' };

(whyMissing ? describe.skip : describe)('a server that is not root', () => {
  let github: FakeGitHub;
  let dataDir: string;
  let server: ServerProcess;

  beforeEach(async () => {
    github = await FakeGitHub.start();
    dataDir = mkdtempSync(join(tmpdir(), 'codegenapp-user-'));
    await start();
  });
  afterEach(async () => {
    await server.kill();
    await github.stop();
    await removeTree(dataDir);
  });

  async function start(): Promise<void> {
    const environment = { ...github.environment, SANDBOX: 'bubblewrap', SHUTDOWN_GRACE_SECONDS: '1' };
    server = await ServerProcess.start(dataDir, environment, 'server', AS_USER);
    github.webhookUrl = `${server.url}/api/github/webhooks`;
    await until(() => server.lines.some((line) => line.includes('mounted as overlays')), 'the overlays');
  }

  async function open(repository: FakeRepository): Promise<FakePullRequest> {
    repository.commit('feature', { 'feature.txt': 'done' });
    const pr = repository.openPullRequest({ head: 'feature' });
    await github.deliver(pr.opened);
    return pr;
  }

  async function checkOf(pr: FakePullRequest) {
    const check = await github.waitFor(
      () => pr.repository.checkRuns(pr.headSha).find(({ status }) => status === 'completed'),
      { what: 'the completed check', timeoutMs: 50_000 },
    );
    return { conclusion: check!.conclusion, says: `${check!.summary}\n${check!.text}` };
  }

  const workspaces = () => readdirSync(join(dataDir, 'workspaces'));
  /** What the kernel has mounted for whoever keeps the mounts. */
  const mounted = () =>
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .some((pid) => readOrNothing(`/proc/${pid}/mountinfo`).includes(`${dataDir}/workspaces/`));

  it('mounts checkouts and setups in a namespace of its own, where scripts have no rights and harm none', async () => {
    const repository = github.createRepository('acme/web', {
      files: {
        ...scripted({
          setup_commands: 'mkdir dep && date +%N > dep/made && cp dep/made ~/made',
          test_commands: [
            'test "$(id -u)" != 0',
            'test -z "$(grep -E "^Cap(Prm|Eff|Bnd|Amb):.*[1-9a-f]" /proc/self/status)"',
            'cmp dep/made ~/made',
            'test -z "$(git status --porcelain)"',
            'grep -q one src/a.txt; echo poisoned | tee src/a.txt dep/made ~/made > written',
            'test "$(git status --porcelain | wc -l)" = 2',
            `echo '<testsuite><testcase name="the first"/><testcase name="the second"/></testsuite>' > junit.xml`,
          ].join('\n'),
        }),
        ...LOCK,
      },
    });
    const pr = await open(repository);
    const first = await checkOf(pr);
    expect(first).toMatchObject({ conclusion: 'success' });
    expect(first.says).toMatch(/2 passed|2 tests/);
    for (const text of ['second', 'third']) {
      await github.deliver(pr.push({ 'feature.txt': text }));
      const next = await checkOf(pr);
      expect(next).toMatchObject({ conclusion: 'success' });
      // A key of digits or letters alone is taken for a number or a word, and not put into code font.
      expect(next.says).toMatch(/From cache (`[0-9a-f]{7}`|\d{7}|[a-f]{7}), made .* by `#1`/);
    }
    await until(() => workspaces().length === 0, 'no workspace');
    expect(mounted()).toBe(false);
  });

  it('copies for who renames a folder, which can’t be done where it is mounted', async () => {
    const rename = 'const fs = require("fs"); fs.renameSync("src", "moved"); fs.renameSync("dep", "gone")';
    const repository = github.createRepository('acme/web', {
      files: {
        ...scripted({
          setup_commands: 'mkdir dep && echo 1 > dep/made',
          test_commands: `node -e '${rename}'`,
        }),
        ...LOCK,
      },
    });
    const pr = await open(repository);
    const note =
      'test was refused a rename (EXDEV), as folders that are mounted are, so all was copied and tried again.';
    const first = await checkOf(pr);
    expect(first).toMatchObject({ conclusion: 'success' });
    expect(first.says).toContain(note);
    await github.deliver(pr.push({ 'feature.txt': 'second' }));
    const second = await checkOf(pr);
    expect(second).toMatchObject({ conclusion: 'success' });
    expect(second.says).toContain('From cache');
    expect(second.says).not.toContain('discarded');
  });

  it('that is killed leaves nothing mounted, and no workspace once it is there again', async () => {
    const repository = github.createRepository('acme/web', {
      files: { ...scripted({ test_commands: 'sleep 1000 & echo $! > begun; wait' }), ...LOCK },
    });
    await open(repository);
    await until(() => mounted(), 'a workspace that is mounted');
    await server.kill();
    await until(() => !mounted(), 'the end of all that was mounted');
    expect(workspaces()).toHaveLength(1);
    const [left] = workspaces();
    await start();
    await until(() => !workspaces().includes(left!), 'the removal of what was left');
  });
});

function readOrNothing(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
