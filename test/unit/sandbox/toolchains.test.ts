import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findToolchains } from '../../../src/sandbox/toolchains.js';

describe('toolchains for scripts', () => {
  let base: string;
  let home: string;

  beforeEach(async () => {
    base = await realpath(await mkdtemp(join(tmpdir(), 'codegenapp-toolchains-')));
    home = join(base, 'me');
    const directories = [
      '.cargo/bin',
      '.rustup',
      '.nvm/versions/node/v20/bin',
      '.docker/bin',
      '.pyenv/shims',
    ];
    for (const directory of directories) await mkdir(join(home, directory), { recursive: true });
    for (const directory of ['tools/bin', 'app/node_modules/.bin', 'app/data/bin']) {
      await mkdir(join(base, directory), { recursive: true });
    }
  });
  afterEach(() => rm(base, { recursive: true }));

  const find = (path: string[], more: { environment?: NodeJS.ProcessEnv; execPath?: string } = {}) =>
    findToolchains({
      environment: { PATH: path.join(':'), ...more.environment },
      execPath: more.execPath ?? '/usr/bin/env',
      home,
      privateDirectories: [join(base, 'app')],
    });

  it('are the installation around a directory of executables', () => {
    const { directories, path } = find([join(base, 'tools/bin'), '/usr/bin']);
    expect(directories).toEqual([join(base, 'tools')]);
    expect(path.split(':').slice(0, 2)).toEqual([join(base, 'tools/bin'), '/usr/bin']);
  });

  it('of a home only the known ones, and else no more than PATH names', () => {
    const { directories } = find(
      ['.nvm/versions/node/v20/bin', '.pyenv/shims', '.docker/bin'].map((name) => join(home, name)),
    );
    expect(directories).toEqual(['.nvm', '.pyenv', '.docker/bin'].map((name) => join(home, name)));
  });

  it('with the variables that lead to them, since HOME is another one inside', () => {
    const { directories, environment } = find([join(home, '.cargo/bin'), join(home, '.pyenv/shims')], {
      environment: { PYENV_ROOT: join(home, '.pyenv'), JAVA_HOME: join(home, 'secret') },
    });
    expect(directories).toEqual(['.cargo/bin', '.pyenv', '.rustup'].map((name) => join(home, name)));
    expect(environment).toEqual({ PYENV_ROOT: join(home, '.pyenv'), RUSTUP_HOME: join(home, '.rustup') });
  });

  it('never what is private, what npm adds, or what does not exist', () => {
    const paths = ['app/node_modules/.bin', 'app/data/bin', 'nowhere/bin'].map((name) => join(base, name));
    const { directories, path } = find([...paths, 'relative', '']);
    expect(directories).toEqual([]);
    expect(path).not.toContain(base);
  });

  it('never a directory around a private one', async () => {
    await mkdir(join(base, 'bin'));
    expect(find([join(base, 'bin')]).directories).toEqual([join(base, 'bin')]);
  });

  it('under both names where a link leads to them', async () => {
    await symlink(join(base, 'tools'), join(base, 'current'));
    expect(find([join(base, 'current/bin')]).directories).toEqual([
      join(base, 'current'),
      join(base, 'tools'),
    ]);
  });

  it('with the Node that runs us', async () => {
    const execPath = join(home, '.nvm/versions/node/v20/bin/node');
    await writeFile(execPath, '');
    expect(find([], { execPath }).directories).toEqual([join(home, '.nvm')]);
  });
});
