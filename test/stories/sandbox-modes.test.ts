import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

const SERVER = join(import.meta.dirname, '../../dist/server.js');

describe('a server on a machine without bubblewrap', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'codegenapp-modes-'));
    // Node and nothing else.
    mkdirSync(join(folder, 'bin'));
    symlinkSync(process.execPath, join(folder, 'bin/node'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** Starts it; resolves with what it printed once it listens or has ended. */
  async function start(env: Record<string, string>): Promise<{ code: number | null; said: string }> {
    const child = spawn(process.execPath, [SERVER], {
      cwd: folder,
      env: {
        PATH: [join(folder, 'bin')].join(delimiter),
        DATA_DIR: join(folder, 'data'),
        LOG_FILE: '',
        HOST: '127.0.0.1',
        PORT: '0',
        GITHUB_TOKEN: 'ghp_a-token-that-nobody-uses-in-this-test',
        WEBHOOK_SECRET: 'a secret of the tests',
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        if (said.includes('listening on')) child.kill('SIGKILL');
      });
    const code = await ended;
    return { code, said };
  }

  it('in production refuses to start, in one sentence that says what to do', async () => {
    const { code, said } = await start({ NODE_ENV: 'production' });
    expect(code).toBe(1);
    expect(said).toMatch(/bwrap is not installed.*apt-get install bubblewrap/s);
    expect(said).toContain('SANDBOX=none');
    expect(said).not.toMatch(/^\s+at /m);
  });

  it('that others can reach refuses to start', async () => {
    const { code, said } = await start({ HOST: '0.0.0.0' });
    expect(code).toBe(1);
    expect(said).toContain('that others can reach');
  });

  it('in production starts with SANDBOX=none, warning', async () => {
    const { said } = await start({ NODE_ENV: 'production', SANDBOX: 'none' });
    expect(said).toContain('listening on');
    expect(said).toContain('without isolation');
  });

  it('on loopback starts, warning that only pull requests of the same repository are run', async () => {
    const { said } = await start({});
    expect(said).toContain('listening on');
    expect(said).toContain('Only pull requests from branches of the same repository are validated');
    expect(said).toContain('apt-get install bubblewrap');
  });
});
