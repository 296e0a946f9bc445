/**
 * The one question of git's protocol that a push asks: a commit, of which another one is there already. git itself
 * asks the server twice, and starts five programs for it, which takes longer than all the rest of a checkout.
 */
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import { authorizationOf, type RepositorySource } from './source.js';

const RESULT = 'application/x-git-upload-pack-result';
const FLUSH = '0000';
const DELIMITER = '0001';
/** Of a line, with the four digits that say its length (gitprotocol-common(5)). */
const MAX_LINE_BYTES = 65_520;
const HEAD_BYTES = 4;
const Band = { pack: 1, error: 3 } as const;

/** A connection is used again: a team pushes more than once. */
const agents = {
  'http:': new http.Agent({ keepAlive: true }),
  'https:': new https.Agent({ keepAlive: true }),
};

/**
 * Asks for a commit at depth 1, as what is new against another one at depth 1 (gitprotocol-http(5), version 2).
 * Resolves when the question is on its way.
 * @param silentMs for so long nothing comes, and it is over: a server that is still preparing the pack says so every
 * 5 s (git-config(1), uploadpack.keepAlive)
 * @returns pack() yields the pack, which may build on objects of the known commit
 * @throws, as pack() does, whatever goes wrong; it is for git itself to say what that is
 */
export async function askForPack(
  source: RepositorySource,
  { sha, have, silentMs, signal }: { sha: string; have: string; silentMs: number; signal: AbortSignal },
): Promise<{ pack: () => AsyncGenerator<Uint8Array> }> {
  const authorization = authorizationOf(source);
  const url = new URL(`${source.url}/git-upload-pack`);
  const isPlain = url.protocol === 'http:';
  const request = (isPlain ? http : https).request(url, {
    method: 'POST',
    agent: isPlain ? agents['http:'] : agents['https:'],
    headers: {
      'content-type': 'application/x-git-upload-pack-request',
      accept: RESULT,
      'git-protocol': 'version=2',
      'user-agent': 'git/2 (CodegenApp)',
      ...(authorization ? { authorization } : {}),
    },
    timeout: silentMs,
    signal,
  });
  request.on('timeout', () => request.destroy(new Error(`The server was silent for ${silentMs} ms`)));
  // Of what happens after the response has begun, that tells, too.
  request.on('error', () => undefined);
  const answered = once(request, 'response') as Promise<[http.IncomingMessage]>;
  answered.catch(() => undefined);
  request.end(
    [
      line('command=fetch'),
      DELIMITER,
      ...['thin-pack', 'ofs-delta', 'no-progress', `shallow ${have}`, 'deepen 1'].map(line),
      ...[`want ${sha}`, `have ${have}`, 'done'].map(line),
      FLUSH,
    ].join(''),
  );
  await once(request, 'finish');
  return { pack: () => packIn(answered) };
}

async function* packIn(answered: Promise<[http.IncomingMessage]>): AsyncGenerator<Uint8Array> {
  const [response] = await answered;
  if (response.statusCode !== 200 || response.headers['content-type'] !== RESULT) {
    response.destroy();
    throw new Error(`The server answered ${response.statusCode}`);
  }
  let isPack = false;
  for await (const content of lines(response)) {
    if (!isPack) {
      const text = Buffer.from(content).toString().trimEnd();
      if (text.startsWith('ERR ')) throw new Error(text);
      isPack = text === 'packfile';
    } else if (content[0] === Band.error) {
      throw new Error(Buffer.from(content).toString('utf8', 1));
    } else if (content[0] === Band.pack) {
      yield content.subarray(1);
    }
  }
  if (!isPack) throw new Error('The server sent no pack');
}

const line = (text: string): string =>
  `${(text.length + HEAD_BYTES + 1).toString(16).padStart(HEAD_BYTES, '0')}${text}\n`;

/** The content of each line; the marks between sections are left out. */
async function* lines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    rest = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk]);
    while (rest.length >= HEAD_BYTES) {
      const length = Number.parseInt(rest.toString('latin1', 0, HEAD_BYTES), 16);
      if (!(length >= 0 && length <= MAX_LINE_BYTES)) throw new Error('Not a line of the protocol');
      const end = Math.max(length, HEAD_BYTES);
      if (rest.length < end) break;
      if (length > HEAD_BYTES) yield rest.subarray(HEAD_BYTES, end);
      rest = rest.subarray(end);
    }
  }
  if (rest.length > 0) throw new Error('The answer was cut off');
}
