import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Project, ValidationPipeline } from '../../src/database/entities/index.js';
import { SettingsStore } from '../../src/database/settings-store.js';
import { SecretBox } from '../../src/domain/secret-box.js';
import { selectSandbox } from '../../src/sandbox/select.js';
import { contentsOf, databaseOf, shownOnGitHub } from '../support/hostile.js';
import type { FakeRepository } from '../support/fake-github/index.js';
import { scripted, Story } from '../support/story.js';

const canary = () => `canary-${randomBytes(12).toString('hex')}`;
const log = { info: () => undefined, warn: () => undefined };
const { sandbox } = await selectSandbox({ mode: 'auto', production: false, loopbackOnly: true, log });

/** Prints whatever can be found, without naming what is looked for. */
const LOOK_EVERYWHERE = [
  'set +e',
  'env; cat /proc/*/environ /proc/*/cmdline 2>/dev/null | tr "\\0" "\\n"',
  'ls -la / /tmp /root /home /etc ~ .. ../.. ../../.. ../../../.. 2>&1',
  'cat ../../../* ../../../*/* ../../../../codegenapp* 2>/dev/null',
  'cat /root/.* /root/* /home/*/.* /etc/shadow /etc/gitconfig .git/config .git/FETCH_HEAD 2>/dev/null',
  'timeout 2 grep -rIsh -D skip -e "canar[y]-" -e "PRIVATE KE[Y]" -e "gh[sp]_" --exclude-dir=usr --exclude-dir=dev --exclude-dir=proc --exclude-dir=sys / 2>/dev/null',
  'for fd in /proc/self/fd/* /proc/1/fd/*; do readlink $fd; done 2>/dev/null',
  'git config --list; git log -1; git remote -v; timeout 2 git fetch origin 2>&1 | tail -2',
  'true',
].join('\n');

