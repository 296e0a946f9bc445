import { constants } from 'node:fs';
import { messageOf } from '../domain/errors.js';
import type { Channel } from '../spawner/protocol.js';
import { forwarderCommand, openBridge, type Bridge } from './bridge.js';
import {
  BRIDGE_DIRECTORY,
  STATUS_FD,
  bubblewrapArguments,
  environmentOf,
  homeOf,
  type BubblewrapFeatures,
} from './bubblewrap-arguments.js';
import { checkCommand } from './check-command.js';
import {
  DEFAULT_SANDBOX_LIMITS,
  SandboxError,
  type Sandbox,
  type SandboxCommand,
  type SandboxProcess,
  type ScriptExit,
} from './contract.js';
import { scriptExit } from './exit-code.js';
import {
  HAS_EXITED,
  HAS_STARTED,
  PRELUDE,
  PRELUDE_FILE,
  REPORT_FD,
  launcherArguments,
  preludeFor,
} from './launcher.js';
import { keyringFilter } from './keyring-filter.js';
import { mountForUser, withTextFile } from './mount-for-user.js';
import { startMachine, type Machine } from './machine.js';
import { openOutputPipe } from './output-pipe.js';
import { passTo, type Passage } from './passage.js';
import { unreachable } from './paths.js';
import { isAlive, killNow, readProcess, untilGone, type ProcessEntry } from './processes.js';
import type { EtcInUse } from './etc-copy.js';
import { etcArguments, identityFiles, systemArguments, takeEtc } from './system-files.js';
import type { Toolchains } from './toolchains.js';
import { sandboxUser, type SandboxUser } from './user.js';
import { newMark } from './watchdog.js';

const ARGUMENTS_FD = 3;
const FILTER_FD = 5;
const FIRST_FILE_FD = 6;

export interface BubblewrapOptions {
  /** Absolute path of bwrap. */
  program: string;
  features: BubblewrapFeatures;
  toolchains: Toolchains;
  /** Directories that no script may see, such as DATA_DIR. */
  privateDirectories: string[];
}

/**
 * Runs each script in namespaces of its own by bubblewrap (https://github.com/containers/bubblewrap). The first
 * process of the pid namespace dies with bwrap, bwrap with the spawner and that with this process, and all in the
 * namespace with the first process: so nothing outlives us. (While bwrap is starting these ties are not all made: what
 * then is left of it is found by its mark: see startMachine() and, if we die, the watchdog.)
 */
export function bubblewrapSandbox(options: BubblewrapOptions): Sandbox {
  const system = systemArguments();
  let tools: Promise<Passage> | undefined;
  return {
    name: 'bubblewrap',
    isolated: true,
    async start(command) {
      checkCommand(command);
      const mark = newMark();
      const found = await (tools ??= passTo(options.toolchains.directories));
      const port = command.network === 'none' ? command.expose?.port : undefined;
      const bridge = port === undefined ? undefined : await openBridge(port, sandboxUser());
      const made = { ...identityFiles(userInside(), homeOf(command)), [PRELUDE_FILE]: PRELUDE };
      const etc = takeEtc(made);
      try {
        return await startProcess(options, { system, etc, made, tools: found, mark }, command, bridge);
      } catch (error) {
        etc?.release();
        await bridge?.close();
        throw error instanceof SandboxError
          ? error
          : new SandboxError(`bubblewrap can't be started: ${messageOf(error)}`, { cause: error });
      }
    },
  };
}

interface Surroundings {
  /** See systemArguments(). */
  system: string[];
  etc: EtcInUse | null;
  /** Files of ours in /etc, name -> content. */
  made: Record<string, string>;
  tools: Passage;
  /** The value of MARK. */
  mark: string;
}

const userInside = (): SandboxUser =>
  sandboxUser() ?? { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };

