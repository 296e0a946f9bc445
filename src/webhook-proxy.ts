import type { Logger } from './logging.js';

interface ProxyModule {
  createWebhookProxy: (options: {
    host: string;
    port: number;
    path: string;
    url: string;
    logger: Logger;
  }) => Promise<{ close(): void } | undefined>;
}

/**
 * Forwards webhooks from a https://smee.io channel (WEBHOOK_PROXY_URL) to this machine, by Probot's own helper, which
 * it does not export. Where that can't be had (smee-client is not installed, the channel does not answer) the log
 * says so and the server works on without.
 * @returns how to end it
 */
export async function forwardWebhooks(url: string, port: number, log: Logger): Promise<() => void> {
  try {
    const { createWebhookProxy } = (await import(
      new URL('helpers/webhook-proxy.js', import.meta.resolve('probot')).href
    )) as ProxyModule;
    const path = '/api/github/webhooks';
    const source = await createWebhookProxy({ host: 'localhost', port, path, url, logger: log });
    return () => source?.close();
  } catch (error) {
    log.warn({ err: error }, 'WEBHOOK_PROXY_URL: webhooks are not forwarded from there');
    return () => undefined;
  }
}