(sandbox.isolated ? describe : describe.skip)('scripts that look for secrets', () => {
  let story: Story;
  /** The server's secrets, by what they are. */
  let canaries: Record<string, string>;

  beforeEach(async () => {
    canaries = Object.fromEntries(
      ['environment', 'API token', 'Codegen key', 'Gemini key', 'file in DATA_DIR', 'other project'].map(
        (name) => [name, canary()],
      ),
    );
    process.env['HOSTILE_CANARY'] = canaries['environment'];
    story = await Story.begin({
      env: {
        SANDBOX: 'bubblewrap',
        API_TOKEN: canaries['API token']!,
        CODEGEN_API_KEY: canaries['Codegen key']!,
        CODEGEN_ORG_ID: '1',
        GEMINI_API_KEY: canaries['Gemini key']!,
      },
    });
    writeFileSync(join(story.dataDir, 'canary.txt'), canaries['file in DATA_DIR']!);
    canaries['webhook secret'] = story.github.webhookSecret;
    canaries['private key'] = story.github.privateKey.split('\n')[3]!;
    canaries["secrets' key"] = readFileSync(join(story.dataDir, 'secrets.key'), 'utf8');
    const other = await projectOf(story.github.createRepository('acme/other'));
    await setSecrets(other, { OTHER: canaries['other project']! });
  });
  afterEach(async () => {
    delete process.env['HOSTILE_CANARY'];
    await story.end();
  });

  /** Its project, known to the App by a first pull request that is skipped. */
  async function projectOf(repository: FakeRepository): Promise<Project> {
    repository.commit('first', { 'first.txt': 'first' });
    const pr = repository.openPullRequest({ head: 'first', title: 'First [skip ci]' });
    await story.deliver(pr.opened);
    await story.completedCheck(repository, pr.headSha);
    return story.app.database.read.findOneByOrFail(Project, { fullName: repository.fullName });
  }

  function setSecrets(project: Project, secrets: Record<string, string>): Promise<void> {
    const key = Buffer.from(readFileSync(join(story.dataDir, 'secrets.key'), 'utf8'), 'base64');
    return new SettingsStore(story.app.database, new SecretBox(key)).set(project.id, 'secrets', secrets);
  }

  it('find none of the server’s, in no stage', async () => {
    const repository = story.github.createRepository('acme/web', {
      private: true,
      files: scripted({
        auto_fix_enabled: false,
        setup_commands: LOOK_EVERYWHERE,
        deploy_commands: `${LOOK_EVERYWHERE}\nexec node -e "require('http').createServer((q,s)=>s.end('up')).listen(process.env.PORT)"`,
        test_commands: `${LOOK_EVERYWHERE}\nexit 1`,
      }),
    });
    repository.commit('feature', { 'feature.txt': 'done' });
    const pr = repository.openPullRequest({ head: 'feature' });
    await story.deliver(pr.opened);
    const check = await story.completedCheck(repository, pr.headSha, 60_000);
    expect(check.title).toMatch(/^Test failed/);
    await story.settled();

    const logs = contentsOf(join(story.dataDir, 'logs'));
    // The scripts did look, and where they were meant to.
    expect(logs).toContain('CODEGENAPP=true');
    expect(logs.match(/HEAD is now at|feature\.txt|Author:/g)!.length).toBeGreaterThan(0);
    const { issued } = story.github.tokens;
    expect(issued.length).toBeGreaterThan(0);
    const secrets = {
      ...canaries,
      ...Object.fromEntries(issued.map(({ token }, n) => [`git token ${n}`, token])),
    };
    const places = { logs, GitHub: shownOnGitHub(repository), database: databaseOf(story) };
    for (const [name, secret] of Object.entries(secrets))
      for (const [place, text] of Object.entries(places)) {
        const basic = Buffer.from(`x-access-token:${secret}`).toString('base64');
        expect({ name, place, found: text.includes(secret) || text.includes(basic) }).toEqual({
          name,
          place,
          found: false,
        });
      }
  });

  it('mint a git token that reads one repository’s contents, and no more', async () => {
    const repository = story.github.createRepository('acme/web', {
      private: true,
      files: scripted({
        auto_fix_enabled: false,
        test_commands: 'true',
      }),
    });
    repository.commit('feature', { 'feature.txt': 'done' });
    const pr = repository.openPullRequest({ head: 'feature' });
    const before = story.github.tokens.issued.length;
    await story.deliver(pr.opened);
    expect((await story.completedCheck(repository, pr.headSha)).conclusion).toBe('success');
    const scoped = story.github.tokens.issued.slice(before).filter((token) => token.repositories);
    expect(
      scoped.map(({ permissions, repositories }) => [
        permissions,
        repositories!.map((each) => each.fullName),
      ]),
    ).toEqual([
      // GitHub adds metadata to every token.
      [{ contents: 'read', metadata: 'read' }, ['acme/web']],
    ]);
    expect(repository.fetches.length).toBeGreaterThan(0);
  });

  it('are given the project’s secrets, which are hidden wherever they are shown, stored or cut', async () => {
    const secret = canary();
    const repository = story.github.createRepository('acme/web', {
      files: scripted({
        auto_fix_enabled: false,
        test_commands: [
          'test -n "$DEPLOY_KEY"',
          'echo "key $DEPLOY_KEY base64 $(printf "x-access-token:$DEPLOY_KEY" | base64 -w0) hex $(printf "$DEPLOY_KEY" | od -An -tx1 | tr -d " \\n")"',
          // Half of it would stay where a text is cut first: a line of secrets, longer than what is kept.
          'for n in $(seq 3000); do printf "%s." "$DEPLOY_KEY"; done; echo',
          'mkdir -p reports',
          'long=$(for n in $(seq 3000); do printf "%s." "$DEPLOY_KEY"; done)',
          'printf "<testsuite><testcase name=\'t %s\' file=\'src/a.js\'><failure message=\'%s\'>%s</failure></testcase></testsuite>" "$DEPLOY_KEY" "$long" "$long" > reports/junit.xml',
          'echo "DEPLOY_KEY: $DEPLOY_KEY" >&2; exit 1',
        ].join('\n'),
      }),
    });
    await setSecrets(await projectOf(repository), { DEPLOY_KEY: secret });
    repository.commit('feature', { 'feature.txt': 'done', 'src/a.js': '1;\n' });
    const pr = repository.openPullRequest({ head: 'feature' });
    await story.deliver(pr.opened);
    const check = await story.completedCheck(repository, pr.headSha);
    expect(check.title).toBe('Test failed: 1 of 1 test');
    await story.github.waitFor(() => pr.comments().length > 0, { what: 'the comment' });
    await story.settled();

    const row = await story.app.database.read.findOneByOrFail(ValidationPipeline, { headSha: pr.headSha });
    expect(row.validationResults!.tests!.failed).toBe(1);
    const places = {
      GitHub: shownOnGitHub(repository),
      results: JSON.stringify(row),
      database: databaseOf(story),
    };
    expect(places.GitHub).toContain('DEPLOY_KEY: ***');
    const half = secret.slice(0, 20);
    const forms = [half, secret.slice(-16), Buffer.from(secret).toString('hex')];
    for (const [place, text] of Object.entries(places))
      for (const form of [...forms, Buffer.from(`x-access-token:${secret}`).toString('base64').slice(0, 36)])
        expect({ place, form, found: text.includes(form) }).toEqual({ place, form, found: false });
  });
});
