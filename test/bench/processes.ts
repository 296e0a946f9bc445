/** The processes that are measured: ours as `npm ci` leaves it, and a bare Probot beside it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { load } from './load.js';

const ROOT = join(import.meta.dirname, '../..');
const SCRIPTS = {
  'bare Probot': [join(ROOT, 'test/bench/bare-probot.mjs')],
  web: [join(ROOT, 'dist/cli.js'), 'start', '--no-worker'],
  server: [join(ROOT, 'dist/server.js')],
};

export class MeasuredProcess {
  private constructor(
    private readonly child: ChildProcess,
    private readonly folder: string,
    readonly port: number,
    /** From the start of the process to the answer to its first webhook. */
    readonly startMs: number,
  ) {}

  /**
   * Resolves when a first signed webhook was accepted.
   * @param env App credentials, and what else it shall have
   * @param dataDir of a process that was stopped; without it a new one
   */
  static async start(
    kind: keyof typeof SCRIPTS,
    env: Record<string, string>,
    dataDir?: string,
  ): Promise<MeasuredProcess> {
    const port = await freePort();
    const folder = mkdtempSync(join(tmpdir(), 'codegenapp-bench-'));
    // As /var/lib is.
    chmodSync(folder, 0o755);
    const began = performance.now();
    const child = spawn(process.execPath, SCRIPTS[kind], {
      cwd: folder,
      env: {
        PATH: process.env['PATH'],
        HOST: '127.0.0.1',
        PORT: String(port),
        DATA_DIR: dataDir ?? join(folder, 'data'),
        API_TOKEN: 'a token of the bench',
        NODE_ENV: 'production',
        ...env,
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    for (;;) {
      const ping = {
        port,
        secret: env['WEBHOOK_SECRET']!,
        event: 'ping',
        payload: Buffer.from('{"zen":""}'),
      };
      const first = await load({
        ...ping,
        path: '/api/github/webhooks',
        connections: 1,
        durationMs: 1,
      }).catch(() => null);
      if (first?.accepted) return new MeasuredProcess(child, folder, port, performance.now() - began);
      if (child.exitCode !== null) throw new Error(`${kind} ended: ${said}`);
      await sleep(5);
    }
  }

  get dataDir(): string {
    return join(this.folder, 'data');
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** Resident memory, now. */
  get residentBytes(): number {
    return statusOf(this.pid, 'VmRSS');
  }

  /** The most that was resident since the start. */
  get peakBytes(): number {
    return statusOf(this.pid, 'VmHWM');
  }

  async stop(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const ended = once(this.child, 'exit');
      this.child.kill('SIGTERM');
      const late = setTimeout(() => this.child.kill('SIGKILL'), 5_000);
      await ended;
      clearTimeout(late);
    }
  }

  /** Stops it and removes its data. */
  async end(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function statusOf(pid: number, field: string): number {
  const kilobytes = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(
    readFileSync(`/proc/${pid}/status`, 'utf8'),
  );
  return Number(kilobytes?.[1]) * 1024;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
