import { existsSync } from 'node:fs';
import type { SandboxCommand, SandboxLimits } from './contract.js';
import { SCRIPT_ENVIRONMENT } from './launcher.js';
import { isWithin } from './paths.js';
import { SANDBOX_HOSTNAME } from './system-files.js';
import type { Toolchains } from './toolchains.js';
import { MARK } from './watchdog.js';

/** What the installed bubblewrap can do beyond the oldest one that is of use. */
export interface BubblewrapFeatures {
  /** --disable-userns, since 0.8.0. */
  disableUserns: boolean;
  /** --size, since 0.7.0. */
  size: boolean;
}

export const STATUS_FD = 4;
const TMP_HOME = '/tmp/home';
const SHM_BYTES = 64 * 1024 ** 2;
/** Where the bridge's directory appears inside. */
export const BRIDGE_DIRECTORY = '/run/codegenapp';

export interface SandboxLayout {
  command: SandboxCommand;
  /** Who the script is inside. */
  user: { uid: number; gid: number };
  limits: SandboxLimits;
  features: BubblewrapFeatures;
  /** See systemArguments() and etcArguments(). */
  system: string[];
  toolchains: Toolchains;
  /** All of it. */
  environment: Record<string, string>;
  /** Directories of the server that must not be seen, also where they lie in /usr. */
  privateDirectories: string[];
  /** Path inside -> file descriptor to read its content from. */
  files: Record<string, number>;
  /** To read keyringFilter() from. */
  filterFd?: number | undefined;
  bridgeDirectory?: string;
  /** The path by which bubblewrap finds a directory of this machine. */
  sourceOf: (path: string) => string;
}

/** HOME inside. */
export function homeOf(command: SandboxCommand): string {
  const home = command.home === undefined ? undefined : (command.inside?.home ?? command.home);
  return command.environment['HOME'] ?? home ?? TMP_HOME;
}

/** The environment of a script. */
export const environmentOf = (command: SandboxCommand, toolchains: Toolchains): Record<string, string> => ({
  PATH: toolchains.path,
  HOME: homeOf(command),
  TMPDIR: '/tmp',
  ...SCRIPT_ENVIRONMENT,
  ...toolchains.environment,
  ...command.environment,
});

/**
 * The options that make the sandbox; later ones cover earlier ones. They hold the environment too (bubblewrap
 * itself must not be started with it: a project's LD_PRELOAD or LD_LIBRARY_PATH would load a pull request's
 * code outside), so they belong on a file descriptor (--args), not on the command line that everyone can read.
 */
export function bubblewrapArguments(layout: SandboxLayout): string[] {
  const { command, limits, features, toolchains, sourceOf } = layout;
  const sized = (bytes: number) => (features.size ? ['--size', String(bytes)] : []);
  const shown = ['/usr', ...toolchains.directories];
  const covered = [...new Set(layout.privateDirectories)].filter(
    (directory) => shown.some((prefix) => isWithin(directory, prefix)) && existsSync(directory),
  );
  // What lies in another one is not there any more once that is covered.
  const hidden = covered.filter(
    (directory) => !covered.some((other) => other !== directory && isWithin(directory, other)),
  );
  const { workspace, home, inside } = command;
  const writable = [
    [workspace, inside?.workspace ?? workspace],
    ...(home === undefined ? [] : [[home, inside?.home ?? home]]),
  ] as const;
  return [
    ...['--unshare-user', '--uid', String(layout.user.uid), '--gid', String(layout.user.gid)],
    // Where bubblewrap itself is root, in a namespace of ours, it would leave them.
    ...['--cap-drop', 'ALL'],
    ...['--unshare-pid', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup-try'],
    ...(features.disableUserns ? ['--disable-userns'] : []),
    ...(command.network === 'none' ? ['--unshare-net'] : []),
    ...['--die-with-parent', '--new-session', '--hostname', SANDBOX_HOSTNAME],
    ...['--tmpfs', '/', ...layout.system],
    ...Object.entries(layout.files).flatMap(([path, fd]) => ['--ro-bind-data', String(fd), path]),
    // The default /dev is writable RAM.
    ...[
      '--proc',
      '/proc',
      '--dev',
      '/dev',
      ...sized(SHM_BYTES),
      '--tmpfs',
      '/dev/shm',
      '--remount-ro',
      '/dev',
    ],
    ...[...sized(limits.tmpBytes), '--tmpfs', '/tmp', '--dir', TMP_HOME],
    ...toolchains.directories.flatMap((directory) => ['--ro-bind', sourceOf(directory), directory]),
    ...hidden.flatMap((directory) => ['--tmpfs', directory]),
    ...writable.flatMap(([directory, place]) => ['--bind', sourceOf(directory), place]),
    ...(layout.bridgeDirectory === undefined
      ? []
      : ['--bind', sourceOf(layout.bridgeDirectory), BRIDGE_DIRECTORY]),
    ...hidden.flatMap((directory) => ['--remount-ro', directory]),
    ...['--remount-ro', '/', '--chdir', '/'],
    ...(layout.filterFd === undefined ? [] : ['--seccomp', String(layout.filterFd)]),
    ...['--json-status-fd', String(STATUS_FD)],
    ...['--unsetenv', MARK],
    ...Object.entries(layout.environment).flatMap(([name, value]) => ['--setenv', name, value]),
  ];
}
