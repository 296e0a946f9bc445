import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from './domain/errors.js';
import type { Logger } from './logging.js';

const AGAIN_MS = 2_000;
/** A delivery may have 25 MB, and JSON in JSON is longer. */
const MAX_MESSAGE = 60 * 1024 * 1024;
const PASSED_ON = /^(x-github-|x-hub-signature)/;

/**
 * Forwards webhooks from a https://smee.io channel (WEBHOOK_PROXY_URL) to this machine: server-sent events with one
 * delivery each, its headers beside its `body`. Where the channel does not answer it is asked again every 2 seconds.
 * @returns how to end it
 */
export function forwardWebhooks(url: string, port: number, log: Logger): () => void {
  const controller = new AbortController();
  const { signal } = controller;
  const target = `http://localhost:${port}/api/github/webhooks`;
  void (async () => {
    while (!signal.aborted) {
      try {
        const channel = await fetch(url, { headers: { accept: 'text/event-stream' }, signal });
        if (!channel.ok || !channel.body) throw new Error(`it answers ${channel.status}`);
        log.info({ url }, 'webhooks are forwarded from there');
        for await (const message of messagesOf(channel.body)) await pass(message, target, signal, log);
      } catch (error) {
        if (signal.aborted) return;
        log.warn({ url, reason: messageOf(error) }, 'WEBHOOK_PROXY_URL: the channel does not answer');
      }
      await sleep(AGAIN_MS, undefined, { signal }).catch(() => undefined);
    }
  })();
  return () => controller.abort();
}

/** The data of the events that have no name; `ready` and `ping` are smee's own. */
async function* messagesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true }).replaceAll('\r', '');
    const events = text.split('\n\n');
    text = events.pop()!;
    if (text.length > MAX_MESSAGE) throw new Error('it sends a message that is too long');
    for (const event of events) {
      const lines = event.split('\n');
      if (lines.some((line) => /^event: *(?!message)/.test(line))) continue;
      const data = lines.filter((line) => line.startsWith('data:')).map((line) => line.slice(5).trimStart());
      if (data.length > 0) yield data.join('\n');
    }
  }
}

async function pass(message: string, target: string, signal: AbortSignal, log: Logger): Promise<void> {
  try {
    const { body, ...rest } = JSON.parse(message) as Record<string, unknown>;
    const headers = Object.entries(rest).filter(
      (header): header is [string, string] => PASSED_ON.test(header[0]) && typeof header[1] === 'string',
    );
    const { status } = await fetch(target, {
      method: 'POST',
      headers: { ...Object.fromEntries(headers), 'content-type': 'application/json' },
      // As GitHub writes it, so that the signature fits.
      body: typeof body === 'string' ? body : JSON.stringify(body),
      signal,
    });
    if (status >= 300) log.warn({ status }, 'a forwarded webhook was refused');
  } catch (error) {
    if (!signal.aborted) log.warn({ err: error }, 'a webhook could not be forwarded');
  }
}
