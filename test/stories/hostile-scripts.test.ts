import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { In } from 'typeorm';
import type { Overrides } from '../../src/app/overrides.js';
import { Stage, ValidationPipeline } from '../../src/database/entities/index.js';
import { selectSandbox } from '../../src/sandbox/select.js';
import { DEFAULT_WATCH_LIMITS } from '../../src/sandbox/watch.js';
import { seenByPrograms } from '../../src/spawner/spawner.js';
import { contentsOf, databaseOf, feelPulse, shownOnGitHub, type Pulse } from '../support/hostile.js';
import { processesWith } from '../support/sandbox-workspace.js';
import { scripted, Story } from '../support/story.js';

const MIB = 1024 ** 2;
const log = { info: () => undefined, warn: () => undefined };
const { sandbox, totals } = await selectSandbox({
  mode: 'auto',
  production: false,
  loopbackOnly: true,
  log,
});

(sandbox.isolated ? describe : describe.skip)('scripts that mean harm, at lowered limits', () => {
  let story: Story;
  let pulse: Pulse;
  /** In the environment of every process that a script starts. */
  let marker: string;
  let limits: NonNullable<Overrides['limits']>;

  beforeEach(async () => {
    marker = `marker-${randomUUID()}`;
    limits = {
      processes: 100,
      memoryBytes: 400 * MIB,
      totals: { memoryBytes: 700 * MIB },
      maxWorkspaceBytes: 40 * MIB,
      maxOutputBytes: 20 * MIB,
      pollMs: 50,
    };
    story = await Story.begin({
      env: { CONCURRENCY: '1' },
      overrides: {
        // The one that was found to work above: a machine under load must not fall back to a weaker one.
        sandbox,
        totals,
        limits,
      },
    });
    pulse = feelPulse(story);
  });

  afterEach(async () => {
    try {
      const answers = await pulse.stop();
      // Asked and answered while the script did its worst, not only before and after.
      for (const { from, to } of await stormsOf(story)) {
        const during = answers.filter(({ asked, answered }) => asked > from && answered < to);
        if (to - from > 1000) expect(during.length).toBeGreaterThan(0);
      }
      expect(processesWith(marker)).toEqual([]);

      const after = await validate({ test_commands: 'test -f feature.txt' });
      expect(after.conclusion).toBe('success');
      await story.settled();
      expect(readdirSync(join(story.dataDir, 'workspaces'))).toEqual([]);
    } finally {
      await story.end();
    }
  });

  let count = 0;
  async function validate(settings: Parameters<typeof scripted>[0]) {
    const repository = story.github.createRepository(`acme/web${++count}`, { files: scripted(settings) });
    repository.commit('feature', { 'feature.txt': 'done' });
    const pr = repository.openPullRequest({ head: 'feature' });
    await story.deliver(pr.opened);
    return story.completedCheck(repository, pr.headSha, 60_000);
  }
  /** When the scripts of all stages ran. */
  async function stormsOf({ app }: Story): Promise<{ from: number; to: number }[]> {
    const stages = await app.database.read.findBy(Stage, { name: In(['setup', 'test']) });
    return stages.flatMap(({ startedAt, completedAt }) =>
      startedAt && completedAt ? [{ from: startedAt.getTime(), to: completedAt.getTime() }] : [],
    );
  }
  const script = (body: string) => `export MARKER=${marker}\n${body}`;

  it('fork without end', async () => {
    const check = await validate({
      test_commands: script('bomb() { bomb | bomb & }; while :; do bomb; done 2>/dev/null'),
      stage_timeout_seconds: 3,
    });
    expect(check.conclusion).toBe('timed_out');
    expect(check.summary).toContain('ran longer than 3 s');
  });

  it('fork without end, each in a session of its own and busy', async () => {
    const check = await validate({
      test_commands: script(
        'for n in $(seq 300); do setsid bash -c "trap \\"\\" TERM HUP INT; while :; do :; done" & done 2>/dev/null; sleep 1000',
      ),
      stage_timeout_seconds: 3,
    });
    expect(check.conclusion).toBe('timed_out');
    expect(check.summary).toContain('ran longer than 3 s');
  });

  it('fill memory in one process', async () => {
    const check = await validate({
      test_commands: script('node -e "const all = []; for (;;) all.push(Buffer.alloc(1e7, 1))"'),
    });
    expect(check.conclusion).toBe('failure');
    expect(check.title).toMatch(/^Test failed: .*exit code \d+/);
  });

  (totals ? it : it.skip)('fill memory by many processes (skipped without cgroups)', async () => {
    const each = 'node -e "const held = Buffer.alloc(3e8, 1); setInterval(() => held, 1000)"';
    const check = await validate({ test_commands: script(`for n in 1 2 3; do ${each} & done; wait`) });
    expect(check.conclusion).toBe('failure');
    expect(check.summary).toMatch(/used more than 700 MiB of memory altogether/);
  });

  it('fill the disk', async () => {
    const check = await validate({
      setup_commands: script('mkdir -p deep/er; cat /dev/zero > deep/er/fill'),
    });
    expect(check.conclusion).toBe('failure');
    expect(check.summary).toMatch(/files grew beyond 40 MiB/);
  });

  it('write 2 GB at the usual limit', async () => {
    limits.maxOutputBytes = DEFAULT_WATCH_LIMITS.maxOutputBytes;
    const check = await validate({ test_commands: script('head -c 2G /dev/zero; echo end') });
    expect(check.conclusion).toBe('failure');
    expect(check.summary).toMatch(/wrote more than 1 GiB of output/);
  });

  it('write without end', async () => {
    const check = await validate({ test_commands: script('yes "all work and no play"') });
    expect(check.conclusion).toBe('failure');
    expect(check.summary).toMatch(/wrote more than 20 MiB of output/);
    expect(check.summary).toContain('all work and no play');
  });

  it('write without end from an app that has come up', async () => {
    const check = await validate({
      deploy_commands: script(
        "node -e \"const s = require('http').createServer((q, r) => r.end('up')).listen(process.env.PORT)\" >/dev/null 2>&1 & sleep 2; exec yes",
      ),
      test_commands: script('sleep 6'),
    });
    expect(check.conclusion).toBe('failure');
    expect(check.summary).toMatch(/wrote more than 20 MiB of output/);
  });

  it('ignore signals, detach, and hold the output open', async () => {
    const stubborn = await validate({
      test_commands: script('trap "" TERM HUP INT QUIT; while :; do sleep 1 || true; done'),
      stage_timeout_seconds: 1,
    });
    expect(stubborn.conclusion).toBe('timed_out');
    expect(stubborn.summary).toContain('ran longer than 1 s (stage_timeout_seconds)');

    const detached = await validate({
      test_commands: script(
        '(setsid bash -c "trap \\"\\" HUP TERM; (setsid sleep 1000 &) ; sleep 1000" &)\n(trap "" HUP TERM; exec sleep 1000) &\nexit 7',
      ),
    });
    expect(detached.conclusion).toBe('failure');
    expect(detached.summary).toContain('exit code 7');
  });

  it('plant a git configuration, links and pipes in the place of reports', async () => {
    const proof = join('/tmp', marker);
    const canary = `canary-${randomUUID()}`;
    // A report that would be read where a link were followed, beside the server's own files.
    writeFileSync(
      join(story.dataDir, 'canary.xml'),
      `<testsuite><testcase name="${canary}"><failure message="${canary}"/></testcase></testsuite>`,
    );
    const key = readFileSync(join(story.dataDir, 'secrets.key'), 'utf8');
    const running = validate({
      setup_commands: script(
        [
          `for key in core.fsmonitor core.hooksPath core.pager diff.external filter.x.clean filter.x.smudge; do git config $key "touch ${proof}; false"; done`,
          `printf '* filter=x diff=x\\n' > .gitattributes; git config diff.x.textconv 'touch ${proof}'`,
          `mkdir -p .git/hooks; printf '#!/bin/sh\\ntouch ${proof}\\n' | tee .git/hooks/post-checkout > .git/hooks/post-index-change; chmod +x .git/hooks/*`,
        ].join('\n'),
      ),
      test_commands: script(
        [
          'ln -s /etc/passwd junit.xml; ln -s ../../../codegenapp.sqlite report.xml; mkdir -p test-results reports coverage',
          'ln -s ../../../canary.xml results.xml; ln -s ../../../secrets.key test-results.json',
          `ln -s ${story.dataDir}/canary.xml reports/canary.xml; ln -s ../../.. reports/up`,
          // Each alone, and all together, more than a server may hold in memory.
          'for n in $(seq 40); do truncate -s 49M "reports/sparse-$n.xml"; done; truncate -s 2G "reports/@everyone<b>.xml"',
          'for n in 1 2 3 4 5 6 7 8; do mkfifo test-results/TEST-$n.xml reports/junit-$n.xml; done',
          'ln -s /proc/self/environ test-results/junit.xml; mkfifo coverage/lcov.info; ln -s / everything',
          'rm -f "$CODEGENAPP_OUTPUT"; mkfifo "$CODEGENAPP_OUTPUT"',
          'touch planted; until test -f looked; do sleep 0.05; done',
        ].join('\n'),
      ),
    });
    const workspaces = join(story.dataDir, 'workspaces');
    const tree = () => seenByPrograms(join(workspaces, readdirSync(workspaces)[0]!, 'tree'));
    await story.running('test');
    await story.until(() => existsSync(join(tree(), 'planted')), 'the planted links');
    // They do lead there, for whoever would follow them.
    expect(readFileSync(join(tree(), 'results.xml'), 'utf8')).toContain(canary);
    expect(readFileSync(join(tree(), 'reports/canary.xml'), 'utf8')).toContain(canary);
    expect(readFileSync(join(tree(), 'test-results.json'), 'utf8')).toBe(key);
    expect(existsSync(join(tree(), 'report.xml'))).toBe(true);
    writeFileSync(join(tree(), 'looked'), '');

    const check = await running;
    expect(check.conclusion).toBe('success');
    await story.settled();
    const places = {
      GitHub: story.github.repositories.map(shownOnGitHub).join('\n'),
      logs: contentsOf(join(story.dataDir, 'logs')),
      results: JSON.stringify(await story.app.database.read.find(ValidationPipeline)),
      database: databaseOf(story),
    };
    for (const [place, text] of Object.entries(places))
      for (const secret of [canary, key, 'root:x:0:0'])
        expect({ place, secret, found: text.includes(secret) }).toEqual({ place, secret, found: false });
    // Named, but as code.
    expect(places.GitHub).toContain('@everyone<b>.xml');
    expect(places.GitHub.replaceAll(/`[^`]+`/g, '')).not.toMatch(/@everyone|<b>/);
    expect(existsSync(proof)).toBe(false);
  });

  it('call our own server', async () => {
    const ask = (path: string, more = '') =>
      `code=$(curl -s -o answer -w '%{http_code}' ${more} '${story.url}${path}'); echo "${path} $code"; case $code in 401|403|404) ;; *) exit 9;; esac`;
    const check = await validate({
      test_commands: script(
        [
          ask('/api/projects'),
          ask('/api/projects/stats', "-H 'Authorization: Bearer guess-guess-guess-guess'"),
          ask(
            '/api/github/webhooks',
            `-X POST -H 'content-type: application/json' -H 'x-github-event: ping' -H 'x-github-delivery: 1' -H 'x-hub-signature-256: sha256=00' -d '{}'`,
          ),
          `node -e "require('net').createServer().listen(0, '0.0.0.0'); setTimeout(() => process.exit(0), 100)"`,
        ].join('\n'),
      ),
    });
    expect(check.conclusion).toBe('success');
  });
});
