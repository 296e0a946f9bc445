import { spawn } from 'node:child_process';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { execFileSync } from 'node:child_process';

/** What a story wants to happen to a request; `undefined` lets it through. */
export type Mischief =
  'hang' | { status: number; headers?: Record<string, string> } | { cutAfterBytes: number } | undefined;

export interface GitHttpServer {
  /** Repositories are at `${url}/OWNER/NAME.git`, their folders under `root`. */
  readonly url: string;
  readonly host: string;
  readonly requests: { method: string; url: string; authorization: string | undefined }[];
  /** Bytes of packs and answers sent by upload-pack. */
  sentBytes: number;
  /** Asked before each request. */
  mischief: (request: IncomingMessage) => Mischief;
  close(): Promise<void>;
}

const backend = `${execFileSync('git', ['--exec-path'], { encoding: 'utf8' }).trim()}/git-http-backend`;

/** Serves the bare repositories under `root` with git's own http-backend; with a token only to who has it. */
export async function startGitHttp(root: string, token?: string): Promise<GitHttpServer> {
  const expected = token && `Basic ${Buffer.from(`x-access-token:${token}`).toString('base64')}`;
  const server = createServer((request, response) => {
    const { method = 'GET', url = '/' } = request;
    state.requests.push({ method, url, authorization: request.headers.authorization });
    const mischief = state.mischief(request);
    if (mischief === 'hang') return;
    if (mischief && 'status' in mischief) {
      response.writeHead(mischief.status, mischief.headers).end();
    } else if (expected && request.headers.authorization !== expected) {
      response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="git"' }).end();
    } else {
      runBackend(request, response, mischief?.cutAfterBytes);
    }
  });

  const runBackend = (request: IncomingMessage, response: ServerResponse, cutAfterBytes = Infinity): void => {
    const { pathname, search } = new URL(request.url ?? '/', 'http://git.invalid');
    const cgi = spawn(backend, {
      env: {
        PATH: process.env.PATH,
        GIT_PROJECT_ROOT: root,
        GIT_HTTP_EXPORT_ALL: '1',
        GIT_PROTOCOL: request.headers['git-protocol'] as string | undefined,
        HTTP_CONTENT_ENCODING: request.headers['content-encoding'],
        CONTENT_TYPE: request.headers['content-type'],
        REQUEST_METHOD: request.method,
        PATH_INFO: decodeURIComponent(pathname),
        QUERY_STRING: search.slice(1),
        REMOTE_ADDR: '127.0.0.1',
      },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    cgi.stdin.on('error', () => {});
    request.pipe(cgi.stdin);
    let head: Buffer | undefined = Buffer.alloc(0);
    let sent = 0;
    cgi.stdout.on('data', (chunk: Buffer) => {
      if (head) {
        head = Buffer.concat([head, chunk]);
        const end = head.indexOf('\r\n\r\n');
        if (end < 0) return;
        const lines = head.subarray(0, end).toString().split('\r\n');
        const headers = lines.map((line) => line.split(/:\s*/, 2) as [string, string]);
        response.statusCode = Number.parseInt(headers.find(([name]) => name === 'Status')?.[1] ?? '200', 10);
        for (const [name, value] of headers) if (name !== 'Status') response.setHeader(name, value);
        chunk = head.subarray(end + 4);
        head = undefined;
      }
      sent += chunk.length;
      state.sentBytes += chunk.length;
      if (sent > cutAfterBytes) {
        response.write(chunk.subarray(0, Math.max(0, chunk.length - (sent - cutAfterBytes))), () =>
          response.destroy(),
        );
        cgi.kill();
      } else response.write(chunk);
    });
    cgi.on('close', () => response.end());
  };

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const state: GitHttpServer = {
    url: `http://127.0.0.1:${port}`,
    host: `127.0.0.1:${port}`,
    requests: [],
    sentBytes: 0,
    mischief: () => undefined,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return state;
}
