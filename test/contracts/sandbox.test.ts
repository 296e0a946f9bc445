import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect, createServer as createSocketServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { messageOf } from '../../src/domain/errors.js';
import { bubblewrapSandbox } from '../../src/sandbox/bubblewrap.js';
import type { Sandbox } from '../../src/sandbox/contract.js';
import { SandboxError } from '../../src/sandbox/contract.js';
import { readFeatures } from '../../src/sandbox/probe.js';
import { runScript, startPreview } from '../../src/sandbox/run-script.js';
import { selectSandbox } from '../../src/sandbox/select.js';
import { makeSandboxWorkspace, processesWith, type SandboxWorkspace } from '../support/sandbox-workspace.js';

const CANARY = 'canary-0b6f1f0c-secret-of-the-server';
const isRoot = process.getuid?.() === 0;

interface Backend {
  name: string;
  sandbox: Sandbox | undefined;
  whyMissing: string;
}

async function backend(mode: 'bubblewrap' | 'none'): Promise<Backend> {
  const name = mode === 'none' ? 'plain' : mode;
  try {
    const log = { info: () => undefined, warn: () => undefined };
    const { sandbox } = await selectSandbox({ mode, production: false, loopbackOnly: true, log });
    return { name, sandbox, whyMissing: '' };
  } catch (error) {
    return { name, sandbox: undefined, whyMissing: messageOf(error) };
  }
}

for (const { name, sandbox, whyMissing } of [await backend('bubblewrap'), await backend('none')]) {
  if (!sandbox) {
    // eslint-disable-next-line no-console
    console.warn(`The tests of the ${name} sandbox are skipped: ${whyMissing}`);
    describe.skip(`the ${name} sandbox`, () => it(whyMissing, () => undefined));
    continue;
  }
  describe(`the ${name} sandbox`, () => suite(sandbox));
}

/** A test of a promise that only isolating backends make. */
function walled(sandbox: Sandbox) {
  return sandbox.isolated ? it : it.skip;
}

