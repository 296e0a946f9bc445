import { request as ask, type IncomingMessage, type ServerResponse } from 'node:http';
import { basename } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { GitRequest } from './http-backend.js';

/** Has a git server answer that serves the same folder elsewhere. Resolves with the number of body bytes sent. */
export async function forwardGit(
  server: string,
  request: IncomingMessage,
  response: ServerResponse,
  { directory, path, query, body }: GitRequest,
): Promise<number> {
  const url = `${server}/${basename(directory)}${path}?${query}`;
  const headers = { ...request.headers, host: new URL(server).host };
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    ask(url, { method: request.method, headers }, resolve).on('error', reject).end(body);
  });
  let bytes = 0;
  answer.on('data', (chunk: Buffer) => (bytes += chunk.length));
  response.writeHead(answer.statusCode!, answer.headers);
  await pipeline(answer, response);
  return bytes;
}