async function startProcess(
  options: BubblewrapOptions,
  { system, etc, made, tools, mark }: Surroundings,
  command: SandboxCommand,
  bridge: Bridge | undefined,
): Promise<SandboxProcess> {
  const { toolchains, features, privateDirectories } = options;
  const limits = { ...DEFAULT_SANDBOX_LIMITS, ...command.limits };
  const user = sandboxUser();

  const sources = [command.workspace, command.home, bridge?.directory, ...tools.closed];
  const closed = user
    ? unreachable(
        user,
        sources.filter((path) => path !== undefined),
      )
    : [];
  // Descriptors have no gaps, and that of the table is behind those of all files.
  const tableFd = FIRST_FILE_FD + Object.keys(made).length;
  const mounted = user && closed.length > 0 ? mountForUser(user, closed, tableFd) : undefined;

  const files = Object.entries(made).filter(
    ([name, content]) => mounted !== undefined || etc?.made[name] !== content,
  );
  const filter = keyringFilter();
  const environment = environmentOf(command, toolchains);
  const directory = command.inside?.workspace ?? command.workspace;
  // A bridge needs the launcher, and so does what is to be asked how its script ended.
  const prelude = bridge || command.keepAlive ? null : preludeFor(command, limits, directory, environment);
  const layout = bubblewrapArguments({
    command,
    user: userInside(),
    limits,
    features,
    system: [...system, ...etcArguments(etc)],
    toolchains,
    environment: { ...environment, ...prelude?.environment },
    privateDirectories,
    files: Object.fromEntries(files.map(([name], index) => [`/etc/${name}`, FIRST_FILE_FD + index])),
    filterFd: filter ? FILTER_FD : undefined,
    bridgeDirectory: bridge?.directory,
    sourceOf: (path) => mounted?.sourceOf(tools.place(path)) ?? tools.place(path),
  });
  const begun =
    prelude?.commandLine ??
    launcherArguments(command, limits, directory, {
      wait: command.keepAlive,
      forwarder: bridge && command.expose ? forwarderCommand(BRIDGE_DIRECTORY, command.expose.port) : [],
    });
  const output = await openOutputPipe(command.output);
  const start = (more: Record<number, Channel> = {}) =>
    startMachine({
      commandLine: [
        ...(mounted?.prefix ?? []),
        ...[options.program, '--args', String(ARGUMENTS_FD), '--', ...begun],
      ],
      environment: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' },
      mark,
      directory: '/',
      user: mounted ? undefined : user,
      // bubblewrap does nothing before it has read its arguments.
      group: command.group,
      channels: {
        1: { open: output.path, flags: constants.O_WRONLY },
        [REPORT_FD]: 'listen',
        [ARGUMENTS_FD]: { content: Buffer.from(layout.map((argument) => `${argument}\0`).join('')) },
        [STATUS_FD]: 'listen',
        [FILTER_FD]: { content: filter ?? Buffer.alloc(0) },
        ...Object.fromEntries(
          files.map(([, content], index) => [FIRST_FILE_FD + index, { content: Buffer.from(content) }]),
        ),
        ...more,
      },
    });
  let machine: Machine;
  try {
    machine = await (mounted
      ? withTextFile(mounted.table, (open) => start({ [tableFd]: { open, flags: constants.O_RDONLY } }))
      : start());
  } finally {
    output.handedOn();
  }

  let first: ProcessEntry | undefined;
  let stopped = false;
  void machine.heard(STATUS_FD, /"child-pid": (\d+)/).then((match) => {
    first = readProcess(Number(match[1]));
  });
  const ended = machine.ended.then(async (end) => {
    // bwrap ends first; the kernel is still ending what was inside.
    await untilGone('The sandbox', () => first === undefined || !isAlive(first));
    etc?.release();
    await bridge?.close();
    await output.written;
    return end;
  });
  const exitedWithAll = ended.then(({ said, error, signal }): ScriptExit => {
    const code = /"exit-code": (\d+)/.exec(said[STATUS_FD] ?? '')?.[1];
    const exit = code === undefined ? undefined : scriptExit(Number(code));
    // Of the two that were killed, bwrap may have seen how the other one ended.
    if (stopped && (!exit || exit.signal === 'SIGKILL')) return { code: null, signal: 'SIGKILL' };
    // bwrap reports a code also when it could not run the launcher.
    if (exit && HAS_STARTED.test(said[REPORT_FD] ?? '')) return exit;
    const why =
      error?.message ?? (said[REPORT_FD]?.trim() || `it was ended by ${signal ?? 'an unknown cause'}`);
    throw new SandboxError(`bubblewrap could not run the script: ${why}`);
  });
  const reported = machine.heard(REPORT_FD, HAS_EXITED).then((match) => scriptExit(Number(match[1])));
  const exited = command.keepAlive ? Promise.race([reported, exitedWithAll]) : exitedWithAll;
  exited.catch(() => undefined);

  await Promise.race([machine.heard(REPORT_FD, HAS_STARTED), exitedWithAll]);
  return {
    exited,
    async stop() {
      stopped = true;
      if (first && isAlive(first)) killNow(first.pid);
      machine.kill();
      await ended;
    },
  };
}
