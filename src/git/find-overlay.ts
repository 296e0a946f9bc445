import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { messageOf } from '../domain/errors.js';
import type { Sandbox } from '../sandbox/contract.js';
import { probeSandbox } from '../sandbox/probe.js';
import { MountNamespace } from '../spawner/mount-namespace.js';
import { seenByPrograms, startWithin } from '../spawner/spawner.js';
import { Overlay } from './overlay.js';
import { removeTree } from './remove-tree.js';

/** One serves the whole process. */
let namespace: Promise<MountNamespace> | undefined;

/**
 * After a real mount, and a script that ran, as it will be for pipelines. Where this process is not root, all programs
 * run in a mount namespace from then on.
 * @param sandbox what scripts run in
 * @returns an Overlay for the directory, or one sentence why there is none
 */
export async function findOverlay(directory: string, sandbox: Sandbox): Promise<Overlay | string> {
  if (process.platform !== 'linux') return 'overlayfs is a part of Linux.';
  if (process.getuid?.() === 0) return probe(new Overlay(), directory);
  // A script that nothing walls off would find itself to be root in there.
  if (!sandbox.isolated) return 'That needs root, or the bubblewrap sandbox.';
  namespace ??= MountNamespace.open();
  try {
    startWithin(await namespace);
    const overlay = await probe(new Overlay(true), directory);
    if (typeof overlay === 'string') throw new Error(overlay);
    await probeSandbox(sandbox, 'shared');
    return overlay;
  } catch (error) {
    const failed = namespace;
    namespace = undefined;
    startWithin(undefined);
    void failed.then(
      (opened) => opened.close(),
      () => undefined,
    );
    return `This server is not root, and can’t mount in a user namespace of its own: ${firstLineOf(error)}`;
  }
}

async function probe(overlay: Overlay, directory: string): Promise<Overlay | string> {
  await mkdir(directory, { recursive: true });
  const place = await mkdtemp(path.join(directory, 'overlay-probe-'));
  try {
    const [lower, target] = [path.join(place, 'lower'), path.join(place, 'target')];
    for (const each of [lower, target]) await mkdir(each);
    await writeFile(path.join(lower, 'file'), 'lower');
    await overlay.mount({ target, lowers: [lower], folder: place });
    const seen = seenByPrograms(target);
    await writeFile(path.join(seen, 'file'), 'upper');
    const found = await Promise.all([lower, seen].map((each) => readFile(path.join(each, 'file'), 'utf8')));
    return found.join() === 'lower,upper' ? overlay : 'A file written to an overlay was not kept apart.';
  } catch (error) {
    return `Mounting is refused: ${firstLineOf(error)}`;
  } finally {
    await removeTree(place);
  }
}

const firstLineOf = (error: unknown): string => messageOf(error).split('\n')[0]!.slice(0, 200);
