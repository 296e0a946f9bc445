/** What the result of a setup depends on. */
import { createHmac } from 'node:crypto';
import type { GitFile, GitTree } from '../../git/files.js';

/** Manifests, lockfiles and files that choose versions, at any depth. */
const MANIFESTS = new RegExp(
  [
    'package\\.json|package-lock\\.json|npm-shrinkwrap\\.json|yarn\\.lock|pnpm-lock\\.yaml|pnpm-workspace\\.yaml|bun\\.lockb?',
    '\\.npmrc|\\.yarnrc(\\.yml)?|\\.pnpmfile\\.cjs|lerna\\.json|deno\\.(json|jsonc|lock)',
    '.*requirements.*\\.(txt|in)|constraints.*\\.txt|pyproject\\.toml|setup\\.(py|cfg)|poetry\\.lock|pdm\\.lock|uv\\.lock',
    'Pipfile(\\.lock)?|environment\\.ya?ml|conda-lock\\.yml',
    'go\\.(mod|sum|work)|go\\.work\\.sum|Cargo\\.(toml|lock)|rust-toolchain(\\.toml)?',
    'Gemfile(\\.lock)?|gems\\.(rb|locked)|.*\\.gemspec|composer\\.(json|lock)',
    'pom\\.xml|(build|settings)\\.gradle(\\.kts)?|gradle\\.(properties|lockfile)|gradle-wrapper\\.properties|libs\\.versions\\.toml',
    '.*\\.(csproj|fsproj|vbproj|sln)|packages\\.lock\\.json|Directory\\..*\\.props|global\\.json|nuget\\.config|paket\\.(dependencies|lock)',
    'mix\\.(exs|lock)|pubspec\\.(yaml|lock)|Package\\.(swift|resolved)',
    '\\.nvmrc|\\.node-version|\\.python-version|\\.ruby-version|\\.java-version|\\.tool-versions|mise\\.toml|\\.gitmodules',
  ]
    .map((part) => `(${part})`)
    .join('|')
    .replace(/^/, '(^|/)(')
    .replace(/$/, ')$'),
);

/**
 * Words by which a script shows that it makes something of the sources themselves. What it leaves is then good for
 * the same sources only: otherwise a build of other code would be tested.
 */
const BUILDS = new RegExp(
  [
    '\\b(build|compile|tsc|webpack|rollup|esbuild|vite|babel|make|cmake|ninja|bazel|meson|gradlew?|mvnw?|dotnet)\\b',
    '\\b(generate|codegen|protoc|prisma|migrate|collectstatic|rake|test)\\b|setup\\.py|bundle\\s+exec',
    '\\b(npm|yarn|pnpm|bun)\\s+(run|start|pack|link)\\b|\\bgo\\s+(run|install|vet)\\b',
    // The project itself, unless it is only linked to.
    '\\bpip3?\\s+install\\s+(?![^;&|\\n]*(-e|--editable)\\s)[^;&|\\n]*(?<=\\s)\\.(?=\\s|$|/|\\[)',
  ].join('|'),
);

/** npm and its like run these of the repository's own package.json at an installation. */
const HOOKS = ['preinstall', 'install', 'postinstall', 'prepublish', 'preprepare', 'prepare', 'postprepare'];

export interface KeyFacts {
  script: string;
  tree: GitTree;
  /** The text of a file of the commit, null where it can't be had. Asked for few. */
  read: (path: string) => Promise<string | null>;
  environment: Record<string, string>;
  secrets: Record<string, string>;
  /** See machineFingerprint(). */
  machine: string;
  /** The sandbox and user that it runs in. */
  place: string;
}

export interface SetupKey {
  /** 64 hex digits. */
  key: string;
  /** Files of the commit that are a part of it: equal wherever the key is. */
  files: ReadonlySet<string>;
}

/**
 * @param salt secret: without it a key, of which checks show a part, would let guesses at a secret be tried
 */
export async function setupKey(facts: KeyFacts, salt: Buffer): Promise<SetupKey> {
  const { script, tree, environment, secrets, machine, place } = facts;
  const named = [...tree.files.keys()].filter((path) => path.length > 3 && mentions(script, path));
  const files = [...tree.files.keys()].filter((path) => MANIFESTS.test(path) || named.includes(path));
  for (const [path, { mode }] of tree.files) if (mode === '160000') files.push(path);
  const used = [...new Set(files)].sort();
  const said = [script, ...(await Promise.all(named.slice(0, MAX_NAMED).map((path) => facts.read(path))))];
  const isBuild =
    named.length > MAX_NAMED ||
    said.some((text) => text === null || BUILDS.test(text)) ||
    BUILDS.test(await hooksOf(facts));
  const about = {
    format: 1,
    script,
    files: used.map((path) => [path, describe(tree.files.get(path)!)]),
    sources: isBuild ? tree.sha : null,
    environment: sorted(environment),
    secrets: sorted(secrets),
    machine,
    place,
  };
  return {
    key: createHmac('sha256', salt).update(JSON.stringify(about)).digest('hex'),
    files: new Set(used),
  };
}

const MAX_NAMED = 20;

const describe = ({ mode, sha }: GitFile): string => `${mode} ${sha}`;

const sorted = (record: Record<string, string>): [string, string][] =>
  Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));

/** Whether a path of the repository stands in a script as a word of its own. */
function mentions(script: string, path: string): boolean {
  for (let at = script.indexOf(path); at >= 0; at = script.indexOf(path, at + 1)) {
    const before = script.slice(0, at).replace(/\.\/$/, '').at(-1) ?? ' ';
    const after = script[at + path.length] ?? ' ';
    if (!/[\w./-]/.test(before) && !/[\w/-]/.test(after)) return true;
  }
  return false;
}

async function hooksOf({ tree, read, script }: KeyFacts): Promise<string> {
  if (!/\b(npm|yarn|pnpm|bun)\b/.test(script) || !tree.files.has('package.json')) return '';
  try {
    const { scripts = {} } = JSON.parse((await read('package.json')) ?? '{}') as {
      scripts?: Record<string, unknown>;
    };
    return HOOKS.map((hook) => JSON.stringify(scripts[hook] ?? '')).join('\n');
  } catch {
    return '';
  }
}
