/** A merge queue wants a group checked on its own sha, or has no use for it any more. */
import { branchOf } from '../../pipeline/start.js';
import type { Payload } from '../events.js';
import type { HandlerDeps } from './deps.js';

export async function onMergeGroup(payload: Payload<'merge_group'>, deps: HandlerDeps): Promise<void> {
  const { action, merge_group: group, repository, installation } = payload;
  const project = await deps.projects.follow(repository, installation?.id);
  if (action === 'checks_requested') return deps.starter.startMergeGroup(project, group);
  await deps.database.write((tx) =>
    deps.pipelines.cancel(
      tx,
      { projectId: project.id, headRef: branchOf(group.head_ref) },
      'The merge queue has no use for this group any more.',
    ),
  );
}
