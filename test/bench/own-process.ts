import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import ts from 'typescript';

/** A program of ours in a small process of its own: not in one that carries all of Jest, and is busy with it. */
export interface OwnProcess {
  /** The next message that it sends. Rejects when it ends without one. */
  said<Message>(): Promise<Message>;
  send: ChildProcess['send'];
  /** Tells it to end by itself; resolves when it has. */
  ended(): Promise<void>;
  stop(): void;
}

/**
 * @param source a module in TypeScript that imports nothing of ours
 * @param main the program, a module beside that one, which is called as the source is
 */
export function startOwnProcess(source: string, main: string, args: string[] = []): OwnProcess {
  const folder = mkdtempSync(join(tmpdir(), 'codegenapp-bench-'));
  const { outputText } = ts.transpileModule(readFileSync(source, 'utf8'), {
    compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
  });
  writeFileSync(join(folder, basename(source).replace(/\.ts$/, '.mjs')), outputText);
  writeFileSync(join(folder, 'main.mjs'), main);
  const own = startProgram(join(folder, 'main.mjs'), args);
  return {
    ...own,
    stop: () => {
      own.stop();
      rmSync(folder, { recursive: true });
    },
  };
}

/** A module in JavaScript, as it is. */
export function startProgram(file: string, args: string[]): OwnProcess {
  const child: ChildProcess = fork(file, args, { execArgv: [], serialization: 'advanced' });
  return {
    said: <Message>() =>
      new Promise<Message>((resolve, reject) => {
        const ended = (code: number | null) => reject(new Error(`${file} ended with exit code ${code}`));
        child.once('exit', ended);
        child.once('message', (message) => {
          child.off('exit', ended);
          resolve(message as Message);
        });
      }),
    send: child.send.bind(child),
    ended: async () => {
      child.disconnect();
      await once(child, 'exit');
    },
    stop: () => void child.kill(),
  };
}
