import type { CheckRun } from './checks.js';
import type { LoggedRequest } from './server.js';
import type { World } from './world.js';

const clock = (time: Date) => time.toISOString().slice(11, 23);
const shortened = (text: string, length: number) =>
  text.length > length ? `${text.slice(0, length)}…` : text;
const indented = (text: string) => text.replaceAll('\n', '\n  ');

function describeRun(run: CheckRun): string {
  const states = run.shown.map(
    ({ at, status, conclusion, title }) => `${clock(at)} ${status} ${conclusion ?? ''} ${title ?? ''}`,
  );
  const annotations = run.annotations.map((each) => `${each.path}:${each.start_line} ${each.message}`);
  return indented(
    [
      `${run.id} "${run.name}" (${run.app.slug}) at ${run.headSha.slice(0, 7)}, external id ${run.externalId}`,
      ...states,
      ...(run.summary === null ? [] : [`summary: ${shortened(run.summary, 2000)}`]),
      ...annotations.map((text) => `annotation: ${shortened(text, 200)}`),
    ].join('\n'),
  );
}

/** Everything that happened, so that a failing test explains itself. */
export function describeHistory(world: World, requests: readonly LoggedRequest[]): string {
  const section = (title: string, lines: string[]) =>
    `${title}:\n  ${lines.length > 0 ? lines.map(indented).join('\n  ') : 'none'}`;
  const webhooks = world.deliveries.all.map(
    ({ deliveredAt, event, status, statusCode, guid }) =>
      `${clock(deliveredAt)} ${event.name}.${event.payload.action ?? ''} → ${statusCode} ${status} (${guid})`,
  );
  const asked = requests.map((each) => {
    const body = each.body === undefined ? '' : ` ${shortened(JSON.stringify(each.body), 300)}`;
    const status = each.status === 0 ? 'no answer' : each.status;
    return `${clock(each.at)} ${each.method} ${each.path}${each.query} → ${status} (${each.authenticatedAs})${body}`;
  });
  const repositories = world.repositories.flatMap((repository) => [
    section(`Check runs of ${repository.fullName}`, repository.checkRuns().map(describeRun)),
    section(
      `Statuses of ${repository.fullName}`,
      repository
        .statuses()
        .map(
          ({ sha, context, state, description }) =>
            `${sha.slice(0, 7)} ${context} ${state} ${description ?? ''}`,
        ),
    ),
    section(
      `Issues and pull requests of ${repository.fullName}`,
      repository.issues.map((issue) => issue.history()),
    ),
  ]);
  return [section('Webhooks', webhooks), section('Requests', asked), ...repositories].join('\n');
}
