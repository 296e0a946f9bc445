/** How a preview with a public address is recorded as a deployment. */
import { isPublicUrl } from './text.js';

/** Tells ours from other tools' deployments into the same environment. */
export const DEPLOYMENT_TASK = 'deploy:codegenapp-preview';

export interface DeploymentBody {
  ref: string;
  environment: string;
  task: string;
  description: string;
  payload: { pipeline_id: string };
  auto_merge: false;
  required_contexts: string[];
  transient_environment: true;
  production_environment: false;
}

export interface DeploymentStatusBody {
  state: 'success' | 'inactive';
  description: string;
  log_url: string;
  environment_url?: string;
  auto_inactive: false;
}

/** Whether others than this machine can look at a preview there; an address with something hidden in it is none. */
export const isDeployed = (url: string | null): url is string =>
  url !== null && !url.includes('***') && isPublicUrl(url.replace(/^http:/, 'https:'));

/** For the head of a pull request, whatever else reported on it. */
export function renderDeployment(pipeline: {
  id: string;
  headSha: string;
  pullRequestNumber: number;
}): DeploymentBody {
  return {
    ref: pipeline.headSha,
    environment: `preview/pr-${pipeline.pullRequestNumber}`,
    task: DEPLOYMENT_TASK,
    description: `Preview of pull request #${pipeline.pullRequestNumber}`,
    payload: { pipeline_id: pipeline.id },
    auto_merge: false,
    required_contexts: [],
    transient_environment: true,
    production_environment: false,
  };
}

/** @param url where the preview is; null once it has ended */
export function renderDeploymentStatus(url: string | null, pageUrl: string): DeploymentStatusBody {
  // Other tools may deploy into the same environment: what they left there is theirs.
  const common = { log_url: pageUrl, auto_inactive: false } as const;
  return url === null
    ? { ...common, state: 'inactive', description: 'The validation has ended, and the preview with it.' }
    : { ...common, state: 'success', description: 'Up while it is being validated.', environment_url: url };
}
