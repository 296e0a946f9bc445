import { firstOf, hasFileLike, type Detector, type RepositoryFiles } from './detector.js';

const MANIFESTS = [
  'pyproject.toml',
  'requirements.txt',
  'setup.py',
  'setup.cfg',
  'Pipfile',
  'uv.lock',
  'tox.ini',
];

/**
 * A virtual environment named by variables and not by its `activate`, which holds an absolute path and so
 * breaks when the workspace is moved.
 */
const VENV = [
  '[ -d .venv ] || python3 -m venv .venv',
  'export VIRTUAL_ENV="$PWD/.venv" PATH="$PWD/.venv/bin:$PATH"',
];

/** Python, always in `.venv`: installed by uv, Poetry, Pipenv or pip, tested by pytest or tox. */
export const detectPython: Detector = async (files) => {
  const from = firstOf(files, ...MANIFESTS);
  if (from === null) return null;
  const texts = await Promise.all(
    [...MANIFESTS, ...developmentRequirements(files)].map((path) => files.read(path)),
  );
  const pyproject = texts[MANIFESTS.indexOf('pyproject.toml')] ?? '';
  const tox = texts[MANIFESTS.indexOf('tox.ini')] ?? '';

  const install = installLines(files, pyproject);
  const hasTests = hasFileLike(files, /^(|tests?\/|src\/)(test_[^/]*|[^/]*_test)\.py$/);
  const namesPytest =
    files.list.has('pytest.ini') ||
    hasFileLike(files, /^(tests?\/)?conftest\.py$/) ||
    /\bpytest\b/.test(texts.join('\n'));
  if (/^\[(tox|testenv)\]/m.test(tox) && !hasTests && !namesPytest) {
    return {
      from,
      prelude: VENV,
      setup: [...install, 'python -m pip install tox'],
      deploy: [],
      test: ['python -m tox -e py'],
    };
  }
  if (!hasTests && !namesPytest) return { from, prelude: VENV, setup: install, deploy: [], test: [] };
  return {
    from,
    prelude: VENV,
    setup: [...install, 'python -m pytest --version >/dev/null 2>&1 || python -m pip install pytest'],
    deploy: [],
    test: ['python -m pytest'],
  };
};

function installLines(files: RepositoryFiles, pyproject: string): string[] {
  const has = (path: string) => files.list.has(path);
  if (has('uv.lock')) {
    // --inexact keeps what is not in the lockfile, above all pip and uv itself.
    return ['command -v uv >/dev/null || python -m pip install uv', 'uv sync --frozen --inexact'];
  }
  if (has('poetry.lock') || /^\[tool\.poetry\.(dependencies|group)/m.test(pyproject)) {
    return [
      'command -v poetry >/dev/null || python -m pip install poetry',
      'poetry install --no-interaction',
    ];
  }
  if (has('Pipfile')) {
    return [
      'command -v pipenv >/dev/null || python -m pip install pipenv',
      has('Pipfile.lock') ? 'pipenv sync --dev' : 'pipenv install --dev',
    ];
  }
  const requirements = [
    ...(has('requirements.txt') ? ['requirements.txt'] : []),
    ...developmentRequirements(files),
  ];
  const installs = requirements.map((path) => `python -m pip install -r ${path}`);
  // With requirements.txt, a pyproject.toml that says nothing of building often only configures tools.
  const buildable = /^\[build-system\]/m.test(pyproject) || has('setup.py');
  if (!buildable && (requirements.length > 0 || !/^\[project\]/m.test(pyproject))) return installs;
  const extras = namesIn(pyproject, 'project.optional-dependencies');
  const groups = namesIn(pyproject, 'dependency-groups');
  return [
    ...installs,
    `python -m pip install -e '.${extras.length > 0 ? `[${extras.join(',')}]` : ''}'`,
    ...(groups.length > 0 ? ["python -m pip install --upgrade 'pip>=25.1'"] : []),
    ...groups.map((group) => `python -m pip install --group ${group}`),
  ];
}

const developmentRequirements = (files: RepositoryFiles) =>
  [...files.list]
    .filter((path) => /^(requirements[-_/](dev|test|tests)|(dev|test)-requirements)\.txt$/.test(path))
    .sort();

/** Those of the usual names for what tests need that a table of pyproject.toml has. */
function namesIn(pyproject: string, table: string): string[] {
  const [, after = ''] = `\n${pyproject}`.split(`\n[${table}]`);
  const [inside = ''] = after.split(/\n\[/);
  return ['dev', 'test', 'tests', 'testing'].filter((name) => new RegExp(`^${name}\\s*=`, 'm').test(inside));
}
