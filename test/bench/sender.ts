import { join } from 'node:path';
import type { Load, LoadOptions } from './load.js';
import { startOwnProcess } from './own-process.js';

const MAIN = `
import { load } from './load.mjs';
process.on('message', async (options) => process.send(await load(options)));
process.send('ready');
`;

/** load.ts in a process of its own: what else the benchmark does must not be taken for the server's time. */
export async function startSender(): Promise<{ load(options: LoadOptions): Promise<Load>; stop(): void }> {
  const child = startOwnProcess(join(import.meta.dirname, 'load.ts'), MAIN);
  await child.said();
  return {
    load: (options) => {
      child.send(options);
      return child.said<Load>();
    },
    stop: () => child.stop(),
  };
}
