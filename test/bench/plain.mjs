/**
 * Runs scripts in plain shells, all at once, each in a folder of its own, and says how long they took together. In
 * a small process, as a person's shell is: starting one costs what the starting one is large, and Jest's is.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const scripts = JSON.parse(process.argv[2]);
const folders = scripts.map(() => mkdtempSync(join(tmpdir(), 'codegenapp-plain-')));

async function run(script, cwd) {
  const [code] = await once(
    spawn('bash', ['-ec', script], { cwd, stdio: ['ignore', 'ignore', 'inherit'] }),
    'exit',
  );
  if (code !== 0) throw new Error(`exit code ${code} of ${script}`);
}

const began = performance.now();
await Promise.all(scripts.map((script, n) => run(script, folders[n])));
process.send({ ms: performance.now() - began });
for (const folder of folders) rmSync(folder, { recursive: true });
process.disconnect();
