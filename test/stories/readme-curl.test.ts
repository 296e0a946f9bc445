import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from '@jest/globals';
import { FakeGitHub } from '../support/fake-github/index.js';
import { Story } from '../support/story.js';

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
const hasCurl = spawnSync('curl', ['--version']).status === 0;
if (!hasCurl) process.stderr.write('SKIPPED: the curl session of the README, because curl was not found\n');

(hasCurl ? it : it.skip)(
  'the curl session of the README leads from an empty database to a result',
  async () => {
    const [session] = /U=http:\/\/localhost:3002[\s\S]*?(?=\n```)/.exec(readme)!;
    const github = await FakeGitHub.start();
    const story = await Story.begin({
      github,
      withoutApp: true,
      env: { GITHUB_TOKEN: github.personalToken },
    });
    const folder = mkdtempSync(join(tmpdir(), 'codegenapp-readme-'));
    try {
      const repository = github.createRepository('acme/web', {
        installed: false,
        files: { 'package.json': JSON.stringify({ name: 'web', scripts: { test: 'echo all is well' } }) },
      });
      repository.permit(github.personalUser.login, 'write');
      repository.commit('feature', { 'feature.txt': 'done' });
      const pr = repository.openPullRequest({ head: 'feature' });
      mkdirSync(join(folder, 'data'));
      writeFileSync(join(folder, 'data/api.token'), 'a token of the tests');
      const script = session
        .replace('http://localhost:3002', story.url)
        .replace('"pullRequestNumber":7', `"pullRequestNumber":${pr.number}`);
      const { stdout } = await promisify(execFile)('bash', ['-euc', script], {
        cwd: folder,
        timeout: 50_000,
      });
      expect(stdout).toContain('event: end');
      expect(stdout).toContain('all is well');
      expect(stdout).toContain('"conclusion":"success"');
    } finally {
      rmSync(folder, { recursive: true, force: true });
      await story.end();
    }
  },
);
