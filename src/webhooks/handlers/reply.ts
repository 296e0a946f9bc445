import type { CommandStore } from '../../database/command-store.js';
import type { GitHubRepository } from '../../github/repository.js';

/**
 * Writes a short comment, once for a cause. Our one comment tells the state; this is only for what somebody asked
 * for and did not get, and for what they asked to be told.
 * @param text markdown
 */
export async function replyOnce(
  pullRequestNumber: number,
  text: string,
  cause: string,
  { repository, commands }: { repository: GitHubRepository; commands: CommandStore },
): Promise<void> {
  const marker = `<!-- codegenapp reply ${cause} -->`;
  const mayBeThere = await commands.beginReply(cause);
  if (mayBeThere && (await repository.findComment(pullRequestNumber, marker)) !== null) return;
  await repository.createComment(pullRequestNumber, `${marker}\n${text}`);
}
