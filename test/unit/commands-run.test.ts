import { beforeEach, describe, expect, it } from '@jest/globals';
import type { CommandActions, CommandResult, Permission } from '../../src/commands/contract.js';
import { executeCommand } from '../../src/commands/execute.js';
import { helpText } from '../../src/commands/help.js';
import { COMMANDS, findCommand } from '../../src/commands/registry.js';
import { runCommands } from '../../src/commands/run.js';
import type { CommentFacts, RunCommandsDeps } from '../../src/commands/run.js';
import { OperationalError } from '../../src/domain/errors.js';

/** The world around the commands: it records what they ask of it, and keeps what was handled. */
class World {
  readonly called: [action: string, request: object][] = [];
  readonly reactions: string[] = [];
  readonly replies: string[] = [];
  readonly asked: string[] = [];
  readonly handled = new Set<string>();
  permissions: Record<string, Permission> = { ann: 'write', bob: 'read' };
  results: Partial<Record<keyof CommandActions, () => CommandResult>> = {};

  private readonly action =
    (name: keyof CommandActions) =>
    (request: object): Promise<CommandResult> => {
      this.called.push([name, request]);
      return new Promise((resolve) => resolve(this.results[name]?.() ?? { done: true }));
    };

  readonly deps: RunCommandsDeps = {
    actions: {
      fix: this.action('fix'),
      retry: this.action('retry'),
      cancel: this.action('cancel'),
      status: this.action('status'),
      approve: this.action('approve'),
      confirm: this.action('confirm'),
      merge: this.action('merge'),
    },
    permissionOf: (user) => {
      this.asked.push(user);
      return Promise.resolve(this.permissions[user] ?? 'none');
    },
    react: (reaction) => Promise.resolve(void this.reactions.push(reaction)),
    reply: (text) => Promise.resolve(void this.replies.push(text)),
    alreadyHandled: (id, index) => Promise.resolve(this.handled.has(`${id}:${index}`)),
    markHandled: (id, index) => Promise.resolve(void this.handled.add(`${id}:${index}`)),
  };

  comment(body: string, changes: Partial<CommentFacts> = {}) {
    const comment: CommentFacts = {
      id: 77,
      action: 'created',
      body,
      author: { login: 'ann', isBot: false },
      repository: 'acme/shop',
      pullRequest: { number: 12, author: 'carl' },
      ...changes,
    };
    return runCommands(comment, this.deps);
  }
}

const by = (login: string) => ({ author: { login, isBot: false } });
const target = (index: number, actor = 'ann') => ({
  repository: 'acme/shop',
  pullRequestNumber: 12,
  actor,
  cause: `comment:77:${index}`,
});

let world: World;
beforeEach(() => {
  world = new World();
});

describe('commands reach their actions', () => {
  it.each([
    ['/codegen fix', 'fix', { instruction: null }],
    ['/codegen fix round down\nand test it', 'fix', { instruction: 'round down\nand test it' }],
    ['/codegen fix --no-verify is wrong', 'fix', { instruction: '--no-verify is wrong' }],
    ['/codegen retry', 'retry', { noCache: false }],
    ['/codegen retry --no-cache', 'retry', { noCache: true }],
    ['/codegen retry\nThanks!', 'retry', { noCache: false }],
    ['/codegen cancel', 'cancel', {}],
    ['/codegen status', 'status', {}],
    ['/codegen approve', 'approve', {}],
    ['/codegen confirm', 'confirm', { changes: null }],
    ['/codegen confirm but keep the cache', 'confirm', { changes: 'but keep the cache' }],
    ['/CODEGEN Merge', 'merge', {}],
  ])('%j', async (body, action, request) => {
    await world.comment(body);
    expect(world.called).toEqual([[action, { ...target(0), ...request }]]);
    expect(world.reactions).toEqual(['eyes', 'rocket']);
    expect(world.replies).toEqual([]);
  });

  it('carries out several in order, and reacts once of a kind', async () => {
    world.results.status = () => ({ done: true, message: 'All green.' });
    const outcomes = await world.comment('/codegen retry\n/codegen status\n/codegen nonsense');
    expect(world.called.map(([name]) => name)).toEqual(['retry', 'status']);
    expect(world.replies).toEqual([
      'All green.',
      '`nonsense` is not a command. `/codegen help` lists them all.',
    ]);
    expect(world.reactions).toEqual(['eyes', 'rocket', 'confused']);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['done', 'done', 'refused']);
  });

  it('answers help from the registry, and a bare /codegen with it', async () => {
    await world.comment('/codegen help\n/codegen\n/codegen help retry');
    const [all, bare, one] = world.replies;
    expect(all).toBe(helpText(COMMANDS));
    expect(bare).toBe(all);
    expect(one).toBe(
      '| command | does | who |\n|---|---|---|\n' +
        '| `/codegen retry [--no-cache]` | Validates the current head again. `--no-cache` sets up from scratch. | write permission, or the author |',
    );
    for (const { usage } of COMMANDS) expect(all).toContain(`\`/codegen ${usage}\``);
  });
});

describe('what is no command', () => {
  it.each([
    ['an edit', { action: 'edited' as const }],
    ['a deletion', { action: 'deleted' as const }],
    ['a bot', { author: { login: 'x[bot]', isBot: true } }],
    ['an issue', { pullRequest: null }],
    ['ordinary text', { body: 'Please run /codegen fix' }],
  ])('ignores %s', async (_, changes) => {
    expect(await world.comment('/codegen fix', changes)).toEqual([]);
    expect([world.called, world.reactions, world.replies, world.asked]).toEqual([[], [], [], []]);
  });
});

