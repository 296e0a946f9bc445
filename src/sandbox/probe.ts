import { chown, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '../domain/errors.js';
import { runSystem } from '../spawner/system.js';
import type { BubblewrapFeatures } from './bubblewrap-arguments.js';
import { SandboxError, type Sandbox, type SandboxCommand } from './contract.js';
import { sandboxUser } from './user.js';

/**
 * What the installed bubblewrap offers, by its own --help.
 * @throws SandboxError when it can't even say that
 */
export async function readFeatures(program: string): Promise<BubblewrapFeatures> {
  try {
    const help = await runSystem([program, '--help']);
    return { disableUserns: help.includes('--disable-userns'), size: help.includes('--size') };
  } catch (error) {
    throw new SandboxError(`${program} --help failed: ${messageOf(error)}`);
  }
}

/**
 * Runs a script that needs what every stage needs: its workspace, a place for temporary files, and an end.
 * @throws SandboxError saying what did not work
 */
export async function probeSandbox(sandbox: Sandbox, network: SandboxCommand['network']): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'codegenapp-probe-'));
  const output = `${directory}.log`;
  try {
    const user = sandboxUser();
    if (user) await chown(directory, user.uid, user.gid);
    const script = 'echo works > here\ntouch "$TMPDIR/there"\ncat here';
    const run = await sandbox.start({ script, workspace: directory, environment: {}, output, network });
    const { code } = await run.exited;
    await run.stop();
    const said = (await readFile(output, 'utf8')).trim();
    if (code !== 0 || said !== 'works') {
      throw new SandboxError(`The ${sandbox.name} sandbox does not work: ${said || `exit code ${code}`}`);
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
    await rm(output, { force: true });
  }
}
