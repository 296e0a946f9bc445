import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Overlay } from '../../src/git/overlay.js';
import { removeFolder, temporaryFolder } from '../support/sample-git.js';

const overlay = new Overlay();

(process.getuid?.() === 0 ? describe : describe.skip)('an overlay (as root)', () => {
  let folder: string;
  beforeEach(() => {
    folder = temporaryFolder();
  });
  afterEach(() => removeFolder(folder));

  it.each([
    ['in a folder whose name overlayfs would take for two', 'data: 1, 2', 'workspaces'],
    ['where workspaces lie on another disk by a link', 'data', '../disk/a/b/workspaces'],
  ])('has what lies below, and keeps what is written to itself, %s', async (_, name, place) => {
    const data = join(folder, name);
    const workspaces = join(data, 'workspaces');
    for (const path of [data, join(data, place)]) mkdirSync(path, { recursive: true });
    if (!existsSync(workspaces)) symlinkSync(place, workspaces);
    const [target, upmost, lowest] = ['workspaces/one/tree', 'trees/upmost', 'trees/lowest'].map((path) =>
      join(data, path),
    ) as [string, string, string];
    for (const path of [target, upmost, lowest]) mkdirSync(path, { recursive: true });
    writeFileSync(join(upmost, 'both'), 'upmost');
    for (const file of ['both', 'below']) writeFileSync(join(lowest, file), 'lowest');
    const layers = join(workspaces, 'one/layers/1');

    const upper = await overlay.mount({ target, lowers: [upmost, lowest], folder: layers });
    try {
      const read = (file: string) => readFileSync(join(target, file), 'utf8');
      expect([read('both'), read('below')]).toEqual(['upmost', 'lowest']);
      writeFileSync(join(target, 'below'), 'written');
      expect(readFileSync(join(upper, 'below'), 'utf8')).toBe('written');
      expect(readFileSync(join(lowest, 'below'), 'utf8')).toBe('lowest');
    } finally {
      await overlay.unmount(target);
    }
    expect(existsSync(join(target, 'both'))).toBe(false);
  });
});