function suite(sandbox: Sandbox): void {
  let place: SandboxWorkspace;

  beforeEach(async () => {
    process.env['CANARY_SECRET'] = CANARY;
    place = await makeSandboxWorkspace();
  });

  afterEach(async () => {
    expect(await leftOf(place)).toEqual([]);
    await place.remove();
  });

  /** Runs a script to its end by the contract alone. */
  async function run(script: string, more: Parameters<SandboxWorkspace['command']>[1] = {}) {
    const started = await sandbox.start(place.command(script, more));
    const exit = await started.exited;
    await started.stop();
    return exit;
  }

  describe('reports how the script ended', () => {
    it.each([
      ['true', 0, null],
      ['exit 3', 3, null],
      ['false\necho not reached', 1, null],
      ['false | true', 1, null],
      ['no-such-command', 127, null],
      ['kill -KILL $$', 137, 'SIGKILL'],
      ['kill -SEGV $$', 139, 'SIGSEGV'],
    ])('%j', async (script, code, signal) => {
      expect(await run(script)).toEqual({ code, signal });
      expect(await run(script, { keepAlive: true })).toEqual({ code, signal });
    });

    it('when an earlier one has closed the workspace', async () => {
      expect(await run('chmod 000 .')).toEqual({ code: 0, signal: null });
      for (const keepAlive of [false, true])
        expect(await run('echo not reached', { keepAlive })).toEqual({ code: 126, signal: null });
      const { workspace } = place.command('');
      expect(await place.output()).toMatch(new RegExp(`^(.*cd: ${workspace}: Permission denied\n){2}$`));
    });

    it('when stopped before its end', async () => {
      const started = await sandbox.start(place.command('sleep 1000'));
      await started.stop();
      expect(await started.exited).toEqual({ code: null, signal: 'SIGKILL' });
    });

    it('when a process of it keeps stdout open', async () => {
      expect(await run('(trap "" TERM HUP; sleep 1000) & echo done')).toEqual({ code: 0, signal: null });
      expect(await place.output()).toBe('done\n');
    });
  });

  describe('keeps output in order', () => {
    it('of both streams, appended, in a file for us alone', async () => {
      await run('echo one; echo two >&2; echo three');
      await run('echo four');
      expect(await place.output()).toBe('one\ntwo\nthree\nfour\n');
      expect((await stat(join(place.base, 'output.log'))).mode & 0o777).toBe(0o600);
    });

    it('to the last byte', async () => {
      await run('head -c 3000000 /dev/zero');
      expect((await place.output()).length).toBe(3_000_000);
    });

    walled(sandbox)('when /dev/stderr is opened anew', async () => {
      await run('echo one; echo two > /dev/stderr; echo three | tee /dev/stdout');
      expect((await place.output()).startsWith('one\ntwo\n')).toBe(true);
    });
  });

  describe('gives the script', () => {
    it('its workspace under its own path, a home, and a place for temporary files', async () => {
      const { workspace, home } = place.command('');
      await run('pwd; echo $HOME; touch here "$HOME/there" "$TMPDIR/elsewhere"; mktemp >/dev/null');
      expect(await place.output()).toBe(`${workspace}\n${home}\n`);
      expect((await stat(join(workspace, 'here'))).isFile()).toBe(true);
      expect((await stat(join(home ?? '', 'there'))).isFile()).toBe(true);
    });

    walled(sandbox)('none of the keys that the server was started with', async () => {
      const keyctl = { x64: 250, arm64: 219 }[process.arch as 'x64' | 'arm64'];
      // Asks for the number of the session keyring.
      await run(`perl -e 'print syscall(${keyctl}, 0, -3, 0) < 0 ? $! : "keys"'`);
      expect(await place.output()).toBe('Function not implemented');
    });

    it('the Node that runs us and the standard tools', async () => {
      await run(`test "$('${process.execPath}' -p process.version)" = ${process.version}; git --version`);
      expect(await place.output()).toMatch(/^git version/);
    });

    it('the given environment, whatever is in it', async () => {
      const environment = { A: 'with "quotes" and\nlines', PATH: '/usr/bin:/bin', BASH_ENV: '/nowhere' };
      await run('printf %s "$A|$PATH|$BASH_ENV"', { environment });
      expect(await place.output()).toContain('with "quotes" and\nlines|/usr/bin:/bin|/nowhere');
    });

    it.each<Record<string, string>>([
      {},
      { fd: 'theirs', limit: 'theirs' },
      // With these bash begins in another way.
      { BASH_ENV: 'env.sh' },
      { POSIXLY_CORRECT: '1' },
      { GLOBIGNORE: '*' },
      { SHELLOPTS: 'braceexpand:hashall:posix' },
      { SSH_CLIENT: '127.0.0.1 1 22', SHLVL: '0' },
      { 'BASH_FUNC_ulimit%%': '() { echo overridden; }', 'BASH_FUNC_echo%%': '() { exit 9; }' },
    ])('a bash of its own, and its limits, with %o', async (environment) => {
      const { workspace, home } = place.command('');
      await writeFile(join(home!, '.bashrc'), 'printf "bashrc\\n"\n');
      await writeFile(join(workspace, 'env.sh'), 'printf "env.sh\\n"\n');
      const script = `
        printf '%s\\n' "$0 $# $? $(builtin ulimit -n) $fd $limit"
        [[ $- == *e* && -o pipefail && -v PWD && ! -v OLDPWD && \${BASH_ENV-env.sh} == env.sh ]]
        ! compgen -v | grep -E 'PRELUDE|codegenapp_'
        no-such-command || true
        cd /nowhere 2>&1`;
      expect((await run(script, { environment, limits: { openFiles: 77 } })).code).toBe(1);
      const { fd = '', limit = '' } = environment;
      const lines = (await place.output()).split('\n');
      const read = environment['BASH_ENV'] ? ['env.sh'] : [];
      expect(lines.filter((line) => line !== 'bashrc')).toEqual([
        ...read,
        `bash 0 0 77 ${fd} ${limit}`,
        'bash: line 5: no-such-command: command not found',
        'bash: line 6: cd: /nowhere: No such file or directory',
        '',
      ]);
    });

    it('none of the environment and descriptors of the server', async () => {
      await run('env; cat /proc/self/environ; ls /proc/self/fd');
      const output = await place.output();
      expect(output).toContain(place.marker);
      expect(output).not.toContain(CANARY);
      expect(output).toMatch(/0\n1\n2\n3\n$/);
    });

    walled(sandbox)('the given environment and the defaults only', async () => {
      await run('env -0 | cut -z -d= -f1 | sort -z | tr "\\0" " "');
      const names = (await place.output()).trim().split(' ');
      const shells = ['PWD', 'SHLVL', '_', 'OLDPWD'];
      const managers = /^(GOROOT|\w+_(DIR|ROOT|HOME))$/;
      expect(names.filter((name) => !shells.includes(name) && !managers.test(name))).toEqual([
        'HOME',
        'LANG',
        'MARKER',
        'PATH',
        'SHELL',
        'TMPDIR',
      ]);
    });

    walled(sandbox)('a user with a name and a host with one', async () => {
      const script = `const os = require('os'); console.log(os.userInfo().username, os.hostname())`;
      await run(`'${process.execPath}' -e "${script}"; getent hosts "$(hostname)"`);
      expect(await place.output()).toMatch(/^codegenapp ci\n127\.0\.0\.1\s+ci/);
    });

    walled(sandbox)('no environment of any other process', async () => {
      await run('cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null || true');
      expect(await place.output()).not.toContain(CANARY);
    });

    walled(sandbox)('no file of the server', async () => {
      const file = join(place.base, 'key.pem');
      await writeFile(file, CANARY, { mode: 0o600 });
      await writeFile(join(place.base, 'public'), CANARY, { mode: 0o644 });
      await run(`ls '${place.base}'; cat '${file}' '${join(place.base, 'public')}' || true`);
      expect(await place.output()).toMatch(
        /^home\nworkspace\ncat: \S+: No such file.*\ncat: \S+: No such file/,
      );
      await run('grep -rsl canary-0b6f1f0c /home /var /srv /run /tmp || true');
      expect(await place.output()).not.toContain('canary');
    });

    walled(sandbox)('no place to write but its own', async () => {
      await run(
        'for d in / /usr /etc /dev /run /var /opt "$(dirname "$PWD")"; do ! touch "$d/x" 2>/dev/null; done; echo none',
      );
      expect(await place.output()).toBe('none\n');
    });

    walled(sandbox)('no way to more rights', async () => {
      await run('grep -E "CapEff|NoNewPrivs" /proc/self/status; ! unshare --user true');
      expect(await place.output()).toMatch(/CapEff:\s+0+\nNoNewPrivs:\s+1\n/);
    });
  });

  describe('leaves nothing behind', () => {
    const DAEMON =
      '(setsid bash -c \'trap "" TERM HUP INT; sleep 1000 & wait\' </dev/null >/dev/null 2>&1 &)';

    it('of a daemon that left its session and ignores signals', async () => {
      expect((await run(`${DAEMON}; ${DAEMON}`)).code).toBe(0);
    });

    it('of what a preview left running, which lives until then', async () => {
      const started = await sandbox.start(
        place.command(`${DAEMON}; sleep 1000 & exit 4`, { keepAlive: true }),
      );
      expect(await started.exited).toEqual({ code: 4, signal: null });
      // Some may still be becoming what they are: then they show no marker.
      await until(() => expect(processesWith(place.marker).length).toBeGreaterThanOrEqual(2));
      await Promise.all([started.stop(), started.stop()]);
      await started.stop();
      expect(await started.exited).toEqual({ code: 4, signal: null });
    });

    it('when this process is killed', async () => {
      const program = join(place.base, 'server.mjs');
      await writeFile(
        program,
        `import { selectSandbox } from '${pathToFileURL('dist/sandbox/select.js').href}';
        const { sandbox } = await selectSandbox({ mode: ${JSON.stringify(sandbox.isolated ? 'bubblewrap' : 'none')},
          production: false, loopbackOnly: true, log: { info() {}, warn() {} } });
        const started = await sandbox.start(JSON.parse(process.argv[2]));
        await started.exited;
        console.log('running');
        setInterval(() => {}, 1000);`,
      );
      const command = place.command(`${DAEMON}; sleep 1000 & true`, { keepAlive: true });
      const server = spawn(process.execPath, [program, JSON.stringify(command)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      try {
        await once(server.stdout, 'data');
        // Two sleeps, the daemon, and the server, which has the marker among its arguments.
        await until(() => expect(processesWith(place.marker).length).toBeGreaterThanOrEqual(4));
      } finally {
        server.kill('SIGKILL');
      }
      await once(server, 'exit');
    });
  });

  describe('bounds', () => {
    const forksAreBounded = sandbox.isolated || isRoot;

    (forksAreBounded ? it : it.skip)('processes', async () => {
      const result = await runScript({
        sandbox,
        command: place.command('bomb() { bomb | bomb & }; bomb; while :; do sleep 0.1 || true; done', {
          limits: { processes: 100 },
        }),
        timeoutMs: 1000,
      });
      expect(result.outcome).toBe('timed_out');
    });

    it('memory', async () => {
      // `tail` holds a line until its end.
      const { code } = await run('head -c 1000000000 /dev/zero | tail -n 1 | wc -c', {
        limits: { memoryBytes: 128 * 1024 ** 2 },
      });
      expect(code).not.toBe(0);
    });

    it('the size of a file', async () => {
      const { code, signal } = await run('head -c 2000000 /dev/zero > big', {
        limits: { fileBytes: 1024 ** 2 },
      });
      expect([code, signal]).toEqual([153, 'SIGXFSZ']);
    });

    walled(sandbox)('temporary files', async () => {
      const { code } = await run('head -c 4000000 /dev/zero > /tmp/big', { limits: { tmpBytes: 1024 ** 2 } });
      expect(code).toBe(1);
      expect(await place.output()).toContain('No space left');
    });
  });

  describe('runScript', () => {
    it('says how it went', async () => {
      const result = await runScript({ sandbox, command: place.command('echo 12345; exit 2') });
      expect(result).toMatchObject({ outcome: 'exited', code: 2, signal: null, outputBytes: 6 });
    });

    it('ends a script that runs too long and ignores SIGTERM', async () => {
      const command = place.command('trap "" TERM HUP INT; while :; do sleep 1; done');
      expect(await runScript({ sandbox, command, timeoutMs: 300 })).toMatchObject({
        outcome: 'timed_out',
        code: null,
      });
    });

    it('ends it when it is cancelled, or does not start it', async () => {
      const controller = new AbortController();
      const running = runScript({
        sandbox,
        command: place.command('touch started; sleep 1000'),
        signal: controller.signal,
      });
      await until(() => stat(join(place.command('').workspace, 'started')));
      controller.abort();
      expect((await running).outcome).toBe('aborted');
      const again = await runScript({
        sandbox,
        command: place.command('touch again'),
        signal: controller.signal,
      });
      expect(again.outcome).toBe('aborted');
      await expect(stat(join(place.command('').workspace, 'again'))).rejects.toThrow('ENOENT');
    });

    it('ends a flood of output', async () => {
      const result = await runScript({
        sandbox,
        command: place.command('yes'),
        maxOutputBytes: 1e6,
        pollMs: 20,
      });
      expect(result.outcome).toBe('output_limit');
      expect(result.outputBytes).toBeGreaterThan(1e6);
    });

    it('ends a script that fills the workspace', async () => {
      const command = place.command(
        'for i in {1..1000}; do head -c 1000000 /dev/zero > f$i; sleep 0.02; done',
      );
      const result = await runScript({ sandbox, command, maxWorkspaceBytes: 20e6, pollMs: 20 });
      expect(result.outcome).toBe('workspace_limit');
    });

    it('ends a script that makes too many files', async () => {
      const command = place.command('mkdir d; for i in {1..100000}; do : > d/$i; done; sleep 1000');
      const result = await runScript({ sandbox, command, maxWorkspaceFiles: 500, pollMs: 20 });
      expect(result.outcome).toBe('workspace_limit');
    });

    it('ends a script that hides files deeper than paths can be long', async () => {
      const program =
        "const fs = require('fs'); for (let n = 0; n < 2500; n++) { fs.mkdirSync('d'); process.chdir('d') }";
      const command = place.command(`node -e "${program}"; sleep 1000`);
      expect((await runScript({ sandbox, command, pollMs: 20 })).outcome).toBe('workspace_limit');
    });

    it('ends a script when the disk is nearly full', async () => {
      const command = place.command('sleep 1000');
      const result = await runScript({ sandbox, command, minFreeBytes: 2 ** 60, pollMs: 20 });
      expect(result.outcome).toBe('disk_full');
    });

    it('takes no listener of the signal along', async () => {
      const { signal } = new AbortController();
      let listeners = 0;
      const add = signal.addEventListener.bind(signal);
      const remove = signal.removeEventListener.bind(signal);
      signal.addEventListener = (...args: Parameters<typeof add>) => (listeners++, add(...args));
      signal.removeEventListener = (...args: Parameters<typeof remove>) => (listeners--, remove(...args));
      await runScript({ sandbox, command: place.command('true'), signal });
      expect(listeners).toBe(0);
    });
  });

  describe('a preview', () => {
    const SERVER = `require('http').createServer((q, s) => s.end('x'.repeat(3e6))).listen(process.env.PORT, '127.0.0.1')`;
    const serve = `'${process.execPath}' -e "${SERVER}"`;

    it.each(['shared', 'none'] as const)('is reachable, with network %s', async (network) => {
      const port = await freePort();
      const preview = await startPreview({
        sandbox,
        command: place.command(`${serve} & exit 0`, {
          network,
          expose: { port },
          environment: { PORT: String(port) },
        }),
      });
      expect((await preview.exited).code).toBe(0);
      expect(await until(() => fetchLength(port))).toBe(3e6);
      expect(await Promise.all([1, 2, 3].map(() => fetchLength(port)))).toEqual([3e6, 3e6, 3e6]);
      expect(await preview.stop()).toMatchObject({ outcome: 'aborted' });
      await expect(fetchLength(port)).rejects.toThrow('ECONNREFUSED');
    });

    it('ends at a limit', async () => {
      const command = place.command('yes & exit 0');
      const preview = await startPreview({ sandbox, command, maxOutputBytes: 1e5, pollMs: 20 });
      expect(await preview.ended).toMatchObject({ outcome: 'output_limit' });
    });
  });

  describe('with network none', () => {
    walled(sandbox)('nothing of this machine or beyond answers', async () => {
      const server = createServer((_, response) => response.end(CANARY)).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      const script = `exec 3<>/dev/tcp/127.0.0.1/${port}; printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3`;
      expect((await run(script, { network: 'none' })).code).toBe(1);
      expect(await place.output()).toContain('Connection refused');
      expect((await run(script, { network: 'shared' })).code).toBe(0);
      expect(await place.output()).toContain(CANARY);
      server.close();
    });

    walled(sandbox)("a link in the socket's place leads nowhere", async () => {
      const port = await freePort();
      const other = join(place.base, 'other.sock');
      let connections = 0;
      const server = createSocketServer((socket) => {
        connections++;
        socket.end(CANARY);
      }).listen(other);
      await once(server, 'listening');
      await chmod(other, 0o777);
      const started = await sandbox.start(
        place.command(
          `until [ -S /run/codegenapp/preview.sock ]; do sleep 0.01; done; ln -sf '${other}' /run/codegenapp/preview.sock`,
          { network: 'none', expose: { port }, keepAlive: true },
        ),
      );
      expect((await started.exited).code).toBe(0);
      const socket = connect(port, '127.0.0.1');
      await once(socket, 'close');
      expect(connections).toBe(0);
      await started.stop();
      server.close();
    });

    walled(sandbox)('a taken port is our fault', async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      const command = place.command('true', { network: 'none', expose: { port } });
      await expect(sandbox.start(command)).rejects.toThrow(SandboxError);
      server.close();
    });
  });

  describe('is at fault itself', () => {
    it('when the workspace is missing', async () => {
      const workspace = join(place.base, 'nowhere');
      await expect(sandbox.start(place.command('true', { workspace }))).rejects.toThrow(SandboxError);
    });

    it.each([
      [{ workspace: 'relative' }],
      [{ environment: { A: 'a\0--bind\0/\0/' } }],
      [{ environment: { 'A=B': 'c' } }],
      [{ environment: { A: 'x'.repeat(200_000) } }],
    ])('when asked for the impossible (%#)', async (more) => {
      await expect(sandbox.start(place.command('true', more))).rejects.toThrow(SandboxError);
    });

    walled(sandbox)('when its machinery is killed', async () => {
      const started = await sandbox.start(place.command('sleep 1000'));
      const machine = await until(() => bubblewrapOf(place.marker));
      process.kill(machine, 'SIGKILL');
      await expect(started.exited).rejects.toThrow(SandboxError);
      await started.stop();
    });
  });

  (sandbox.isolated && isRoot ? it : it.skip)('works where its user can not go', async () => {
    const hidden = join(place.base, 'a b\\#');
    await mkdir(hidden, { mode: 0o700 });
    const workspace = join(hidden, 'workspace');
    await rename(place.command('').workspace, workspace);
    expect(await run('echo made > here; cat here', { workspace })).toEqual({ code: 0, signal: null });
    expect(await readFile(join(workspace, 'here'), 'utf8')).toBe('made\n');
  });

  walled(sandbox)('hides private directories in what is shown, but for the workspace', async () => {
    const data = join(place.base, 'data');
    await mkdir(join(data, 'keys'), { recursive: true });
    await writeFile(join(place.base, 'tool'), 'tool');
    await rename(place.command('').workspace, join(data, 'workspace'));
    const hiding = bubblewrapSandbox({
      program: '/usr/bin/bwrap',
      features: await readFeatures('/usr/bin/bwrap'),
      toolchains: { directories: [place.base], path: '/usr/bin:/bin', environment: {} },
      privateDirectories: [data, join(place.base, 'not-there')],
    });
    const command = place.command(`cat ../../tool; ls ..; touch here; touch ../there`, {
      workspace: join(data, 'workspace'),
    });
    expect((await (await hiding.start(command)).exited).code).toBe(1);
    expect(await place.output()).toMatch(/^toolworkspace\ntouch: .*Read-only file system\n$/);
  });

  walled(sandbox)('passes on what bubblewrap says when it fails', async () => {
    const broken = bubblewrapSandbox({
      program: '/usr/bin/bwrap',
      features: await readFeatures('/usr/bin/bwrap'),
      toolchains: { directories: [place.command('').workspace], path: '/usr/bin', environment: { 'A=': '' } },
      privateDirectories: [],
    });
    await expect(broken.start(place.command('true'))).rejects.toThrow(
      /could not run the script: bwrap: setenv/,
    );
    expect(await place.output()).toBe('');
  });

  walled(sandbox)('keeps those that run at once from each other', async () => {
    const other = await makeSandboxWorkspace();
    const limits = { processes: 60 };
    const script = (more: string) =>
      `echo "$MARKER" > secret; sleep 1000 & until test -e go; do sleep 0.05; done; ${more}`;
    const victim = await sandbox.start(
      other.command(script('bash -c "echo still forking"; kill -0 $!; touch mine'), { limits }),
    );
    const attacker = await sandbox.start(
      place.command(
        script(
          `set +e; kill -9 -1 2>/dev/null; cat ${other.base}/workspace/secret; ls ${other.base}; ` +
            'grep -lsz "^$VICTIM" /proc/[0-9]*/environ; for n in $(seq 100); do sleep 1000 & done; touch full; sleep 1000',
        ),
        { limits, environment: { VICTIM: `MARKER=${other.marker}` } },
      ),
    );
    await writeFile(join(place.command('').workspace, 'go'), '');
    // It stands at its bound, which is its own: the other one, of the same user, still starts processes.
    await untilSaid(place, 'Resource temporarily unavailable');
    await writeFile(join(other.command('').workspace, 'go'), '');
    expect((await victim.exited).code).toBe(0);
    expect(await other.output()).toBe('still forking\n');
    await Promise.all([attacker.stop(), victim.stop()]);
    const said = await place.output();
    expect(said).toContain('No such file');
    expect(said).not.toContain(other.marker);
    expect(said).not.toContain('/environ');
    await other.remove();
  });

  it('can run many at once', async () => {
    const others = await Promise.all([1, 2, 3, 4].map(() => makeSandboxWorkspace()));
    const preview = await sandbox.start(place.command('sleep 1000 & exit 0', { keepAlive: true }));
    const codes = others.map(async (other, index) => {
      await mkdir(join(other.command('').workspace, 'x'), { mode: 0o777 });
      const started = await sandbox.start(other.command(`sleep 0.${index}; exit ${index}`));
      return (await started.exited).code;
    });
    expect(await Promise.all(codes)).toEqual([0, 1, 2, 3]);
    // Their ends were not its end.
    expect(processesWith(place.marker).length).toBeGreaterThanOrEqual(1);
    await preview.stop();
    await Promise.all(others.map((other) => other.remove()));
  });
}

async function untilSaid(place: SandboxWorkspace, words: string): Promise<void> {
  for (const end = Date.now() + 20_000; !(await place.output()).includes(words); await delay(20))
    if (Date.now() > end) throw new Error(`It said: ${await place.output()}`);
}

/** What is left of a workspace's processes, after the moment that the kernel needs to end them. */
async function leftOf({ marker }: SandboxWorkspace): Promise<string[]> {
  const deadline = performance.now() + 10_000;
  let left = processesWith(marker);
  for (; left.length > 0 && performance.now() < deadline; left = processesWith(marker)) await delay(10);
  return left;
}

/** The outermost process of a sandbox: the parent of the parent of the script, both by name bwrap. */
async function bubblewrapOf(marker: string): Promise<number> {
  const parentOf = async (pid: number) => {
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    return { name: /Name:\s+(\S+)/.exec(status)?.[1], parent: Number(/PPid:\s+(\d+)/.exec(status)?.[1]) };
  };
  let pid = parseInt(processesWith(marker)[0] ?? '', 10);
  for (let above = await parentOf(pid); ; above = await parentOf(pid)) {
    if (above.name === 'bwrap' && (await parentOf(above.parent)).name !== 'bwrap') return pid;
    pid = above.parent;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function fetchLength(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, agent: false }, (response) => {
      let length = 0;
      response.on('data', (chunk: Buffer) => (length += chunk.length));
      response.on('end', () => resolve(length)).on('error', reject);
    }).on('error', reject);
  });
}

/** The first answer that is no error. */
async function until<T>(ask: () => T | Promise<T>): Promise<T> {
  for (let left = 1000; ; left--) {
    try {
      return await ask();
    } catch (error) {
      if (left === 0) throw error;
      await delay(10);
    }
  }
}
