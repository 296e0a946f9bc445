import { lstatSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { EtcCopy, type EtcInUse } from './etc-copy.js';

/**
 * What programs need of /etc: names, certificates, the linker's and fonts' configuration. Nothing that may hold
 * credentials (gitconfig, npmrc, pip.conf). Debian's Java does not start without /etc/java-*.
 */
const ETC = [
  'alternatives',
  'ca-certificates',
  'crypto-policies',
  'debian_version',
  'fonts',
  'gai.conf',
  'ld.so.cache',
  'ld.so.conf',
  'ld.so.conf.d',
  'localtime',
  'magic',
  'mime.types',
  'nsswitch.conf',
  'os-release',
  'perl',
  'php',
  'pki',
  'protocols',
  'resolv.conf',
  'services',
  'ssl',
  'terminfo',
  'timezone',
];
const SYSTEM_DIRECTORIES = ['/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32', '/nix/store'];

/** The operating system as bubblewrap options: /usr, and the directories that are links into it or not. */
export function systemArguments(): string[] {
  const args = ['--ro-bind', '/usr', '/usr'];
  for (const directory of SYSTEM_DIRECTORIES) {
    const stats = lstatSync(directory, { throwIfNoEntry: false });
    if (stats?.isSymbolicLink()) args.push('--symlink', readlinkSync(directory), directory);
    else if (stats?.isDirectory()) args.push('--ro-bind', directory, directory);
  }
  return args;
}

const etcNames = (): string[] => [...ETC, ...readdirSync('/etc').filter((name) => name.startsWith('java-'))];

let etcCopy: EtcCopy | undefined;

/**
 * /etc for one script, to be released when nothing of it is left; null where its parts are to be shown one by one.
 * @param made files for the script that are put beside them: those of the first one, mostly of all, are in the copy
 */
export function takeEtc(made: Record<string, string>): EtcInUse | null {
  etcCopy ??= new EtcCopy(etcNames(), made);
  return etcCopy.take();
}

/** The same as bubblewrap options. */
export function etcArguments(etc: EtcInUse | null): string[] {
  if (etc) return ['--ro-bind', etc.place, '/etc'];
  return etcNames().flatMap((name) => ['--ro-bind-try', `/etc/${name}`, `/etc/${name}`]);
}

export const SANDBOX_HOSTNAME = 'ci';

/**
 * Files of /etc made for the sandbox, name -> content: os.userInfo() and the like need a line for the user, Java one
 * for the host.
 */
export function identityFiles(user: { uid: number; gid: number }, home: string): Record<string, string> {
  const name = 'codegenapp';
  let hosts = '127.0.0.1 localhost\n::1 localhost\n';
  try {
    hosts = readFileSync('/etc/hosts', 'utf8');
  } catch {
    // The lines above do.
  }
  return {
    passwd: [
      'root:x:0:0:root:/root:/bin/bash',
      'nobody:x:65534:65534:nobody:/nonexistent:/bin/false',
      `${name}:x:${user.uid}:${user.gid}:CodegenApp:${home}:/bin/bash`,
      '',
    ].join('\n'),
    group: ['root:x:0:', 'nogroup:x:65534:', `${name}:x:${user.gid}:`, ''].join('\n'),
    hosts: `${hosts.trimEnd()}\n127.0.0.1 ${SANDBOX_HOSTNAME}\n`,
  };
}
