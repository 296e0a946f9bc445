/**
 * Extracts what the fake GitHub models from GitHub's OpenAPI description:
 *
 *   npm pack @octokit/openapi && tar xzf octokit-openapi-*.tgz package/generated/api.github.com.json
 *   node test/support/fake-github/extract-openapi.mjs package/generated/api.github.com.json
 *
 * Writes test/fixtures/github-openapi.json. Prose and examples are dropped, OpenAPI 3.0's `nullable` becomes
 * JSON Schema's type null, and references to schemas stay references, so each is compiled once.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const OPERATIONS = `
GET /app
GET /app/hook/config
GET /app/hook/deliveries
GET /app/hook/deliveries/{delivery_id}
POST /app/hook/deliveries/{delivery_id}/attempts
GET /app/installations
GET /app/installations/{installation_id}
POST /app/installations/{installation_id}/access_tokens
GET /installation/repositories
DELETE /installation/token
GET /rate_limit
GET /repos/{owner}/{repo}
GET /repos/{owner}/{repo}/branches
GET /repos/{owner}/{repo}/branches/{branch}
POST /repos/{owner}/{repo}/check-runs
GET /repos/{owner}/{repo}/check-runs/{check_run_id}
PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}
GET /repos/{owner}/{repo}/check-runs/{check_run_id}/annotations
GET /repos/{owner}/{repo}/collaborators/{username}/permission
GET /repos/{owner}/{repo}/commits
GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls
GET /repos/{owner}/{repo}/commits/{ref}
GET /repos/{owner}/{repo}/commits/{ref}/check-runs
GET /repos/{owner}/{repo}/commits/{ref}/check-suites
GET /repos/{owner}/{repo}/commits/{ref}/status
GET /repos/{owner}/{repo}/commits/{ref}/statuses
GET /repos/{owner}/{repo}/compare/{basehead}
GET /repos/{owner}/{repo}/contents/{path}
GET /repos/{owner}/{repo}/deployments
POST /repos/{owner}/{repo}/deployments
GET /repos/{owner}/{repo}/deployments/{deployment_id}
DELETE /repos/{owner}/{repo}/deployments/{deployment_id}
GET /repos/{owner}/{repo}/deployments/{deployment_id}/statuses
POST /repos/{owner}/{repo}/deployments/{deployment_id}/statuses
GET /repos/{owner}/{repo}/git/commits/{commit_sha}
GET /repos/{owner}/{repo}/git/ref/{ref}
GET /repos/{owner}/{repo}/installation
GET /repos/{owner}/{repo}/issues/{issue_number}
GET /repos/{owner}/{repo}/issues/{issue_number}/comments
POST /repos/{owner}/{repo}/issues/{issue_number}/comments
GET /repos/{owner}/{repo}/issues/{issue_number}/labels
POST /repos/{owner}/{repo}/issues/{issue_number}/labels
DELETE /repos/{owner}/{repo}/issues/{issue_number}/labels/{name}
GET /repos/{owner}/{repo}/issues/comments/{comment_id}
PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}
DELETE /repos/{owner}/{repo}/issues/comments/{comment_id}
GET /repos/{owner}/{repo}/issues/comments/{comment_id}/reactions
POST /repos/{owner}/{repo}/issues/comments/{comment_id}/reactions
DELETE /repos/{owner}/{repo}/issues/comments/{comment_id}/reactions/{reaction_id}
GET /repos/{owner}/{repo}/pulls
GET /repos/{owner}/{repo}/pulls/{pull_number}
PATCH /repos/{owner}/{repo}/pulls/{pull_number}
GET /repos/{owner}/{repo}/pulls/{pull_number}/commits
GET /repos/{owner}/{repo}/pulls/{pull_number}/files
GET /repos/{owner}/{repo}/pulls/{pull_number}/merge
PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge
POST /repos/{owner}/{repo}/statuses/{sha}
GET /user
GET /users/{username}
`;

const WEBHOOKS = `
check-run-completed check-run-created check-run-requested-action check-run-rerequested check-suite-rerequested
installation-created installation-deleted installation-new-permissions-accepted installation-suspend
installation-unsuspend installation-repositories-added installation-repositories-removed
issue-comment-created issue-comment-deleted issue-comment-edited
merge-group-checks-requested merge-group-destroyed ping
pull-request-closed pull-request-converted-to-draft pull-request-edited pull-request-labeled
pull-request-opened pull-request-ready-for-review pull-request-reopened pull-request-synchronize
pull-request-unlabeled push
repository-archived repository-deleted repository-renamed repository-transferred
`;

const [source] = process.argv.slice(2);
if (!source) throw new Error('Give the path of api.github.com.json from the npm package @octokit/openapi.');
const description = JSON.parse(readFileSync(source, 'utf8'));

const resolve = (value) => {
  while (typeof value?.$ref === 'string') {
    value = value.$ref
      .slice(2)
      .split('/')
      .reduce((at, key) => at[key], description);
  }
  return value;
};

const needed = new Set();
const KEYWORDS = new Set(
  `type properties required items enum format nullable oneOf anyOf allOf not additionalProperties pattern
   minLength maxLength minimum maximum minItems maxItems uniqueItems minProperties maxProperties $ref`.split(
    /\s+/,
  ),
);

/** One schema as JSON Schema: only what validates, references noted in `needed`. */
function schema(value) {
  if (typeof value !== 'object' || value === null) return value;
  if (typeof value.$ref === 'string') {
    const name = value.$ref.replace('#/components/schemas/', '');
    needed.add(name);
    return { $ref: `github#/components/schemas/${name}` };
  }
  const out = {};
  for (const [key, inner] of Object.entries(value)) {
    if (!KEYWORDS.has(key) || key === 'nullable') continue;
    if (key === 'properties')
      out.properties = Object.fromEntries(
        // The events of an App are enumerated in places, without newer ones such as merge_group.
        Object.entries(inner).map(([name, property]) => [
          name,
          name === 'events' ? { type: 'array' } : schema(property),
        ]),
      );
    else if (['oneOf', 'anyOf', 'allOf'].includes(key)) out[key] = inner.map(schema);
    else if (['items', 'additionalProperties', 'not'].includes(key)) out[key] = schema(inner);
    else out[key] = inner;
  }
  // GitHub answers "" where there is no address, and says so by the default.
  if (out.format === 'uri' && value.default === '') delete out.format;
  return value.nullable ? { anyOf: [{ type: 'null' }, out] } : out;
}

