/** Checks out when told to, in a process of the server's size: starting git costs what the starting process is large. */
import { openCaches } from '../../dist/pipeline/caches.js';
import { Workspaces } from '../../dist/git/workspaces.js';
import { sandbox } from './sandbox.mjs';

const [dataDir, mount, owner] = JSON.parse(process.argv[2]);
const caches = await openCaches(dataDir, sandbox, { mount });
const workspaces = new Workspaces({ directory: dataDir, process: 'bench', owner: owner ?? undefined });
process.on('message', async (asked) => {
  const workspace = await workspaces.create();
  const began = performance.now();
  await caches.checkout({ ...asked, into: workspace.tree, owner: owner ?? undefined });
  const ms = performance.now() - began;
  await workspaces.remove(workspace.name);
  process.send({ ms });
});
process.send({ isMounted: caches.trees !== null, says: caches.says });
