/** `npm start`, or a part of it, as a process of its own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const dist = (file: string) => join(import.meta.dirname, '../../dist', file);
const PROGRAMS = {
  server: [dist('server.js')],
  web: [dist('cli.js'), 'start', '--no-worker'],
  worker: [dist('cli.js'), 'worker'],
};

export class ServerProcess {
  readonly lines: string[] = [];
  private readonly ended: Promise<number | null>;

  private constructor(
    private readonly child: ChildProcess,
    readonly port: number,
  ) {
    this.ended = once(child, 'exit').then(([code]) => code as number | null);
    createInterface({ input: child.stdout! }).on('line', (line) => this.lines.push(line));
    createInterface({ input: child.stderr! }).on('line', (line) => this.lines.push(line));
  }

  /**
   * Resolves when it answers; a worker, when it has looked at its sandbox.
   * @param cwd where it looks for `.env`
   * @param through a command line that becomes the one behind it
   */
  static async start(
    cwd: string,
    env: Record<string, string>,
    program: keyof typeof PROGRAMS = 'server',
    through: string[] = [],
  ): Promise<ServerProcess> {
    const port = await freePort();
    const { PATH = '' } = process.env;
    const [file = '', ...args] = [...through, process.execPath, ...PROGRAMS[program]];
    const child = spawn(file, args, {
      cwd,
      env: { PATH, HOST: '127.0.0.1', PORT: String(port), DATA_DIR: cwd, LOG_FILE: '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const server = new ServerProcess(child, port);
    for (;;) {
      const answers =
        program === 'worker'
          ? server.lines.some((line) => line.includes('Pull-request code runs in'))
          : await server.health().catch(() => null);
      if (answers) return server;
      if (child.exitCode !== null) throw new Error(`It ended:\n${server.lines.join('\n')}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  get pid(): number {
    return this.child.pid!;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async health(): Promise<{ code: number; status: string }> {
    const response = await fetch(`${this.url}/health`);
    return { code: response.status, ...((await response.json()) as { status: string }) };
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** The exit code; null where a signal ended it. */
  async exited(): Promise<number | null> {
    return this.ended;
  }

  /** Whatever state it is in. */
  async kill(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGKILL');
    await this.ended;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
