/** Starts a Chromium of our own and speaks DevTools with it over a pipe: a port could be found by the preview. */
import { spawn, type ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import puppeteer, { type Browser, type ConnectionTransport } from 'puppeteer-core';

export interface BrowserOptions {
  program: string;
  /** An empty folder that belongs to `user`. */
  profile: string;
  proxyPort: number;
  /** Who the browser runs as; ourselves where missing. */
  user?: { uid: number; gid: number };
}

const STARTUP_MS = 20_000;

/** @throws Error with the browser's last words where it does not start */
export async function startBrowser(options: BrowserOptions): Promise<Browser> {
  // Chromium's own sandbox refuses to run as root, and can't where user namespaces are not allowed (in most
  // containers). Then its only walls are the unprivileged user, the proxy, and the process's short life.
  if (process.getuid?.() === 0 && !options.user) return attempt(options, ['--no-sandbox']);
  try {
    return await attempt(options, []);
  } catch (error) {
    if (!/sandbox|namespace/i.test(String(error))) throw error;
    return attempt(options, ['--no-sandbox']);
  }
}

async function attempt(options: BrowserOptions, more: string[]): Promise<Browser> {
  const { program, profile, proxyPort, user } = options;
  const child = spawn(
    program,
    [
      '--headless',
      '--remote-debugging-pipe',
      `--user-data-dir=${profile}`,
      `--proxy-server=http://127.0.0.1:${proxyPort}`,
      // Without this, loopback would be asked directly.
      '--proxy-bypass-list=<-loopback>',
      // The proxy resolves names; what goes around it finds none.
      '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1',
      '--force-webrtc-ip-handling-policy=disable_non_proxied_udp',
      '--webrtc-ip-handling-policy=disable_non_proxied_udp',
      '--disable-quic',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-breakpad',
      '--disable-component-update',
      '--disable-default-apps',
      '--disable-dev-shm-usage',
      '--disable-extensions',
      '--disable-sync',
      '--disk-cache-size=67108864',
      '--hide-scrollbars',
      '--mute-audio',
      '--no-default-browser-check',
      '--no-first-run',
      '--password-store=basic',
      '--use-mock-keychain',
      ...more,
      'about:blank',
    ],
    {
      env: { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: profile, TMPDIR: profile, LANG: 'C.UTF-8' },
      cwd: profile,
      stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
      ...user,
    },
  );
  let said = '';
  child.stderr!.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-4_000)));
  const gone = new Promise<never>((_resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      const words = said.trim().split('\n').slice(-3).join(' ').slice(0, 500);
      reject(new Error(`it ended with ${signal ?? `exit code ${code}`}: ${words}`));
    });
  });
  gone.catch(() => undefined);
  const late = AbortSignal.timeout(STARTUP_MS);
  const tooLate = new Promise<never>((_resolve, reject) => {
    late.onabort = () => reject(new Error(`it did not answer within ${STARTUP_MS / 1000} s`));
  });
  tooLate.catch(() => undefined);
  const connecting = puppeteer.connect({ transport: pipeTransport(child), defaultViewport: null });
  connecting.catch(() => undefined);
  try {
    return await Promise.race([connecting, gone, tooLate]);
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
}

/** DevTools messages over Chromium's descriptors 3 and 4, each ended by a zero byte. */
function pipeTransport(child: ChildProcess): ConnectionTransport {
  const input = child.stdio[3] as Writable;
  const output = child.stdio[4] as Readable;
  let pieces: Buffer[] = [];
  const transport: ConnectionTransport = {
    send: (message) => void input.write(`${message}\0`),
    close: () => input.end(),
  };
  input.on('error', () => undefined);
  output.on('error', () => undefined);
  output.on('close', () => transport.onclose?.());
  output.on('data', (chunk: Buffer) => {
    for (let rest = chunk; ;) {
      const end = rest.indexOf(0);
      pieces.push(end < 0 ? rest : rest.subarray(0, end));
      if (end < 0) return;
      const message = Buffer.concat(pieces).toString();
      pieces = [];
      rest = rest.subarray(end + 1);
      // As with a socket: one message a turn, so that answers are handled in between.
      setImmediate(() => transport.onmessage?.(message));
    }
  });
  return transport;
}
