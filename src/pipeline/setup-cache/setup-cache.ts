/** Keeps what a setup made, and puts it into the workspaces of later pipelines whose setup would make the same. */
import { chmod, chown, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { messageOf } from '../../domain/errors.js';
import { removeTree } from '../../git/remove-tree.js';
import type { WorkspaceMounts } from '../../git/workspace-mounts.js';
import { readWorkspaceFile } from '../../sandbox/files.js';
import type { PipelineRun } from '../stage.js';
import { fits, judge, listEntries, NotKept, requirePlain, type Entry } from './difference.js';
import { setupKey, type SetupKey } from './key.js';
import { sizeOf, type Layer, type LayerScope, type SetupLayers } from './layers.js';

const MAX_READ_BYTES = 256 * 1024;
/** Downloads that installers keep for the next time and that nothing runs from: not worth copying. */
const DOWNLOADS = ['./.npm/_cacache', './.npm/_logs', './.cache/pip', './.cache/yarn'];

/** Which layers a pipeline may use. */
export interface SetupScope {
  project: string;
  /** The first that has a layer serves. */
  reads: LayerScope[];
  /** Null: none is kept of it. */
  writes: LayerScope | null;
  /** Said of what it keeps. */
  by: string;
  /** Nothing is taken from the cache, only put there. */
  rebuild: boolean;
}

export interface SetupCacheOptions {
  layers: SetupLayers;
  /** Null where files have to be copied. */
  mounts: WorkspaceMounts | null;
  /** See machineFingerprint(). */
  machine: () => Promise<string>;
}

export class SetupCache {
  constructor(private readonly options: SetupCacheOptions) {}

  /** Whether a script can rename every folder of a workspace that is mounted; null where none is. */
  get renamesFolders(): boolean | null {
    return this.options.mounts?.renamesFolders ?? null;
  }

  /** To be called before any code of the commit ran. Null where this pipeline has nothing to do with the cache. */
  async open(run: PipelineRun, script: string): Promise<SetupEntry | null> {
    const { settings, setup: scope, secrets } = run.spec;
    if (!scope || settings.setup_cache === 'off' || !run.tree || process.platform !== 'linux') return null;
    const { layers, mounts, machine } = this.options;
    const key = await setupKey(
      {
        script,
        tree: run.tree,
        read: (path) =>
          readWorkspaceFile(run.workspace, path, MAX_READ_BYTES).then(
            (content) => content.toString('utf8'),
            () => null,
          ),
        environment: settings.environment,
        secrets,
        machine: await machine(),
        place: `${run.tools.sandbox.name} ${process.getuid?.()}`,
      },
      await layers.salt(),
    );
    return new SetupEntry(run, scope, key, layers, run.lower === null ? null : mounts);
  }

  /** Makes workspace and home as they were before anything ran in them. Nothing may run there now. */
  async reset(run: PipelineRun, checkOut: () => Promise<unknown>): Promise<void> {
    const { mounts } = this.options;
    await mounts?.unmount(run.home);
    if (mounts && run.lower !== null && run.isCopied) {
      await mounts.unmount(run.workspace);
      await mounts.release(run.workspace, run.lower);
      run.lower = null;
    }
    if (mounts && run.lower !== null) await mounts.mount(run.workspace, [run.lower]);
    else await empty(run.workspace);
    await empty(run.home);
    const layer = run.suspectLayer ?? run.setupLayer;
    for (const part of layer ? [layer.tree, layer.home] : []) await mounts?.release(run.workspace, part);
    if (run.lower === null) await checkOut();
  }

  async discard(layer: Layer): Promise<void> {
    await this.options.layers.discard(layer);
  }
}

/** One pipeline's view of the cache. */
export class SetupEntry {
  /** What the workspace held before the setup, where that can't be told afterwards. */
  #before: Map<string, Entry> | null = null;

  constructor(
    private readonly run: PipelineRun,
    private readonly scope: SetupScope,
    private readonly key: SetupKey,
    private readonly layers: SetupLayers,
    private readonly mounts: WorkspaceMounts | null,
  ) {}

  /** Puts a layer into the workspace as it is after the checkout. Null where there is none that fits. */
  async restore(): Promise<Layer | null> {
    const { run, mounts, scope } = this;
    if (scope.rebuild) return null;
    const layer = await this.layers.find(scope.project, scope.reads, this.key.key, async ({ tree, home }) => {
      await mounts?.note(run.workspace, tree);
      await mounts?.note(run.home, home);
    });
    if (!layer || !run.tree || !fits(layer, run.tree.files)) return null;
    if (mounts && run.lower !== null) {
      if (layer.hasTree) await mounts.mount(run.workspace, [layer.tree, run.lower]);
      if (layer.hasHome) await mounts.mount(run.home, [layer.home]);
    } else {
      if (layer.hasTree) await copyInto(layer.tree, run.workspace);
      if (layer.hasHome) await copyInto(layer.home, run.home);
    }
    return layer;
  }

  /** To be called before the setup runs, where its outcome may be kept. */
  async begin(): Promise<void> {
    if (this.scope.writes === null || this.mounts) return;
    this.#before = new Map((await listEntries(this.run.workspace)).map((entry) => [entry.path, entry]));
  }

  /**
   * Keeps what a setup that succeeded has made; every process of it is gone.
   * @returns why it is not kept, as a sentence's second half; null where it is, or was never to be
   */
  async keep(): Promise<string | null> {
    const { scope, run } = this;
    if (scope.writes === null || !run.tree) return null;
    try {
      const isThere = await (this.mounts ? this.#move(this.mounts, scope.writes) : this.#copy(scope.writes));
      if (isThere) await this.layers.prune();
      return null;
    } catch (error) {
      if (error instanceof NotKept) return error.message;
      throw error;
    }
  }

  /** @returns whether there is a new layer */
  async #move(mounts: WorkspaceMounts, writes: LayerScope): Promise<boolean> {
    const { run } = this;
    const upper = await mounts.upperOf(run.workspace);
    // What leaves nothing costs less to be run again than to be looked up.
    if ((await readdir(upper)).length + (await readdir(run.home)).length === 0) return false;
    const entries = await listEntries(upper);
    const { roots, dropped } = await this.#judge(entries, upper);
    const home = await this.#judgeHome(entries);
    const draft = await this.layers.draft();
    const tree = join(draft, 'tree');
    if (!(await mounts.moveUpper(run.workspace, tree))) {
      await removeTree(draft);
      throw new NotKept('left its files in use');
    }
    for (const path of dropped) await rm(join(tree, path), { force: true });
    if (home.length > 0) {
      await rename(run.home, join(draft, 'home'));
      await mounts.renew(run.home);
      for (const { path } of home.filter(({ type }) => type === 's')) await rm(join(draft, 'home', path));
    }
    const layer = await this.layers.publish(draft, this.scope.project, writes, this.#about(roots));
    await mounts.mount(run.workspace, [layer.tree, run.lower!]);
    if (layer.hasHome) await mounts.mount(run.home, [layer.home]);
    return true;
  }

  /** As #move(). */
  async #copy(writes: LayerScope): Promise<boolean> {
    const { run } = this;
    const before = this.#before ?? new Map<string, Entry>();
    const after = await listEntries(run.workspace);
    const paths = new Set(after.map(({ path }) => path));
    for (const path of before.keys())
      if (!paths.has(path)) throw new NotKept(`removed ${JSON.stringify(path.slice(0, 200))}`);
    const entries = after.filter(({ path, version }) => before.get(path)?.version !== version);
    const { roots, replaced, dropped } = await this.#judge(entries, run.workspace);
    const home = await this.#judgeHome(entries);
    const draft = await this.layers.draft();
    const left = new Set(dropped);
    const copied = [...roots, ...replaced].filter((path) => !left.has(path));
    try {
      if (copied.length > 0) await copyPaths(run.workspace, join(draft, 'tree'), copied);
      for (const path of dropped) await rm(join(draft, 'tree', path), { force: true });
      if (home.length > 0) await copyHome(run.home, join(draft, 'home'));
      await this.layers.publish(draft, this.scope.project, writes, this.#about(roots));
      return true;
    } catch (error) {
      // The workspace is as it was: the pipeline goes on without.
      await removeTree(draft);
      throw error instanceof NotKept
        ? error
        : new NotKept(`could not be copied (${messageOf(error).slice(0, 200)})`);
    }
  }

  #about(roots: string[]) {
    return { key: this.key.key, by: this.scope.by, roots };
  }

  #judge(entries: Entry[], folder: string) {
    const tracked = this.run.tree!.files;
    return judge({ entries, folder, workspace: this.run.workspace, tracked, keyFiles: this.key.files });
  }

  /** What is in HOME, where it and the rest may be kept. */
  async #judgeHome(rest: Entry[]): Promise<Entry[]> {
    const { home, workspace, tools } = this.run;
    const entries = await listEntries(home);
    for (const entry of entries) await requirePlain(entry, home);
    const { bytes } = sizeOf([...rest, ...entries]);
    if (bytes > (await this.layers.maxLayerBytes()))
      throw new NotKept(`made ${Math.round(bytes / 1024 ** 2)} MiB`);
    if (!tools.sandbox.isolated && (await namesPlace([workspace, home], dirname(workspace))))
      throw new NotKept('wrote the folder of its workspace into files, which is another one each time');
    return entries;
  }
}

