/** Comments that hold commands. */
import { commandActions } from '../../commands/actions.js';
import { parseCommands } from '../../commands/parse.js';
import { runCommands } from '../../commands/run.js';
import { isRefusal } from '../../github/repository.js';
import type { Payload } from '../events.js';
import type { HandlerDeps } from './deps.js';
import { replyOnce } from './reply.js';

export async function onIssueComment(payload: Payload<'issue_comment'>, deps: HandlerDeps): Promise<void> {
  const { comment, issue, repository: facts } = payload;
  const body = comment.body ?? '';
  // Nearly all comments hold none: those cost nothing.
  if (!comment.user || !issue.pull_request || parseCommands(body).commands.length === 0) return;
  const project = await deps.projects.follow(facts, payload.installation?.id);
  const repository = await deps.github.repository(project);
  const { commands, log } = deps;
  const causeOf = (id: number, index: number) => `comment:${id}:${index}`;
  await runCommands(
    {
      id: comment.id,
      action: 'created',
      body,
      author: {
        login: comment.user.login,
        isBot: comment.user.type === 'Bot' || comment.user.login.endsWith('[bot]'),
      },
      repository: project.fullName,
      pullRequest: { number: issue.number, author: issue.user?.login ?? '' },
    },
    {
      actions: commandActions(deps, comment.created_at ? { at: new Date(comment.created_at) } : {}),
      permissionOf: (user) => repository.permissionOf(user),
      // A receipt, and only that: the comment may be deleted by now. It is not lost for a fault that passes.
      react: (reaction) =>
        repository.react(comment.id, reaction).catch((error: unknown) => {
          if (!isRefusal(error)) throw error;
          log.warn({ err: error, commentId: comment.id }, 'no reaction was put');
        }),
      reply: (text, cause) => replyOnce(issue.number, text, cause, { repository, commands }),
      alreadyHandled: (id, index) => commands.isHandled(causeOf(id, index)),
      markHandled: (id, index) => commands.markHandled(causeOf(id, index)),
    },
  );
}
