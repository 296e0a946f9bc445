import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { detectCommands, type DetectedCommands, type RepositoryFiles } from '../../src/pipeline/detect.js';

type Files = Record<string, string>;

const repository = (files: Files): RepositoryFiles => ({
  list: new Set(Object.keys(files)),
  read: (file) => Promise.resolve(files[file] ?? null),
});
const detect = (files: Files) => detectCommands(repository(files));
const manifest = (scripts: Record<string, unknown>, more: object = {}) =>
  JSON.stringify({ scripts, ...more });

const VENV = `[ -d .venv ] || python3 -m venv .venv
export VIRTUAL_ENV="$PWD/.venv" PATH="$PWD/.venv/bin:$PATH"
`;
const PYTEST = `${VENV}python -m pytest`;
const ENSURE_PYTEST = 'python -m pytest --version >/dev/null 2>&1 || python -m pip install pytest';
const NPM_TEST = manifest({ test: 'node --test' });

describe('detecting from package.json', () => {
  it('finds install, build, start and test, and says so', async () => {
    const files = {
      'package.json': manifest({ build: 'tsc', start: 'node dist/server.js', test: 'jest' }),
      'package-lock.json': '{}',
    };
    await expect(detect(files)).resolves.toEqual({
      setup: 'npm ci\nnpm run build',
      deploy: 'npm start',
      test: 'npm test',
      notes: ['Detected from `package.json`: `npm ci`, `npm run build`, `npm start`, `npm test`.'],
    });
  });

  it.each<[situation: string, files: Files, setup: string]>([
    ['no lockfile', {}, 'npm install'],
    ['package-lock.json', { 'package-lock.json': '' }, 'npm ci'],
    ['npm-shrinkwrap.json', { 'npm-shrinkwrap.json': '' }, 'npm ci'],
    ['yarn.lock next to package-lock.json', { 'package-lock.json': '', 'yarn.lock': '' }, 'npm ci'],
    [
      'pnpm 8',
      { 'pnpm-lock.yaml': "lockfileVersion: '6.0'\n" },
      'command -v pnpm >/dev/null || pnpm() { npx --yes pnpm@8 "$@"; }\npnpm install --frozen-lockfile',
    ],
    [
      'pnpm 9 and 10',
      { 'pnpm-lock.yaml': "lockfileVersion: '9.0'\n" },
      'command -v pnpm >/dev/null || pnpm() { npx --yes pnpm@10 "$@"; }\npnpm install --frozen-lockfile',
    ],
    [
      'Yarn 1',
      { 'yarn.lock': '# yarn lockfile v1\n' },
      'command -v yarn >/dev/null || yarn() { npx --yes yarn@1 "$@"; }\nyarn install --frozen-lockfile',
    ],
    [
      'Yarn 4',
      { 'yarn.lock': '__metadata:\n  version: 8\n' },
      '[[ "$(yarn --version 2>/dev/null)" == 4.* ]] || yarn() { npx --yes --package @yarnpkg/cli-dist@4 yarn "$@"; }\nyarn install --immutable',
    ],
    [
      'Yarn 3',
      { 'yarn.lock': '__metadata:\n  version: 6\n' },
      '[[ "$(yarn --version 2>/dev/null)" == 3.* ]] || yarn() { npx --yes --package @yarnpkg/cli-dist@3 yarn "$@"; }\nyarn install --immutable',
    ],
    [
      'a committed Yarn',
      {
        'yarn.lock': '__metadata:\n  version: 8\n',
        '.yarnrc.yml': 'nodeLinker: node-modules\n\nyarnPath: .yarn/releases/yarn-4.1.0.cjs\n',
      },
      'yarn() { node .yarn/releases/yarn-4.1.0.cjs "$@"; }\nyarn install --immutable',
    ],
    [
      'Bun',
      { 'bun.lockb': '' },
      'command -v bun >/dev/null || bun() { npx --yes bun@latest "$@"; }\nbun install --frozen-lockfile',
    ],
  ])('installs by the lockfile: %s', async (_, files, setup) => {
    await expect(detect({ 'package.json': NPM_TEST, ...files })).resolves.toMatchObject({ setup });
  });

  it.each([
    ['pnpm@9.1.2+sha512.abc', 'pnpm@9.1.2', 'pnpm test'],
    ['yarn@1.22.22', 'yarn@1.22.22', 'yarn test'],
    ['yarn@4.5.0', '@yarnpkg/cli-dist@4.5.0', 'yarn test'],
    ['bun@1.2.3', 'bun@1.2.3', 'bun run test'],
  ])('prefers packageManager %s to the lockfile', async (packageManager, standIn, test) => {
    const files = { 'package.json': manifest({ test: 'x' }, { packageManager }), 'package-lock.json': '' };
    const detected = await detect(files);
    expect(detected.setup).toContain(`${standIn} `);
    expect(detected.test!.split('\n').at(-1)).toBe(test);
  });

  it.each(['pnpm@$(id)', 'pnpm@1.2.3;id', 'npx@1.0.0', 'npm@10.0.0', 3, null, ['pnpm@9.0.0']])(
    'takes npm for packageManager %j',
    async (packageManager) => {
      const detected = await detect({ 'package.json': manifest({ test: 'x' }, { packageManager }) });
      expect(detected).toMatchObject({ setup: 'npm install', test: 'npm test' });
    },
  );

  it.each<[scripts: Record<string, string>, deploy: string | null]>([
    [{ dev: 'x', build: 'x' }, null],
    [{ start: 'node .', preview: 'x', serve: 'x' }, 'npm start'],
    [{ preview: 'next start', serve: 'x' }, 'npm run preview'],
    [{ serve: 'serve dist' }, 'npm run serve'],
    [{ preview: 'vite preview' }, 'npm run preview -- --host 127.0.0.1 --port "$PORT"'],
    [{ start: 'npm run build && npx vite preview' }, 'npm start -- --host 127.0.0.1 --port "$PORT"'],
    [{ start: 'vite --port $PORT' }, 'npm start'],
    [{ start: 'vite build && node server.js' }, 'npm start'],
    [{ start: 'vitest' }, 'npm start'],
  ])('starts %j', async (scripts, deploy) => {
    await expect(detect({ 'package.json': manifest(scripts) })).resolves.toMatchObject({ deploy });
  });

  it('passes arguments without -- where that would reach the server', async () => {
    const files = { 'package.json': manifest({ start: 'vite' }), 'pnpm-lock.yaml': "lockfileVersion: '9.0'" };
    const { deploy } = await detect(files);
    expect(deploy!.split('\n').at(-1)).toBe('pnpm start --host 127.0.0.1 --port "$PORT"');
  });

  it("knows npm init's placeholder for no tests", async () => {
    const detected = await detect({
      'package.json': manifest({ test: 'echo "Error: no test specified" && exit 1', start: 'node .' }),
    });
    expect(detected).toEqual({
      setup: 'npm install',
      deploy: 'npm start',
      test: null,
      notes: [
        'Detected from `package.json`: `npm install`, `npm start`.',
        'No test command was detected; set `test_commands` to have tests run.',
        "The test script of package.json is npm init's placeholder, so there are no tests to run.",
      ],
    });
  });

  it('does not guess how workspaces are tested', async () => {
    const { test, notes } = await detect({ 'package.json': manifest({}, { workspaces: ['packages/*'] }) });
    expect(test).toBeNull();
    expect(notes).toContain('package.json has workspaces but no test script of its own that tests them all.');
  });

  it.each(['', '{', 'null', '[]', '"x"', '{"scripts": {"test": "x"},}'])(
    'says that it could not be read: %j',
    async (text) => {
      const { notes, ...scripts } = await detect({ 'package.json': text });
      expect(scripts).toEqual({ setup: null, deploy: null, test: null });
      expect(notes).toEqual([
        "package.json isn't a JSON object, so no commands were detected from it.",
        expect.stringMatching(/^No commands were detected in the repository; set `setup_commands`/),
      ]);
    },
  );

  it.each(['[]', '"x"', 'null', '{"test": 3, "start": null, "build": ""}', '{"__proto__": {"test": "x"}}'])(
    'ignores scripts that are none: %s',
    async (scripts) => {
      const detected = await detect({ 'package.json': `\uFEFF{"scripts": ${scripts}}` });
      expect(detected).toMatchObject({ setup: 'npm install', deploy: null, test: null });
    },
  );
});

