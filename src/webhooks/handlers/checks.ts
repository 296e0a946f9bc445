/** The buttons of a check run, and GitHub's own "Re-run". */
import { ActionRefused } from '../../pipeline/actions.js';
import type { Payload } from '../events.js';
import type { HandlerDeps } from './deps.js';

export async function onCheckRun(payload: Payload<'check_run'>, deps: HandlerDeps): Promise<void> {
  const { action, check_run, requested_action, sender, repository } = payload;
  const pipeline = check_run.external_id ? await deps.pipelines.find(check_run.external_id) : null;
  // Other Apps' runs are none of ours; neither is one whose number someone wrote into another repository's run.
  if (!pipeline) return;
  const project = await deps.projects.find(pipeline.projectId);
  if (!project || project.repositoryId !== repository.id || !sender) return;

  try {
    if (action === 'rerequested') return void (await deps.actions.retry(pipeline, 'rerequest'));
    if (requested_action?.identifier === 'retry') return void (await deps.actions.retry(pipeline));
    if (requested_action?.identifier !== 'approve') return;
    const permission = await (await deps.github.repository(project)).permissionOf(sender.login);
    if (permission !== 'admin' && permission !== 'write') {
      deps.log.info({ pipelineId: pipeline.id, user: sender.login }, 'approval refused: no write permission');
      return;
    }
    await deps.actions.approve(pipeline, sender.login);
  } catch (error) {
    if (!(error instanceof ActionRefused)) throw error;
    deps.log.info({ pipelineId: pipeline.id, why: error.message }, 'a button had nothing to do');
  }
}

export async function onCheckSuite(payload: Payload<'check_suite'>, deps: HandlerDeps): Promise<void> {
  const project = await deps.projects.follow(payload.repository, payload.installation?.id);
  const pipeline = await deps.pipelines.latestOfHead(project.id, payload.check_suite.head_sha);
  if (!pipeline) return;
  try {
    await deps.actions.retry(pipeline, 'rerequest');
  } catch (error) {
    if (!(error instanceof ActionRefused)) throw error;
    deps.log.info({ pipelineId: pipeline.id, why: error.message }, 'nothing to run again');
  }
}
