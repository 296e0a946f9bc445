import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { doctorCommand } from '../../src/cli/doctor.js';
import { FakeCodegen } from '../support/fake-codegen.js';
import { FakeGitHub } from '../support/fake-github/index.js';

const GEMINI_KEY = 'gemini-key-that-nobody-may-see';

describe('codegenapp doctor', () => {
  let github: FakeGitHub;
  let codegen: FakeCodegen;
  let gemini: Server;
  let dataDir: string;
  let env: Record<string, string>;
  beforeEach(async () => {
    github = await FakeGitHub.start();
    github.webhookUrl = 'https://ci.example.com/api/github/webhooks';
    codegen = await FakeCodegen.start({ apiKey: 'codegen-key-that-nobody-may-see' });
    gemini = createServer((request, response) => {
      const accepted = request.headers['x-goog-api-key'] === GEMINI_KEY;
      response
        .writeHead(accepted ? 200 : 400, { 'content-type': 'application/json' })
        .end(JSON.stringify({ models: [{ name: 'models/gemini-2.5-flash' }] }));
    }).listen(0, '127.0.0.1');
    await once(gemini, 'listening');
    dataDir = mkdtempSync(join(tmpdir(), 'codegenapp-doctor-'));
    env = {
      ...github.environment,
      PATH: process.env['PATH'] ?? '',
      DATA_DIR: dataDir,
      PUBLIC_URL: 'https://ci.example.com',
      GITHUB_TOKEN: github.personalToken,
      API_TOKEN: 'api-token-that-nobody-may-see',
      CODEGEN_API_KEY: codegen.apiKey,
      CODEGEN_ORG_ID: codegen.organization,
      CODEGEN_API_BASE_URL: codegen.url,
      GEMINI_API_KEY: GEMINI_KEY,
      GEMINI_API_BASE_URL: `http://127.0.0.1:${(gemini.address() as AddressInfo).port}`,
    };
  });
  afterEach(async () => {
    gemini.closeAllConnections();
    gemini.close();
    await codegen.close();
    await github.stop();
    rmSync(dataDir, { recursive: true, force: true });
  });

  const ask = async (changes: Record<string, string> = {}) => {
    const lines: string[] = [];
    const code = await doctorCommand({ ...env, ...changes }, (line) => lines.push(line));
    const report = lines.join('\n');
    for (const secret of [codegen.apiKey, GEMINI_KEY, 'api-token-that-nobody-may-see', github.personalToken])
      expect(report).not.toContain(secret);
    expect(report).not.toContain(github.webhookSecret);
    expect(report).not.toContain('PRIVATE KEY');
    return { code, report };
  };

  it('finds nothing wrong where nothing is, having really used everything', async () => {
    github.createRepository('acme/web');
    const { code, report } = await ask();
    expect(report).not.toContain('✗');
    expect(code).toBe(0);
    for (const says of [
      '✓ GitHub App: The clock agrees with GitHub’s.',
      '✓ GitHub App: It is installed on 1 account.',
      '✓ GitHub App: It has all permissions and events.',
      '✓ GitHub App: GitHub sends webhooks to https://ci.example.com/api/github/webhooks.',
      '✓ GITHUB_TOKEN: It is token-owner’s.',
      '✓ Database: SQLite: made at the first start.',
      '✓ git: git version',
      '✓ Sandbox: A script ran in the bubblewrap sandbox.',
      '✓ Overlays: ',
      '✓ Codegen: ',
      '✓ Gemini: The API key is accepted, and gemini-2.5-flash is available.',
    ])
      expect(report).toContain(says);
    expect(report).toMatch(
      /[✓!] Sandbox: (All processes of a pipeline together may use|Memory is bounded for each process)/,
    );
    // Asking must not make what was asked for.
    expect(existsSync(join(dataDir, 'codegenapp.sqlite'))).toBe(false);
  });

  it('lists every mistake of the configuration at once', async () => {
    const { code, report } = await ask({ PORT: 'many', WEBHOOK_SECRET: 'short' });
    expect(code).toBe(1);
    expect(report).toMatch(/✗ Configuration: PORT is "many"/);
    expect(report).toMatch(/✗ Configuration: WEBHOOK_SECRET is shorter than 16/);
  });

  it('says what the App lacks, at GitHub and where it is installed', async () => {
    github.createRepository('acme/web');
    github.app.permissions = { ...github.app.permissions, checks: 'read' };
    github.app.events = github.app.events.filter((event) => event !== 'merge_group');
    const { code, report } = await ask();
    expect(code).toBe(1);
    expect(report).toContain('✗ GitHub App: It lacks the permission checks: write, the event merge_group.');
  });

  it('says where an installation has not granted what the App asks for', async () => {
    const repository = github.createRepository('acme/web');
    github.installationOf(repository)!.permissions = { metadata: 'read' };
    const { code, report } = await ask();
    expect(code).toBe(0);
    expect(report).toMatch(/! GitHub App: acme has not granted .*the permission contents: write/);
  });

  it('sees that webhooks go elsewhere, or are refused for their signature', async () => {
    const repository = github.createRepository('acme/web');
    const { report } = await ask({ PUBLIC_URL: 'https://elsewhere.example.com' });
    expect(report).toMatch(/✗ GitHub App: GitHub sends webhooks to https:\/\/ci\.example\.com.*elsewhere/);

    const lost = github.lose(github.installationOf(repository)!.created);
    expect((await ask()).report).toMatch(/! GitHub App: The newest webhook did not arrive.*502/);
    lost.statusCode = 401;
    expect((await ask()).report).toMatch(/✗ GitHub App: The newest webhook was refused/);
  });

  it('sees credentials that are refused, each for itself, and a clock that is wrong', async () => {
    const { code, report } = await ask({
      APP_ID: '99999999',
      GITHUB_TOKEN: 'ghp_notatoken',
      CODEGEN_API_KEY: 'wrong',
      GEMINI_API_KEY: 'wrong',
    });
    expect(code).toBe(1);
    for (const name of ['GitHub App', 'GITHUB_TOKEN', 'Codegen', 'Gemini'])
      expect(report).toMatch(new RegExp(`✗ ${name}: `));

    github.fault({
      path: '/app',
      status: 401,
      headers: { date: new Date(Date.now() + 3_600_000).toUTCString() },
    });
    expect((await ask()).report).toMatch(/✗ GitHub App: The clock is 3\d\d\d s behind GitHub’s/);
  });

  it('sees a database that is not there and a browser that does not run', async () => {
    const { code, report } = await ask({
      DATABASE_URL: 'postgres://someone:a-database-password@127.0.0.1:1/x',
      CHROME_PATH: '/nonexistent/chrome',
    });
    expect(code).toBe(1);
    expect(report).toMatch(/✗ Database: PostgreSQL can’t be used/);
    expect(report).toMatch(/✗ Browser: CHROME_PATH/);
    expect(report).not.toContain('a-database-password');
  });

  it('sees data that can’t be written, once, and a sandbox that was switched off', async () => {
    const file = join(dataDir, 'file');
    writeFileSync(file, '');
    const { code, report } = await ask({ DATA_DIR: file, SANDBOX: 'none' });
    expect(code).toBe(1);
    expect(report).toMatch(/✗ Disk: DATA_DIR .*file can’t be written.*\n +Set DATA_DIR/);
    expect(report.match(/EEXIST/g)).toHaveLength(1);
    expect(report).toMatch(/! Sandbox: SANDBOX=none: .*\n +Unset SANDBOX/);
  });

  it('has warnings only where optional things are not configured', async () => {
    const { code, report } = await ask({
      APP_ID: '',
      PRIVATE_KEY: '',
      GITHUB_TOKEN: '',
      CODEGEN_API_KEY: '',
      CODEGEN_ORG_ID: '',
      GEMINI_API_KEY: '',
    });
    expect(code).toBe(0);
    for (const name of ['GitHub App', 'Codegen', 'Gemini']) expect(report).toMatch(new RegExp(`! ${name}: `));
  });
});