describe('detecting other ecosystems', () => {
  it.each<[name: string, files: Files, expected: Omit<DetectedCommands, 'notes'>]>([
    [
      'requirements.txt with pytest tests',
      { 'requirements.txt': 'flask\n', 'dev-requirements.txt': '', 'tests/test_app.py': '' },
      {
        setup: `${VENV}python -m pip install -r requirements.txt\npython -m pip install -r dev-requirements.txt\n${ENSURE_PYTEST}`,
        deploy: null,
        test: PYTEST,
      },
    ],
    [
      'requirements.txt without tests',
      { 'requirements.txt': 'flask\n', 'pyproject.toml': '[tool.black]\n[project]\nname = "x"\n' },
      { setup: `${VENV}python -m pip install -r requirements.txt`, deploy: null, test: null },
    ],
    [
      'pyproject.toml with extras and groups',
      {
        'pyproject.toml':
          '[project]\nname = "x"\n[project.optional-dependencies]\ntest = ["pytest"]\ndocs = []\n[dependency-groups]\ndev = []\n',
      },
      {
        setup: `${VENV}python -m pip install -e '.[test]'\npython -m pip install --upgrade 'pip>=25.1'\npython -m pip install --group dev\n${ENSURE_PYTEST}`,
        deploy: null,
        test: PYTEST,
      },
    ],
    [
      'setup.py',
      { 'setup.py': '', 'conftest.py': '' },
      { setup: `${VENV}python -m pip install -e '.'\n${ENSURE_PYTEST}`, deploy: null, test: PYTEST },
    ],
    [
      'uv',
      { 'pyproject.toml': '[project]\n', 'uv.lock': 'name = "pytest"\n' },
      {
        setup: `${VENV}command -v uv >/dev/null || python -m pip install uv\nuv sync --frozen --inexact\n${ENSURE_PYTEST}`,
        deploy: null,
        test: PYTEST,
      },
    ],
    [
      'Poetry',
      { 'pyproject.toml': '[tool.poetry]\n[tool.poetry.dependencies]\n' },
      {
        setup: `${VENV}command -v poetry >/dev/null || python -m pip install poetry\npoetry install --no-interaction`,
        deploy: null,
        test: null,
      },
    ],
    [
      'Pipenv',
      { Pipfile: '[dev-packages]\npytest = "*"\n', 'Pipfile.lock': '{}' },
      {
        setup: `${VENV}command -v pipenv >/dev/null || python -m pip install pipenv\npipenv sync --dev\n${ENSURE_PYTEST}`,
        deploy: null,
        test: PYTEST,
      },
    ],
    [
      'tox',
      { 'tox.ini': '[tox]\nenvlist = py\n' },
      { setup: `${VENV}python -m pip install tox`, deploy: null, test: `${VENV}python -m tox -e py` },
    ],
    [
      'Go',
      { 'go.mod': 'module x\n', 'main.go': '' },
      { setup: 'go mod download\ngo build ./...', deploy: null, test: 'go test ./...' },
    ],
    [
      'Rust with a lockfile',
      { 'Cargo.toml': '', 'Cargo.lock': '' },
      {
        setup: 'cargo fetch --locked\ncargo build --workspace --locked',
        deploy: null,
        test: 'cargo test --workspace --locked',
      },
    ],
    [
      'Rust without a lockfile',
      { 'Cargo.toml': '' },
      { setup: 'cargo fetch\ncargo build --workspace', deploy: null, test: 'cargo test --workspace' },
    ],
    [
      'Maven',
      { 'pom.xml': '' },
      {
        setup: 'mvn --batch-mode --no-transfer-progress -DskipTests package',
        deploy: null,
        test: 'mvn --batch-mode --no-transfer-progress test',
      },
    ],
    [
      'Maven wrapper',
      { 'pom.xml': '', mvnw: '' },
      {
        setup: 'sh ./mvnw --batch-mode --no-transfer-progress -DskipTests package',
        deploy: null,
        test: 'sh ./mvnw --batch-mode --no-transfer-progress test',
      },
    ],
    [
      'Gradle wrapper',
      { 'build.gradle.kts': '', gradlew: '' },
      { setup: 'sh ./gradlew --no-daemon assemble', deploy: null, test: 'sh ./gradlew --no-daemon test' },
    ],
    [
      'Ruby with RSpec',
      { Gemfile: '', 'spec/spec_helper.rb': '' },
      {
        setup: "bundle config set --local path 'vendor/bundle'\nbundle install",
        deploy: null,
        test: 'bundle exec rspec',
      },
    ],
    [
      'Ruby with Rake',
      { Gemfile: '', Rakefile: 'Rake::TestTask.new(:test)' },
      {
        setup: "bundle config set --local path 'vendor/bundle'\nbundle install",
        deploy: null,
        test: 'bundle exec rake test',
      },
    ],
    [
      'Rails',
      { Gemfile: '', 'bin/rails': '', 'test/test_helper.rb': '', Rakefile: '' },
      {
        setup: "bundle config set --local path 'vendor/bundle'\nbundle install",
        deploy: null,
        test: 'bundle exec rails test',
      },
    ],
    ['Make', { Makefile: 'all: x\ntest: x\n\t./x\n' }, { setup: null, deploy: null, test: 'make test' }],
    [
      'Make with build and check',
      { makefile: '.PHONY: build check\nbuild lint:\n\tcc\ncheck:: build\n' },
      { setup: 'make build', deploy: null, test: 'make check' },
    ],
    [
      'a Makefile with a variable named test',
      { Makefile: 'test := 1\ntest ::= 2\n\ttest: no target\nmytest: x\n' },
      { setup: null, deploy: null, test: null },
    ],
    ['flake8 in tox.ini', { 'tox.ini': '[flake8]\n' }, { setup: null, deploy: null, test: null }],
    ['nothing', { 'README.md': '' }, { setup: null, deploy: null, test: null }],
  ])('%s', async (_, files, expected) => {
    const { notes, ...scripts } = await detect(files);
    expect(scripts).toEqual(expected);
    expect(notes.length).toBeGreaterThan(0);
  });

  it('leaves plumbing out of the note', async () => {
    const { notes } = await detect({ 'requirements.txt': 'pytest' });
    expect(notes).toEqual([
      'Detected from `requirements.txt`: `python -m pip install -r requirements.txt`, `python -m pytest`.',
    ]);
  });
});

