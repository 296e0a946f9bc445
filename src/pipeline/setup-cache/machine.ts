import { createHash } from 'node:crypto';
import { readFile, realpath, stat } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import type { Toolchains } from '../../sandbox/toolchains.js';

/** What setups run, and what native modules are compiled with. */
const PROGRAMS = (
  'bash bun bundle cargo cc cmake composer corepack deno dotnet g++ gcc gem go gradle java javac make mvn node npm ' +
  'php pip pip3 pipenv pnpm poetry python python3 ruby rustc uv yarn'
).split(' ');

/** Where version managers, whose programs are all the same small script, keep what they stand for. */
const CHOICES: Record<string, string[]> = {
  ASDF_DATA_DIR: ['installs'],
  NVM_DIR: ['alias/default', 'versions/node'],
  PYENV_ROOT: ['version', 'versions'],
  RBENV_ROOT: ['version', 'versions'],
  RUSTUP_HOME: ['settings.toml', 'toolchains'],
  SDKMAN_DIR: ['candidates'],
  VOLTA_HOME: ['tools/user/platform.json'],
};

const KEPT_MS = 60_000;

/**
 * Tells one state of this machine's toolchains from another, without running anything: by which files the programs
 * are that scripts find, how long and how old these are, and by the system they are on.
 */
export function machineFingerprint(
  toolchains: Pick<Toolchains, 'path' | 'environment'>,
): () => Promise<string> {
  let known: { until: number; value: Promise<string> } | undefined;
  return () => {
    if (!known || known.until < Date.now())
      known = { until: Date.now() + KEPT_MS, value: fingerprint(toolchains) };
    return known.value;
  };
}

async function fingerprint({ path, environment }: Pick<Toolchains, 'path' | 'environment'>): Promise<string> {
  const folders = path.split(delimiter);
  const programs = PROGRAMS.map(async (name) => {
    for (const folder of folders) {
      const found = await identify(join(folder, name));
      if (found !== null) return `${join(folder, name)} ${found}`;
    }
    return `${name} -`;
  });
  const choices = Object.entries(CHOICES).flatMap(([variable, files]) => {
    const root = environment[variable];
    return root === undefined ? [] : files.map(async (file) => `${file} ${await identify(join(root, file))}`);
  });
  const system = [process.platform, process.arch, await readFile('/etc/os-release', 'utf8').catch(() => '')];
  const lines = [...system, ...(await Promise.all([...programs, ...choices]))];
  return createHash('sha256').update(lines.join('\n')).digest('hex');
}

async function identify(file: string): Promise<string | null> {
  try {
    const real = await realpath(file);
    const { size, mtimeMs } = await stat(real);
    return `${real} ${size} ${mtimeMs}`;
  } catch {
    return null;
  }
}