describe('what is refused', () => {
  it.each([
    ['/codegen fx', '`fx` is not a command. Did you mean `/codegen fix`? `/codegen help` lists them all.'],
    ['/codegen @acme/team', 'That is not a command. `/codegen help` lists them all.'],
    [`/codegen ${'x'.repeat(5000)}`, 'That is not a command. `/codegen help` lists them all.'],
    [
      '/codegen help mrge',
      '`mrge` is not a command. Did you mean `/codegen merge`? `/codegen help` lists them all.',
    ],
    ['/codegen retry --nocache', '`retry` does not have that flag. Did you mean `--no-cache`?'],
    ['/codegen retry --force', '`retry` does not have that flag.'],
    [
      '/codegen merge tomorrow',
      '`merge` takes no further words, so nothing was done: write `/codegen merge` alone on its line.',
    ],
  ])('%j', async (body, reply) => {
    await world.comment(body);
    expect(world.called).toEqual([]);
    expect(world.replies).toEqual([reply]);
    expect(world.reactions).toEqual(['eyes', 'confused']);
  });

  it('says why an action was not done', async () => {
    world.results.merge = () => ({ done: false, why: 'The pull request is a draft.' });
    await world.comment('/codegen merge');
    expect(world.replies).toEqual(['The pull request is a draft.']);
    expect(world.reactions).toEqual(['eyes', 'confused']);
  });

  it('carries out the first ten and says so', async () => {
    await world.comment('/codegen status\n'.repeat(12));
    expect(world.called).toHaveLength(10);
    expect(world.replies).toEqual([
      'Only the first 10 commands of a comment are carried out; 2 more were not.',
    ]);
  });
});

describe('who may', () => {
  const WRITE = ['fix', 'cancel', 'approve', 'confirm', 'merge'];
  const levels: [Permission, boolean][] = [
    ['admin', true],
    ['maintain', true],
    ['write', true],
    ['triage', false],
    ['read', false],
    ['none', false],
  ];
  it.each(levels)('with %s permission', async (permission, allowed) => {
    world.permissions = { bob: permission };
    const names = [...WRITE, 'retry'];
    await world.comment(names.map((name) => `/codegen ${name}`).join('\n\n'), by('bob'));
    expect(world.called.map(([name]) => name)).toEqual(allowed ? names : []);
    expect(world.asked).toEqual(['bob']);
    if (!allowed) expect(world.replies[0]).toBe('`fix` needs write permission in this repository.');
  });

  it('lets the author retry, and nothing else that writes', async () => {
    world.permissions = { Carl: 'read' };
    await world.comment('/codegen retry\n/codegen merge', by('Carl'));
    expect(world.called.map(([name]) => name)).toEqual(['retry']);
  });

  it('lets anyone ask', async () => {
    await world.comment('/codegen status\n/codegen help', by('stranger'));
    expect(world.called).toHaveLength(1);
    expect(world.asked).toEqual([]);
  });
});

describe('being run again', () => {
  it('does nothing twice', async () => {
    await world.comment('/codegen fix\n/codegen status\n/codegen nonsense');
    const before = structuredClone([world.called, world.reactions, world.replies]);
    const outcomes = await world.comment('/codegen fix\n/codegen status\n/codegen nonsense');
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(Array(3).fill('already_handled'));
    expect([world.called, world.reactions, world.replies]).toEqual(before);
  });

  it('goes on where it was cut off, with the same cause', async () => {
    world.results.status = () => {
      throw new OperationalError('The database is away.', { retryable: true });
    };
    await expect(world.comment('/codegen retry\n/codegen status\n/codegen cancel')).rejects.toThrow('away');
    world.results = {};
    await world.comment('/codegen retry\n/codegen status\n/codegen cancel');
    expect(world.called).toEqual([
      ['retry', { ...target(0), noCache: false }],
      ['status', target(1)],
      ['status', target(1)],
      ['cancel', target(2)],
    ]);
  });

  it('answers a fault that repeating would not mend, and goes on', async () => {
    world.results.fix = () => {
      throw new OperationalError('The Codegen organization has used up its agent runs.');
    };
    await world.comment('/codegen fix\n\n/codegen retry');
    expect(world.replies).toEqual(['The Codegen organization has used up its agent runs.']);
    expect(world.called.map(([name]) => name)).toEqual(['fix', 'retry']);
  });

  it('passes on an error that nobody foresaw', async () => {
    world.results.fix = () => {
      throw new TypeError('x is undefined');
    };
    await expect(world.comment('/codegen fix')).rejects.toThrow('x is undefined');
    expect(world.handled.size).toBe(0);
  });
});

describe('executeCommand, for buttons', () => {
  it('asks for the same permission', async () => {
    const command = findCommand('APPROVE');
    if (!command) throw new Error('there is an approve command');
    const button = { ...target(0, 'bob'), cause: 'check_run:5:approve', pullRequestAuthor: 'bob' };
    expect(await executeCommand(command, button, '', world.deps)).toEqual({
      done: false,
      why: '`approve` needs write permission in this repository.',
    });
    expect(await executeCommand(command, { ...button, actor: 'ann' }, '', world.deps)).toEqual({
      done: true,
    });
    expect(world.called).toEqual([['approve', { ...target(0), cause: 'check_run:5:approve' }]]);
  });
});

describe('the registry', () => {
  it('holds every command once, by its own name', () => {
    expect(COMMANDS.map(({ name }) => name)).toEqual([
      'fix',
      'retry',
      'cancel',
      'status',
      'approve',
      'confirm',
      'merge',
      'help',
    ]);
    for (const command of COMMANDS) {
      expect(findCommand(command.name.toUpperCase())).toBe(command);
      expect(command.usage.split(' ')[0]).toBe(command.name);
      expect(command.help).toMatch(/\.$/);
    }
    expect(findCommand('toString')).toBeUndefined();
  });
});
