import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { removeDeepTree } from '../../src/git/remove-tree.js';
import { OperationalError } from '../../src/domain/errors.js';
import { Workspaces } from '../../src/git/workspaces.js';
import { removeFolder, temporaryFolder } from '../support/sample-git.js';

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => removeFolder(folder));

/** Whether even root can be kept from removing a file (only Linux, and not every file system, knows that). */
function canPin(): boolean {
  const place = temporaryFolder();
  try {
    pin(place, '+i');
    pin(place, '-i');
    return true;
  } catch {
    return false;
  } finally {
    removeFolder(place);
  }
}

const pin = (file: string, attribute: '+i' | '-i') =>
  execFileSync('chattr', [attribute, file], { stdio: 'ignore' });

const mode = (file: string): number => statSync(file).mode & 0o777;

describe('workspaces', () => {
  it('are unpredictable and nobody else may look in', async () => {
    const workspaces = new Workspaces({ directory: folder });
    const [a, b] = [await workspaces.create(), await workspaces.create()];
    expect(a.name).not.toBe(b.name);
    expect([mode(path.dirname(a.folder)), mode(a.folder), mode(a.tree)]).toEqual([0o700, 0o700, 0o700]);
    expect(readdirSync(a.tree)).toEqual([]);
  });

  it('let another user through to its own tree only', async () => {
    if (process.getuid?.() !== 0) return;
    const workspaces = new Workspaces({ directory: folder, owner: { uid: 12345, gid: 12346 } });
    const { folder: own, tree } = await workspaces.create();
    expect([mode(path.dirname(own)), mode(own), mode(tree)]).toEqual([0o711, 0o711, 0o700]);
    expect(statSync(own).uid).toBe(0);
    expect(statSync(tree)).toMatchObject({ uid: 12345, gid: 12346 });
  });

  it('are removed whatever was done to them, and nothing that they link to', async () => {
    const workspaces = new Workspaces({ directory: folder });
    const { name, folder: own, tree } = await workspaces.create();
    const outside = path.join(folder, 'outside');
    mkdirSync(outside);
    writeFileSync(path.join(outside, 'kept'), '');
    symlinkSync(outside, path.join(tree, 'link'));
    mkdirSync(path.join(tree, '-rf/locked'), { recursive: true });
    writeFileSync(path.join(tree, '-rf/locked/file'), '');
    for (const closed of ['-rf/locked', '-rf']) chmodSync(path.join(tree, closed), 0o000);
    await workspaces.remove(name);
    await workspaces.remove(name);
    expect(existsSync(own)).toBe(false);
    expect(readdirSync(outside)).toEqual(['kept']);
    await expect(workspaces.remove('../outside')).rejects.toThrow(TypeError);
  });

  it('are removed together once they are discarded', async () => {
    const workspaces = new Workspaces({ directory: folder });
    const all = await Promise.all(Array.from({ length: 40 }, () => workspaces.create()));
    const [kept, closed] = all;
    mkdirSync(path.join(closed!.tree, 'locked'));
    writeFileSync(path.join(closed!.tree, 'locked/file'), '');
    chmodSync(path.join(closed!.tree, 'locked'), 0o000);
    const complaints: unknown[] = [];
    for (const { name } of all.slice(1)) workspaces.discard(name, (error) => complaints.push(error));
    expect(existsSync(closed!.folder)).toBe(true);
    // Whoever comes second waits for the first, too.
    await expect(Promise.all([workspaces.clear(), workspaces.clear()])).resolves.toEqual([true, true]);
    expect(complaints).toEqual([]);
    expect(readdirSync(path.join(folder, 'workspaces'))).toEqual([kept!.name]);
    await expect(workspaces.clear()).resolves.toBe(false);
  });

  (canPin() ? it : it.skip)('that can’t be removed are told of, and the others are removed', async () => {
    const workspaces = new Workspaces({ directory: folder });
    const [stuck, other] = [await workspaces.create(), await workspaces.create()];
    const file = path.join(stuck.tree, 'file');
    writeFileSync(file, '');
    pin(file, '+i');
    const complaints: unknown[] = [];
    workspaces.discard(stuck.name, (error) => complaints.push(error));
    workspaces.discard(other.name, () => complaints.push('of the other one'));
    await workspaces.clear();
    pin(file, '-i');
    expect(complaints.map(String)).toEqual([expect.stringContaining('Operation not permitted')]);
    expect(readdirSync(path.join(folder, 'workspaces'))).toEqual([stuck.name]);
  });

  it('are removed in linear time, however deep a script made them', async () => {
    const outside = path.join(folder, 'outside');
    const deep = path.join(folder, 'deep');
    for (const directory of [outside, deep]) mkdirSync(directory);
    writeFileSync(path.join(outside, 'kept'), '');
    // Deeper than a path can be long, so in a process that goes there step by step.
    const program = `const { mkdirSync, symlinkSync, writeFileSync } = require('node:fs');
      for (let n = 0; n < 2500; n++) { mkdirSync('d'); process.chdir('d'); }
      writeFileSync('new\\nline', ''); mkdirSync('-rf'); mkdirSync('closed', 0); symlinkSync(${JSON.stringify(outside)}, 'link');`;
    execFileSync(process.execPath, ['-e', program], { cwd: deep });
    await removeDeepTree(deep);
    expect(existsSync(deep)).toBe(false);
    expect(existsSync(path.join(outside, 'kept'))).toBe(true);
  });

  it('that a dead process left are removed, others and other things are not', async () => {
    const living = new Workspaces({ directory: folder, process: 'living' });
    const died = new Workspaces({ directory: folder, process: 'died' });
    const isDead = (process: string) => process === 'died';
    await expect(living.removeStale(isDead)).resolves.toBe(0);
    const [a, b] = [await died.create(), await living.create()];
    const other = path.join(path.dirname(a.folder), 'not-ours');
    mkdirSync(other);
    await expect(living.removeStale(isDead)).resolves.toBe(1);
    expect([a.folder, b.folder, other].map((place) => existsSync(place))).toEqual([false, true, true]);
  });

  it('that a process was making or removing when it died are removed, those of a living one are not', async () => {
    const workspaces = new Workspaces({ directory: folder, process: 'living' });
    const { folder: known } = await workspaces.create();
    const place = (name: string) => path.join(path.dirname(known), name.repeat(32));
    symlinkSync('died', `${place('a')}.process`);
    symlinkSync('died', `${place('b')}.process`);
    mkdirSync(place('b'));
    mkdirSync(place('c'));
    symlinkSync('living', `${place('d')}.process`);
    mkdirSync(place('d'));
    await workspaces.removeStale((process) => process === 'died');
    expect(readdirSync(path.dirname(known)).sort()).toEqual(
      [path.basename(known), 'd'.repeat(32), `${'d'.repeat(32)}.process`].sort(),
    );
  });

  it('tell whose they are for as long as there is something in them', async () => {
    const workspaces = new Workspaces({ directory: folder, process: 'somebody' });
    // The names of what else is in them, and so the order in which a folder has them, are not ours to choose.
    for (let n = 0; n < 5; n++) {
      const { name, folder: own } = await workspaces.create();
      const others = Array.from({ length: 40 }, (_, i) => path.join(own, `${n}-${i}`));
      for (const other of others) writeFileSync(other, '');
      let isGone = false;
      const removed = workspaces.remove(name).then(() => (isGone = true));
      while (!isGone) {
        const isTold = lstatSync(path.join(own, 'process'), { throwIfNoEntry: false }) !== undefined;
        // Looked for afterwards: what is still there now was there then.
        if (!isTold) expect(others.filter((other) => existsSync(other))).toEqual([]);
        await new Promise((resolve) => setImmediate(resolve));
      }
      await removed;
    }
  });

  it('are not made on a disk that is nearly full', async () => {
    const error: unknown = await new Workspaces({ directory: folder, minFreeBytes: 2 ** 60 })
      .create()
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(OperationalError);
    expect(error).toMatchObject({ retryable: true });
    expect((error as Error).message).toMatch(/^The disk of this server is nearly full: [\d.]+ GiB free, /);
  });

  it('that are discarded give way where the disk is nearly full', async () => {
    const workspaces = new Workspaces({ directory: folder });
    const { name, folder: own } = await workspaces.create();
    const full = new Workspaces({ directory: folder, minFreeBytes: 2 ** 60 });
    full.discard(name, () => undefined);
    await expect(full.create()).rejects.toThrow('nearly full');
    expect(existsSync(own)).toBe(false);
  });
});
