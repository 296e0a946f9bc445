import { chownSync, closeSync, constants, fstatSync, openSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { SandboxError } from './contract.js';
import { messageOf } from '../domain/errors.js';
import type { SandboxUser } from './user.js';

export interface Bridge {
  /** Directory on this machine that is shared with the sandbox and holds the socket. */
  directory: string;
  close(): Promise<void>;
}

const SOCKET_NAME = 'preview.sock';
/** open(2): a handle of the file itself, never following a link; Node does not name it. The same on all of Linux's platforms that Node runs on. */
const O_PATH = 0o10000000;

/**
 * Makes 127.0.0.1:port of this machine lead to the same port in a sandbox without network, over a unix socket
 * that the forwarder inside (`forwarderCommand`) listens on. Connections made while nobody listens are closed.
 * @throws SandboxError when the port is taken
 */
export async function openBridge(port: number, user: SandboxUser | undefined): Promise<Bridge> {
  const directory = await mkdtemp(join(tmpdir(), 'codegenapp-bridge-'));
  if (user) chownSync(directory, user.uid, user.gid);
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const inside = connectInside(join(directory, SOCKET_NAME));
    for (const socket of [client, inside]) {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
    }
    // An error on either side destroys both; there is nobody to tell.
    pipeline(client, inside, client, () => undefined);
  });
  const close = async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
  } catch (error) {
    await close();
    throw new SandboxError(`The preview's port ${port} can't be opened: ${messageOf(error)}`);
  }
  return { directory, close };
}

/**
 * The script can put anything at the socket's name, also a link to another program's socket (Docker's): so
 * the name is opened without following links, must be a socket, and that very one is connected to.
 */
function connectInside(path: string): Socket {
  let handle: number | undefined;
  try {
    handle = openSync(path, O_PATH | constants.O_NOFOLLOW);
    if (!fstatSync(handle).isSocket()) throw new Error('not a socket');
    return connect({ path: `/proc/self/fd/${handle}`, allowHalfOpen: true });
  } catch (error) {
    const socket = new Socket();
    return socket.destroy(error as Error);
  } finally {
    // connect(2) on a unix socket has taken place by now.
    if (handle !== undefined) closeSync(handle);
  }
}

const FORWARDER = `
const net = require('node:net');
const { pipeline } = require('node:stream');
const [path, port] = process.argv.slice(1);
net.createServer({ allowHalfOpen: true }, (outside) => {
  const app = net.connect({ host: '127.0.0.1', port: Number(port), allowHalfOpen: true });
  pipeline(outside, app, outside, () => {});
}).listen(path);
`;

/** The command line of the other end, run in the sandbox with the bridge's directory at `directory`. */
export function forwarderCommand(directory: string, port: number): string[] {
  return [process.execPath, '-e', FORWARDER, join(directory, SOCKET_NAME), String(port)];
}
