import { firstOf, type RepositoryFiles } from './detector.js';

export interface PackageManager {
  name: 'npm' | 'pnpm' | 'yarn' | 'bun';
  install: string;
  /** Shell that stands in for it where it isn't installed. */
  prelude: string[];
}

/** By `packageManager` of package.json (as Corepack reads it), else by the lockfile, else npm. */
export async function packageManagerOf(
  files: RepositoryFiles,
  declared: string | null,
): Promise<PackageManager> {
  const match = /^(npm|pnpm|yarn|bun)@(\d+\.\d+\.\d+(?:-[\w.]+)?)(?:\+.*)?$/.exec(declared ?? '');
  const version = match?.[2] ?? null;
  switch (match?.[1] ?? byLockfile(files)) {
    case 'pnpm':
      return pnpm(files, version);
    case 'yarn':
      return yarn(files, version);
    case 'bun': {
      const locked = firstOf(files, 'bun.lock', 'bun.lockb') !== null;
      return {
        name: 'bun',
        install: locked ? 'bun install --frozen-lockfile' : 'bun install',
        prelude: [standIn('bun', `bun@${version ?? 'latest'}`)],
      };
    }
    default: {
      const locked = firstOf(files, 'package-lock.json', 'npm-shrinkwrap.json') !== null;
      return { name: 'npm', install: locked ? 'npm ci' : 'npm install', prelude: [] };
    }
  }
}

function byLockfile(files: RepositoryFiles): string {
  const lockfile = firstOf(files, 'package-lock.json', 'npm-shrinkwrap.json', 'pnpm-lock.yaml', 'yarn.lock');
  if (lockfile === 'pnpm-lock.yaml') return 'pnpm';
  if (lockfile === 'yarn.lock') return 'yarn';
  return lockfile === null && firstOf(files, 'bun.lock', 'bun.lockb') ? 'bun' : 'npm';
}

async function pnpm(files: RepositoryFiles, version: string | null): Promise<PackageManager> {
  const lockfile = await files.read('pnpm-lock.yaml');
  const format = Number(/^lockfileVersion:\s*['"]?(\d+)/m.exec(lockfile ?? '')?.[1] ?? 9);
  // Lockfile formats: 5 is written by pnpm up to 7, 6 by pnpm 8, 9 by pnpm 9 and 10.
  const fitting = format <= 5 ? '7' : format <= 6 ? '8' : '10';
  return {
    name: 'pnpm',
    install: lockfile === null ? 'pnpm install' : 'pnpm install --frozen-lockfile',
    prelude: [standIn('pnpm', `pnpm@${version ?? fitting}`)],
  };
}

async function yarn(files: RepositoryFiles, version: string | null): Promise<PackageManager> {
  const lockfile = await files.read('yarn.lock');
  const modern = version === null ? /^__metadata:/m.test(lockfile ?? '') : !/^[01]\./.test(version);
  if (!modern) {
    return {
      name: 'yarn',
      install: lockfile === null ? 'yarn install' : 'yarn install --frozen-lockfile',
      prelude: [standIn('yarn', `yarn@${version ?? '1'}`)],
    };
  }
  const install = lockfile === null ? 'yarn install' : 'yarn install --immutable';
  const committed = /^yarnPath:\s*["']?(\.yarn\/releases\/[\w.-]+\.cjs)["']?\s*$/m.exec(
    (await files.read('.yarnrc.yml')) ?? '',
  );
  if (committed) return { name: 'yarn', install, prelude: [`yarn() { node ${committed[1]} "$@"; }`] };
  // Lockfile versions: 8 is written by Yarn 4, lower ones by Yarn 2 and 3.
  const format = Number(/^__metadata:\s+version: (\d+)/m.exec(lockfile ?? '')?.[1] ?? 8);
  const wanted = version ?? (format >= 8 ? '4' : '3');
  const major = wanted.split('.')[0]!;
  // An installed Yarn of another major version refuses the project.
  const prelude = `[[ "$(yarn --version 2>/dev/null)" == ${major}.* ]] || yarn() { npx --yes --package @yarnpkg/cli-dist@${wanted} yarn "$@"; }`;
  return { name: 'yarn', install, prelude: [prelude] };
}

const standIn = (tool: string, npmPackage: string) =>
  `command -v ${tool} >/dev/null || ${tool}() { npx --yes ${npmPackage} "$@"; }`;
