import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** A new temporary folder. */
export const temporaryFolder = (): string => mkdtempSync(path.join(os.tmpdir(), 'codegenapp-git-'));

/** Runs git in a folder as Ada, with no configuration of this machine; answers its output, trimmed. */
export function run(cwd: string, ...args: string[]): string {
  return runWithInput(cwd, undefined, ...args);
}

export function runWithInput(cwd: string, input: string | Buffer | undefined, ...args: string[]): string {
  return execFileSync('git', args, {
    cwd,
    input,
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'pipe'],
    maxBuffer: 64 * 1024 ** 2,
    env: {
      PATH: process.env.PATH,
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_AUTHOR_NAME: 'Ada',
      GIT_AUTHOR_EMAIL: 'ada@example.com',
      GIT_COMMITTER_NAME: 'Ada',
      GIT_COMMITTER_EMAIL: 'ada@example.com',
    },
  }).trim();
}

/** Somebody's working copy, and the bare repository that it is pushed to. */
export class SampleRepository {
  readonly bare: string;
  readonly work: string;

  /** At `ROOT/OWNER/NAME.git`, with one commit on main. */
  constructor(
    root: string,
    readonly fullName: string,
  ) {
    this.bare = path.join(root, `${fullName}.git`);
    this.work = path.join(root, 'work', fullName);
    for (const folder of [this.bare, this.work]) mkdirSync(folder, { recursive: true });
    run(this.bare, 'init', '--bare', '--quiet', '-b', 'main');
    run(this.work, 'init', '--quiet', '-b', 'main');
    run(this.work, 'remote', 'add', 'origin', this.bare);
    this.commit({ 'README.md': 'hello\n' }, 'First commit');
    this.push('refs/heads/main');
  }

  /** Writes files, commits all, answers the sha. */
  commit(files: Record<string, string | Buffer>, message = 'Change'): string {
    for (const [name, content] of Object.entries(files)) {
      const file = path.join(this.work, name);
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, content);
    }
    run(this.work, 'add', '--all', '--force');
    run(this.work, 'commit', '--quiet', '--allow-empty', '-m', message);
    return run(this.work, 'rev-parse', 'HEAD');
  }

  push(ref: string): void {
    run(this.work, 'push', '--quiet', '--force', 'origin', `HEAD:${ref}`);
  }
}

/** Removes folders when a test is done with them. */
export const removeFolder = (folder: string): void =>
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
