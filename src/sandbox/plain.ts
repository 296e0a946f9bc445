import { chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '../domain/errors.js';
import { checkCommand } from './check-command.js';
import {
  DEFAULT_SANDBOX_LIMITS,
  SandboxError,
  type Sandbox,
  type SandboxCommand,
  type SandboxProcess,
  type ScriptExit,
} from './contract.js';
import { scriptExit, signalNumber } from './exit-code.js';
import { killAll } from './kill-all.js';
import { GATE_FD, HAS_STARTED, REPORT_FD, launcherArguments, SCRIPT_ENVIRONMENT } from './launcher.js';
import { startMachine } from './machine.js';
import { isReachableBy } from './paths.js';
import { makeOutputFile } from './output-file.js';
import { sendSignal } from './processes.js';
import type { Toolchains } from './toolchains.js';
import { sandboxUser } from './user.js';
import { newMark } from './watchdog.js';

/**
 * Runs scripts without walls, as the sandbox's user when we are root and as ourselves otherwise: for code that is
 * trusted, where bubblewrap can't run. Processes are found by their inherited mark and by descent, so one that
 * cleared its environment and let its parents die escapes, and "> /dev/stderr" empties the output so far; on systems without /proc only the process group is
 * ended. As ourselves the number of processes is not bounded: that limit would count all of ours.
 */
export function plainSandbox({ toolchains }: { toolchains: Toolchains }): Sandbox {
  return {
    name: 'plain',
    isolated: false,
    async start(command) {
      checkCommand(command);
      const temporary = await mkdtemp(join(tmpdir(), 'codegenapp-tmp-'));
      try {
        return await startProcess(command, toolchains, newMark(), temporary);
      } catch (error) {
        await rm(temporary, { recursive: true, force: true });
        throw error instanceof SandboxError
          ? error
          : new SandboxError(`bash can't be started: ${messageOf(error)}`, { cause: error });
      }
    },
  };
}

async function startProcess(
  command: SandboxCommand,
  toolchains: Toolchains,
  mark: string,
  temporary: string,
): Promise<SandboxProcess> {
  const user = sandboxUser();
  if (user) {
    await chown(temporary, user.uid, user.gid);
    if (!isReachableBy(user, command.workspace)) {
      throw new SandboxError(
        `The user of the scripts (uid ${user.uid}) can't enter the directories above ${command.workspace}: ` +
          'set DATA_DIR to a directory under ones that everyone may enter, or do not run as root.',
      );
    }
  }
  const { processes, ...limits } = { ...DEFAULT_SANDBOX_LIMITS, ...command.limits };
  const machine = await startMachine({
    commandLine: launcherArguments(command, user ? { ...limits, processes } : limits, command.workspace, {
      gate: true,
    }),
    environment: {
      PATH: toolchains.path,
      HOME: command.home ?? temporary,
      TMPDIR: temporary,
      ...SCRIPT_ENVIRONMENT,
      ...toolchains.environment,
      ...command.environment,
    },
    mark,
    directory: '/',
    user,
    group: command.group,
    channels: {
      1: makeOutputFile(command.output, user),
      [REPORT_FD]: 'listen',
      [GATE_FD]: { content: Buffer.from('go\n') },
    },
  });

  const { entry: leader } = machine;
  let stopping: Promise<void> | undefined;
  const stop = () =>
    (stopping ??= (async () => {
      machine.kill();
      if (leader) await killAll(mark, leader);
      else sendSignal(-machine.pid, 'SIGKILL');
      await machine.ended;
      await rm(temporary, { recursive: true, force: true });
    })());

  const exited = machine.ended.then(async (end): Promise<ScriptExit> => {
    const stopped = stopping !== undefined;
    if (!command.keepAlive) await stop();
    if (end.error || !HAS_STARTED.test(end.said[REPORT_FD] ?? '')) {
      if (stopped) return { code: null, signal: 'SIGKILL' };
      throw new SandboxError(
        `bash could not run the script: ${end.error?.message ?? end.said[REPORT_FD] ?? ''}`,
      );
    }
    if (end.code !== null) return scriptExit(end.code);
    if (stopped) return { code: null, signal: 'SIGKILL' };
    return { code: 128 + signalNumber(end.signal), signal: end.signal };
  });
  exited.catch(() => undefined);
  await Promise.race([machine.heard(REPORT_FD, HAS_STARTED), exited]);
  return { exited, stop };
}
