import { spawn } from 'node:child_process';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { basename, dirname } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { GIT_ENVIRONMENT } from './run.js';

export interface GitRequest {
  /** The bare repository. */
  directory: string;
  /** Below the repository: /info/refs, /git-upload-pack or /git-receive-pack. */
  path: string;
  query: string;
  body: Buffer;
  /** Who asks; a push needs a name. */
  remoteUser?: string;
  /** Breaks the connection after so many bytes of the answer's body. */
  cutAfterBytes?: number;
}

/**
 * Answers one request of a git client by `git http-backend`, as CGI (RFC 3875).
 * Resolves with the number of body bytes sent once the answer is complete or the client has gone.
 */
export function serveGit(
  request: IncomingMessage,
  response: ServerResponse,
  git: GitRequest,
): Promise<number> {
  const backend = spawn('git', ['http-backend'], {
    env: {
      ...GIT_ENVIRONMENT,
      GIT_PROJECT_ROOT: dirname(git.directory),
      GIT_HTTP_EXPORT_ALL: '1',
      PATH_INFO: `/${basename(git.directory)}${git.path}`,
      QUERY_STRING: git.query,
      REQUEST_METHOD: request.method ?? 'GET',
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      CONTENT_LENGTH: String(git.body.length),
      HTTP_CONTENT_ENCODING: String(request.headers['content-encoding'] ?? ''),
      GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
      REMOTE_ADDR: '127.0.0.1',
      ...(git.remoteUser !== undefined && { REMOTE_USER: git.remoteUser }),
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  let head: Buffer | undefined = Buffer.alloc(0);
  let bytes = 0;
  const sendBody = (chunk: Buffer) => {
    const left = (git.cutAfterBytes ?? Infinity) - bytes;
    bytes += Math.min(left, chunk.length);
    if (chunk.length < left) {
      if (!response.write(chunk)) {
        backend.stdout.pause();
        response.once('drain', () => backend.stdout.resume());
      }
      return;
    }
    response.write(chunk.subarray(0, left), () => response.destroy());
    backend.kill();
  };
  backend.stdout.on('data', (chunk: Buffer) => {
    if (!head) return sendBody(chunk);
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return;
    const body = head.subarray(end + 4);
    sendHead(response, head.toString('latin1', 0, end));
    head = undefined;
    if (body.length > 0) sendBody(body);
  });
  response.on('close', () => backend.kill());
  backend.stdin.on('error', () => {}); // It may answer without reading all, and EPIPE says nothing more.
  backend.stdin.end(git.body);
  return new Promise((resolve, reject) => {
    backend.on('error', reject);
    backend.on('close', () => {
      if (head) response.statusCode = 500;
      response.end();
      resolve(bytes);
    });
  });
}

function sendHead(response: ServerResponse, text: string): void {
  let status = 200;
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':');
    const [name, value] = [line.slice(0, colon), line.slice(colon + 1).trim()];
    if (name.toLowerCase() === 'status') status = Number.parseInt(value, 10);
    else response.setHeader(name, value);
  }
  response.writeHead(status);
}

/** The shas that a fetch asks for; none where the request is no fetch (a listing of refs, say). */
export function wantedBy(request: IncomingMessage, body: Buffer): string[] {
  const text = (request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString('latin1');
  // A line of its own only where the one before it ends with a line feed, which not all do.
  const wants = [...text.matchAll(/[0-9a-f]{4}want ([0-9a-f]{40})/g)].map((match) => match[1]!);
  // git names a commit again for each ref that leads to it.
  return [...new Set(wants)];
}
