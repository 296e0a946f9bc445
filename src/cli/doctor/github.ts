/** The credentials, and what GitHub has on record for the App. */
import { pino } from 'pino';
import type { Config } from '../../config.js';
import { messageOf } from '../../domain/errors.js';
import { GitHubAccess } from '../../github/access.js';
import { missingFrom, wantedRegistration } from '../../github/registration.js';
import { statusOf } from '../../github/repository.js';
import { fail, ok, warn, type Check, type Verdict } from './contract.js';

/** GitHub takes the App's tokens for a minute, and refuses those from its future. */
const MAX_SKEW_MS = 30_000;
/** One look each: whoever waits at a terminal can ask again. */
const request = { retries: 0 };

export const githubApp: Check = {
  name: 'GitHub App',
  async run({ github, ...config }) {
    if (!github.app)
      return github.token
        ? [warn('There is no App, only GITHUB_TOKEN: commit statuses instead of check runs.', SET_UP)]
        : [warn('There are no credentials: `npm start` serves the set-up page.', SET_UP)];
    const access = await GitHubAccess.create({ ...github, token: null }, pino({ level: 'silent' }));
    const octokit = await access.app!.auth();
    const verdicts: Verdict[] = [];
    let app;
    try {
      const answer = await octokit.rest.apps.getAuthenticated({ request });
      verdicts.push(...clock(answer.headers.date));
      app = answer.data!;
    } catch (error) {
      const { response } = error as { response?: { headers?: { date?: string } } };
      return [...clock(response?.headers?.date), refused(error, github.apiUrl)];
    }
    const count = app.installations_count ?? 0;
    verdicts.push(ok(`APP_ID and private key are those of ${app.name}.`));
    verdicts.push(
      count > 0
        ? ok(`It is installed on ${count} ${count === 1 ? 'account' : 'accounts'}.`)
        : warn('It is installed nowhere.', `Install it: ${app.html_url}/installations/new`),
    );

    const wanted = await wantedRegistration();
    const missing = missingFrom(app, wanted);
    verdicts.push(
      missing.length === 0
        ? ok('It has all permissions and events.')
        : (missing.every((what) => what === DEPLOYMENTS) ? warn : fail)(
            `It lacks ${missing.join(', ')}.${missing.includes(DEPLOYMENTS) ? ' Previews are not recorded as deployments.' : ''}`,
            'Add that in the App’s settings (Permissions & events), then accept it where the App is installed.',
          ),
    );
    const installations = await octokit.paginate(octokit.rest.apps.listInstallations, {
      per_page: 100,
      request,
    });
    for (const { account, permissions, html_url, suspended_at } of installations) {
      const who = account && 'login' in account ? account.login : 'an enterprise';
      const notAccepted = missingFrom({ permissions: permissions, events: wanted.events }, wanted);
      if (suspended_at) verdicts.push(warn(`${who} has suspended it.`, `See ${html_url}`));
      else if (notAccepted.length > 0 && missing.length === 0)
        verdicts.push(warn(`${who} has not granted ${notAccepted.join(', ')}.`, `Accept it: ${html_url}`));
    }
    return [...verdicts, ...(await webhook(octokit, config))];
  },
};

/** What is done without. */
const DEPLOYMENTS = 'the permission deployments: write';

const SET_UP = 'Set APP_ID, PRIVATE_KEY and WEBHOOK_SECRET, or run `npm start` and register an App.';

type AppOctokit = Awaited<ReturnType<NonNullable<GitHubAccess['app']>['auth']>>;

