import { spawn, type ChildProcess } from 'node:child_process';
import { OperationalError } from '../domain/errors.js';

/**
 * A cat that reads nothing until this process is gone. What a terminal or a service manager tells the whole group is
 * not for it: the mounts stay for as long as pipelines are brought to their end.
 */
const HOLDER = ['/bin/sh', '-c', "trap '' TERM INT HUP; exec /bin/cat"];
const HOLD = ['--user', '--map-root-user', '--mount', '--propagation', 'slave', '--', ...HOLDER];
/** With the groups of this process, and its user, which is root in there. */
const ENTER = ['--preserve-credentials', '--user', '--mount', '--target'];

/**
 * A mount namespace in a user namespace, where a user who is not root may mount (user_namespaces(7)). Programs that
 * are started in it see what is mounted there; this process does not, and nobody else. It ends with this process.
 */
export class MountNamespace {
  private isOver = false;

  private constructor(private readonly holder: ChildProcess) {
    holder.once('exit', () => (this.isOver = true));
  }

  /** Throws where there can't be one, with what unshare(1) says of it. */
  static async open(): Promise<MountNamespace> {
    const holder = spawn('/usr/bin/unshare', HOLD, { env: {}, cwd: '/', detached: true });
    let said = '';
    await new Promise<void>((resolve, reject) => {
      holder.once('error', reject);
      holder.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
      holder.once('close', (code) => reject(new Error(said.trim() || `unshare ended with ${code}`)));
      holder.stdin.once('error', () => undefined).write('\n');
      // That it answers shows that it is in.
      holder.stdout.once('data', () => resolve());
    });
    holder.unref();
    for (const stream of [holder.stdin, holder.stdout, holder.stderr])
      (stream as unknown as { unref(): void }).unref();
    return new MountNamespace(holder);
  }

  /** What to put in front of the command line of a program that is to run in it. */
  get enter(): string[] {
    return ['/usr/bin/nsenter', ...ENTER, this.pid, '--'];
  }

  /** The path by which this process finds what programs in there find at an absolute path. */
  seen(path: string): string {
    return `/proc/${this.pid}/root${path}`;
  }

  /** See proc_pid_mountinfo(5). */
  get mountTable(): string {
    return `/proc/${this.pid}/mountinfo`;
  }

  /** It is gone when all programs in it are. */
  close(): void {
    this.holder.kill('SIGKILL');
  }

  private get pid(): string {
    if (!this.isOver) return String(this.holder.pid);
    throw new OperationalError('The process (cat) that kept what this server has mounted was ended.', {
      advice: 'Start the server again.',
      retryable: true,
    });
  }
}
