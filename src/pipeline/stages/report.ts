import { createReadStream, existsSync } from 'node:fs';
import { messageOf } from '../../domain/errors.js';
import { STAGE_NAMES } from '../../domain/pipeline.js';
import { trimLog } from '../../sandbox/output.js';
import { compare } from '../compare.js';
import { redactedTail } from '../log-tail.js';
import type { PipelineRun, Stage } from '../stage.js';

const HEAD_BYTES = 8 * 1024 * 1024;
const TAIL_BYTES = 120 * 1024 * 1024;
/** More than fits on a check, so that what is cut there is chosen there. */
const LOG_TAIL_BYTES = 48 * 1024;

/** Ends what still runs, bounds the logs and gathers what the reader needs of them. */
export const report: Stage = {
  name: 'report',
  needs: [],
  always: true,
  async run(run) {
    await run.preview?.stop();
    const breach = run.preview?.breach();
    if (breach)
      run.results.findings.push({
        source: 'deploy',
        severity: 'failure',
        title: 'The app was ended',
        message: breach,
      });
    for (const stage of STAGE_NAMES)
      if (existsSync(run.logFile(stage))) await trimLog(run.logFile(stage), HEAD_BYTES, TAIL_BYTES);
    await compareWithKnown(run);
    run.results.logTail = await tailOfFailure(run);
    const { findings } = run.results;
    if (breach) return { conclusion: 'failure', summary: breach };
    return {
      conclusion: 'success',
      summary:
        findings.length === 0
          ? 'Reported'
          : `Reported ${findings.length} finding${findings.length === 1 ? '' : 's'}`,
    };
  },
};

/** What can't be asked now is not worth an attempt: the results stand without it. */
async function compareWithKnown({ tools, results }: PipelineRun): Promise<void> {
  const { tests, coverage, validations } = results;
  const isSeen = validations.some(({ conclusion }) => conclusion !== 'skipped');
  if (tests === null && coverage === null && !isSeen) return;
  try {
    if (tools.comparison) compare(results, await tools.comparison());
  } catch (error) {
    results.notes.push(`Not compared with the base branch: ${messageOf(error).slice(0, 200)}.`);
  }
}

async function tailOfFailure(run: PipelineRun) {
  const failed =
    [...run.records.values()].find(({ conclusion }) => conclusion === 'failure' || conclusion === 'timed_out')
      ?.name ?? (run.preview?.breach() ? 'deploy' : undefined);
  if (failed !== 'setup' && failed !== 'deploy' && failed !== 'test') return null;
  const text = await redactedTail(run.logFile(failed), LOG_TAIL_BYTES, run.tools.redactor);
  const omittedLines = Math.max(0, (await countLines(run.logFile(failed))) - lineCount(text));
  return { stage: failed, command: run.commands[failed] ?? '', text, omittedLines };
}

const lineCount = (text: string): number => text.split('\n').length - 1;

async function countLines(path: string): Promise<number> {
  let lines = 0;
  for await (const chunk of createReadStream(path))
    for (const byte of chunk as Buffer) if (byte === 10) lines++;
  return lines;
}
