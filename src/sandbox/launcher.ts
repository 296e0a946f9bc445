import type { SandboxCommand, SandboxLimits } from './contract.js';

/** On its stderr the launcher says `started`, and with keepAlive `exit CODE`, beside what goes wrong before. */
export const REPORT_FD = 2;
export const HAS_STARTED = /^started\n/m;
export const HAS_EXITED = /^exit (\d+)\n/m;
/** Where it waits for a line, with `gate`. */
export const GATE_FD = 3;
/** Where that stderr is once the script has its own. */
const KEPT_FD = 3;

/** What scripts find in any sandbox. Without SHELL, bash looks it up in the user database at each start, for 0.4 ms. */
export const SCRIPT_ENVIRONMENT = { LANG: 'C.UTF-8', SHELL: '/bin/bash' };

/** Variables of ours, which are to be no project's. */
const FD = 'codegenapp_fd';
const LIMIT = 'codegenapp_limit';
const BASH = ['/bin/bash', '-eo', 'pipefail', '-c'];
/** If we are gone before bubblewrap could tie itself to us, nobody reads this and nothing runs. */
const STARTED = `echo started >&${KEPT_FD} || exit 1`;

const entering = (directory: string): string => `cd -- "${directory}" && unset OLDPWD || exit 126`;

/**
 * The bash program around a script: sets the limits, points stderr to the output (until then it is ours, for what
 * goes wrong in the machinery), says on REPORT_FD that the script starts, and becomes it.
 * It is run by `bash -p`, which ignores BASH_ENV and functions of the project's environment.
 *
 * @param directory where the script runs. Entered here: code that ran before may have closed it, and that is the
 *   script's failure, not ours
 * @param wait stay alive after the script and report its exit code, for a backend where the end of the launcher
 *   ends everything
 * @param gate wait on GATE_FD until we have done what must come first
 * @param forwarder a command line started beside the script, with an empty environment
 */
export function launcherArguments(
  command: SandboxCommand,
  limits: Partial<SandboxLimits>,
  directory: string,
  {
    wait = false,
    gate = false,
    forwarder = [],
  }: { wait?: boolean; gate?: boolean; forwarder?: string[] } = {},
): string[] {
  const script = `${BASH.join(' ')} "$1" bash`;
  const program = [
    ...(gate ? [`read -r <&${GATE_FD} || exit 1`] : []),
    ...opening(limitsOf(limits).join(' ')),
    ...(forwarder.length > 0
      ? [`(/usr/bin/env -i "\${@:3}" </dev/null >/dev/null 2>&1 ${KEPT_FD}>&- &)`]
      : []),
    STARTED,
    entering('$2'),
    ...(wait
      ? [
          `${script} ${KEPT_FD}>&-`,
          `echo "exit $?" >&${KEPT_FD}`,
          `exec ${KEPT_FD}>&-`,
          'exec /bin/sleep infinity',
        ]
      : [`exec ${script} ${KEPT_FD}>&-`]),
  ].join('\n');
  return ['/bin/bash', '-p', '-c', program, 'launcher', command.script, directory, ...forwarder];
}

const DIRECTORY = 'CODEGENAPP_PRELUDE_DIRECTORY';
const LIMITS = 'CODEGENAPP_PRELUDE_LIMITS';

/** In /etc of a sandbox. */
export const PRELUDE_FILE = 'codegenapp-prelude';

/**
 * The same for the script's own bash to read first, as BASH_ENV says: to start another one for it takes 1.5 ms. Nothing
 * of it is left in that bash when the script begins. (It runs with -e already.)
 */
export const PRELUDE = [
  ...opening(`$${LIMITS}`),
  STARTED,
  entering(`$${DIRECTORY}`),
  `exec ${KEPT_FD}>&-`,
  `unset BASH_ENV ${DIRECTORY} ${LIMITS} ${FD} ${LIMIT}`,
  '',
].join('\n');

/** What makes bash read something else first, or not what BASH_ENV says, or have functions instead of its commands. */
const CHANGES_BASH = /^(BASH|SHELLOPTS$|GLOBIGNORE$|POSIXLY_CORRECT$|SSH2?_CLIENT$)/;

export interface Prelude {
  commandLine: string[];
  environment: Record<string, string>;
}

/**
 * How a script is begun by PRELUDE, which is in PRELUDE_FILE. Null where its environment allows only the launcher.
 * @param environment of the script
 */
export function preludeFor(
  { script }: SandboxCommand,
  limits: Partial<SandboxLimits>,
  directory: string,
  environment: Record<string, string>,
): Prelude | null {
  if (Object.keys(environment).some((name) => CHANGES_BASH.test(name))) return null;
  return {
    commandLine: [...BASH, script, 'bash'],
    environment: {
      BASH_ENV: `/etc/${PRELUDE_FILE}`,
      [DIRECTORY]: directory,
      [LIMITS]: limitsOf(limits).join(' '),
    },
  };
}

/** @param limits words for bash */
function opening(limits: string): string[] {
  return [
    closeForeign(KEPT_FD),
    `exec ${KEPT_FD}>&2 2>&1`,
    // When memory runs out the kernel should end this, not the server.
    '{ echo 1000 > /proc/self/oom_score_adj; } 2>/dev/null || :',
    // One that is already stricter can't be raised; that is no error.
    `for ${LIMIT} in ${limits}; do ulimit "\${${LIMIT}%%=*}" "\${${LIMIT}#*=}" 2>/dev/null || :; done`,
  ];
}

/** Bash that closes what it was started with beyond descriptor `last`. */
function closeForeign(last: number): string {
  return [
    `for ${FD} in /proc/self/fd/*; do ${FD}=\${${FD}##*/}`,
    `((${FD} > ${last})) && eval "exec $${FD}>&-"; done`,
  ].join('; ');
}

/** `ulimit -f` and `-d` count in KiB. */
function limitsOf(limits: Partial<SandboxLimits>): string[] {
  const { openFiles, fileBytes, memoryBytes, processes } = limits;
  const inKib = (bytes: number | undefined) => bytes && Math.ceil(bytes / 1024);
  // RLIMIT_DATA: RLIMIT_AS would break WebAssembly and Chromium, which reserve far more than they use.
  const all = { c: 0, n: openFiles, f: inKib(fileBytes), d: inKib(memoryBytes), u: processes };
  return Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [`-${name}=${value}`]));
}
