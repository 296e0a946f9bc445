import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { selectSandbox } from '../../src/sandbox/select.js';
import { scripted, Story } from '../support/story.js';

const log = { info: () => undefined, warn: () => undefined };
const { sandbox, warnings } = await selectSandbox({
  mode: 'auto',
  production: false,
  loopbackOnly: true,
  log,
});
const works = sandbox.isolated && warnings.length === 0;

(works ? describe : describe.skip)('network: none', () => {
  let story: Story;
  /** Something else that listens on this machine. */
  let other: Server;
  let asked = 0;
  beforeEach(async () => {
    story = await Story.begin();
    other = createServer((_, response) => {
      asked++;
      response.end('reached');
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  });
  afterEach(async () => {
    other.closeAllConnections();
    await new Promise((resolve) => other.close(resolve));
    await story.end();
  });

  it('keeps tests and preview from this machine and the internet, and the preview is still looked at', async () => {
    const { port } = other.address() as AddressInfo;
    const unreachable = [
      `http://127.0.0.1:${port}/`,
      `${story.url}/health`,
      'http://169.254.169.254/',
      'http://1.1.1.1/',
    ]
      .map((url) => `if curl -s -m 2 '${url}'; then echo 'reached ${url}'; exit 9; fi`)
      .join('\n');
    const repository = story.github.createRepository('acme/web', {
      files: scripted({
        network: 'none',
        setup_commands: `curl -s http://127.0.0.1:${port}/ | grep reached`,
        deploy_commands: `${unreachable}\nexec node -e "require('http').createServer((q,s)=>s.end('hello')).listen(process.env.PORT)"`,
        test_commands: unreachable,
      }),
    });
    repository.commit('feature', { 'feature.txt': 'done' });
    const pr = repository.openPullRequest({ head: 'feature' });
    await story.deliver(pr.opened);
    const check = await story.completedCheck(repository, pr.headSha, 45_000);
    expect(check.conclusion).toBe('success');
    expect(check.summary).toContain('GET / answered 200');
    // By setup, which needs the network, and by nobody else.
    expect(asked).toBe(1);
  });
});
