import { OperationalError } from '../domain/errors.js';

/**
 * Why a commit could not be checked out:
 * - `unreachable`: no answer, a cut or too slow transfer, or a server error; may work later.
 * - `denied`: the server refuses the credential.
 * - `missing_repository`: no such repository, or none that the credential may see.
 * - `moved`: the server answers with a redirect, as after a rename; redirects are never followed.
 * - `gone`: the repository is there, the commit can't be had from it any more.
 * - `disk_full`: no room on this machine.
 * - `broken`: git failed in another way, or refused what the repository holds.
 */
export type RepositoryReason =
  'unreachable' | 'denied' | 'missing_repository' | 'moved' | 'gone' | 'disk_full' | 'broken';

const RETRYABLE: readonly RepositoryReason[] = ['unreachable', 'disk_full'];

/** A repository or commit that could not be had. Never the fault of the code in it. */
export class RepositoryError extends OperationalError {
  override name = 'RepositoryError';
  readonly reason: RepositoryReason;
  /** Whether a damaged cache of ours could be the cause, so that a new one may help. */
  readonly cacheSuspected: boolean;

  constructor(
    reason: RepositoryReason,
    message: string,
    options: { advice?: string; cause?: unknown; cacheSuspected?: boolean } = {},
  ) {
    super(message, { ...options, retryable: RETRYABLE.includes(reason) });
    this.reason = reason;
    this.cacheSuspected = options.cacheSuspected ?? false;
  }
}

interface Failure {
  pattern: RegExp;
  reason: RepositoryReason;
  says: (name: string, match: RegExpExecArray) => string;
  advice: string;
}

/** git's own words (LC_ALL=C), most telling first: one failure often prints several of these lines. */
const FAILURES: readonly Failure[] = [
  {
    pattern: /No space left on device|Disk quota exceeded/,
    reason: 'disk_full',
    says: (name) => `There is no room on this machine to check out ${name}.`,
    advice: 'Free some disk space, or point DATA_DIR at a larger disk.',
  },
  {
    pattern: /object [0-9a-f]+: (.{1,200})\n(?:.*\n)*.*fsck error/,
    reason: 'broken',
    says: (name, match) =>
      `git refuses an object in ${name} (${match[1]}), so nothing of it was checked out.`,
    advice: 'The commit holds a malformed or hostile object: it has to be made again without it.',
  },
  {
    pattern: /requested URL returned error: 30\d|unable to update url base from redirection/,
    reason: 'moved',
    says: (name) => `${name} has moved: the server answers with a redirect, which is not followed.`,
    advice: 'Use the new name of the repository.',
  },
  {
    pattern:
      /Authentication failed|could not read (?:Username|Password)|returned error: 40[13]|Access denied/,
    reason: 'denied',
    says: (name) => `Access to ${name} was denied.`,
    advice: 'Check that the App is installed on the repository, or that the token may read its contents.',
  },
  {
    pattern: /returned error: 404|repository '.*' not found|does not appear to be a git repository/,
    reason: 'missing_repository',
    says: (name) => `${name} was not found, or the credential in use may not see it.`,
    advice: 'Check the name of the repository, and that the App is installed on it.',
  },
  {
    pattern: /couldn't find remote ref|not our ref|unadvertised object|no such remote ref/,
    reason: 'gone',
    says: (name) => `The commit can't be had from ${name} any more.`,
    advice: 'It was probably replaced by a force-push or its branch deleted: push again.',
  },
  {
    pattern:
      /Could not resolve|Failed to connect|Couldn't connect|Connection (?:refused|reset|timed out)|Empty reply|early EOF|RPC failed|unexpected disconnect|hung up|transfer closed|Operation too slow|timed out|returned error: (?:429|5\d\d)|unexpected EOF|SSL|TLS|certificate|Recv failure|Send failure|unable to access/,
    reason: 'unreachable',
    says: (name) => `${name} could not be reached.`,
    advice: 'Check the network, proxy and certificates of this machine, and the status of the git server.',
  },
];

/**
 * Turns what git printed into a RepositoryError. `name` is how people know the repository.
 * What git passes on from the server ("remote: …") is left out: anybody may have written it.
 */
export function classifyFailure(name: string, stderr: string, cause?: unknown): RepositoryError {
  const lines = stderr.split(/[\r\n]+/).filter((line) => line !== '' && !line.startsWith('remote: '));
  // Whatever a repository is called, its name must not be read as a symptom.
  const text = lines.join('\n').replaceAll(name, 'REPOSITORY');
  for (const { pattern, reason, says, advice } of FAILURES) {
    const match = pattern.exec(text);
    if (match) return new RepositoryError(reason, says(name, match), { advice, cause });
  }
  const said =
    lines.filter((line) => /^(fatal|error):/.test(line)).at(-1) ?? lines.at(-1) ?? 'it said nothing';
  return new RepositoryError('broken', `git failed on ${name}: ${said.slice(0, 300)}`, {
    cause,
    cacheSuspected: true,
  });
}
