import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { WebhookEvent } from '../../src/database/entities/index.js';
import { forwardWebhooks } from '../../src/webhook-proxy.js';
import { scripted, Story } from '../support/story.js';

let story: Story;
beforeEach(async () => {
  story = await Story.begin();
});
afterEach(() => story.end());

it('a smee.io channel brings webhooks to a machine that GitHub can not reach', async () => {
  // What GitHub sends to the channel is sent on to all who listen, as smee.io does it.
  const readers = new Set<ServerResponse>();
  const smee = createServer((request, response) => {
    if (request.method === 'GET') {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('event: ready\ndata: {}\n\n');
      readers.add(response);
      return;
    }
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.once('end', () => {
      const data = JSON.stringify({ ...request.headers, body: JSON.parse(body) as unknown, query: {} });
      // In pieces, wherever the network cuts.
      for (const piece of [`id: 1\nda`, `ta: ${data.slice(0, 100)}`, data.slice(100), '\n', '\n'])
        for (const reader of readers) reader.write(piece);
      response.writeHead(200).end();
    });
  }).listen(0, '127.0.0.1');
  await once(smee, 'listening');
  const channel = `http://127.0.0.1:${(smee.address() as AddressInfo).port}/channel`;
  const stop = forwardWebhooks(channel, story.port, pino({ level: 'silent' }));
  try {
    await story.until(() => readers.size === 1, 'a listener');
    story.github.webhookUrl = channel;
    const repository = story.github.createRepository('acme/web', {
      files: scripted({ test_commands: 'true' }),
    });
    repository.commit('feature', { 'feature.txt': 'däne' });
    const pr = repository.openPullRequest({ head: 'feature', title: 'Größer — 🚀' });
    await story.github.deliver(pr.opened);
    expect((await story.completedCheck(repository, pr.headSha)).conclusion).toBe('success');
    expect(await story.app.database.read.countBy(WebhookEvent, { status: 'processed' })).toBe(1);

    // A channel that is cut is asked again.
    for (const reader of readers) reader.destroy();
    readers.clear();
    await story.until(() => readers.size === 1, 'the next listener');
  } finally {
    stop();
    smee.closeAllConnections();
    smee.close();
  }
});
