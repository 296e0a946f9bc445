/** The buttons of a check run, and GitHub's own "Re-run". */
import { commandActions } from '../../commands/actions.js';
import { executeCommand } from '../../commands/execute.js';
import { findCommand } from '../../commands/registry.js';
import type { Project, ValidationPipeline } from '../../database/entities/index.js';
import { ActionRefused } from '../../domain/errors.js';
import { codeSpan } from '../../github/text.js';
import type { Payload } from '../events.js';
import type { HandlerDeps } from './deps.js';
import { replyOnce } from './reply.js';

export async function onCheckRun(
  payload: Payload<'check_run'>,
  deps: HandlerDeps,
  deliveryId: string,
): Promise<void> {
  const { action, check_run, sender, repository } = payload;
  const pipeline = check_run.external_id ? await deps.pipelines.find(check_run.external_id) : null;
  // Other Apps' runs are none of ours; neither is one whose number someone wrote into another repository's run.
  if (!pipeline) return;
  const project = await deps.projects.find(pipeline.projectId);
  if (!project || project.repositoryId !== repository.id || !sender) return;

  if (action !== 'rerequested') return pressed(payload, pipeline, project, deps, deliveryId);
  try {
    await deps.actions.retry(pipeline, 'rerequest', { noCache: true });
  } catch (error) {
    if (!(error instanceof ActionRefused)) throw error;
    deps.log.info({ pipelineId: pipeline.id, why: error.message }, 'nothing to run again');
  }
}

/** Buttons are named like the commands that they stand for. Whoever pressed one in vain is told so. */
async function pressed(
  { requested_action, sender }: Payload<'check_run'>,
  pipeline: ValidationPipeline,
  project: Project,
  deps: HandlerDeps,
  deliveryId: string,
): Promise<void> {
  const command = findCommand(requested_action?.identifier ?? '');
  const number = pipeline.pullRequestNumber;
  const cause = `press:${deliveryId}`;
  if (!command || !BUTTONS.includes(command.name) || !sender || number === null) return;
  if (await deps.commands.isHandled(cause)) return;
  const repository = await deps.github.repository(project);
  const result = await executeCommand(
    command,
    {
      repository: project.fullName,
      pullRequestNumber: number,
      pullRequestAuthor: pipeline.author,
      actor: sender.login,
      cause,
    },
    // Who presses "Re-run" trusts nothing that is left of the last time.
    command.name === 'retry' ? '--no-cache' : '',
    {
      actions: commandActions(deps, { pipelineId: pipeline.id }),
      permissionOf: (user) => repository.permissionOf(user),
    },
  );
  if (!result.done) {
    const text = `😕 ${codeSpan(sender.login)} pressed the button \`${command.name}\`: ${result.why}`;
    await replyOnce(number, text, cause, { repository, commands: deps.commands });
  }
  await deps.commands.markHandled(cause);
}

const BUTTONS: readonly string[] = ['fix', 'retry', 'approve', 'confirm'];

export async function onCheckSuite(payload: Payload<'check_suite'>, deps: HandlerDeps): Promise<void> {
  const project = await deps.projects.follow(payload.repository, payload.installation?.id);
  const pipeline = await deps.pipelines.latestOfHead(project.id, payload.check_suite.head_sha);
  if (!pipeline) return;
  try {
    await deps.actions.retry(pipeline, 'rerequest', { noCache: true });
  } catch (error) {
    if (!(error instanceof ActionRefused)) throw error;
    deps.log.info({ pipelineId: pipeline.id, why: error.message }, 'nothing to run again');
  }
}
