import { randomUUID } from 'node:crypto';
import { chownSync, readFileSync, readdirSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeTree } from '../../src/git/remove-tree.js';
import type { SandboxCommand } from '../../src/sandbox/contract.js';
import { sandboxUser } from '../../src/sandbox/user.js';

/** A place for one script, as the checkout makes it; every process of the script carries `marker`. */
export interface SandboxWorkspace {
  base: string;
  marker: string;
  command(script: string, more?: Partial<SandboxCommand>): SandboxCommand;
  output(): Promise<string>;
  remove(): Promise<void>;
}

export async function makeSandboxWorkspace(): Promise<SandboxWorkspace> {
  const base = await mkdtemp(join(tmpdir(), 'codegenapp-test-'));
  await chmod(base, 0o755);
  const marker = `marker-${randomUUID()}`;
  const [workspace, home] = [join(base, 'workspace'), join(base, 'home')];
  const user = sandboxUser();
  for (const directory of [workspace, home]) {
    await mkdir(directory);
    if (user) chownSync(directory, user.uid, user.gid);
  }
  const output = join(base, 'output.log');
  return {
    base,
    marker,
    command: (script, more = {}) => ({
      script,
      workspace,
      home,
      output,
      network: 'shared',
      ...more,
      environment: { MARKER: marker, ...more.environment },
    }),
    output: () => readFile(output, 'utf8'),
    remove: () => removeTree(base),
  };
}

/** Processes with `marker` in their command line or first environment, as `pid command line`. */
export function processesWith(marker: string): string[] {
  const read = (pid: string, file: string) => {
    try {
      return readFileSync(`/proc/${pid}/${file}`, 'latin1').replaceAll('\0', ' ');
    } catch {
      return '';
    }
  };
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => `${read(pid, 'cmdline')}${read(pid, 'environ')}`.includes(marker))
    .map((pid) => `${pid} ${read(pid, 'cmdline')}`);
}
