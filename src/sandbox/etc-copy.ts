import { lstatSync } from 'node:fs';
import {
  chmod,
  copyFile,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readlink,
  realpath,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openOwnDirectory } from './own-directory.js';

export interface EtcInUse {
  /** What is to be shown as /etc. */
  place: string;
  /** The files in it that were made, not copied: name -> content. */
  made: Readonly<Record<string, string>>;
  /** To be called when nothing that it is shown to runs any more. Safe to call twice. */
  release(): void;
}

interface Copy {
  place: string;
  /** What was copied, and where nothing was, with the time of its last change. */
  seen: Map<string, number>;
  users: Set<object>;
  untilMs: number;
}

/** More is shown as it is: to look at so many for each script costs what the copy spares. */
const MOST_SEEN = 500;
const MOST_BYTES = 16 * 1024 ** 2;
/** Who tidies up temporary files leaves for some days what nobody has read. */
const MOST_AGE_MS = 24 * 60 * 60_000;
/** The kernel's times of changes are no finer than a tick of its clock, 10 ms at the most. */
const TICK_MS = 20;
/** A look takes 0.3 ms, which adds up where many scripts start at once. */
const LOOK_MS = 1_000;
/** What is changing is left alone for a moment. */
const PAUSE_MS = 1_000;
const NOTHING_THERE = -1;

class TooMuch extends Error {}

/**
 * What programs need of /etc as one directory. bubblewrap reads the whole table of mounts again for each thing that
 * it shows, so twenty of them cost a script 3 ms; to see that nothing has changed costs 0.1 ms.
 */
export class EtcCopy {
  private copy: Copy | null = null;
  private making: Promise<void> | null = null;
  private notBefore = 0;
  private lookedAt = -Infinity;

  /**
   * @param names in the source; what is not there is left out, and of the others what not everybody may read
   * @param made files that are put beside them: name -> content
   */
  constructor(
    private readonly names: readonly string[],
    private readonly made: Readonly<Record<string, string>>,
    private readonly source = '/etc',
    private readonly parent: () => Promise<string> = openOwnDirectory,
    private readonly lookMs = LOOK_MS,
  ) {}

  /**
   * A copy that is as the source is now, or was a second ago. Null while there is none: then one is made meanwhile,
   * where that is possible.
   */
  take(): EtcInUse | null {
    const { copy } = this;
    if (copy && performance.now() < copy.untilMs && this.isSame(copy)) {
      const user = {};
      copy.users.add(user);
      return { place: copy.place, made: this.made, release: () => this.release(copy, user) };
    }
    this.copy = null;
    if (copy?.users.size === 0) void discard(copy.place);
    if (performance.now() >= this.notBefore) this.making ??= this.make().finally(() => (this.making = null));
    return null;
  }

  /** When the copy that is being made, if any, is there. */
  async settled(): Promise<void> {
    await this.making;
  }

  private isSame(copy: Copy): boolean {
    const now = performance.now();
    if (now < this.lookedAt + this.lookMs) return true;
    this.lookedAt = now;
    return isAsSeen(copy);
  }

  private release(copy: Copy, user: object): void {
    copy.users.delete(user);
    if (copy.users.size === 0 && copy !== this.copy) void discard(copy.place);
  }

  private async make(): Promise<void> {
    let place: string | undefined;
    try {
      // What changes while it is copied, or later, has then another time.
      await sleep(TICK_MS);
      place = await mkdtemp(join(await this.parent(), 'etc-'));
      const copying = new Copying();
      const untilMs = performance.now() + MOST_AGE_MS;
      const copy: Copy = { place, seen: copying.seen, users: new Set(), untilMs };
      for (const name of this.names) await copying.copyNamed(join(this.source, name), join(place, name));
      for (const [name, content] of Object.entries(this.made)) {
        await writeFile(join(place, name), content);
        await chmod(join(place, name), 0o644);
      }
      await chmod(place, 0o755);
      if (!isAsSeen(copy)) throw new Error(`${this.source} is changing`);
      this.copy = copy;
    } catch (error) {
      // Then the parts are shown one by one, as they are.
      this.notBefore = error instanceof TooMuch ? Infinity : performance.now() + PAUSE_MS;
      if (place !== undefined) await discard(place);
    }
  }
}

class Copying {
  readonly seen = new Map<string, number>();
  private bytes = 0;

  /** What a link leads to, as bubblewrap shows it too. */
  async copyNamed(from: string, to: string): Promise<void> {
    this.note(from, lastChange(from));
    const real = await realpath(from).catch(() => null);
    if (real !== null) await this.copy(real, to);
  }

  private async copy(from: string, to: string): Promise<void> {
    const stats = await lstat(from);
    const isForAll = (needed: number) => (stats.mode & needed) === needed;
    if (stats.isSymbolicLink()) return symlink(await readlink(from), to);
    this.note(from, stats.ctimeMs);
    if (stats.isDirectory() && isForAll(0o005)) {
      await mkdir(to);
      for (const name of await readdir(from)) await this.copy(join(from, name), join(to, name));
      await chmod(to, 0o755);
    } else if (stats.isFile() && isForAll(0o004)) {
      this.bytes += stats.size;
      if (this.bytes > MOST_BYTES) throw new TooMuch();
      await copyFile(from, to);
      await chmod(to, stats.mode & 0o755);
    }
  }

  private note(path: string, changedMs: number): void {
    this.seen.set(path, changedMs);
    if (this.seen.size > MOST_SEEN) throw new TooMuch();
  }
}

const lastChange = (path: string): number =>
  lstatSync(path, { throwIfNoEntry: false })?.ctimeMs ?? NOTHING_THERE;

function isAsSeen({ seen }: Copy): boolean {
  for (const [path, changedMs] of seen) if (lastChange(path) !== changedMs) return false;
  return true;
}

async function discard(place: string): Promise<void> {
  await rm(place, { recursive: true, force: true }).catch(() => undefined);
}
