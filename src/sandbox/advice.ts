import { existsSync, readFileSync } from 'node:fs';

/** What this machine says about user namespaces; read anew, since an operator mends it while asking again. */
export interface NamespaceFacts {
  /** Ubuntu since 23.10. */
  apparmorRestricts: boolean;
  /** Debian's kernels up to 10. */
  cloneForbidden: boolean;
  noneAllowed: boolean;
  inContainer: boolean;
  isLinux: boolean;
}

/** What to do so that bubblewrap works, from what it said when it did not. Empty when we know nothing. */
export function adviceFor(message: string, facts: NamespaceFacts = readFacts()): string {
  if (!facts.isLinux) return 'bubblewrap runs on Linux only: use a Linux machine or virtual machine.';
  if (message.includes('not installed')) {
    return (
      'Install it: apt-get install bubblewrap (Debian, Ubuntu), dnf install bubblewrap (Fedora), ' +
      'apk add bubblewrap bash (Alpine).'
    );
  }
  if (/unknown option/i.test(message)) return 'Install bubblewrap 0.8 or newer.';
  if (!/permission|not permitted|namespace|uid map|no space left|mount/i.test(message)) return '';
  if (facts.inContainer) {
    return (
      'This is a container, and it may not create user namespaces: start it with ' +
      '--security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined.'
    );
  }
  if (facts.apparmorRestricts) {
    return (
      'AppArmor forbids user namespaces: allow them for bubblewrap with a file /etc/apparmor.d/bwrap that holds ' +
      '"abi <abi/4.0>, include <tunables/global> profile bwrap /usr/bin/bwrap flags=(unconfined) { userns, }" and ' +
      'systemctl reload apparmor, or for all with sysctl -w kernel.apparmor_restrict_unprivileged_userns=0.'
    );
  }
  if (facts.cloneForbidden) return 'Allow user namespaces: sysctl -w kernel.unprivileged_userns_clone=1.';
  if (facts.noneAllowed) return 'Allow user namespaces: sysctl -w user.max_user_namespaces=15000.';
  return '';
}

function readFacts(): NamespaceFacts {
  return {
    apparmorRestricts: readSetting('kernel/apparmor_restrict_unprivileged_userns') === '1',
    cloneForbidden: readSetting('kernel/unprivileged_userns_clone') === '0',
    noneAllowed: readSetting('user/max_user_namespaces') === '0',
    inContainer: existsSync('/.dockerenv') || existsSync('/run/.containerenv'),
    isLinux: process.platform === 'linux',
  };
}

function readSetting(name: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/${name}`, 'utf8').trim();
  } catch {
    return undefined;
  }
}
