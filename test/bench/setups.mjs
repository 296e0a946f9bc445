/** Fills the setup cache, and then takes a setup from it when told to, in a process of the server's size. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { prepareDataDir } from '../../dist/data-dir.js';
import { defaultSettings } from '../../dist/domain/settings.js';
import { Workspaces } from '../../dist/git/workspaces.js';
import { openCaches } from '../../dist/pipeline/caches.js';
import { setupScopeOf } from '../../dist/pipeline/prepare.js';
import { runProgram } from '../../dist/spawner/run.js';
import { seenByPrograms } from '../../dist/spawner/spawner.js';
import { sandbox } from './sandbox.mjs';

const [dataDir, mount, owner, source, sha, npm] = JSON.parse(process.argv[2]);
await prepareDataDir(dataDir);
const caches = await openCaches(dataDir, sandbox, { mount });
const workspaces = new Workspaces({ directory: dataDir, process: 'bench', owner: owner ?? undefined });

async function begin() {
  const workspace = await workspaces.create();
  const into = { into: workspace.tree, owner: owner ?? undefined };
  const { lower, tree } = await caches.checkout({ source, ref: 'refs/heads/main', sha, depth: 1, ...into });
  const asked = {
    trigger: 'event',
    baseRef: 'main',
    isFork: false,
    rebuildSetup: false,
    pullRequestNumber: 1,
  };
  const pipeline = {
    workspace: workspace.tree,
    home: workspace.home,
    lower,
    tree,
    suspectLayer: null,
    isCopied: false,
    setupLayer: null,
    tools: { sandbox },
    spec: {
      settings: defaultSettings(),
      secrets: {},
      setup: setupScopeOf({ projectId: 'project', ...asked }),
    },
  };
  return { workspace, pipeline };
}

async function fill() {
  const { workspace, pipeline } = await begin();
  const entry = await caches.setupCache.open(pipeline, 'npm ci');
  if (!entry) throw new Error('the setup cache is off');
  await entry.begin();
  const commandLine = ['npm', 'ci', '--prefer-offline', ...npm];
  const environment = { PATH: process.env.PATH, HOME: workspace.home };
  const installed = await runProgram({ commandLine, directory: workspace.tree, environment }).result;
  if (installed.code !== 0) throw new Error(installed.stderr);
  const made = join(workspace.tree, 'node_modules');
  if (owner) execFileSync('chown', ['-hR', `${owner.uid}:${owner.gid}`, made]);
  const problem = await entry.keep();
  if (problem) throw new Error(problem);
  await workspaces.remove(workspace.name);
}

process.on('message', async () => {
  const { workspace, pipeline } = await begin();
  const began = performance.now();
  const entry = await caches.setupCache.open(pipeline, 'npm ci');
  const layer = await entry.restore();
  const ms = performance.now() - began;
  if (!layer || !existsSync(join(seenByPrograms(workspace.tree), 'node_modules/express/package.json')))
    throw new Error('nothing was restored');
  await workspaces.remove(workspace.name);
  process.send({ ms });
});
const isMounted = caches.trees !== null;
if (isMounted === mount) await fill();
process.send({ isMounted, says: caches.says });
