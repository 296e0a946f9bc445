import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ts from 'typescript';

const MAIN = `
import { startGitHttp } from './git-http.mjs';
const server = await startGitHttp(process.argv[2]);
process.on('message', () => process.send(server.sentBytes));
process.send(server.url);
`;

export interface GitServer {
  url: string;
  host: string;
  sentBytes(): Promise<number>;
  stop(): void;
}

/** git-http.ts in a process of its own: the small one that a git server is, not one that carries all of Jest. */
export async function startGitServer(root: string): Promise<GitServer> {
  const folder = mkdtempSync(join(tmpdir(), 'codegenapp-bench-'));
  const source = readFileSync(join(import.meta.dirname, '../support/git-http.ts'), 'utf8');
  const { outputText } = ts.transpileModule(source, {
    compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
  });
  writeFileSync(join(folder, 'git-http.mjs'), outputText);
  writeFileSync(join(folder, 'main.mjs'), MAIN);
  const child = fork(join(folder, 'main.mjs'), [root], { execArgv: [] });
  const said = async <Said>() => ((await once(child, 'message')) as [Said])[0];
  const url = await said<string>();
  return {
    url,
    host: new URL(url).host,
    sentBytes: () => {
      child.send('sentBytes');
      return said<number>();
    },
    stop: () => {
      child.kill();
      rmSync(folder, { recursive: true });
    },
  };
}
