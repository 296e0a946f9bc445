/**
 * The settings file of a repository, `.github/codegenapp.yml`: YAML in, settings and problems out. A problem names
 * the line and is a sentence for whoever wrote the file. With any problem the settings are not to be used.
 */
import { isAlias, isCollection, isMap, isScalar, isSeq, LineCounter, parseDocument, Parser } from 'yaml';
import type { CST, Document, Node, Pair, YAMLMap } from 'yaml';
import {
  isSettingKey,
  parseSetting,
  printable,
  SETTINGS,
  unknownKeySentence,
  type Settings,
} from './settings.js';

export const SETTINGS_PATH = '.github/codegenapp.yml';

export interface FileProblem {
  /** Path in the pull request's repository, or `owner/repo:path` of a file that it extends. */
  file: string;
  /** Both from 1. */
  line: number;
  column: number;
  message: string;
}

/** Secrets are never in a file. */
export type FileSettings = Partial<Omit<Settings, 'secrets'>>;

export interface ParsedSettingsFile {
  settings: FileSettings;
  /** The value of `_extends`, not yet checked, and where it is written. */
  extends: { value: string; line: number; column: number } | null;
  problems: FileProblem[];
}

const MAX_BYTES = 64 * 1024;
/** Settings need three levels. The composer of `yaml` recurses, and at the end of the stack V8 can abort. */
const MAX_DEPTH = 20;
const MAX_ALIASES = 50;
const MAX_PROBLEMS = 20;

/** Reads one file; `path` is only what problems call it. Never throws, whatever the text. */
export function parseSettingsFile(text: string, path: string): ParsedSettingsFile {
  const lines = new LineCounter();
  const parsed: ParsedSettingsFile = { settings: {}, extends: null, problems: [] };
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const report = (offset: number, message: string) => {
    if (parsed.problems.length < MAX_PROBLEMS) parsed.problems.push({ file: path, ...at(offset), message });
  };

  if (Buffer.byteLength(text) > MAX_BYTES) {
    report(
      0,
      'The file is larger than 64 KiB; move long scripts into files of the repository and call those.',
    );
    return parsed;
  }
  if (isTooDeep(text)) {
    report(0, `The file nests more than ${MAX_DEPTH} levels deep; settings need three.`);
    return parsed;
  }

  const document = parseDocument(text, {
    lineCounter: lines,
    version: '1.2',
    prettyErrors: false,
    logLevel: 'error',
    uniqueKeys: false,
  });
  for (const { code, pos, message } of [...document.errors, ...document.warnings]) {
    if (code === 'MULTIPLE_DOCS') report(pos[0], 'The file must hold one YAML document; remove this `---`.');
    else report(pos[0], `This is not valid YAML: ${message}.`);
  }
  if (document.errors.length > 0 || document.contents === null) return parsed;
  if (!isMap(document.contents)) {
    if (!isScalar(document.contents) || document.contents.value !== null) {
      report(startOf(document.contents), 'The file must hold settings, one `name: value` a line.');
    }
    return parsed;
  }

  for (const pair of uniquePairs(document.contents, report)) {
    if (parsed.problems.length === MAX_PROBLEMS) break;
    const name = nameOf(pair);
    const node = pair.value as Node | null;
    const position = positionOf(pair);
    if (name === '_extends') {
      const value = isScalar(node) ? node.value : node;
      if (typeof value === 'string') parsed.extends = { value, ...at(position) };
      else if (value !== null) report(position, EXTENDS_EXPECTS);
    } else if (!isSettingKey(name)) {
      report(startOf(pair.key), unknownKeySentence(name));
    } else if (name === 'secrets') {
      report(
        startOf(pair.key),
        '`secrets` must not be in a file, which everyone who can read the repository can read; set them in the dashboard, and replace those written here, as they are known now.',
      );
    } else {
      readSetting(name, node, position);
    }
  }
  return parsed;

  function readSetting(name: keyof FileSettings, node: Node | null, position: number) {
    let value: unknown;
    try {
      if (isMap(node)) [...uniquePairs(node, report)].forEach(keepNumberAsWritten);
      value = node === null ? null : toValue(node, document);
    } catch (error) {
      if (!(error instanceof ReferenceError)) throw error;
      report(position, `\`${name}\` can't be read: ${error.message}.`);
      return;
    }
    if (value === null && SETTINGS[name].default !== null) {
      report(position, `\`${name}\` has no value; give it one or leave the line out.`);
      return;
    }
    const result = parseSetting(name, value);
    if (result.ok) Object.assign(parsed.settings, { [name]: result.value });
    else result.problems.forEach(({ path, message }) => report(partOffset(node, path) ?? position, message));
  }
}

/** What `_extends` has to look like, for those who wrote something else. */
export const EXTENDS_EXPECTS =
  '`_extends` must name a repository, as `repo`, `owner/repo` or `owner/repo:path/to/file.yml`.';

function isTooDeep(text: string): boolean {
  const waiting: { token: CST.Token | undefined | null; depth: number }[] = [];
  for (const token of new Parser().parse(text)) waiting.push({ token, depth: 0 });
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { token, depth } = next;
    if (depth > MAX_DEPTH) return true;
    if (!token) continue;
    if (token.type === 'document') waiting.push({ token: token.value, depth });
    if (!('items' in token)) continue;
    for (const { key, value } of token.items) {
      waiting.push({ token: key, depth: depth + 1 }, { token: value, depth: depth + 1 });
    }
  }
  return false;
}

/** The pairs of a mapping, with a report of each name that comes again. */
function* uniquePairs(map: YAMLMap, report: (offset: number, message: string) => void): Generator<Pair> {
  const seen = new Set<string>();
  for (const pair of map.items) {
    const name = nameOf(pair);
    if (seen.has(name)) report(startOf(pair.key), `\`${printable(name)}\` is set twice; keep one of them.`);
    else yield pair;
    seen.add(name);
  }
}

const nameOf = (pair: Pair) => (isScalar(pair.key) ? String(pair.key.value) : '?');

const startOf = (node: unknown): number => (node as Node | null)?.range?.[0] ?? 0;

/** Where the value begins, if it has one on the line of its name; otherwise the name. */
function positionOf(pair: Pair): number {
  const value = pair.value as Node | null;
  const written = isScalar(value) ? value.value !== null : isAlias(value);
  return startOf(written ? value : pair.key);
}

/** `VERSION: 3.10` is meant as the text 3.10 and not as the number 3.1, where only texts are possible. */
function keepNumberAsWritten({ value }: Pair) {
  if (
    isScalar(value) &&
    value.value !== null &&
    typeof value.value !== 'string' &&
    value.source !== undefined
  ) {
    value.value = value.source;
  }
}

const toValue = (node: Node, document: Document): unknown =>
  node.toJS(document, { maxAliasCount: MAX_ALIASES });

/** Where the named part of a value is written, if it can be told. */
function partOffset(node: Node | null, path: (string | number)[]): number | null {
  const [part] = path;
  if (part === undefined || !isCollection(node)) return null;
  if (isSeq(node)) return startOf(node.items[Number(part)]);
  const pair = isMap(node) ? node.items.find((candidate) => nameOf(candidate) === String(part)) : undefined;
  return pair === undefined ? null : positionOf(pair);
}
