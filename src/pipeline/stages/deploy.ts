import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../domain/errors.js';
import type { ScriptExit } from '../../sandbox/contract.js';
import { exitSentence } from '../../sandbox/exit-sentence.js';
import { readWorkspaceFile } from '../../sandbox/files.js';
import { readTail } from '../../sandbox/output.js';
import { startPreview, type Preview as Script } from '../../sandbox/run-script.js';
import { askPreview, ForbiddenAddress } from '../../validators/preview-request.js';
import { scriptOptions } from '../command.js';
import { OUTPUT_FILE } from '../environment.js';
import { deployUrl } from '../preview.js';
import type { PipelineRun, Stage, StageResult } from '../stage.js';

const LOOK_MS = 50;
const SLOWEST_LOOK_MS = 1_000;
const ANSWER_MS = 10_000;
const TAIL_BYTES = 64 * 1024;

/** Starts the app and waits until it answers. */
export const deploy: Stage = {
  name: 'deploy',
  needs: ['setup'],
  async run(run) {
    const script = run.commands.deploy;
    if (!script) return { conclusion: 'skipped', summary: 'No deploy commands' };
    const { spec, port } = run;
    const options = scriptOptions(run, 'deploy', script, spec.settings.network);
    const started = await startPreview({ ...options, command: { ...options.command, expose: { port } } });
    let breach: string | null = null;
    const ended = started.ended.then((result) => {
      // Anything but a limit is how a preview is meant to end.
      if (result.outcome === 'aborted') return;
      const totalMemoryBytes = run.group?.limits.memoryBytes;
      breach = exitSentence({ script, result, limits: run.tools.limits, totalMemoryBytes });
    });
    // `stop` tells.
    ended.catch(() => undefined);
    run.preview = {
      url: `http://127.0.0.1:${port}`,
      port,
      stop: async () => {
        await started.stop();
        await ended;
      },
      breach: () => breach,
    };
    return waitUntilUp(run, started);
  },
};

async function waitUntilUp(run: PipelineRun, { exited, ended }: Script): Promise<StageResult> {
  const { deploy_timeout_seconds: limit, health_check_path: path } = run.spec.settings;
  const began = performance.now();
  const script: { exit?: ScriptExit; broken?: Error } = {};
  const broke = (error: Error) => (script.broken = error);
  exited.then((exit) => (script.exit = exit), broke);
  ended.catch(broke);

  let last = 'nothing listened on the port';
  for (let pause = LOOK_MS; ; pause = Math.min(pause * 1.3, SLOWEST_LOOK_MS)) {
    run.signal.throwIfAborted();
    if (script.broken) throw script.broken;
    // Ended by us, at a limit or with the signal: which one is known once nothing of it is left.
    if (script.exit?.code === null) await run.preview!.stop();
    run.signal.throwIfAborted();
    const breach = run.preview!.breach();
    if (breach) return failed(breach);
    const tail = await readTail(run.logFile('deploy'), { maxBytes: TAIL_BYTES });
    if (script.exit && script.exit.code !== 0) return failed(exitedEarly(script.exit, tail));

    const url = deployUrl(await outputOf(run), tail, `http://127.0.0.1:${run.port}`);
    const answer = await ask(addressOf(url, path), run);
    if (answer.forbidden) return failed(answer.forbidden);
    if (answer.status !== null && answer.status < 500) {
      run.preview = { ...run.preview!, url };
      return { conclusion: 'success', summary: `Answered after ${seconds(performance.now() - began)} s` };
    }
    last = answer.status === null ? answer.error! : `it answers ${answer.status}`;
    if (performance.now() - began > limit * 1000)
      return failed(
        `The app was not up at ${url}${path} within ${limit} s (deploy_timeout_seconds): ${last}. ${hint(tail, run)}`,
      );
    await sleep(pause, undefined, { signal: run.signal });
  }
}

/** What a script prints may look like a URL and be none: that is found out, and said, where it is asked. */
const addressOf = (url: string, path: string): string =>
  URL.canParse(path, `${url}/`) ? new URL(path, `${url}/`).href : url;

async function ask(url: string, { port, signal }: PipelineRun) {
  try {
    const { status } = await askPreview(url, { port, timeoutMs: ANSWER_MS, signal });
    return { status, error: null, forbidden: null };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof ForbiddenAddress)
      return {
        status: null,
        error: null,
        forbidden: `The deploy script names a URL that is not looked at: ${error.message}. Listen on $PORT.`,
      };
    const { code, name } = error as NodeJS.ErrnoException;
    const why =
      code === 'ECONNREFUSED'
        ? 'nothing listens on the port'
        : name === 'TimeoutError'
          ? 'it accepts connections but does not answer'
          : messageOf(error);
    return { status: null, error: why, forbidden: null };
  }
}

function exitedEarly({ code }: ScriptExit, tail: string): string {
  const taken = /EADDRINUSE|address already in use/i.test(tail);
  return taken
    ? `The app ended with exit code ${code}: its port is taken. Listen on $PORT, which is free, instead of a fixed port.`
    : `The deploy script ended with exit code ${code} before the app was up.`;
}

function hint(tail: string, { port }: PipelineRun): string {
  const others = [...tail.matchAll(/(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1?\]):(\d{2,5})/g)].map(
    (match) => match[1],
  );
  return others.length > 0 && !others.includes(String(port))
    ? `Its output names port ${others.at(-1)}: it should listen on $PORT.`
    : 'Check that it listens on $PORT at 127.0.0.1, and health_check_path.';
}

/** Code that runs at this moment may put anything in the file's place. */
async function outputOf({ workspace }: PipelineRun): Promise<string | null> {
  const file = await readWorkspaceFile(workspace, OUTPUT_FILE, TAIL_BYTES).catch(() => null);
  return file?.toString('utf8') ?? null;
}

const failed = (summary: string): StageResult => ({ conclusion: 'failure', summary });
const seconds = (ms: number) => (ms / 1000).toFixed(1);
