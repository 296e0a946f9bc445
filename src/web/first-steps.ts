/** What to do next where there is nothing to show yet. */
import type { Project } from '../database/entities/index.js';
import { externalLink } from './bits.js';
import type { WebDeps } from './deps.js';
import { html, type Fragment } from './html.js';

const ASK_MS = 3_000;

/** Asked for once. */
const known = new WeakMap<object, string>();

/** No project: the App is installed nowhere, or there is none. */
export async function firstSteps(deps: Pick<WebDeps, 'github' | 'webUrl' | 'publicUrl'>): Promise<Fragment> {
  const { github, webUrl } = deps;
  if (!github.app)
    return html`<div class="first-steps">
      <h1>Make your first project</h1>
      <p>This server has no GitHub App, only a token: each repository needs a project and a webhook.</p>
      <ol>
        <li>
          Make a project, with the server’s API token:
          <pre class="block" tabindex="0">
curl ${deps.publicUrl()}/api/projects -H "authorization: Bearer $API_TOKEN" \\
  -H 'content-type: application/json' -d '{"fullName":"OWNER/NAME"}'</pre>
        </li>
        <li>
          In the repository’s settings add a webhook to the <code>webhookUrl</code> of the answer: content
          type <code>application/json</code>, the secret of <code>WEBHOOK_SECRET</code>, events
          <em>Pull requests</em> and <em>Issue comments</em>.
        </li>
        <li>Open a pull request.</li>
      </ol>
      <p>
        With an App there are check runs with buttons instead of commit statuses: start the server without
        <code>GITHUB_TOKEN</code>, and it leads through registering one.
      </p>
    </div>`;
  const installUrl = known.get(github) ?? (await installationPage(deps));
  if (installUrl !== null) known.set(github, installUrl);
  const page = installUrl ?? `${webUrl}/settings/apps`;
  return html`<div class="first-steps">
    <h1>Install the App on a repository</h1>
    <p>The GitHub App is configured, but no repository has it yet.</p>
    <ol>
      <li>
        ${externalLink(page, installUrl ? 'Install it on GitHub' : 'Open your GitHub Apps')}${!installUrl && html`, choose this one, then <em>Install App</em>`},
        and choose repositories.
      </li>
      <li>
        They appear here as soon as GitHub’s webhook comes; at the latest when this server looks, every 10
        minutes.
      </li>
    </ol>
    <p class="muted">
      Nothing appears? Under <em>Advanced</em> in the App’s settings GitHub lists its deliveries; the
      webhook’s address is <code>${deps.publicUrl()}/api/github/webhooks</code>.
    </p>
  </div>`;
}

/** Where the App is installed; null where GitHub does not say now. */
async function installationPage({
  github,
  webUrl,
}: Pick<WebDeps, 'github' | 'webUrl'>): Promise<string | null> {
  try {
    const octokit = await github.app!.auth();
    const { data } = await octokit.rest.apps.getAuthenticated({
      request: { signal: AbortSignal.timeout(ASK_MS) },
    });
    const path = webUrl === 'https://github.com' ? 'apps' : 'github-apps';
    return data?.slug ? `${webUrl}/${path}/${data.slug}/installations/new` : null;
  } catch {
    return null;
  }
}

/** A project without a pipeline. */
export const firstPipeline = (
  project: Pick<Project, 'id' | 'fullName' | 'repositoryUrl' | 'defaultBranch'>,
): Fragment =>
  html`<div class="card">
    <h2>Nothing was validated yet</h2>
    <ol>
      <li>
        Say what to run in the <a href="/projects/${project.id}/settings">settings</a>, or in
        <code>.github/codegenapp.yml</code> on <code>${project.defaultBranch}</code>; otherwise commands are
        detected.
      </li>
      <li>
        ${externalLink(`${project.repositoryUrl}/compare`, 'Open a pull request')}: its check
        <em>Codegen validation</em> appears within seconds. Or validate one that is open, below.
      </li>
    </ol>
  </div>`;
