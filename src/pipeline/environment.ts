import { join } from 'node:path';
import type { PipelineRun } from './stage.js';

/** Where, in the workspace, a command may write `NAME=value` lines for us: out of git's sight. */
export const OUTPUT_FILE = join('.git', 'codegenapp-output');

/** The variables that commands see, beside the sandbox's PATH, HOME and the like. Nothing of the server's own. */
export function commandEnvironment({ spec, port, workspace }: PipelineRun): Record<string, string> {
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
    CODEGENAPP_OUTPUT: join(workspace, OUTPUT_FILE),
  };
}
