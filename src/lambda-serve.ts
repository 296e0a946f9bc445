import { randomUUID } from 'node:crypto';
import { createServer, request as httpRequest, type IncomingMessage, type RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HttpRequest, HttpResponse } from './lambda-event.js';

/** Server-sent events never end, and a Lambda answers once: the page asks again from where it was. */
const STREAM_MS = 5_000;

/** Hop-by-hop, or set by whoever sends the answer on. */
const OWN_HEADERS = ['connection', 'keep-alive', 'transfer-encoding', 'content-length', 'date'];

/** Answers requests with an HTTP listener in this process, over a socket of its own. */
export async function serveInProcess(
  listener: RequestListener,
): Promise<(request: HttpRequest) => Promise<HttpResponse>> {
  const socketPath = join(tmpdir(), `codegenapp-${randomUUID()}.sock`);
  const server = createServer(listener);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(socketPath, resolve);
  });
  server.unref();

  return ({ method, url, headers, body }) =>
    new Promise((resolve, reject) => {
      const request = httpRequest({
        socketPath,
        method,
        path: url,
        headers: { ...withoutOwn(headers), 'content-length': body.length },
        // A frozen container's connections may be gone when it thaws.
        agent: false,
      });
      request.once('response', (response) => void collect(response).then(resolve, reject));
      request.once('error', reject);
      request.end(body);
    });
}

async function collect(response: IncomingMessage): Promise<HttpResponse> {
  const chunks: Buffer[] = [];
  const isStream = String(response.headers['content-type']).startsWith('text/event-stream');
  const end = isStream ? setTimeout(() => response.destroy(), STREAM_MS) : undefined;
  try {
    for await (const chunk of response) chunks.push(chunk as Buffer);
  } catch (error) {
    if (!isStream) throw error;
  } finally {
    clearTimeout(end);
  }
  const headers = withoutOwn(response.headers as Record<string, string | string[]>);
  return { status: response.statusCode ?? 500, headers, body: Buffer.concat(chunks) };
}

const withoutOwn = <Value>(headers: Record<string, Value>): Record<string, Value> =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !OWN_HEADERS.includes(name)));
