import { describe, expect, it } from '@jest/globals';
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { adviceFor, type NamespaceFacts } from '../../../src/sandbox/advice.js';
import { selectSandbox, type SandboxSelection } from '../../../src/sandbox/select.js';
import { makeSandboxWorkspace } from '../../support/sandbox-workspace.js';

const log = { info: () => undefined, warn: () => undefined };
const WITHOUT_BUBBLEWRAP = { PATH: '/nowhere' };

function select(more: Partial<SandboxSelection>) {
  return selectSandbox({
    mode: 'auto',
    production: false,
    loopbackOnly: true,
    log,
    environment: WITHOUT_BUBBLEWRAP,
    ...more,
  });
}

describe('where bubblewrap is missing', () => {
  it('a server on loopback runs trusted code only, with a warning that says what to do', async () => {
    const { sandbox, trustedOnly, warnings } = await select({});
    expect([sandbox.name, trustedOnly]).toEqual(['plain', true]);
    expect(warnings.join()).toMatch(/bwrap is not installed.*apt-get install bubblewrap/);
  });

  it.each([
    ['production', { production: true }, /NODE_ENV=production.*apt-get install bubblewrap.*SANDBOX=none/],
    ['a server that others reach', { loopbackOnly: false }, /others can reach.*apt-get install bubblewrap/],
    ['who asked for it', { mode: 'bubblewrap' as const }, /SANDBOX=bubblewrap.*apt-get install bubblewrap/],
  ])('%s is refused', async (_, more, message) => {
    await expect(select(more)).rejects.toThrow(message);
  });

  it('it can be done without by hand, even in production', async () => {
    const logged: string[] = [];
    const choice = await select({
      mode: 'none',
      production: true,
      loopbackOnly: false,
      log: { ...log, warn: (message) => logged.push(message) },
    });
    expect([choice.sandbox.name, choice.trustedOnly]).toEqual(['plain', true]);
    expect(logged).toEqual(choice.warnings);
  });
});

const bubblewrap = await selectSandbox({
  mode: 'bubblewrap',
  production: false,
  loopbackOnly: true,
  log,
}).catch(() => null);

(bubblewrap ? describe : describe.skip)('what the server was started among (needs bubblewrap)', () => {
  it('is not seen, also where it lies among tools and under another name, but the tools are', async () => {
    const place = await makeSandboxWorkspace();
    try {
      const tools = join(place.base, 'tools');
      for (const name of ['bin', 'server/logs']) await mkdir(join(tools, name), { recursive: true });
      await writeFile(join(tools, 'bin/hello'), '#!/bin/sh\necho hello\n', { mode: 0o755 });
      await writeFile(join(tools, 'server/.env'), 'canary of the server');
      await symlink(join(tools, 'server'), join(place.base, 'link'));
      const script = `hello; cat '${tools}/server/.env' || true`;
      for (const [own, seen] of [
        [[], 'hello\ncanary of the server'],
        [[join(tools, 'server')], 'hello\n'],
        [[join(place.base, 'link')], 'hello\n'],
        [[join(tools, 'server/logs'), join(tools, 'server')], 'hello\n'],
        // It can't be covered without the tools.
        [[tools, '/', '/usr'], 'hello\ncanary of the server'],
      ] as const) {
        await rm(join(place.base, 'output.log'), { force: true });
        const { sandbox } = await select({
          mode: 'bubblewrap',
          environment: { PATH: `${join(tools, 'bin')}:${process.env['PATH']}` },
          ownDirectories: [...own],
        });
        const run = await sandbox.start(place.command(`exec 2>/dev/null\n${script}`));
        expect(await run.exited).toEqual({ code: 0, signal: null });
        expect(await place.output()).toBe(seen);
      }
    } finally {
      await place.remove();
    }
  });
});

describe('advice', () => {
  const facts: NamespaceFacts = {
    apparmorRestricts: false,
    cloneForbidden: false,
    noneAllowed: false,
    inContainer: false,
    isLinux: true,
  };
  const refused = 'bwrap: setting up uid map: Permission denied';

  it.each([
    ['bwrap is not installed', {}, /apt-get install bubblewrap/],
    ['bwrap: Unknown option --foo', {}, /0\.8 or newer/],
    [refused, { inContainer: true, apparmorRestricts: true }, /--security-opt seccomp=unconfined/],
    [refused, { apparmorRestricts: true }, /\/etc\/apparmor\.d\/bwrap/],
    [refused, { cloneForbidden: true }, /unprivileged_userns_clone=1/],
    [refused, { noneAllowed: true }, /max_user_namespaces/],
    ['anything', { isLinux: false }, /Linux only/],
    ['something else', { inContainer: true }, /^$/],
  ])('on %j with %j', (message, more, advice) => {
    expect(adviceFor(message, { ...facts, ...more })).toMatch(advice);
  });
});
