import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from '@jest/globals';
import { removeTree } from '../../src/git/remove-tree.js';
import { FakeGitHub } from '../support/fake-github/index.js';
import { scripted } from '../support/story.js';

const SERVER = fileURLToPath(new URL('../../dist/server.js', import.meta.url));

describe('node dist/server.js', () => {
  const ends: (() => unknown)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  function start(env: Record<string, string>): {
    child: ChildProcess;
    said: () => string;
    url: Promise<string>;
  } {
    const folder = mkdtempSync(join(tmpdir(), 'codegenapp-process-'));
    const child = spawn(process.execPath, [SERVER], {
      cwd: folder,
      env: {
        PATH: process.env['PATH'],
        HOST: '127.0.0.1',
        PORT: '0',
        DATA_DIR: join(folder, 'data'),
        NO_SMEE_SETUP: 'true',
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const url = new Promise<string>((resolve, reject) => {
      const read = (chunk: Buffer) => {
        output += chunk.toString();
        const match = /"port":(\d+)/.exec(output) ?? /Listening on http:\/\/[^:]+:(\d+)/.exec(output);
        if (match) resolve(`http://127.0.0.1:${match[1]}`);
      };
      child.stdout.on('data', read);
      child.stderr.on('data', read);
      child.once('exit', (code) => reject(new Error(`ended with ${code}: ${output}`)));
    });
    url.catch(() => undefined);
    ends.push(() => removeTree(folder));
    ends.push(async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
    });
    return { child, said: () => output, url };
  }

  it('takes a signed delivery and leaves one completed check run, within Probot’s write throttling', async () => {
    const github = await FakeGitHub.start();
    ends.push(() => github.stop());
    const repository = github.createRepository('acme/web', {
      files: scripted({ setup_commands: 'true', deploy_commands: '', test_commands: 'true' }),
    });
    repository.commit('feature', { 'feature.txt': 'done' });
    const pr = repository.openPullRequest({ head: 'feature' });
    const server = start(github.environment);
    github.webhookUrl = `${await server.url}/api/github/webhooks`;

    const delivery = await github.deliver(pr.opened);
    expect(delivery.statusCode).toBe(202);
    const answered = Date.now();
    const check = await github.waitFor(
      () => repository.checkRuns(pr.headSha).find((run) => run.status === 'completed'),
      {
        timeoutMs: 20_000,
      },
    );
    if (process.env['MEASURE'])
      process.stderr.write(`delivery to completed check: ${Date.now() - answered} ms\n${github.history()}\n`);
    expect(check?.conclusion).toBe('success');
    expect(repository.checkRuns()).toHaveLength(1);
    expect(server.said()).not.toContain(github.webhookSecret);
  });

  it('logs what is for debugging where DEBUG=true, whatever LOG_LEVEL says, and otherwise not', async () => {
    const github = await FakeGitHub.start();
    ends.push(() => github.stop());
    const debugging = start({ ...github.environment, DEBUG: 'true', LOG_LEVEL: 'info' });
    const usual = start({ ...github.environment, DEBUG: 'false' });
    const ofHealth = /"level":20,.*"path":"\/health",.*"msg":"request answered"/;
    for (const { child, url } of [debugging, usual]) {
      await fetch(`${await url}/health`);
      const exited = once(child, 'close');
      child.kill('SIGTERM');
      await exited;
    }
    expect(debugging.said()).toMatch(ofHealth);
    expect(debugging.said()).not.toContain(github.webhookSecret);
    expect(usual.said()).toContain('"level":30');
    expect(usual.said()).not.toContain('"level":20');
  });

  it('serves the set-up page and /health without credentials', async () => {
    const { url } = start({ PORT: '34871' });
    const base = await url;
    expect(await (await fetch(`${base}/health`)).json()).toMatchObject({ status: 'ok' });
    expect(await (await fetch(`${base}/probot`)).text()).toContain('manifest');
  });

  it('lists every problem of its configuration at once and exits with 1', async () => {
    const { child, said, url } = start({
      APP_ID: '1',
      PRIVATE_KEY: 'no key',
      WEBHOOK_SECRET: 'development',
      PORT: 'eighty',
      SANDBOX: 'wood',
    });
    await expect(url).rejects.toThrow('ended with 1');
    expect(child.exitCode).toBe(1);
    for (const name of ['PRIVATE_KEY', 'WEBHOOK_SECRET', 'PORT', 'SANDBOX']) expect(said()).toContain(name);
  });
});
