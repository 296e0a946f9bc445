/**
 * The settings file together with the files that it extends. Which file is meant follows Probot's config
 * (@probot/octokit-plugin-config): without a file of its own, a repository gets that of the `.github` repository
 * of the same owner, and `_extends` names another repository, of that same owner unless another is given, where the
 * same path is read unless another is given.
 * Unlike there, a mistake is a problem with its line, never an exception or silence.
 */
import { EXTENDS_EXPECTS, parseSettingsFile, SETTINGS_PATH } from './settings-file.js';
import type { FileProblem, FileSettings } from './settings-file.js';

/**
 * Text of a file, or null when file or repository does not exist or must not be read. Without `ref` the default
 * branch. Rejects only where it can't be told (a fault of ours); that passes through `loadSettingsFile`.
 */
export type FetchFile = (owner: string, repo: string, path: string, ref?: string) => Promise<string | null>;

export interface LoadedSettingsFile {
  /** The nearer file wins, key by key. Not to be used while there are problems. */
  settings: FileSettings;
  /** What was read, nearest first: a path, or `owner/repo:path` for files of other repositories. */
  files: string[];
  problems: FileProblem[];
}

interface Place {
  owner: string;
  repo: string;
  path: string;
}

const MAX_FILES = 5;

/** Reads `.github/codegenapp.yml` of a repository at `ref` (the pull request's base) and all that it extends. */
export async function loadSettingsFile(
  fetchFile: FetchFile,
  start: { owner: string; repo: string; ref?: string },
): Promise<LoadedSettingsFile> {
  const own = (place: Place) => repositoryOf(place) === repositoryOf(start);
  const nameOf = (place: Place) => (own(place) ? place.path : `${place.owner}/${place.repo}:${place.path}`);
  const fetch = (place: Place) =>
    fetchFile(place.owner, place.repo, place.path, own(place) ? start.ref : undefined);

  const loaded: LoadedSettingsFile = { settings: {}, files: [], problems: [] };
  let place: Place = { owner: start.owner, repo: start.repo, path: SETTINGS_PATH };
  let text = await fetch(place);
  if (text === null && start.repo.toLowerCase() !== '.github') {
    place = { ...place, repo: '.github' };
    text = await fetch(place);
  }

  while (text !== null) {
    const file = nameOf(place);
    loaded.files.push(file);
    const parsed = parseSettingsFile(text, file);
    loaded.problems.push(...parsed.problems);
    loaded.settings = { ...parsed.settings, ...loaded.settings };
    if (parsed.extends === null) break;

    const { value, line, column } = parsed.extends;
    const report = (message: string) => loaded.problems.push({ file, line, column, message });
    const next = parseExtends(value, start.owner);
    if (next === null) {
      report(EXTENDS_EXPECTS);
      break;
    }
    const nextFile = nameOf(next);
    if (loaded.files.some((seen) => seen.toLowerCase() === nextFile.toLowerCase())) {
      report(`\`_extends\` goes round in a circle: \`${nextFile}\` was read already.`);
      break;
    }
    if (loaded.files.length === MAX_FILES) {
      report(
        `\`_extends\` leads through more than ${MAX_FILES} files; extend \`${nextFile}\` more directly.`,
      );
      break;
    }
    text = await fetch(next);
    if (text === null) {
      report(`\`_extends\` names \`${nextFile}\`, which does not exist or is not open to CodegenApp.`);
    }
    place = next;
  }
  return loaded;
}

const repositoryOf = ({ owner, repo }: { owner: string; repo: string }) => `${owner}/${repo}`.toLowerCase();

/** `repo`, `owner/repo`, `repo:path` or `owner/repo:path`; null when it is none of them. */
function parseExtends(value: string, owner: string): Place | null {
  const match = /^(?:([a-z\d][a-z\d_-]{0,99})\/)?([\w.-]{1,100})(?::([\w./-]{1,500}\.ya?ml))?$/i.exec(value);
  const [, otherOwner = owner, repo = '', path = SETTINGS_PATH] = match ?? [];
  const segments = [repo, ...path.split('/')];
  if (match === null || segments.some((segment) => ['', '.', '..'].includes(segment))) return null;
  return { owner: otherOwner, repo, path };
}
