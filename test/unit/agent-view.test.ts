import { describe, expect, it } from '@jest/globals';
import { agentView } from '../../src/agent/view.js';
import type { AgentRun, ValidationPipeline } from '../../src/database/entities/index.js';
import { renderFollowUp } from '../../src/github/follow-up.js';
import { redactView } from '../../src/github/view.js';
import { pipelineView } from '../support/view.js';

const pipeline = { pullRequestUrl: 'https://github.com/acme/shop/pull/7' } as ValidationPipeline;

/** What the comment says of a run that says that it opened this. */
function said(pullRequest: string): string {
  const run = {
    status: 'completed',
    responseType: 'pr',
    nextPipelineId: null,
    webUrl: null,
    response: null,
    context: { pullRequest },
  } as unknown as AgentRun;
  return renderFollowUp({ agent: agentView(pipeline, run, true), merge: null });
}

describe('a pull request that the agent opened itself', () => {
  it('is linked where it is on the GitHub that we work with', () => {
    expect(said('https://github.com/acme/shop/pull/8')).toContain(
      'It opened [`acme/shop#8`](https://github.com/acme/shop/pull/8).',
    );
  });

  it.each([
    'https://github.com.evil.example/acme/shop/pull/8',
    'http://github.com/acme/shop/pull/8',
    'https://evil.example/?https://github.com/acme/shop/pull',
  ])('is only named where it is elsewhere: %s', (address) => {
    expect(said(address)).toContain(`It opened \`${address}\``);
    expect(said(address)).not.toContain('](');
  });

  it('is not linked where a secret is in its address', () => {
    const opened = { name: 'acme/hunter2#8', url: 'https://github.com/acme/hunter2/pull/8' };
    const view = pipelineView({ agent: { state: 'finished', text: '', url: null, plan: null, opened } });
    const shown = redactView(view, (text) => text.replaceAll('hunter2', '***'));
    expect(renderFollowUp(shown)).not.toContain('hunter2');
  });
});