describe('a repository with several kinds', () => {
  it('prefers the one with tests, and names the others', async () => {
    const { test, notes } = await detect({
      'package.json': manifest({ format: 'prettier' }),
      'go.mod': '',
      Makefile: 'test:\n\tgo test ./...\n',
    });
    expect(test).toBe('go test ./...');
    expect(notes[0]).toBe('Detected from `go.mod`: `go mod download`, `go build ./...`, `go test ./...`.');
    expect(notes[1]).toMatch(/^Also found, but not run: `package.json`, `Makefile`; set `setup_commands`/);
  });

  it('still says that package.json is broken', async () => {
    const { test, notes } = await detect({ 'package.json': '{', 'go.mod': '' });
    expect(test).toBe('go test ./...');
    expect(notes).toContain("package.json isn't a JSON object, so no commands were detected from it.");
  });
});

describe('a project in a folder', () => {
  it('is run there when it is the only one', async () => {
    const files = { 'README.md': '', 'web app/package.json': NPM_TEST, 'examples/package.json': NPM_TEST };
    await expect(detect(files)).resolves.toEqual({
      setup: "cd -- 'web app'\nnpm install",
      deploy: null,
      test: "cd -- 'web app'\nnpm test",
      notes: ['Detected from `web app/package.json`: `npm install`, `npm test`.'],
    });
  });

  it('is not chosen among several', async () => {
    const detected = await detect({ 'web/package.json': NPM_TEST, 'api/go.mod': '' });
    expect(detected).toMatchObject({ setup: null, deploy: null, test: null });
    expect(detected.notes).toEqual([
      expect.stringMatching(
        /^Several projects were found \(`api\/go.mod`, `web\/package.json`\) and none at the top/,
      ),
    ]);
  });
});