async function webhook(
  octokit: AppOctokit,
  { publicUrl, webhookProxyUrl }: Pick<Config, 'publicUrl' | 'webhookProxyUrl'>,
): Promise<Verdict[]> {
  const { data } = await octokit.rest.apps.getWebhookConfigForApp({ request });
  const wanted = webhookProxyUrl ?? (publicUrl && `${publicUrl}/api/github/webhooks`);
  const verdicts: Verdict[] = [];
  if (!data.url)
    verdicts.push(
      fail(
        'No webhook URL is set at GitHub.',
        `Set it in the App’s settings: ${wanted ?? 'PUBLIC_URL/api/github/webhooks'}`,
      ),
    );
  else if (!wanted)
    verdicts.push(
      warn(`GitHub sends webhooks to ${data.url}; whether that is here is not known.`, 'Set PUBLIC_URL.'),
    );
  else if (data.url.replace(/\/+$/, '') !== wanted)
    verdicts.push(
      fail(
        `GitHub sends webhooks to ${data.url}, and this server is at ${wanted}.`,
        'Change the webhook URL in the App’s settings, or PUBLIC_URL.',
      ),
    );
  else verdicts.push(ok(`GitHub sends webhooks to ${data.url}.`));
  if (data.content_type !== undefined && data.content_type !== 'json')
    verdicts.push(fail('Webhooks are sent as forms.', 'Set the content type to application/json.'));

  const { data: deliveries } = await octokit.rest.apps.listWebhookDeliveries({ per_page: 10, request });
  const newest = deliveries[0];
  if (!newest) verdicts.push(ok('No webhook was sent in the last days.'));
  else if (newest.status_code === 401)
    verdicts.push(
      fail(
        'The newest webhook was refused (401).',
        'Set the same WEBHOOK_SECRET here and in the App’s settings.',
      ),
    );
  else if (newest.status_code < 200 || newest.status_code > 299)
    verdicts.push(
      warn(
        `The newest webhook did not arrive: ${newest.status} (${newest.status_code}).`,
        'Check that GitHub can reach the webhook URL; missed ones are asked for again when the server runs.',
      ),
    );
  else verdicts.push(ok('The newest webhook arrived, and its signature was right.'));
  return verdicts;
}

export const githubToken: Check = {
  name: 'GITHUB_TOKEN',
  async run({ github }) {
    if (!github.token) return [];
    const access = await GitHubAccess.create({ ...github, app: null }, pino({ level: 'silent' }));
    const octokit = await access.tokenBot!.auth();
    try {
      const { data, headers } = await octokit.rest.users.getAuthenticated({ request });
      const verdicts: Verdict[] = [ok(`It is ${data.login}’s.`)];
      const scopes = headers['x-oauth-scopes'];
      // Fine-grained tokens have no scopes and don't tell their permissions.
      if (scopes !== undefined && !/\brepo\b(?!:)/.test(scopes))
        verdicts.push(
          warn(
            `Its scopes are ${scopes || 'none'}: private repositories can’t be read.`,
            'Make a token with the scope repo, or a fine-grained one with Contents and Pull requests: read, Commit statuses, Issues and Deployments: write.',
          ),
        );
      if (!github.webhookSecret)
        verdicts.push(
          warn(
            'Without WEBHOOK_SECRET no webhook is accepted.',
            'Set the secret of the repository’s webhook.',
          ),
        );
      return verdicts;
    } catch (error) {
      return [refused(error, github.apiUrl)];
    }
  },
};

function refused(error: unknown, apiUrl: string): Verdict {
  const status = statusOf(error);
  if (status === 401 || status === 404)
    return fail(
      `GitHub does not accept the credentials (${status}).`,
      'Check that APP_ID and private key, or the token, belong together and to this GitHub, and are not revoked.',
    );
  return fail(
    `${apiUrl} does not answer as it should: ${messageOf(error)}`,
    'Check GHE_HOST, network and proxy.',
  );
}

function clock(date: string | undefined): Verdict[] {
  if (!date) return [];
  const skew = Date.now() - Date.parse(date);
  if (Math.abs(skew) <= MAX_SKEW_MS) return [ok('The clock agrees with GitHub’s.')];
  return [
    fail(
      `The clock is ${Math.round(Math.abs(skew) / 1000)} s ${skew > 0 ? 'ahead of' : 'behind'} GitHub’s.`,
      'Set it by NTP: GitHub refuses an App’s tokens from the future or the past.',
    ),
  ];
}