/** Whether files or links in folders hold a path. */
async function namesPlace(folders: string[], place: string): Promise<boolean> {
  const options = { stdin: 'ignore', reject: false } as const;
  const files = await execa(
    'grep',
    ['-rlqF', '-D', 'skip', '--exclude-dir=_logs', '-e', place, '--', ...folders],
    options,
  );
  const links = await execa('find', [...folders, '-lname', `*${place}*`, '-print', '-quit'], options);
  return files.exitCode === 0 || links.stdout !== '';
}

/** Removes what is in a folder, whatever its owner did to it. */
async function empty(folder: string): Promise<void> {
  await chmod(folder, 0o700);
  for (const name of await readdir(folder)) await removeTree(join(folder, name));
}

/** Both keep owners, modes, times and links, and follow none. */
async function copyInto(from: string, to: string): Promise<void> {
  await execa('cp', ['-a', '--', `${from}/.`, to], { stdin: 'ignore' });
}

async function copyPaths(from: string, to: string, paths: string[]): Promise<void> {
  const { uid, gid } = await stat(from);
  await mkdir(to, { mode: 0o700 });
  if (process.getuid?.() === 0) await chown(to, uid, gid);
  await execa('xargs', ['-0', 'cp', '-a', '--parents', '-t', to, '--'], {
    cwd: from,
    input: paths.map((path) => `${path}\0`).join(''),
  });
}

async function copyHome(from: string, to: string): Promise<void> {
  const program = 'set -o pipefail; mkdir -m 700 -- "$2"; tar -C "$1" "${@:3}" -cf - . | tar -C "$2" -xpf -';
  const left = DOWNLOADS.map((path) => `--exclude=${path}`);
  await execa('/bin/bash', ['-p', '-c', program, 'copy', from, to, ...left], { stdin: 'ignore' });
}
