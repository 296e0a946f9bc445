import type { Account } from './accounts.js';
import { webhookEvent, type Change, type WebhookEvent } from './events.js';
import type { Json } from './json/common.js';
import { commentJson, issueJson, labelJson } from './json/issue.js';
import type { FakePullRequest } from './pull-request.js';
import type { FakeRepository } from './repository.js';

export const REACTIONS = ['+1', '-1', 'laugh', 'confused', 'heart', 'hooray', 'rocket', 'eyes'] as const;
export type ReactionContent = (typeof REACTIONS)[number];

export interface Reaction {
  id: number;
  user: Account;
  content: ReactionContent;
  createdAt: Date;
}

export interface Comment {
  id: number;
  author: Account;
  body: string;
  createdAt: Date;
  updatedAt: Date;
  reactions: Reaction[];
  /** Every body it had, oldest first, the current one last. */
  bodies: string[];
}

export interface CommentChange extends Change {
  comment: Comment;
}

/** An issue, and what a pull request has in common with one. */
export class FakeIssue {
  readonly id: number;
  readonly number: number;
  readonly author: Account;
  title: string;
  body: string | null;
  state: 'open' | 'closed' = 'open';
  readonly labels = new Set<string>();
  readonly createdAt = new Date();
  updatedAt = new Date();
  closedAt: Date | undefined;
  private readonly allComments: Comment[] = [];
  private readonly timeline: string[] = [];

  constructor(
    readonly repository: FakeRepository,
    options: { title: string; author?: string; body?: string },
  ) {
    this.id = repository.world.nextId('issue');
    this.number = repository.issues.length + 1;
    this.author = repository.world.user(options.author ?? repository.maintainer);
    this.title = options.title;
    this.body = options.body ?? null;
    repository.issues.push(this);
  }

  get asPullRequest(): FakePullRequest | undefined {
    return undefined;
  }

  // What people do

  /** A comment of someone; `event` is its issue_comment.created. */
  comment(by: string, body: string): CommentChange {
    return this.addComment(this.repository.world.user(by), body);
  }

  editComment(comment: Comment, body: string, by = comment.author.login): CommentChange {
    const from = comment.body;
    this.setCommentBody(comment, body);
    return { comment, event: this.commentEvent('edited', comment, by, { changes: { body: { from } } }) };
  }

  deleteComment(comment: Comment, by = comment.author.login): Change {
    const event = this.commentEvent('deleted', comment, by);
    this.allComments.splice(this.allComments.indexOf(comment), 1);
    this.note(`${by} deleted comment ${comment.id}`);
    return { event };
  }

  /** Sets a label; of a pull request the event is pull_request.labeled. */
  label(name: string, by = this.repository.maintainer): Change {
    this.labels.add(name);
    return { event: this.changedEvent('labeled', by, { label: labelJson(this.repository, name) }) };
  }

  unlabel(name: string, by = this.repository.maintainer): Change {
    this.labels.delete(name);
    return { event: this.changedEvent('unlabeled', by, { label: labelJson(this.repository, name) }) };
  }

  // Looking

  /** Comments, oldest first. */
  comments(): Comment[] {
    return [...this.allComments];
  }

  commentOf(id: number): Comment | undefined {
    return this.allComments.find((comment) => comment.id === id);
  }

  /** Reactions to one comment as `content` and who, oldest first. */
  reactions(comment: number | Comment): { content: ReactionContent; user: string }[] {
    const found = typeof comment === 'number' ? this.commentOf(comment) : comment;
    return (found?.reactions ?? []).map(({ content, user }) => ({ content, user: user.login }));
  }

  /** What happened here, as text. */
  history(): string {
    return [`${this.repository.fullName}#${this.number} ${this.title}`, ...this.timeline].join('\n  ');
  }

  // What the REST API does too

  addComment(author: Account, body: string): CommentChange {
    const now = new Date();
    const comment: Comment = {
      id: this.repository.world.nextId('comment'),
      author,
      body,
      createdAt: now,
      updatedAt: now,
      reactions: [],
      bodies: [body],
    };
    this.allComments.push(comment);
    this.note(`${author.login} commented (${comment.id}): ${body}`);
    return { comment, event: this.commentEvent('created', comment, author.login) };
  }

  setCommentBody(comment: Comment, body: string): void {
    comment.body = body;
    comment.bodies.push(body);
    comment.updatedAt = new Date();
    this.note(`comment ${comment.id} became: ${body}`);
  }

  /** Adds a reaction; undefined where that account had reacted in this way before. */
  react(comment: Comment, user: Account, content: ReactionContent): Reaction | undefined {
    if (comment.reactions.some((each) => each.user === user && each.content === content)) return undefined;
    const id = this.repository.world.nextId('comment');
    const reaction = { id, user, content, createdAt: new Date() };
    comment.reactions.push(reaction);
    this.note(`${user.login} reacted to ${comment.id} with ${content}`);
    return reaction;
  }

  /** Adds a line to the history. */
  note(text: string): void {
    this.updatedAt = new Date();
    this.timeline.push(`${new Date().toISOString().slice(11, 23)} ${text.replaceAll('\n', '\n    ')}`);
    this.repository.world.changed();
  }

  /** An event about this issue itself: of a pull request, a pull_request event. */
  protected changedEvent(action: string, by: string, fields: Json = {}): WebhookEvent {
    const { world } = this.repository;
    this.note(`${action} by ${by}`);
    return webhookEvent(
      world,
      'issues',
      { action, issue: issueJson(world.urls, this), ...fields },
      { sender: world.user(by), repository: this.repository },
    );
  }

  private commentEvent(action: string, comment: Comment, by: string, fields: Json = {}): WebhookEvent {
    const { repository } = this;
    const { world } = repository;
    return webhookEvent(
      world,
      'issue_comment',
      {
        action,
        issue: issueJson(world.urls, this),
        comment: commentJson(world.urls, world.app, this, comment),
        ...fields,
      },
      { sender: world.user(by), repository },
    );
  }
}
