/**
 * The browser's only way out: it resolves no names and connects to nothing but this proxy. The page comes from the
 * pull request's code, so the same holds as for our own requests (preview-request.ts): allowed are the preview's
 * port on loopback and public addresses, checked after resolution, at the connection itself.
 */
import { Agent, createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { isOwnPreview, publicLookup, requirePreviewUrl } from '../preview-request.js';

export interface BrowserProxy {
  port: number;
  close(): Promise<void>;
}

/**
 * @param preview.port the preview's own port on loopback
 * @param preview.publicHosts whether anything but that may be reached
 */
export async function startBrowserProxy(preview: {
  port: number;
  publicHosts: boolean;
}): Promise<BrowserProxy> {
  const agent = new Agent({ keepAlive: true });
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    const url = allowed(request.url ?? '', preview);
    if (url?.protocol !== 'http:') return void response.writeHead(403).end('Not reachable from a preview.');
    const upstream = httpRequest(url, {
      agent,
      method: request.method,
      headers: withoutHopByHop(request),
      ...(isOwnPreview(url, preview.port) ? {} : { lookup: publicLookup }),
    });
    upstream.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
      answer.on('error', () => response.destroy());
    });
    upstream.on('error', () => (response.headersSent ? response.destroy() : response.writeHead(502).end()));
    response.on('close', () => upstream.destroy());
    request.pipe(upstream);
  });
  server.on('connect', (request: IncomingMessage, client: Socket, head: Buffer) => {
    client.on('error', () => undefined);
    const target = allowed(`http://${request.url}`, preview) ?? allowed(`https://${request.url}`, preview);
    if (!target) return void client.end('HTTP/1.1 403 Forbidden\r\n\r\n');
    const port = Number(/:(\d{1,5})$/.exec(request.url ?? '')?.[1] ?? 443);
    const upstream = connect({
      host: target.hostname.replace(/^\[|\]$/g, ''),
      port,
      ...(isOwnPreview(target, preview.port) ? {} : { lookup: publicLookup }),
    });
    follow(upstream);
    upstream.on('connect', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      upstream.write(head);
      client.pipe(upstream).pipe(client);
    });
    upstream.on('error', () => client.destroy());
    upstream.on('close', () => client.destroy());
    client.on('close', () => upstream.destroy());
  });
  server.on('connection', follow);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve);
  });

  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      agent.destroy();
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };

  function follow(socket: Socket): void {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  }
}

function allowed(text: string, { port, publicHosts }: { port: number; publicHosts: boolean }): URL | null {
  try {
    const url = requirePreviewUrl(text, port);
    return publicHosts || isOwnPreview(url, port) ? url : null;
  } catch {
    return null;
  }
}

function withoutHopByHop({ headers }: IncomingMessage): IncomingMessage['headers'] {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith('proxy-')));
}
