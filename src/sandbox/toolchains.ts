import { existsSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, delimiter, dirname, join, sep } from 'node:path';
import { isWithin } from './paths.js';

export interface Toolchains {
  /** Directories outside the system's that scripts may read, none inside another. */
  directories: string[];
  /** PATH for scripts. */
  path: string;
  /** Variables by which version managers find their files; HOME is another one for scripts. */
  environment: Record<string, string>;
}

const SYSTEM = ['/usr', '/bin', '/sbin', '/lib', '/lib64'];
const DEFAULT_PATH = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/**
 * Directories of a home that hold toolchains and no credentials. Anything else in a home is shown only as far
 * as PATH names it: beside ~/.cargo/bin or ~/.docker/bin lie tokens.
 */
const MANAGERS = [
  '.asdf',
  '.bun/bin',
  '.deno/bin',
  '.fnm',
  '.goenv',
  '.jenv',
  '.local/share/fnm',
  '.local/share/mise',
  '.local/share/pnpm',
  '.nodenv',
  '.nvm',
  '.pyenv',
  '.rbenv',
  '.rustup',
  '.sdkman',
  '.volta',
];
const MANAGER_VARIABLES = [
  'ASDF_DATA_DIR',
  'ASDF_DIR',
  'GOROOT',
  'JAVA_HOME',
  'NVM_DIR',
  'PYENV_ROOT',
  'RBENV_ROOT',
  'RUSTUP_HOME',
  'SDKMAN_DIR',
  'VOLTA_HOME',
];

/**
 * What a script may use of the tools on this machine, from the server's own PATH and the Node it runs on.
 * Never a home directory as a whole, a private directory or anything around one, nor the server's node_modules
 * (npm puts node_modules/.bin of the server on PATH).
 */
export function findToolchains(options: {
  environment: NodeJS.ProcessEnv;
  execPath: string;
  home?: string;
  privateDirectories: string[];
}): Toolchains {
  const { environment, execPath, home = homedir(), privateDirectories } = options;
  const directories = new Set<string>();
  const path: string[] = [];

  const show = (directory: string): boolean => {
    const chosen = [prefixOf(directory, home), directory].find(
      (candidate) => !privateDirectories.some((hidden) => isWithin(hidden, candidate)),
    );
    if (chosen === undefined || privateDirectories.some((hidden) => isWithin(directory, hidden)))
      return false;
    directories.add(chosen);
    return true;
  };

  for (const entry of [...(environment['PATH'] ?? '').split(delimiter), ...DEFAULT_PATH]) {
    const directory = entry.length > 1 ? entry.replace(/\/+$/, '') : entry;
    if (!directory.startsWith(sep) || directory === sep || path.includes(directory)) continue;
    if (directory.includes('/node_modules/') || !existsSync(directory)) continue;
    if (isSystem(directory)) {
      path.push(directory);
      continue;
    }
    // Both names when a link leads there: scripts in it may have been installed under either.
    const real = realpathSync(directory);
    if (show(directory) && (real === directory || isSystem(real) || show(real))) path.push(directory);
  }
  const node = dirname(realpathSync(execPath));
  if (!isSystem(node)) show(node);
  const rustup = environment['RUSTUP_HOME'] ?? join(home, '.rustup');
  if (path.some((directory) => directory.endsWith('/.cargo/bin')) && existsSync(rustup)) show(rustup);

  const shown = [...directories].filter(
    (directory) => ![...directories].some((other) => other !== directory && isWithin(directory, other)),
  );
  const variables: Record<string, string> = {};
  for (const name of MANAGER_VARIABLES) {
    const value = name === 'RUSTUP_HOME' ? rustup : environment[name];
    if (value && (isSystem(value) || shown.some((directory) => isWithin(value, directory)))) {
      variables[name] = value;
    }
  }
  return { directories: shown, path: path.join(delimiter), environment: variables };
}

/** The installation that a directory of executables belongs to, or the directory itself where that is unsafe. */
function prefixOf(directory: string, home: string): string {
  const owner = [home, ...(/^(\/root|\/home\/[^/]+)(?=\/|$)/.exec(directory) ?? [])].find((candidate) =>
    isWithin(directory, candidate),
  );
  if (owner !== undefined) {
    const manager = MANAGERS.map((name) => join(owner, name)).find((name) => isWithin(directory, name));
    return manager ?? directory;
  }
  const parent = dirname(directory);
  const isPrefix = ['bin', 'sbin', 'shims', 'condabin'].includes(basename(directory));
  return isPrefix && parent.split(sep).length > 2 ? parent : directory;
}

function isSystem(path: string): boolean {
  return SYSTEM.some((directory) => isWithin(path, directory));
}
