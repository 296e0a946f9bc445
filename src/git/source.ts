import path from 'node:path';

/** Where commits come from. */
export interface RepositorySource {
  /** As in the URL, with a port where there is one; `local` for a repository on this machine. */
  host: string;
  /** `owner/name`. Host and full name together identify a repository. */
  fullName: string;
  /** Built by us, never taken from a payload: http(s) without credentials, or an absolute path for `local`. */
  url: string;
  token?: string;
}

export const LOCAL_HOST = 'local';

const HOST = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*(:\d{1,5})?$/;
const OWNER = /^[a-z0-9][a-z0-9_-]{0,99}$/;
const NAME = /^(?!\.{1,2}$)[a-z0-9._-]{1,100}$/;
const SHA = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;
const PULL_REF = /^refs\/pull\/[1-9]\d{0,9}\/head$/;
/** Narrower than git's own rule: nothing that a shell, an option parser or a refspec could take for its own. */
const BRANCH_REF =
  /^refs\/heads\/(?!.*(?:\.\.|\/\/|\/\.|\.lock(?:\/|$)|[./]$))[A-Za-z0-9_][A-Za-z0-9_./#@+-]{0,243}$/;

/** Whether `sha` is a full SHA-1 or SHA-256 object name in lower case. */
export const isSha = (sha: string): boolean => SHA.test(sha);

/** Whether a ref may be named to git. All others are fetched by their sha alone. */
export const isSafeRef = (ref: string): boolean =>
  PULL_REF.test(ref) || (BRANCH_REF.test(ref) && !ref.includes('@{'));

/** The Authorization header for a source's server; undefined where there is no token. */
export const authorizationOf = ({ token }: RepositorySource): string | undefined =>
  token ? `Basic ${Buffer.from(`x-access-token:${token}`).toString('base64')}` : undefined;

/** How messages name the repository. */
export const nameOf = (source: RepositorySource): string =>
  source.host === LOCAL_HOST ? source.url : source.fullName;

/**
 * The place of a repository's cache: `DIRECTORY/HOST/OWNER/NAME.git`, in lower case as GitHub's names don't
 * depend on it. Throws TypeError on a host, name or URL that is not well-formed: those are mistakes of ours.
 */
export function cachePath(directory: string, source: RepositorySource): string {
  const host = source.host.toLowerCase();
  const [owner = '', name = '', ...rest] = source.fullName.toLowerCase().split('/');
  if (!HOST.test(host) || !OWNER.test(owner) || !NAME.test(name) || rest.length > 0)
    throw new TypeError(`Not a repository: ${JSON.stringify(`${source.host}/${source.fullName}`)}`);
  if (source.host === LOCAL_HOST ? !path.isAbsolute(source.url) : !isPlainUrl(source.url))
    throw new TypeError(`Not a repository's URL without credentials: ${JSON.stringify(source.fullName)}`);
  return path.join(directory, host.replace(':', '_'), owner, `${name}.git`);
}

function isPlainUrl(url: string): boolean {
  if (!URL.canParse(url) || !/^[\x21\x23-\x5b\x5d-\x7e]+$/.test(url)) return false;
  const { protocol, username, password, search, hash } = new URL(url);
  return /^https?:$/.test(protocol) && [username, password, search, hash].every((part) => part === '');
}
