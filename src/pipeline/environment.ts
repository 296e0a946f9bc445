import { join } from 'node:path';
import type { PipelineRun } from './stage.js';

/** Where, in the workspace, a command may write `NAME=value` lines for us: out of git's sight. */
export const OUTPUT_FILE = join('.git', 'codegenapp-output');

const INSIDE = { workspace: '/var/lib/codegenapp/workspace', home: '/var/lib/codegenapp/home' };

/** Where commands find workspace and HOME: the same in every pipeline, where the sandbox can make it so. */
export function placesInside({ tools, workspace, home }: PipelineRun): typeof INSIDE {
  return tools.sandbox.isolated ? INSIDE : { workspace, home };
}

/** The variables that commands see, beside the sandbox's PATH, HOME and the like. Nothing of the server's own. */
export function commandEnvironment(run: PipelineRun): Record<string, string> {
  const { spec, port } = run;
  return {
    ...spec.settings.environment,
    ...spec.secrets,
    CI: 'true',
    CODEGENAPP: 'true',
    PR_NUMBER: spec.pullRequestNumber === null ? '' : String(spec.pullRequestNumber),
    HEAD_SHA: spec.headSha,
    HEAD_REF: spec.headRef,
    BASE_REF: spec.baseRef,
    REPOSITORY: spec.source.fullName,
    PORT: String(port),
    DEPLOY_URL: `http://127.0.0.1:${port}`,
    CODEGENAPP_OUTPUT: join(placesInside(run).workspace, OUTPUT_FILE),
  };
}
