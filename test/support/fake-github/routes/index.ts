import { appRoutes } from './app.js';
import { checkRoutes } from './checks.js';
import { contentRoutes } from './contents.js';
import { deliveryRoutes } from './deliveries.js';
import { deploymentRoutes } from './deployments.js';
import { issueRoutes } from './issues.js';
import { pullRoutes } from './pulls.js';
import { repositoryRoutes } from './repositories.js';
import type { Routes } from './route.js';
import { statusRoutes } from './statuses.js';

/** Every operation that is modelled, by its id in GitHub's description. */
export const routes: Routes = {
  ...appRoutes,
  ...checkRoutes,
  ...contentRoutes,
  ...deliveryRoutes,
  ...deploymentRoutes,
  ...issueRoutes,
  ...pullRoutes,
  ...repositoryRoutes,
  ...statusRoutes,
};
