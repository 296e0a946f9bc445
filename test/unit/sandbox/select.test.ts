import { describe, expect, it } from '@jest/globals';
import { adviceFor, type NamespaceFacts } from '../../../src/sandbox/advice.js';
import { selectSandbox, type SandboxSelection } from '../../../src/sandbox/select.js';

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
