import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { commitChanges } from './fake-github/git/commits.js';
import { GitStore } from './fake-github/git/store.js';
import type { FileChanges } from './fake-github/git/trees.js';
import { run } from './sample-git.js';

/** A repository as a git host keeps it, written without starting git; what is committed is there once it is pushed. */
export class HostedRepository {
  readonly bare: string;
  private readonly store: GitStore;
  /** What the next commit comes after. */
  head: string | undefined;

  /** At `ROOT/OWNER/NAME.git`, with one commit on main. */
  constructor(root: string, fullName: string) {
    this.bare = path.join(root, `${fullName}.git`);
    mkdirSync(this.bare, { recursive: true });
    this.store = new GitStore(this.bare, { head: 'main' });
    this.commit({ 'README.md': 'hello\n' }, 'First commit');
    this.push('refs/heads/main');
  }

  /** Writes files, commits them as Ada, answers the sha. */
  commit(files: FileChanges, message = 'Change'): string {
    const by = { name: 'Ada', email: 'ada@example.com', time: Math.floor(Date.now() / 1000) };
    return (this.head = commitChanges(this.store, this.head, { files, message, by }));
  }

  push(ref: string): void {
    this.store.setRef(ref, this.head!);
  }

  /** As a git host does it some time after a force-push. */
  forget(): void {
    run(this.bare, 'gc', '--quiet', '--prune=now');
  }
}
