import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { deflateSync, inflateSync } from 'node:zlib';

export type ObjectType = 'blob' | 'tree' | 'commit' | 'tag';
export interface GitObject {
  type: ObjectType;
  content: Buffer;
}

/** GitHub serves any commit of a fork network by its sha, and takes partial clones. */
const CONFIG = `[core]
	repositoryformatversion = 0
	filemode = true
	bare = true
[uploadpack]
	allowTipSHA1InWant = true
	allowReachableSHA1InWant = true
	allowAnySHA1InWant = true
	allowFilter = true
[receive]
	unpackLimit = 100000
	autogc = false
[http]
	receivepack = true
[gc]
	auto = 0
`;

/**
 * A bare git repository, read and written without starting a process: loose objects and loose refs only,
 * which `git http-backend` beside it serves (and, on a push, writes) as any other repository.
 */
export class GitStore {
  private readonly cache = new Map<string, GitObject>();

  /** Creates the repository. A fork shares the objects of its network, as on GitHub. */
  constructor(
    readonly directory: string,
    options: { head: string; network?: GitStore },
  ) {
    mkdirSync(join(directory, 'refs/heads'), { recursive: true });
    writeFileSync(join(directory, 'HEAD'), `ref: refs/heads/${options.head}\n`);
    writeFileSync(join(directory, 'config'), CONFIG);
    if (options.network) {
      symlinkSync(join(options.network.directory, 'objects'), join(directory, 'objects'));
      this.cache = options.network.cache;
    } else {
      mkdirSync(join(directory, 'objects'));
    }
  }

  /** Stores an object and returns its sha. */
  write(type: ObjectType, content: Buffer): string {
    const whole = Buffer.concat([Buffer.from(`${type} ${content.length}\0`), content]);
    const sha = createHash('sha1').update(whole).digest('hex');
    if (!this.cache.has(sha)) {
      const path = this.objectPath(sha);
      mkdirSync(dirname(path), { recursive: true });
      if (!existsSync(path)) writeFileSync(path, deflateSync(whole, { level: 1 }), { mode: 0o444 });
      this.cache.set(sha, { type, content });
    }
    return sha;
  }

  /** The object, or undefined where the repository has none of that sha. */
  read(sha: string): GitObject | undefined {
    const known = this.cache.get(sha);
    if (known || !/^[0-9a-f]{40}$/.test(sha)) return known;
    const path = this.objectPath(sha);
    if (!existsSync(path)) return undefined;
    const whole = inflateSync(readFileSync(path));
    const end = whole.indexOf(0);
    const object = {
      type: whole.toString('latin1', 0, end).split(' ')[0] as ObjectType,
      content: whole.subarray(end + 1),
    };
    this.cache.set(sha, object);
    return object;
  }

  /** The sha of a full ref name such as refs/heads/main. */
  ref(name: string): string | undefined {
    const path = join(this.directory, name);
    try {
      return readFileSync(path, 'utf8').trim();
    } catch {
      return undefined;
    }
  }

  setRef(name: string, sha: string): void {
    const path = join(this.directory, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `${sha}\n`);
  }

  deleteRef(name: string): void {
    rmSync(join(this.directory, name), { force: true });
  }

  /** Names below a prefix such as refs/heads, without it, sorted. */
  refNames(prefix: string): string[] {
    const root = join(this.directory, prefix);
    if (!existsSync(root)) return [];
    return readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(root.length + 1))
      .sort();
  }

  private objectPath(sha: string): string {
    return join(this.directory, 'objects', sha.slice(0, 2), sha.slice(2));
  }
}
