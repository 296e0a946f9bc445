import type { IncomingMessage, ServerResponse } from 'node:http';
import { basename, dirname } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { startProgram } from '../../../../src/spawner/spawner.js';
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
 * Answers one request of a git client by `git http-backend`, as CGI (RFC 3875). The App's spawner starts it: from a
 * process as large as that of the tests it would cost more than all else that git does here.
 * Resolves with the number of body bytes sent once the answer is complete or the client has gone.
 */
export async function serveGit(
  request: IncomingMessage,
  response: ServerResponse,
  git: GitRequest,
): Promise<number> {
  let head: Buffer | undefined = Buffer.alloc(0);
  let bytes = 0;
  const sendBody = (chunk: Buffer) => {
    const part = chunk.subarray(0, Math.max(0, (git.cutAfterBytes ?? Infinity) - bytes));
    bytes += part.length;
    if (part.length === chunk.length) response.write(part);
    else response.write(part, () => response.destroy());
  };
  const { ended, kill } = await startProgram(
    {
      commandLine: ['git', 'http-backend'],
      environment: {
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
      directory: '/',
      channels: [{ content: git.body }, 'listen', 'ignore'],
      maxSaidBytes: Infinity,
    },
    (_, chunk) => {
      if (!head) return sendBody(chunk);
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return;
      const body = head.subarray(end + 4);
      sendHead(response, head.toString('latin1', 0, end));
      head = undefined;
      if (body.length > 0) sendBody(body);
    },
  );
  response.on('close', () => kill());
  await ended;
  if (head) response.statusCode = 500;
  response.end();
  return bytes;
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
