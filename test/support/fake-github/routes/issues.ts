import { notFound, validationFailed } from '../api-error.js';
import type { Comment, FakeIssue, ReactionContent } from '../issue.js';
import { commentJson, issueJson, labelJson, reactionJson } from '../json/issue.js';
import {
  created,
  noContent,
  ok,
  onRepository,
  paginated,
  type Need,
  type RepositoryRequest,
  type Routes,
} from './route.js';

const READ: Need[] = ['issues:read', 'pull_requests:read'];
const WRITE: Need[] = ['issues:write', 'pull_requests:write'];
const COMMENT_LENGTH = 65_536;

function issueWith({ repository, params }: RepositoryRequest): FakeIssue {
  const issue = repository.issues.find(({ number }) => number === Number(params['issue_number']));
  if (!issue) throw notFound();
  return issue;
}

function commentWith({ repository, params }: RepositoryRequest): { issue: FakeIssue; comment: Comment } {
  const id = Number(params['comment_id']);
  for (const issue of repository.issues) {
    const comment = issue.commentOf(id);
    if (comment) return { issue, comment };
  }
  throw notFound();
}

function commentBody(request: RepositoryRequest): string {
  const { body } = request.body as { body: string };
  if (body.trim() === '') throw validationFailed('IssueComment', 'body', 'Body can not be blank');
  if ([...body].length > COMMENT_LENGTH) {
    throw validationFailed(
      'IssueComment',
      'body',
      `Body is too long (maximum is ${COMMENT_LENGTH} characters)`,
    );
  }
  return body;
}

const labelsOf = (request: RepositoryRequest, issue: FakeIssue) =>
  [...issue.labels].map((name) => labelJson(request.repository, name));

export const issueRoutes: Routes = {
  'issues/get': onRepository(READ, (request) => ok(issueJson(request.urls, issueWith(request)))),

  'issues/list-comments': onRepository(READ, (request) => {
    const { world, urls, query } = request;
    const issue = issueWith(request);
    const since = new Date(query.get('since') ?? 0);
    const comments = issue.comments().filter((comment) => comment.updatedAt >= since);
    return paginated(request, comments, (comment) => commentJson(urls, world.app, issue, comment));
  }),

  'issues/create-comment': onRepository(WRITE, (request) => {
    const { world, urls, account } = request;
    const issue = issueWith(request);
    const { comment, event } = issue.addComment(account, commentBody(request));
    world.emit(event);
    return created(commentJson(urls, world.app, issue, comment));
  }),

  'issues/get-comment': onRepository(READ, (request) => {
    const { issue, comment } = commentWith(request);
    return ok(commentJson(request.urls, request.world.app, issue, comment));
  }),

  'issues/update-comment': onRepository(WRITE, (request) => {
    const { world, urls, account } = request;
    const { issue, comment } = commentWith(request);
    world.emit(issue.editComment(comment, commentBody(request), account.login).event);
    return ok(commentJson(urls, world.app, issue, comment));
  }),

  'issues/delete-comment': onRepository(WRITE, (request) => {
    const { issue, comment } = commentWith(request);
    request.world.emit(issue.deleteComment(comment, request.account.login).event);
    return noContent;
  }),

  'issues/list-labels-on-issue': onRepository(READ, (request) => {
    const names = [...issueWith(request).labels];
    return paginated(request, names, (name) => labelJson(request.repository, name));
  }),

  'issues/add-labels': onRepository(WRITE, (request) => {
    const issue = issueWith(request);
    const body = request.body as { labels?: (string | { name: string })[] } | string[];
    const labels = Array.isArray(body) ? body : (body.labels ?? []);
    for (const label of labels) {
      const name = typeof label === 'string' ? label : label.name;
      request.world.emit(issue.label(name, request.account.login).event);
    }
    return ok(labelsOf(request, issue));
  }),

  'issues/remove-label': onRepository(WRITE, (request) => {
    const issue = issueWith(request);
    const name = request.params['name'] ?? '';
    if (!issue.labels.has(name)) throw notFound();
    request.world.emit(issue.unlabel(name, request.account.login).event);
    return ok(labelsOf(request, issue));
  }),

  'reactions/list-for-issue-comment': onRepository(READ, (request) => {
    const { comment } = commentWith(request);
    const content = request.query.get('content');
    const reactions = comment.reactions.filter((each) => content === null || each.content === content);
    return paginated(request, reactions, (reaction) => reactionJson(request.urls, reaction));
  }),

  'reactions/create-for-issue-comment': onRepository(WRITE, (request) => {
    const { urls, account } = request;
    const { issue, comment } = commentWith(request);
    const { content } = request.body as { content: ReactionContent };
    const reaction = issue.react(comment, account, content);
    if (reaction) return created(reactionJson(urls, reaction));
    const before = comment.reactions.find((each) => each.user === account && each.content === content)!;
    return ok(reactionJson(urls, before));
  }),

  'reactions/delete-for-issue-comment': onRepository(WRITE, (request) => {
    const { comment } = commentWith(request);
    const at = comment.reactions.findIndex(({ id }) => id === Number(request.params['reaction_id']));
    if (at < 0) throw notFound();
    comment.reactions.splice(at, 1);
    return noContent;
  }),
};
