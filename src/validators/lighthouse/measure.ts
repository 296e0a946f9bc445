/** Has pages looked at by a process of their own, with a hard end for it and its browser. */
import { fork } from 'node:child_process';
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compiledModule } from '../../compiled-module.js';
import { messageOf } from '../../domain/errors.js';
import { isReachableBy } from '../../sandbox/paths.js';
import { sandboxUser } from '../../sandbox/user.js';
import type { PageMeasurement } from './page.js';
import type { MeasureAnswer, MeasureRequest } from './page-worker.js';

export interface MeasureOptions extends Omit<MeasureRequest, 'profile' | 'user'> {
  /** For all pages together; what is not done then is missing. */
  timeoutMs: number;
  signal: AbortSignal;
}

export interface Measured {
  /** Those that were done in time, in order. */
  pages: PageMeasurement[];
  /** Why not all of them; empty otherwise. A fault of ours or of the page's slowness. */
  problem: string;
}

/**
 * When this settles, neither the process nor its browser is left. Runs the browser as the scripts' unprivileged
 * user where we are root and that user can reach it.
 * @throws the signal's reason
 */
export async function measurePages({ timeoutMs, signal, ...request }: MeasureOptions): Promise<Measured> {
  signal.throwIfAborted();
  const worker = compiledModule('validators/lighthouse/page-worker.js');
  const profile = await mkdtemp(join(tmpdir(), 'codegenapp-browser-'));
  try {
    const user = sandboxUser();
    const feasible = user && isReachableBy(user, request.program) && isReachableBy(user, profile);
    if (feasible) await chown(profile, user.uid, user.gid);
    return await inChild(worker, { ...request, profile, ...(feasible ? { user } : {}) }, timeoutMs, signal);
  } finally {
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function inChild(
  file: string,
  request: MeasureRequest,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Measured> {
  const pages: PageMeasurement[] = [];
  const child = fork(file, [], {
    // Nothing of the server's environment or flags; a group of its own, to be ended as a whole.
    env: { NODE_ENV: 'production' },
    execArgv: ['--max-old-space-size=1024', '--no-warnings'],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    detached: true,
  });
  const exited = new Promise<void>((resolve) => {
    child.on('exit', () => resolve());
    child.on('error', () => resolve());
  });
  const problem = await new Promise<string>((resolve) => {
    const timer = setTimeout(
      () => resolve(`it took longer than ${Math.round(timeoutMs / 1000)} s`),
      timeoutMs,
    );
    timer.unref();
    signal.addEventListener('abort', () => resolve('it was stopped'), { once: true });
    child.on('error', (error) => resolve(messageOf(error)));
    child.on('exit', (code, by) => resolve(`the measuring process ended with ${by ?? `exit code ${code}`}`));
    child.on('message', (answer: MeasureAnswer) => {
      if ('page' in answer) pages.push(answer.page);
      else resolve('failed' in answer ? answer.failed : '');
    });
    child.send(request, () => undefined);
  });
  if (child.pid !== undefined)
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      // Already gone, all of it.
    }
  await exited;
  signal.throwIfAborted();
  return { pages, problem };
}
