import { mkdtempSync, rmSync } from 'node:fs';
import {
  chmod,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { EtcCopy, type EtcInUse } from '../../../src/sandbox/etc-copy.js';

describe('a copy of what programs need of /etc', () => {
  let folder: string;
  let etc: string;
  let copies: string;
  let copy: EtcCopy;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'codegenapp-etc-'));
    etc = join(folder, 'etc');
    copies = join(folder, 'copies');
    for (const path of [copies, etc, join(etc, 'ssl/certs'), join(etc, 'ssl/private')])
      await mkdir(path, { recursive: true });
    await writeFile(join(etc, 'services'), 'ssh 22/tcp\n');
    await writeFile(join(etc, 'npmrc'), 'token');
    await writeFile(join(etc, 'ssl/certs/all.crt'), 'certificates');
    await writeFile(join(etc, 'ssl/private/server.key'), 'key');
    await chmod(join(etc, 'ssl/private'), 0o710);
    await writeFile(join(etc, 'ssl/for-some.key'), 'key', { mode: 0o640 });
    await symlink('../usr/lib/one.pem', join(etc, 'ssl/certs/one.pem'));
    await symlink('ssl/certs/all.crt', join(etc, 'localtime'));
    copy = made();
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const made = (lookMs = 0) =>
    new EtcCopy(
      ['localtime', 'services', 'ssl', 'absent'],
      { passwd: 'one:x:1:1::/:/bin/sh\n' },
      etc,
      () => Promise.resolve(copies),
      lookMs,
    );

  /** As the server's scripts do, of which the first ones find none. */
  const taken = async (): Promise<EtcInUse> => {
    const at = copy.take();
    if (at) return at;
    await copy.settled();
    return copy.take()!;
  };

  it('has what everybody may read, and no more, whatever this process makes its files like', async () => {
    const umask = process.umask(0o077);
    const { place, made } = await taken().finally(() => process.umask(umask));
    expect((await readdir(place)).sort()).toEqual(['localtime', 'passwd', 'services', 'ssl']);
    expect((await readdir(join(place, 'ssl'), { recursive: true })).sort()).toEqual([
      'certs',
      'certs/all.crt',
      'certs/one.pem',
    ]);
    expect(await readFile(join(place, 'localtime'), 'utf8')).toBe('certificates');
    expect(await readlink(join(place, 'ssl/certs/one.pem'))).toBe('../usr/lib/one.pem');
    expect(await readFile(join(place, 'passwd'), 'utf8')).toBe(made['passwd']);
    const modeOf = async (name: string) => (await stat(join(place, name))).mode & 0o777;
    for (const name of ['', 'ssl', 'ssl/certs']) expect(await modeOf(name)).toBe(0o755);
    for (const name of ['passwd', 'services', 'ssl/certs/all.crt']) expect(await modeOf(name)).toBe(0o644);
  });

  it.each<[string, () => Promise<void>]>([
    ['a file is written to', () => writeFile(join(etc, 'services'), 'http 80/tcp\n')],
    ['a file in a directory is written to', () => writeFile(join(etc, 'ssl/certs/all.crt'), 'others')],
    ['a file is replaced', () => rename(join(etc, 'npmrc'), join(etc, 'services'))],
    ['a file is added', () => writeFile(join(etc, 'ssl/certs/new.crt'), 'new')],
    ['what was not there is', () => writeFile(join(etc, 'absent'), 'there')],
    ['a file is for some only', () => chmod(join(etc, 'services'), 0o600)],
    ['a file is for all', () => chmod(join(etc, 'ssl/for-some.key'), 0o644)],
  ])('is not taken any more once %s', async (_, change) => {
    const before = await taken();
    await change();
    expect(copy.take()).toBeNull();
    await copy.settled();
    const after = copy.take()!;
    expect(after.place).not.toBe(before.place);

    // What runs goes on with what it has, which then goes too.
    expect(await readFile(join(before.place, 'services'), 'utf8')).toBe('ssh 22/tcp\n');
    before.release();
    before.release();
    while ((await readdir(copies)).length > 1) await new Promise((resolve) => setImmediate(resolve));
    expect(await readdir(copies)).toEqual([after.place.slice(copies.length + 1)]);
  });

  it('is left where there is too much', async () => {
    for (let n = 0; n < 501; n++) await writeFile(join(etc, `ssl/certs/${n}.crt`), '');
    expect(copy.take()).toBeNull();
    await copy.settled();
    expect(copy.take()).toBeNull();
    await copy.settled();
    expect(await readdir(copies)).toEqual([]);
  });

  it('is looked at no more often than asked for', async () => {
    copy = made(60_000);
    const { place } = await taken();
    const seen = copy.take();
    await writeFile(join(etc, 'services'), 'http 80/tcp\n');
    expect([seen?.place, copy.take()?.place]).toEqual([place, place]);
  });
});
