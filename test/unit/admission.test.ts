import { describe, expect, it } from '@jest/globals';
import { admit, type AdmissionDecision, type AdmissionFacts } from '../../src/domain/admission.js';

const OPEN: AdmissionFacts = {
  state: 'open',
  draft: false,
  title: 'Add a cart',
  headCommitMessage: 'Add a cart\n\nIt holds things.\n',
  changedPaths: ['src/cart.ts', 'docs/cart.md'],
  requested: false,
  fork: false,
  authorCanWrite: true,
  headApproved: false,
  skipDrafts: true,
  pathsIgnore: [],
  forkPolicy: 'approve',
  trustedOnly: false,
};
const STRANGER = { fork: true, authorCanWrite: false };
const DOCS = { changedPaths: ['docs/a.md', 'README.md'], pathsIgnore: ['docs/**', '*.md'] };
const IN_THE_TITLE = { title: 'WIP [skip ci]' };

describe('a pull request', () => {
  it.each<[facts: string, given: Partial<AdmissionFacts>, decision: AdmissionDecision, reason: RegExp]>([
    ['open', {}, 'run', /is open/],
    ['closed', { state: 'closed' }, 'ignore', /is closed/],
    ['closed, though asked for', { state: 'closed', requested: true }, 'ignore', /is closed/],

    ['draft', { draft: true }, 'skip', /^Drafts are validated/],
    ['draft where drafts run', { draft: true, skipDrafts: false }, 'run', /is open/],
    ['draft, asked for', { draft: true, requested: true }, 'run', /asked for/],

    ['only ignored paths', DOCS, 'skip', /`paths_ignore`/],
    ['only ignored paths, asked for', { ...DOCS, requested: true }, 'run', /asked for/],
    ['one path more', { ...DOCS, changedPaths: ['docs/a.md', 'a.ts'] }, 'run', /is open/],
    ['a path taken out again', { ...DOCS, pathsIgnore: ['**', '!docs/**'] }, 'run', /is open/],
    ['paths not all known', { ...DOCS, changedPaths: null }, 'run', /is open/],
    ['no paths', { ...DOCS, changedPaths: [] }, 'run', /is open/],

    ['marker in the title', IN_THE_TITLE, 'skip', /^The title says `\[skip ci\]`\.$/],
    ['marker in capitals', { title: '[CI SKIP] x' }, 'skip', /`\[CI SKIP\]`/],
    ['[no ci]', { title: 'x [no ci]' }, 'skip', /`\[no ci\]`/],
    ['[skip codegen]', { title: 'x [skip codegen]' }, 'skip', /`\[skip codegen\]`/],
    ['no marker', { title: 'skip ci, [skip] [ci] [skip-ci]' }, 'run', /is open/],
    [
      'marker in the message',
      { headCommitMessage: 'x\n\n[ci skip]' },
      'skip',
      /^The message of the head commit/,
    ],
    ['marker, asked for', { ...IN_THE_TITLE, requested: true }, 'run', /asked for/],
    ['message not known', { headCommitMessage: null }, 'run', /is open/],

    ['trailer', { headCommitMessage: 'x\n\n\nskip-checks: true' }, 'skip', /`skip-checks: true`/],
    [
      'trailer after others',
      { headCommitMessage: 'x\n\nFixes: #1\nskip-checks:true\n\n' },
      'skip',
      /trailer/,
    ],
    ['trailer, \\r\\n', { headCommitMessage: 'x\r\n\r\nSkip-Checks: True\r\n' }, 'skip', /trailer/],
    ['trailer not at the end', { headCommitMessage: 'x\n\nskip-checks: true\n\ny' }, 'run', /is open/],
    ['trailer as subject', { headCommitMessage: 'skip-checks: true' }, 'run', /is open/],
    ['trailer false', { headCommitMessage: 'x\n\nskip-checks: false' }, 'run', /is open/],

    ['of a stranger', STRANGER, 'wait', /has to approve running this commit/],
    ['of a stranger, asked for', { ...STRANGER, requested: true }, 'wait', /has to approve/],
    ['of a stranger, head approved', { ...STRANGER, headApproved: true }, 'run', /was approved/],
    ['of a stranger, run', { ...STRANGER, forkPolicy: 'run' }, 'run', /without approval/],
    ['of a stranger, ignore', { ...STRANGER, forkPolicy: 'ignore' }, 'ignore', /not validated here/],
    [
      'of a stranger, ignore, approved',
      { ...STRANGER, forkPolicy: 'ignore', headApproved: true },
      'ignore',
      /not/,
    ],
    ['of a stranger, draft', { ...STRANGER, draft: true }, 'skip', /^Drafts/],
    ['of a stranger, ignored paths', { ...STRANGER, ...DOCS }, 'skip', /`paths_ignore`/],
    ['of a stranger with a marker', { ...STRANGER, ...IN_THE_TITLE }, 'wait', /has to approve/],
    [
      'of a stranger with a marker, approved',
      { ...STRANGER, ...IN_THE_TITLE, headApproved: true },
      'skip',
      /title/,
    ],
    ['from the fork of a maintainer', { fork: true }, 'run', /write permission/],
    [
      'from the fork of a maintainer, ignore',
      { fork: true, forkPolicy: 'ignore' },
      'ignore',
      /not validated/,
    ],

    ['without a sandbox', { trustedOnly: true }, 'run', /is open/],
    ['without a sandbox, fork', { fork: true, trustedOnly: true }, 'wait', /no sandbox/],
    [
      'without a sandbox, fork, approved',
      { ...STRANGER, trustedOnly: true, headApproved: true },
      'wait',
      /no sandbox/,
    ],
    [
      'without a sandbox, fork, run',
      { ...STRANGER, trustedOnly: true, forkPolicy: 'run' },
      'wait',
      /no sandbox/,
    ],
    [
      'without a sandbox, fork, marker',
      { ...STRANGER, ...IN_THE_TITLE, trustedOnly: true },
      'wait',
      /no sandbox/,
    ],

    ['in same repository, whoever wrote it', { authorCanWrite: false }, 'run', /is open/],
    ['in same repository, ignore forks', { forkPolicy: 'ignore' }, 'run', /is open/],
  ])('%s', (_, given, decision, reason) => {
    const admission = admit({ ...OPEN, ...given });
    expect(admission.decision).toBe(decision);
    expect(admission.reason).toMatch(reason);
  });
});
