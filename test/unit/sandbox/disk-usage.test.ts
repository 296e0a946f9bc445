import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { link, mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { measureDirectories } from '../../../src/sandbox/disk-usage.js';

const UNBOUNDED = { maxBytes: Infinity, maxFiles: Infinity };
let base: string;

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'codegenapp-usage-'));
});
afterEach(() => rm(base, { recursive: true }));

it('counts what is stored, once, and follows no link', async () => {
  const [one, two] = [join(base, 'one'), join(base, 'two')];
  await mkdir(join(one, 'sub'), { recursive: true });
  await mkdir(two);
  await writeFile(join(two, 'outside'), Buffer.alloc(5e6, 1));
  const before = await measureDirectories([one], UNBOUNDED);
  await writeFile(join(one, 'sub/file'), Buffer.alloc(1e6, 1));
  await link(join(one, 'sub/file'), join(one, 'again'));
  await writeFile(join(one, 'sparse'), '');
  await truncate(join(one, 'sparse'), 1e9);
  await symlink(two, join(one, 'linked'));

  const usage = await measureDirectories([one], UNBOUNDED);
  expect(usage.files).toBe(5);
  expect(usage.bytes - before.bytes).toBeGreaterThanOrEqual(1e6);
  expect(usage.bytes - before.bytes).toBeLessThan(1.1e6);
  expect((await measureDirectories([one, two], UNBOUNDED)).bytes).toBeGreaterThan(5.9e6);
});

it('ends once a bound is passed', async () => {
  for (let index = 0; index < 20; index++) await writeFile(join(base, String(index)), Buffer.alloc(1e5, 1));
  expect((await measureDirectories([base], { ...UNBOUNDED, maxFiles: 5 })).files).toBe(6);
  const { bytes } = await measureDirectories([base], { ...UNBOUNDED, maxBytes: 5e5 });
  expect(bytes).toBeGreaterThan(5e5);
  expect(bytes).toBeLessThan(7e5);
});

it('takes a directory that is gone for an empty one', async () => {
  expect(await measureDirectories([join(base, 'nowhere')], UNBOUNDED)).toMatchObject({ bytes: 0, files: 0 });
});
