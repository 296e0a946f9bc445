import { describe, expect, it } from '@jest/globals';
import { loadSettingsFile } from '../../src/domain/settings-extends.js';

/** Files by `owner/repo:path` or `owner/repo@ref:path`; what was asked for is kept in `asked`. */
function repositories(files: Record<string, string>) {
  const asked: string[] = [];
  const fetchFile = (owner: string, repo: string, path: string, ref?: string) => {
    const name = `${owner}/${repo}${ref === undefined ? '' : `@${ref}`}:${path}`;
    asked.push(name);
    return Promise.resolve(files[name] ?? null);
  };
  return { fetchFile, asked };
}

const FILE = '.github/codegenapp.yml';
const START = { owner: 'acme', repo: 'shop', ref: 'abc' };
const load = (files: Record<string, string>) => loadSettingsFile(repositories(files).fetchFile, START);

describe('loading the settings file', () => {
  it('reads it at the given ref', async () => {
    await expect(load({ [`acme/shop@abc:${FILE}`]: 'network: none' })).resolves.toEqual({
      settings: { network: 'none' },
      files: [FILE],
      problems: [],
    });
  });

  it("falls back to the owner's .github repository, at its default branch", async () => {
    const { fetchFile, asked } = repositories({ [`acme/.github:${FILE}`]: 'network: none' });
    const loaded = await loadSettingsFile(fetchFile, START);
    expect(asked).toEqual([`acme/shop@abc:${FILE}`, `acme/.github:${FILE}`]);
    expect(loaded).toEqual({ settings: { network: 'none' }, files: [`acme/.github:${FILE}`], problems: [] });
  });

  it('finds nothing where there is nothing', async () => {
    await expect(load({})).resolves.toEqual({ settings: {}, files: [], problems: [] });
    const { fetchFile, asked } = repositories({});
    await loadSettingsFile(fetchFile, { owner: 'acme', repo: '.github' });
    expect(asked).toEqual([`acme/.github:${FILE}`]);
  });

  it('does not fall back when the file is there and empty', async () => {
    const loaded = await load({ [`acme/shop@abc:${FILE}`]: '', [`acme/.github:${FILE}`]: 'network: none' });
    expect(loaded).toEqual({ settings: {}, files: [FILE], problems: [] });
  });

  it.each([
    ['settings', `acme/settings:${FILE}`],
    ['other-org/settings', `other-org/settings:${FILE}`],
    ['settings:ci/base.yaml', 'acme/settings:ci/base.yaml'],
    ['other_org/my.settings:base.yml', 'other_org/my.settings:base.yml'],
    ['.github', `acme/.github:${FILE}`],
  ])('follows _extends: %s', async (written, file) => {
    const loaded = await load({
      [`acme/shop@abc:${FILE}`]: `_extends: ${written}\nnetwork: none\nenvironment: {A: near}\n`,
      [file]: 'network: shared\nclone_depth: 0\nenvironment: {A: far, B: far}\n',
    });
    expect(loaded).toEqual({
      settings: { network: 'none', clone_depth: 0, environment: { A: 'near' } },
      files: [FILE, file],
      problems: [],
    });
  });

  it('reads another file of the same repository at the same ref', async () => {
    const loaded = await load({
      [`acme/shop@abc:${FILE}`]: '_extends: Shop:.github/base.yml',
      'acme/Shop@abc:.github/base.yml': 'network: none',
    });
    expect(loaded.settings).toEqual({ network: 'none' });
    expect(loaded.files).toEqual([FILE, '.github/base.yml']);
  });

  it('follows several, the nearer winning', async () => {
    const loaded = await load({
      [`acme/shop@abc:${FILE}`]: '_extends: b/one\nclone_depth: 1',
      [`b/one:${FILE}`]: '_extends: two\nclone_depth: 2\ntest_retries: 2',
      [`acme/two:${FILE}`]: 'clone_depth: 3\ntest_retries: 3\nmax_fix_attempts: 3',
    });
    expect(loaded.problems).toEqual([]);
    expect(loaded.settings).toEqual({ clone_depth: 1, test_retries: 2, max_fix_attempts: 3 });
  });
});

describe('a mistake in what is extended', () => {
  it('names the file that it is in', async () => {
    const { problems } = await load({
      [`acme/shop@abc:${FILE}`]: '_extends: settings\nskip_drafts: 1',
      [`acme/settings:${FILE}`]: '\nnetwork: on',
    });
    expect(problems).toEqual([
      { file: FILE, line: 2, column: 14, message: '`skip_drafts` must be `true` or `false`.' },
      {
        file: `acme/settings:${FILE}`,
        line: 2,
        column: 10,
        message: '`network` must be `shared` or `none`.',
      },
    ]);
  });

  it.each([
    [
      'a missing file',
      'nowhere',
      '`_extends` names `acme/nowhere:.github/codegenapp.yml`, which does not exist or is not open to CodegenApp.',
    ],
    ['itself', 'ACME/shop', '`_extends` goes round in a circle: `.github/codegenapp.yml` was read already.'],
    ...[
      '',
      'a/b/c',
      'https://github.com/acme/settings',
      '..',
      'a/..',
      'a:../b.yml',
      'a:/b.yml',
      'a:b/../c.yml',
      'a:b.json',
      '-a/b',
      'a b',
    ].map((value) => [
      `"${value}"`,
      value,
      '`_extends` must name a repository, as `repo`, `owner/repo` or `owner/repo:path/to/file.yml`.',
    ]),
  ])('%s is a problem at the line of _extends', async (_, value, message) => {
    const { fetchFile, asked } = repositories({
      [`acme/shop@abc:${FILE}`]: `network: none\n_extends: ${JSON.stringify(value)}`,
    });
    const { problems } = await loadSettingsFile(fetchFile, START);
    expect(problems).toEqual([{ file: FILE, line: 2, column: 11, message }]);
    expect(asked.length).toBeLessThanOrEqual(2);
  });

  it('is a circle over several files', async () => {
    const { problems } = await load({
      [`acme/shop@abc:${FILE}`]: '_extends: one',
      [`acme/one:${FILE}`]: '_extends: two',
      [`acme/two:${FILE}`]: '_extends: one',
    });
    expect(problems).toEqual([
      {
        file: `acme/two:${FILE}`,
        line: 1,
        column: 11,
        message: '`_extends` goes round in a circle: `acme/one:.github/codegenapp.yml` was read already.',
      },
    ]);
  });

  it('is a chain without end', async () => {
    let asked = 0;
    const { problems, files } = await loadSettingsFile(() => Promise.resolve(`_extends: n${++asked}`), START);
    expect(files).toHaveLength(5);
    expect(asked).toBe(5);
    expect(problems).toHaveLength(1);
    expect(problems[0]!.message).toMatch(/leads through more than 5 files/);
  });

  it('is not a file that could not be fetched: that is a fault of ours', async () => {
    const fetchFile = () => Promise.reject(new Error('503'));
    await expect(loadSettingsFile(fetchFile, START)).rejects.toThrow('503');
  });
});
