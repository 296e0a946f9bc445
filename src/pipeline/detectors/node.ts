import { packageManagerOf, type PackageManager } from './package-manager.js';
import type { Detector } from './detector.js';

/** package.json: install by the lockfile, `build`, a script that serves, and `test`. */
export const detectNode: Detector = async (files) => {
  const text = await files.read('package.json');
  if (text === null) return null;
  const manifest = parseManifest(text);
  if (manifest === null) {
    const note = "package.json isn't a JSON object, so no commands were detected from it.";
    return { from: 'package.json', setup: [], deploy: [], test: [], notes: [note] };
  }

  const manager = await packageManagerOf(files, manifest.packageManager);
  const { scripts } = manifest;
  const run = (name: string) =>
    manager.name !== 'bun' && ['start', 'test'].includes(name)
      ? `${manager.name} ${name}`
      : `${manager.name} run ${name}`;
  const server = ['start', 'preview', 'serve'].find((name) => scripts.has(name));
  const hasTests = scripts.has('test') && !isPlaceholder(scripts.get('test')!);
  const notes: string[] = [];
  if (scripts.has('test') && !hasTests) {
    notes.push("The test script of package.json is npm init's placeholder, so there are no tests to run.");
  } else if (!hasTests && manifest.hasWorkspaces) {
    notes.push('package.json has workspaces but no test script of its own that tests them all.');
  }
  return {
    from: 'package.json',
    prelude: manager.prelude,
    setup: [manager.install, ...(scripts.has('build') ? [run('build')] : [])],
    deploy: server === undefined ? [] : [run(server) + portArguments(scripts.get(server)!, manager)],
    test: hasTests ? [run('test')] : [],
    notes,
  };
};

interface Manifest {
  scripts: Map<string, string>;
  packageManager: string | null;
  hasWorkspaces: boolean;
}

function parseManifest(text: string): Manifest | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    return null;
  }
  if (!isObject(parsed)) return null;
  const usable = Object.entries(isObject(parsed['scripts']) ? parsed['scripts'] : {}).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string' && entry[1].trim() !== '',
  );
  const { packageManager } = parsed;
  return {
    scripts: new Map(usable),
    packageManager: typeof packageManager === 'string' ? packageManager : null,
    hasWorkspaces: 'workspaces' in parsed,
  };
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isPlaceholder = (script: string) => script.includes('no test specified');

/** Servers that don't read PORT, and listen on ::1 alone where `localhost` means that first. */
const NEEDS_ARGUMENTS =
  /^(vite(?! build)|astro (dev|start|preview)|ng serve|webpack serve|webpack-dev-server|docusaurus (start|serve)|gatsby (develop|serve)|parcel(?! build))\b/;

/** What makes the script's server listen on the preview's port, where its own command line doesn't say. */
function portArguments(script: string, manager: PackageManager): string {
  const last = script
    .split(/&&|\|\||;/)
    .at(-1)!
    .trim();
  if (
    !NEEDS_ARGUMENTS.test(last.replace(/^(npx|cross-env( \w+=\S+)*) /, '')) ||
    /--port|-p\b|\$\{?PORT/.test(last)
  ) {
    return '';
  }
  return `${manager.name === 'npm' ? ' --' : ''} --host 127.0.0.1 --port "$PORT"`;
}
