/** What pipelines keep for each other in DATA_DIR. */
import { checkout, type Checkout, type CheckoutRequest } from '../git/checkout.js';
import { findOverlay } from '../git/find-overlay.js';
import { RepositoryCache } from '../git/repository-cache.js';
import { Trees } from '../git/trees.js';
import { WorkspaceMounts } from '../git/workspace-mounts.js';
import type { Sandbox } from '../sandbox/contract.js';
import { findToolchains } from '../sandbox/toolchains.js';
import { sandboxUser } from '../sandbox/user.js';
import { SetupLayers } from './setup-cache/layers.js';
import { machineFingerprint } from './setup-cache/machine.js';
import { SetupCache } from './setup-cache/setup-cache.js';

export interface Caches {
  repositories: RepositoryCache;
  /** Null where files are copied. */
  trees: Trees | null;
  layers: SetupLayers;
  setupCache: SetupCache;
  /** Into the tree of a workspace of this DATA_DIR. */
  checkout(request: CheckoutRequest): Promise<Checkout>;
  /** One sentence: whether overlays are mounted, and why not. */
  says: string;
}

/**
 * @param dataDir prepared
 * @param sandbox what scripts run in
 * @param options.mount false: files are copied even where overlays could be mounted
 * @param options.setupBytes what the setup cache may take, see SetupLayers
 * @param options.clearWorkspaces see Trees
 */
export async function openCaches(
  dataDir: string,
  sandbox: Sandbox,
  {
    mount = true,
    setupBytes,
    clearWorkspaces,
  }: {
    mount?: boolean | undefined;
    setupBytes?: number | undefined;
    clearWorkspaces?: () => Promise<boolean>;
  } = {},
): Promise<Caches> {
  const repositories = new RepositoryCache({ directory: dataDir });
  const overlay = mount ? await findOverlay(dataDir, sandbox) : 'They are not asked for.';
  const mounts = typeof overlay === 'string' ? null : new WorkspaceMounts(dataDir, overlay, sandboxUser());
  const trees = mounts && new Trees({ directory: dataDir, cache: repositories, mounts, clearWorkspaces });
  const layers = new SetupLayers({ directory: dataDir, maxBytes: setupBytes });
  const toolchains = findToolchains({
    environment: process.env,
    execPath: process.execPath,
    privateDirectories: [dataDir],
  });
  return {
    repositories,
    trees,
    layers,
    setupCache: new SetupCache({ layers, mounts, machine: machineFingerprint(toolchains) }),
    checkout: (request) => (trees ? trees.checkout(request) : checkout(request, repositories)),
    says:
      typeof overlay === 'string'
        ? `Checkouts and cached setups are copied, as overlays are not mounted. ${overlay}`
        : 'Checkouts and cached setups are mounted as overlays: nothing of them is copied.',
  };
}