describe('the detected scripts, run', () => {
  const PATIENCE = 60_000;
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'codegenapp-detect-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function write(files: Files) {
    for (const [file, text] of Object.entries(files)) {
      await mkdir(path.join(folder, path.dirname(file)), { recursive: true });
      await writeFile(path.join(folder, file), text);
    }
  }
  const environment = { ...process.env, CI: 'true', npm_config_offline: 'true', npm_config_audit: 'false' };
  const run = (script: string) =>
    promisify(execFile)('bash', ['-eo', 'pipefail', '-c', script], { cwd: folder, env: environment });

  it(
    'install, build, start and test a Node project',
    async () => {
      const files: Files = {
        'package.json': JSON.stringify({
          name: 'shop',
          version: '1.0.0',
          scripts: {
            build: `node -e "require('fs').writeFileSync('built', 'yes')"`,
            start: 'node server.js',
            test: 'node test.js',
          },
        }),
        'package-lock.json': JSON.stringify({
          name: 'shop',
          version: '1.0.0',
          lockfileVersion: 3,
          packages: { '': { name: 'shop', version: '1.0.0' } },
        }),
        'server.js':
          "require('http').createServer((q, s) => s.end('hello')).listen(process.env.PORT, '127.0.0.1', () => console.log('up'));",
        'test.js': "require('fs').readFileSync('built'); console.log('1 passed');",
      };
      await write(files);
      const { setup, deploy, test } = await detect(files);
      await run(setup!);
      await expect(readFile(path.join(folder, 'built'), 'utf8')).resolves.toBe('yes');
      expect((await run(test!)).stdout).toContain('1 passed');

      const port = await freePort();
      const server = spawn('bash', ['-eo', 'pipefail', '-c', deploy!], {
        cwd: folder,
        env: { ...environment, PORT: String(port) },
        detached: true,
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      try {
        for await (const text of server.stdout.setEncoding('utf8')) if (String(text).includes('up')) break;
        await expect((await fetch(`http://127.0.0.1:${port}/`)).text()).resolves.toBe('hello');
      } finally {
        process.kill(-server.pid!, 'SIGKILL');
      }
    },
    PATIENCE,
  );

  it(
    'fail as the tests fail, in a folder with a hostile name',
    async () => {
      const name = "it's $(touch pwned) `x`";
      const files = { [`${name}/package.json`]: manifest({ test: 'exit 3' }) };
      await write(files);
      const { test, notes } = await detect(files);
      await expect(run(test!)).rejects.toMatchObject({ code: 3 });
      await expect(readFile(path.join(folder, 'pwned'))).rejects.toThrow('ENOENT');
      expect(notes[0]).toContain("`it's $(touch pwned)  x /package.json`");
    },
    PATIENCE,
  );

  it(
    'use a committed Yarn in place of an installed one',
    async () => {
      const files = {
        'package.json': NPM_TEST,
        'yarn.lock': '__metadata:\n  version: 8\n',
        '.yarnrc.yml': 'yarnPath: .yarn/releases/yarn-4.1.0.cjs\n',
        '.yarn/releases/yarn-4.1.0.cjs': "console.log('yarn', process.argv.slice(2).join(' '));",
      };
      await write(files);
      const { setup, test } = await detect(files);
      expect((await run(setup!)).stdout).toBe('yarn install --immutable\n');
      expect((await run(test!)).stdout).toBe('yarn test\n');
    },
    PATIENCE,
  );
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
