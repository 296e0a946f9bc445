/**
 * The commands that a repository means to be run, for projects that have none configured: from its manifests,
 * without running anything. What was found is said in sentences for the report.
 */
import { detectGo } from './detectors/go.js';
import { detectJava } from './detectors/java.js';
import { detectMake } from './detectors/make.js';
import { detectNode } from './detectors/node.js';
import { detectPython } from './detectors/python.js';
import { detectRuby } from './detectors/ruby.js';
import { detectRust } from './detectors/rust.js';
import { shellWord } from '../spawner/shell.js';
import type { Detector, Recipe, RepositoryFiles } from './detectors/detector.js';

export type { RepositoryFiles } from './detectors/detector.js';

export interface DetectedCommands {
  /** Scripts for `bash -eo pipefail` in the top folder of a fresh checkout; null where there is none. */
  setup: string | null;
  deploy: string | null;
  test: string | null;
  /** Sentences: what was detected and chosen, and what was not. Never empty. */
  notes: string[];
}

/** Where several are found, an earlier one is preferred to a later one that offers the same. */
const DETECTORS: Detector[] = [
  detectNode,
  detectPython,
  detectGo,
  detectRust,
  detectJava,
  detectRuby,
  detectMake,
];

/** Looks at the top folder, and where nothing is found there, into the one folder that holds a project. */
export async function detectCommands(files: RepositoryFiles): Promise<DetectedCommands> {
  const atTop = await recipesOf(files);
  if (atTop.some(offersSomething)) return choose(atTop);

  const notes = atTop.flatMap((recipe) => recipe.notes ?? []);
  const nested: Recipe[][] = [];
  for (const folder of foldersOf(files)) {
    const recipes = (await recipesOf(inFolder(files, folder))).filter(offersSomething);
    if (recipes.length > 0) nested.push(recipes.map((recipe) => moved(recipe, folder)));
  }
  if (nested.length === 1) {
    const chosen = choose(nested[0]!);
    return { ...chosen, notes: [...notes, ...chosen.notes] };
  }
  const nothing = { setup: null, deploy: null, test: null };
  if (nested.length === 0) {
    return { ...nothing, notes: [...notes, `No commands were detected in the repository; ${SET_THEM}.`] };
  }
  const found = nested.map(([first]) => inCode(first!.from));
  const several = `Several projects were found (${found.join(', ')}) and none at the top, so none of them was chosen`;
  return { ...nothing, notes: [...notes, `${several}; ${SET_THEM}.`] };
}

const SET_THEM =
  'set `setup_commands`, `deploy_commands` and `test_commands` in `.github/codegenapp.yml` or in the dashboard';

async function recipesOf(files: RepositoryFiles): Promise<Recipe[]> {
  const recipes = await Promise.all(DETECTORS.map((detect) => detect(files)));
  return recipes.filter((recipe) => recipe !== null);
}

const offersSomething = ({ setup, deploy, test }: Recipe) => setup.length + deploy.length + test.length > 0;

/** Tests tell most about a pull request, so a recipe with tests comes before one that only starts or installs. */
function choose(recipes: Recipe[]): DetectedCommands {
  const chosen =
    recipes.find(({ test }) => test.length > 0) ??
    recipes.find(({ deploy }) => deploy.length > 0) ??
    recipes.find(offersSomething)!;
  const scriptOf = (lines: string[]) =>
    lines.length === 0 ? null : [...(chosen.prelude ?? []), ...lines].join('\n');
  const { from, setup, deploy, test } = chosen;
  // Lines with || only provide for a tool that is missing.
  const shown = [...setup, ...deploy, ...test].filter((line) => !line.includes('||'));
  const others = recipes.filter((recipe) => recipe !== chosen && offersSomething(recipe));
  const notes = [`Detected from ${inCode(from)}: ${shown.map(inCode).join(', ')}.`];
  if (test.length === 0) notes.push(`No test command was detected; set \`test_commands\` to have tests run.`);
  notes.push(...recipes.flatMap((recipe) => recipe.notes ?? []));
  if (others.length > 0) {
    const names = others.map((recipe) => inCode(recipe.from)).join(', ');
    notes.push(`Also found, but not run: ${names}; ${SET_THEM} to run those too.`);
  }
  return { setup: scriptOf(setup), deploy: scriptOf(deploy), test: scriptOf(test), notes };
}

/** Sample and foreign code is not what the repository is about. */
const OTHER_FOLDERS =
  /^(\..*|node_modules|vendor|third_party|examples?|samples?|fixtures|tests?|docs?|dist)$/;

/** Folders at the top, at most 50. */
function foldersOf(files: RepositoryFiles): string[] {
  const folders = [...files.list].filter((path) => path.includes('/')).map((path) => path.split('/', 1)[0]!);
  return [...new Set(folders)]
    .filter((folder) => !OTHER_FOLDERS.test(folder))
    .sort()
    .slice(0, 50);
}

function inFolder(files: RepositoryFiles, folder: string): RepositoryFiles {
  const prefix = `${folder}/`;
  const inside = [...files.list].filter((path) => path.startsWith(prefix));
  return {
    list: new Set(inside.map((path) => path.slice(prefix.length))),
    read: (path) => files.read(prefix + path),
  };
}

function moved(recipe: Recipe, folder: string): Recipe {
  return {
    ...recipe,
    from: `${folder}/${recipe.from}`,
    prelude: [`cd -- ${shellWord(folder)}`, ...(recipe.prelude ?? [])],
  };
}

/** Markdown code of a text that may hold backticks, being a name from the repository. */
const inCode = (text: string) => `\`${text.replace(/[`\p{C}]/gu, ' ')}\``;
