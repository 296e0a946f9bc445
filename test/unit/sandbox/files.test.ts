import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { execFileSync, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  findWorkspaceFiles,
  readWorkspaceFile,
  type WorkspaceFileError,
} from '../../../src/sandbox/files.js';

let base: string;
let workspace: string;

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'codegenapp-files-'));
  workspace = join(base, 'workspace');
  await mkdir(join(workspace, 'reports/deep'), { recursive: true });
  await writeFile(join(base, 'secret'), 'secret');
  await writeFile(join(workspace, 'reports/junit.xml'), '<testsuite/>');
});
afterEach(() => rm(base, { recursive: true }));

describe('a file of the workspace', () => {
  it('is read', async () => {
    expect((await readWorkspaceFile(workspace, 'reports/junit.xml', 100)).toString()).toBe('<testsuite/>');
  });

  it.each([
    ['nowhere.xml', 'missing'],
    ['reports/junit.xml/x', 'missing'],
    ['../secret', 'outside'],
    ['reports/../../secret', 'outside'],
    ['/etc/passwd', 'outside'],
    ['', 'outside'],
    ['a\0b', 'outside'],
    ['reports', 'not_a_file'],
    ['x'.repeat(300), 'unreadable'],
  ])('%j is refused as %s', async (path, reason) => {
    await expect(readWorkspaceFile(workspace, path, 100)).rejects.toMatchObject({
      name: 'WorkspaceFileError',
      reason,
    });
  });

  it('is refused when it is bigger than asked for', async () => {
    await expect(readWorkspaceFile(workspace, 'reports/junit.xml', 11)).rejects.toMatchObject({
      reason: 'too_large',
      message: 'reports/junit.xml has 12 bytes, more than 11.',
    });
  });

  it('is refused when it is a link, or behind one, wherever it leads', async () => {
    await symlink('../../secret', join(workspace, 'reports/link.xml'));
    await symlink('junit.xml', join(workspace, 'reports/inner.xml'));
    await symlink(base, join(workspace, 'out'));
    await symlink('loop', join(workspace, 'loop'));
    for (const path of ['reports/link.xml', 'reports/inner.xml', 'out/secret', 'loop']) {
      await expect(readWorkspaceFile(workspace, path, 100)).rejects.toMatchObject({ reason: 'link' });
    }
  });

  it('is refused, not waited for, when it is a FIFO, a socket or a device', async () => {
    // More of them than the thread pool of Node has threads: were one waited for, all would be.
    const fifos = ['a', 'b', 'c', 'd', 'e'].map((name) => join('reports', name));
    execFileSync(
      'mkfifo',
      fifos.map((fifo) => join(workspace, fifo)),
    );
    const server = createServer().listen(join(workspace, 'socket'));
    await once(server, 'listening');
    const refusals = [...fifos, 'socket'].map((path) =>
      expect(readWorkspaceFile(workspace, path, 100)).rejects.toMatchObject({ reason: 'not_a_file' }),
    );
    await Promise.all(refusals);
    server.close();
  });
});

describe('a folder that code still running swaps for a link', () => {
  it('never leads elsewhere', async () => {
    await mkdir(join(base, 'elsewhere'));
    await writeFile(join(base, 'elsewhere/junit.xml'), 'secret');
    await symlink(join(base, 'elsewhere'), join(workspace, 'link'));
    const swapping = spawn(process.execPath, ['-e', SWAP], {
      cwd: workspace,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      await once(swapping.stdout, 'data');
      const reasons = new Set<string>();
      for (let n = 0; n < 3000; n++)
        await readWorkspaceFile(workspace, 'reports/junit.xml', 100).then(
          (content) => expect(content.toString()).toBe('<testsuite/>'),
          ({ reason }: WorkspaceFileError) => reasons.add(reason),
        );
      // Both were met: the folder, and what stood in its place.
      expect(reasons).toContain('link');
    } finally {
      const ended = once(swapping, 'exit');
      swapping.kill('SIGKILL');
      await ended;
    }
  });
});

/** The folder and the link change places without end. */
const SWAP = `
  const { renameSync } = require('node:fs');
  console.log('begun');
  for (;;) {
    renameSync('reports', 'away');
    renameSync('link', 'reports');
    renameSync('reports', 'link');
    renameSync('away', 'reports');
  }`;

describe('files of the workspace', () => {
  it('are found by globs, not through links and not among dependencies', async () => {
    await writeFile(join(workspace, 'reports/deep/TEST-a.xml'), '');
    await writeFile(join(workspace, 'coverage.info'), '');
    await mkdir(join(workspace, 'node_modules/x'), { recursive: true });
    await writeFile(join(workspace, 'node_modules/x/junit.xml'), '');
    await symlink('reports', join(workspace, 'linked'));
    await symlink('reports/junit.xml', join(workspace, 'linked.xml'));
    expect(await findWorkspaceFiles(workspace, ['**/*.xml', 'coverage.*'])).toEqual({
      files: ['coverage.info', 'reports/deep/TEST-a.xml', 'reports/junit.xml'],
      isComplete: true,
    });
  });

  it('are taken out again by a later glob with !, as in every setting of globs', async () => {
    await writeFile(join(workspace, 'reports/deep/b.xml'), '');
    const { files } = await findWorkspaceFiles(workspace, ['**/*.xml', '!**/deep/**']);
    expect(files).toEqual(['reports/junit.xml']);
  });

  it('are found up to the bounds, which it tells', async () => {
    await writeFile(join(workspace, 'reports/deep/b.xml'), '');
    expect(await findWorkspaceFiles(workspace, ['**/*.xml'], { maxFiles: 1 })).toEqual({
      files: ['reports/junit.xml'],
      isComplete: false,
    });
    expect(await findWorkspaceFiles(workspace, ['**/*.xml'], { maxDepth: 2 })).toEqual({
      files: ['reports/junit.xml'],
      isComplete: false,
    });
    expect(await findWorkspaceFiles(workspace, ['**/*.xml'], { maxEntries: 2 })).toMatchObject({
      isComplete: false,
    });
  });
});
