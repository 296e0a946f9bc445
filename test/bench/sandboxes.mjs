/** Runs a script that does nothing, when told to, in a process that is not as large as Jest's: starting depends on that. */
import { chmodSync, chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { runScript } from '../../dist/sandbox/run-script.js';
import { selectSandbox } from '../../dist/sandbox/select.js';
import { sandboxUser } from '../../dist/sandbox/user.js';

const folder = process.argv[2];
// As DATA_DIR's is.
chmodSync(folder, 0o711);
const { sandbox, totals } = await selectSandbox({
  mode: 'auto',
  production: false,
  loopbackOnly: true,
  log: { info: () => undefined, warn: (warning) => process.stderr.write(`${warning}\n`) },
});
const workspace = join(folder, 'workspace');
mkdirSync(workspace);
const user = sandboxUser();
if (user) chownSync(workspace, user.uid, user.gid);
const group = totals?.create();
const output = join(folder, 'log');
const command = { script: 'true', workspace, environment: {}, output, network: 'shared', group };
process.on('message', async () => {
  const began = performance.now();
  await runScript({ sandbox, command });
  process.send({ ms: performance.now() - began });
});
process.on('disconnect', async () => {
  await group?.remove();
  process.exit();
});
process.send({ name: sandbox.name });
