import type { GitStore } from './store.js';

/** One file of a commit: mode 100644, 100755, 120000 (symlink) or 160000 (submodule), and its object. */
export interface TreeFile {
  mode: string;
  sha: string;
}
/** Every file of a commit by its path. */
export type Tree = Map<string, TreeFile>;

/** What a test writes: text, bytes, with a mode (content is the target of a 120000 and the sha of a 160000), or null to delete. */
export type FileChange = string | Buffer | { content: string | Buffer; mode: string } | null;
export type FileChanges = Record<string, FileChange>;

/** The tree with the changes made. Refuses paths that GitHub refuses on push. */
export function changeTree(store: GitStore, tree: Tree, changes: FileChanges): Tree {
  const changed: Tree = new Map(tree);
  for (const [path, change] of Object.entries(changes)) {
    if (path.split('/').some((part) => ['', '.', '..'].includes(part) || part.toLowerCase() === '.git')) {
      throw new Error(`git refuses the path ${JSON.stringify(path)}.`);
    }
    if (change === null) {
      if (!changed.delete(path)) throw new Error(`There is no file ${path} to delete.`);
      continue;
    }
    const { content, mode } =
      typeof change === 'string' || Buffer.isBuffer(change) ? { content: change, mode: '100644' } : change;
    const sha = mode === '160000' ? content.toString() : store.write('blob', Buffer.from(content));
    changed.set(path, { mode, sha });
  }
  return changed;
}

/** Stores the tree objects and returns the root's sha. */
export function writeTree(store: GitStore, files: Tree): string {
  const here: { name: Buffer; mode: string; sha: string }[] = [];
  const below = new Map<string, Tree>();
  for (const [path, file] of files) {
    const slash = path.indexOf('/');
    if (slash < 0) {
      here.push({ name: Buffer.from(path), ...file });
      continue;
    }
    const directory = path.slice(0, slash);
    const inner = below.get(directory) ?? new Map<string, TreeFile>();
    below.set(directory, inner.set(path.slice(slash + 1), file));
  }
  for (const [name, inner] of below) {
    here.push({ name: Buffer.from(name), mode: '40000', sha: writeTree(store, inner) });
  }
  // Git sorts by bytes, a directory as if its name ended with a slash.
  const key = (entry: (typeof here)[number]) =>
    entry.mode === '40000' ? Buffer.concat([entry.name, Buffer.from('/')]) : entry.name;
  here.sort((a, b) => Buffer.compare(key(a), key(b)));
  return store.write(
    'tree',
    Buffer.concat(
      here.flatMap((entry) => [
        Buffer.from(`${entry.mode} `),
        entry.name,
        Buffer.from([0]),
        Buffer.from(entry.sha, 'hex'),
      ]),
    ),
  );
}

/** Every file below a tree object. */
export function readTree(store: GitStore, sha: string, prefix = '', into: Tree = new Map()): Tree {
  const content = store.read(sha)?.content;
  if (!content) throw new Error(`There is no tree ${sha}.`);
  for (let at = 0; at < content.length;) {
    const end = content.indexOf(0, at);
    const header = content.toString('utf8', at, end);
    const space = header.indexOf(' ');
    const mode = header.slice(0, space);
    const path = prefix + header.slice(space + 1);
    const object = content.toString('hex', end + 1, end + 21);
    if (mode === '40000') readTree(store, object, `${path}/`, into);
    else into.set(path, { mode, sha: object });
    at = end + 21;
  }
  return into;
}