const jsonSchema = (content) => {
  const json = content?.['application/json'] ?? content?.['application/json; charset=utf-8'];
  return json?.schema ? schema(json.schema) : undefined;
};

// There the description wants every account to be a user and an enterprise at once; elsewhere it has it right.
description.paths['/app/installations'].get.responses['200'].content['application/json'].schema.items = {
  $ref: '#/components/schemas/installation',
};

const operations = OPERATIONS.trim()
  .split('\n')
  .map((line) => {
    const [method, path] = line.split(' ');
    const operation = description.paths[path]?.[method.toLowerCase()];
    if (!operation) throw new Error(`The description has no ${line}.`);
    const body = resolve(operation.requestBody);
    const answers = {};
    for (const [status, response] of Object.entries(operation.responses)) {
      if (status.startsWith('2')) answers[status] = jsonSchema(resolve(response).content) ?? null;
    }
    return {
      id: operation.operationId,
      method,
      path,
      parameters: (operation.parameters ?? []).map(resolve).map((parameter) => ({
        name: parameter.name,
        in: parameter.in,
        ...(parameter.required && { required: true }),
        ...(parameter['x-multi-segment'] && { multiSegment: true }),
        schema: schema(parameter.schema),
      })),
      ...(body && { body: jsonSchema(body.content), bodyRequired: body.required === true }),
      answers,
    };
  });

const webhooks = {};
for (const name of WEBHOOKS.trim().split(/\s+/)) {
  const hook = description['x-webhooks'][name];
  if (!hook) throw new Error(`The description has no webhook ${name}.`);
  webhooks[name] = jsonSchema(hook.post.requestBody.content);
}

const schemas = {};
for (const name of needed) schemas[name] = schema(description.components.schemas[name]);

const target = fileURLToPath(new URL('../../fixtures/github-openapi.json', import.meta.url));
const extract = {
  source: `npm @octokit/openapi ${description.info.version} (MIT), by extract-openapi.mjs`,
  operations,
  webhooks,
  components: { schemas },
};
writeFileSync(target, `${JSON.stringify(extract)}\n`);
