import { join } from 'node:path';
import { startOwnProcess } from './own-process.js';

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

/** git-http.ts in a process of its own: the small one that a git server is. */
export async function startGitServer(root: string): Promise<GitServer> {
  const child = startOwnProcess(join(import.meta.dirname, '../support/git-http.ts'), MAIN, [root]);
  const url = await child.said<string>();
  return {
    url,
    host: new URL(url).host,
    sentBytes: () => {
      child.send('sentBytes');
      return child.said<number>();
    },
    stop: () => child.stop(),
  };
}
