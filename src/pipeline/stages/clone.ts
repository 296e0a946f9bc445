import { skipMarker } from '../../domain/admission.js';
import { OperationalError } from '../../domain/errors.js';
import { RepositoryError } from '../../git/errors.js';
import { sandboxUser } from '../../sandbox/user.js';
import type { Checkout } from '../../git/checkout.js';
import { readWorkspaceFile } from '../../sandbox/files.js';
import { detectCommands } from '../detect.js';
import type { PipelineRun, Stage, StageResult } from '../stage.js';

const MAX_MANIFEST_BYTES = 1024 * 1024;

/** Checks the head out, and finds out which commands there are. */
export const clone: Stage = {
  name: 'clone',
  needs: [],
  async run(run) {
    const { spec } = run;
    let head: Checkout;
    try {
      head = await checkOut(run);
    } catch (error) {
      // A head that is no longer there is nobody's fault: whatever replaced it has a validation of its own.
      if (error instanceof RepositoryError && error.reason === 'gone')
        return over('cancelled', error.message);
      throw error;
    }
    const marker = spec.heedSkipMarkers ? skipMarker('', head.message) : null;
    if (marker !== null) return over('skipped', marker);
    run.tree = head.tree;
    run.files = new Set(run.tree.files.keys());
    await chooseCommands(run);
    return { conclusion: 'success', summary: `Checked out ${spec.headSha.slice(0, 7)}` };
  },
};

/** Fills the workspace with the head. @param again it was there a moment ago. Throws as checkout. */
export async function checkOut(run: PipelineRun, again = false): Promise<Checkout> {
  const { spec, tools } = run;
  const owner = sandboxUser();
  const token = await tools.gitToken();
  try {
    const checkout = await tools.checkout({
      source: { ...spec.source, ...(token ? { token: token.token } : {}) },
      ref: spec.fetchRef,
      sha: spec.headSha,
      into: run.workspace,
      depth: spec.settings.clone_depth,
      ...(owner ? { owner } : {}),
      again,
      isCopied: run.isCopied,
      signal: run.signal,
    });
    run.lower = checkout.lower;
    return checkout;
  } catch (error) {
    if (!isRefusal(error) || !token?.refused()) throw error;
    // It was good a moment ago, and was revoked or its App suspended since: the next attempt takes another one.
    throw new OperationalError(error.message, { advice: error.advice, retryable: true, cause: error });
  }
}

const isRefusal = (error: unknown): error is RepositoryError =>
  error instanceof RepositoryError && (error.reason === 'denied' || error.reason === 'missing_repository');

const over = (conclusion: 'cancelled' | 'skipped', reason: string): StageResult => ({
  conclusion,
  summary: reason,
  end: { conclusion, reason },
});

/** What the settings say; where they say nothing at all, what the repository looks like. */
async function chooseCommands(run: PipelineRun): Promise<void> {
  const { setup_commands: setup, deploy_commands: deploy, test_commands: test } = run.spec.settings;
  if (setup !== null || deploy !== null || test !== null) {
    run.commands = { setup, deploy, test };
    return;
  }
  const { notes, ...commands } = await detectCommands({
    list: run.files,
    read: (path) =>
      readWorkspaceFile(run.workspace, path, MAX_MANIFEST_BYTES).then(
        (content) => content.toString('utf8'),
        () => null,
      ),
  });
  run.commands = commands;
  run.results.notes.push(...notes);
}
