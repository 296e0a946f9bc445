import type { SandboxCommand, SandboxLimits } from './contract.js';

/** The file descriptor on which the launcher says `started`, and with keepAlive `exit CODE`. */
export const REPORT_FD = 3;
/** Where it waits for a line, with `gate`. */
export const GATE_FD = 4;

/** What scripts find in any sandbox. Without SHELL, bash looks it up in the user database at each start, for 0.4 ms. */
export const SCRIPT_ENVIRONMENT = { LANG: 'C.UTF-8', SHELL: '/bin/bash' };

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
  const script = '/bin/bash -eo pipefail -c "$1" bash';
  const program = [
    ...(gate ? [`read -r <&${GATE_FD} || exit 1`] : []),
    closeForeign(REPORT_FD),
    'exec 2>&1',
    // When memory runs out the kernel should end this, not the server.
    '{ echo 1000 > /proc/self/oom_score_adj; } 2>/dev/null',
    ...limitLines(limits).map((line) => `${line} 2>/dev/null`),
    ...(forwarder.length > 0
      ? [`(/usr/bin/env -i "\${@:3}" </dev/null >/dev/null 2>&1 ${REPORT_FD}>&- &)`]
      : []),
    // If we are gone before bubblewrap could tie itself to us, nobody reads this and nothing runs.
    `echo started >&${REPORT_FD} || exit 1`,
    ENTER,
    ...(wait
      ? [
          `${script} ${REPORT_FD}>&-`,
          `echo "exit $?" >&${REPORT_FD}`,
          `exec ${REPORT_FD}>&-`,
          'exec /bin/sleep infinity',
        ]
      : [`exec ${script} ${REPORT_FD}>&-`]),
  ].join('\n');
  return ['/bin/bash', '-p', '-c', program, 'launcher', command.script, directory, ...forwarder];
}

const ENTER = 'cd -- "$2" && unset OLDPWD || exit 126';

/** Bash that closes what it was started with beyond descriptor `last`. */
function closeForeign(last: number): string {
  return `for fd in /proc/self/fd/*; do fd=\${fd##*/}; ((fd > ${last})) && eval "exec $fd>&-"; done`;
}

/** A limit that is already stricter can't be raised; that is no error. `ulimit -f` and `-d` count in KiB. */
function limitLines(limits: Partial<SandboxLimits>): string[] {
  const lines = ['ulimit -c 0'];
  if (limits.openFiles !== undefined) lines.push(`ulimit -n ${limits.openFiles}`);
  if (limits.fileBytes !== undefined) lines.push(`ulimit -f ${Math.ceil(limits.fileBytes / 1024)}`);
  // RLIMIT_DATA: RLIMIT_AS would break WebAssembly and Chromium, which reserve far more than they use.
  if (limits.memoryBytes !== undefined) lines.push(`ulimit -d ${Math.ceil(limits.memoryBytes / 1024)}`);
  if (limits.processes !== undefined) lines.push(`ulimit -u ${limits.processes}`);
  return lines;
}
