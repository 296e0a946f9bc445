import { elapsed, formatDuration } from '../domain/duration.js';
import { sortFailures } from './failures.js';
import { renderFollowUp } from './follow-up.js';
import { clause, codeBlock, codeSpan, inlineText, link, safeUrl } from './text.js';
import { count } from './truncate.js';
import { capitalise, failedStage, hasRun, isOurFault, shortSha, verdict } from './verdict.js';
import type { PipelineView } from './view.js';

/** The first lines of every report, in markdown: the verdict, why, and what the reader can do. */
export function renderLead(view: PipelineView): string {
  const { icon, title } = verdict(view);
  return [`**${icon} ${inlineText(title)}**`, ...explanation(view), renderFollowUp(view), context(view)]
    .filter((paragraph) => paragraph !== '')
    .join('\n\n');
}

function explanation(view: PipelineView): string[] {
  if (view.status !== 'completed') return ['This commit is being validated; the result will be here.'];
  if (isOurFault(view)) return ourFault(view);
  switch (view.conclusion) {
    case 'failure':
    case 'timed_out':
      return [[whatFailed(view), whoseFailures(view)].filter((part) => part !== '').join(' ')];
    case 'action_required':
      return [
        view.reason === ''
          ? 'This comes from a fork, so nothing of it has been run yet.'
          : sentence(view.reason),
        'Someone with write permission can start it with the button **Approve and run** on the check or with the ' +
          `comment \`/codegen approve\`. That counts for commit ${codeSpan(shortSha(view.headSha))} only.`,
      ];
    case 'neutral':
      return nothingToDo(view);
    default:
      return [];
  }
}

function ourFault(view: PipelineView): string[] {
  return [
    'This is a fault of CodegenApp or its surroundings, not of the pull request.',
    `What to do: run it again with the button **Re-run** or the comment \`/codegen retry\`.` +
      (view.advice === ''
        ? ''
        : ` If it stays, this is for whoever operates CodegenApp: ${inlineText(clause(view.advice))}.`),
  ];
}

function whatFailed(view: PipelineView): string {
  const stage = failedStage(view);
  if (!stage) return view.reason === '' ? '' : sentence(view.reason);
  const tail = view.logTail?.stage === stage.name ? view.logTail : null;
  const command = !tail
    ? ''
    : tail.command.trim().includes('\n')
      ? `The ${stage.name} script`
      : codeSpan(tail.command);
  const time = elapsed(stage.startedAt, stage.completedAt);
  if (stage.conclusion === 'timed_out') {
    const setting = stage.name === 'deploy' ? 'deploy_timeout_seconds' : 'stage_timeout_seconds';
    return (
      `${command || `The stage ${stage.name}`} was still running after ` +
      `${time === null ? 'the time it is given' : formatDuration(time)} and was ended. ` +
      `If it needs longer, raise the setting \`${setting}\`.`
    );
  }
  // The title already has the summary, except where it counts tests instead.
  const why = stage.name === 'test' && view.results.tests?.failed ? clause(stage.summary) : '';
  if (command === '') return why === '' ? '' : sentence(why);
  return why === '' ? `${command} failed.` : `${command} failed: ${sentence(why, false)}`;
}

function whoseFailures(view: PipelineView): string {
  const { fresh, onBase, compared } = sortFailures(view.results);
  if (!compared) return '';
  const base = codeSpan(view.baseRef, 60);
  const at = view.baseline ? ` (compared with ${codeSpan(shortSha(view.baseline.sha))})` : '';
  const are = (number: number) => (number === 1 ? 'is' : 'are');
  const fails = (number: number) => (number === 1 ? 'fails' : 'fail');
  const parts = [
    fresh.length > 0
      ? `${count(fresh.length, 'failure')} ${are(fresh.length)} new with this pull request`
      : 'None of the failures is new with this pull request',
    onBase.length > 0 ? `${onBase.length} also ${fails(onBase.length)} on ${base}` : '',
  ];
  return `${parts.filter((part) => part !== '').join(', ')}${at}.`;
}

/** Nothing could be validated, most likely because nobody said how: show the file that would. */
function nothingToDo(view: PipelineView): string[] {
  const example = [
    'setup_commands: npm ci',
    'deploy_commands: npm start   # optional: a server on $PORT to look at',
    'test_commands: npm test',
  ].join('\n');
  return [
    `To have pull requests validated, put a file \`.github/codegenapp.yml\` on ${codeSpan(view.baseRef, 60)} ` +
      `that says how, for example:\n\n${codeBlock(example, 'yaml')}`,
  ];
}

/** Which commit this is about, and where it can be looked at. */
function context(view: PipelineView): string {
  const preview = view.deploymentUrl === null ? null : safeUrl(view.deploymentUrl);
  const fixes = view.retryCount > 0 ? ` after ${count(view.retryCount, 'push', 'pushes')} by Codegen` : '';
  const again = view.attempt > 1 ? 'Started again after an interruption on our side.' : '';
  return [
    `Commit ${codeSpan(shortSha(view.headSha))} of ${codeSpan(view.headRef, 100)} into ` +
      `${codeSpan(view.baseRef, 100)}${fixes}.`,
    again,
    preview === null ? '' : `${link('Open the preview', preview)}.`,
    `${link(hasRun(view) ? 'Full log' : 'Details', view.pageUrl)}.`,
  ]
    .filter((part) => part !== '')
    .join(' ');
}

/** One sentence of others, ended by a stop. */
function sentence(text: string, capital = true): string {
  const trimmed = text.trim().replace(/\.+$/, '');
  const shown = inlineText(capital ? capitalise(trimmed) : trimmed);
  return /[!?:…]$/.test(shown) ? shown : `${shown}.`;
}
