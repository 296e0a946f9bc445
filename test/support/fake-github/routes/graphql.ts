import { ApiError } from '../api-error.js';
import type { MergeMethod } from '../git/merge.js';
import { iso, nodeId } from '../json/common.js';
import { mergeableState, mergeRefusal } from '../mergeability.js';
import type { FakePullRequest } from '../pull-request.js';
import type { Actor } from '../tokens.js';
import type { World } from '../world.js';
import { authorize, type Answer } from './route.js';

type Values = Record<string, unknown>;

/** The value of `input:` of a mutation: a variable, or an object of variables, strings and names. */
function inputOf(query: string, mutation: string, variables: Values): Values | undefined {
  const match = new RegExp(`\\b${mutation}\\s*\\(\\s*input\\s*:\\s*(\\$\\w+|\\{[^}]*\\})`).exec(query);
  const source = match?.[1];
  if (source === undefined) return undefined;
  if (source.startsWith('$')) return variables[source.slice(1)] as Values | undefined;
  const input: Values = {};
  for (const [, name = '', value = ''] of source.matchAll(/(\w+)\s*:\s*(\$\w+|"(?:[^"\\]|\\.)*"|\w+)/g)) {
    if (value.startsWith('$')) input[name] = variables[value.slice(1)];
    else input[name] = value.startsWith('"') ? (JSON.parse(value) as unknown) : value;
  }
  return input;
}

const error = (type: string, path: string, message: string): Answer => ({
  status: 200,
  body: {
    data: { [path]: null },
    errors: [{ type, path: [path], locations: [{ line: 1, column: 1 }], message }],
  },
});

/** Why GitHub does not switch auto-merge on. */
function autoMergeRefusal(pull: FakePullRequest, input: Values): string | undefined {
  const state = mergeableState(pull);
  if (!pull.repository.allowAutoMerge) return 'Pull request Auto merge is not allowed for this repository';
  if (pull.state === 'closed') return 'Pull request is closed';
  // Where there is a merge queue, this puts what is ready into it.
  const queue = pull.repository.protections.get(pull.baseRef)?.mergeQueue;
  if (queue ? ['dirty', 'draft'].includes(state) : ['clean', 'unstable', 'dirty', 'draft'].includes(state))
    return `Pull request Pull request is in ${state} status`;
  if (input['expectedHeadOid'] && input['expectedHeadOid'] !== pull.headSha) {
    return `Head sha didn't match expected value ${pull.headSha}.`;
  }
  return undefined;
}

/** The two mutations that CodegenApp uses; undefined: something that is not modelled. The whole answer is given, whatever fields were selected. */
export function answerGraphql(world: World, actor: Actor, body: unknown): Answer | undefined {
  const { query = '', variables = {} } = (body ?? {}) as { query?: string; variables?: Values };
  const mutation = ['enablePullRequestAutoMerge', 'disablePullRequestAutoMerge'].find((name) =>
    new RegExp(`\\b${name}\\s*\\(`).test(query),
  );
  if (!mutation) return undefined;
  const input = inputOf(query, mutation, variables);
  const id = input?.['pullRequestId'];
  const pull = world.repositories
    .flatMap((repository) => repository.pullRequests)
    .find((each) => nodeId('PR', each.id) === id);
  if (!input || !pull) {
    return error('NOT_FOUND', mutation, `Could not resolve to a node with the global id of '${String(id)}'`);
  }
  let account;
  try {
    account = authorize(actor, pull.repository, ['contents:write']);
    authorize(actor, pull.repository, ['pull_requests:write']);
  } catch (refused) {
    if (!(refused instanceof ApiError) || refused.status === 401) throw refused;
    return error('FORBIDDEN', mutation, refused.message);
  }
  const method = (
    typeof input['mergeMethod'] === 'string' ? input['mergeMethod'].toLowerCase() : 'merge'
  ) as MergeMethod;
  if (mutation === 'enablePullRequestAutoMerge') {
    const refusal = autoMergeRefusal(pull, input);
    if (refusal !== undefined) return error('UNPROCESSABLE', mutation, refusal);
    if (!pull.repository.mergeMethods.includes(method)) {
      return error('UNPROCESSABLE', mutation, mergeRefusal(pull, method) ?? 'Merge method is not allowed');
    }
    pull.autoMerge = {
      by: account,
      method,
      title: input['commitHeadline'] as string | undefined,
      message: input['commitBody'] as string | undefined,
    };
    pull.note(`auto-merge (${method}) enabled by ${account.login}`);
  } else {
    if (!pull.autoMerge) {
      return error('UNPROCESSABLE', mutation, "Can't disable auto-merge for this pull request.");
    }
    pull.autoMerge = undefined;
    pull.note(`auto-merge disabled by ${account.login}`);
  }
  const autoMergeRequest = pull.autoMerge
    ? { enabledAt: iso(Date.now()), mergeMethod: method.toUpperCase(), enabledBy: { login: account.login } }
    : null;
  const pullRequest = { id, number: pull.number, state: pull.state.toUpperCase(), autoMergeRequest };
  return {
    status: 200,
    body: { data: { [mutation]: { clientMutationId: null, actor: { login: account.login }, pullRequest } } },
  };
}
