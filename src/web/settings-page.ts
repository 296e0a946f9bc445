/** A project's settings: every key with what it does, its value and where that comes from, to be changed here. */
import { Router, type Request, type Response } from 'express';
import type { EntityManager } from 'typeorm';
import { ProjectSetting, ValidationPipeline, type Project } from '../database/entities/index.js';
import {
  isSettingKey,
  parseSetting,
  SETTING_KEYS,
  SETTINGS,
  type SettingKey,
  type Settings,
} from '../domain/settings.js';
import { parseForm } from './action-route.js';
import { field, projectOr404, type PageDeps } from './deps.js';
import { Html, html, type Fragment } from './html.js';
import { noticeBox, sendPage } from './layout.js';
import { goBack, takeNotice } from './notices.js';
import { projectHeader, projectPath } from './project-header.js';
import { fieldOf, fieldText, readField } from './setting-fields.js';

/** What is wrong with what was typed, and what that was, by key. */
interface Refused {
  typed: Map<SettingKey, string>;
  problems: Map<SettingKey, string>;
  /** Of scripts: whether they mean nothing where they are left empty. */
  empty: Map<SettingKey, boolean>;
}

export function settingsPages(deps: PageDeps): Router {
  const router = Router();
  const { database, settings } = deps;

  router.get('/projects/:id/settings', async (request, response) => {
    await show(await projectOr404(deps, request.params.id), null, request, response);
  });

  router.post('/projects/:id/settings', parseForm, async (request, response) => {
    const project = await projectOr404(deps, request.params['id']);
    const own = await settings.of(project.id);
    const reset = field(request.body, 'reset');
    const refused: Refused = { typed: new Map(), problems: new Map(), empty: new Map() };
    const changes = new Map<SettingKey, unknown>();
    for (const key of SETTING_KEYS) {
      const outcome = SETTINGS[key].secret ? readSecrets(request, own[key]) : changed(request, key);
      if (outcome === null) continue;
      const { typed, value, problem } = outcome;
      const parsed = problem === undefined ? parseSetting(key, value) : null;
      // As JSON in the database, where NUL is no character of a text.
      if (parsed?.ok) changes.set(key, parsed.value);
      else
        refused.problems.set(
          key,
          problem ?? (parsed as { problems: { message: string }[] }).problems[0]!.message,
        );
      refused.typed.set(key, typed);
      refused.empty.set(key, field(request.body, `empty:${key}`) === 'true');
    }
    if (isSettingKey(reset)) {
      changes.delete(reset);
      refused.problems.delete(reset);
      refused.typed.delete(reset);
    }
    if (refused.problems.size > 0) return show(project, refused, request, response);
    await database.write(async (tx: EntityManager) => {
      for (const [key, value] of changes)
        await settings.setIn(tx, project.id, key, value as Settings[SettingKey]);
      if (isSettingKey(reset)) await tx.delete(ProjectSetting, { projectId: project.id, key: reset });
    });
    const names = [...changes.keys()].join(', ');
    const said = [names && `Saved: ${names}.`, isSettingKey(reset) && `Reset: ${reset}.`]
      .filter(Boolean)
      .join(' ');
    const text = said ? `${said} Pipelines that run keep what they began with.` : 'Nothing was changed.';
    goBack(response, `/projects/${project.id}/settings`, { kind: 'ok', text });
  });

  async function show(project: Project, refused: Refused | null, request: Request, response: Response) {
    const own = await settings.of(project.id);
    const latest = await database.read.findOne(ValidationPipeline, {
      select: { id: true, settings: true },
      where: { projectId: project.id },
      order: { id: 'DESC' },
    });
    const problems = [...(refused?.problems ?? [])];
    const body = [
      projectHeader(project, 'settings'),
      noticeBox(takeNotice(request, response)),
      problems.length > 0 &&
        html`<div class="note bad" role="alert" id="problems" tabindex="-1">
          <p>
            Nothing was saved, because of
            ${problems.length === 1 ? 'a mistake' : `${problems.length} mistakes`}:
          </p>
          <ul>
            ${problems.map(([key, problem]) => html`<li><a href="#${key}">${key}</a>: ${problem}</li>`)}
          </ul>
        </div>`,
      html`<p>
          What is set here wins over <code>.github/codegenapp.yml</code> on the pull request’s base branch,
          and that over the defaults.
        </p>
        <form method="post" action="/projects/${project.id}/settings">
          ${SETTING_KEYS.map((key) => settingRow(key, own, latest, refused))}
          <div class="save">
            <button class="primary">Save changes</button
            ><span class="muted small">Pipelines that run keep what they began with.</span>
          </div>
        </form>`,
    ];
    await sendPage(
      response,
      { title: `Settings of ${project.fullName}`, path: projectPath(project) },
      body,
      refused ? 400 : 200,
    );
  }
  return router;
}

interface Outcome {
  typed: string;
  value?: unknown;
  problem?: string;
}

/** What was changed of one setting; null where it is as it was shown. */
function changed({ body }: Request, key: SettingKey): Outcome | null {
  const fields = body as Record<string, unknown>;
  // What the form did not have was not changed; a box that is not ticked sends nothing but what it was.
  const isMissing = fields[key] === undefined;
  if (isMissing && (fieldOf(key).kind !== 'truth' || fields[`was:${key}`] === undefined)) return null;
  const was = field(body, `was:${key}`);
  const typed = isMissing ? 'false' : field(body, key).replace(/\r\n?/g, '\n');
  // A script that is left empty is unset, unless nothing is to be run.
  const isEmpty = typed === '' && field(body, `empty:${key}`) === 'true';
  const meantSame = typed !== '' || String(isEmpty) === (field(body, `was-empty:${key}`) || 'false');
  if (typed === was.replace(/\r\n?/g, '\n') && meantSame) return null;
  if (isEmpty && isScript(key)) return { typed, value: '' };
  const read = readField(key, typed);
  return 'problem' in read ? { typed, problem: `\`${key}\` ${read.problem}` } : { typed, value: read.value };
}

/** One secret at a time: its name and value are added, or a name removed; the others stay and are never shown. */
function readSecrets({ body }: Request, known: unknown): Outcome | null {
  const name = field(body, 'secret_name').trim();
  const value = field(body, 'secret_value').replace(/\r\n?/g, '\n');
  const removed = field(body, 'remove_secret');
  if (name === '' && value === '' && removed === '') return null;
  const values = new Map(Object.entries((known ?? {}) as Record<string, string>));
  values.delete(removed);
  if (name === '' && value !== '') return { typed: '', problem: '`secrets` needs a name for the value.' };
  if (name !== '' && value === '') return { typed: name, problem: '`secrets` needs a value for the name.' };
  if (name !== '') values.set(name, value);
  return { typed: name, value: Object.fromEntries(values) };
}

function settingRow(
  key: SettingKey,
  own: Partial<Settings>,
  latest: Pick<ValidationPipeline, 'id' | 'settings'> | null,
  refused: Refused | null,
): Fragment {
  const { description, default: unset, example, secret } = SETTINGS[key];
  const inFile = latest?.settings && key !== 'secrets' ? latest.settings[key] : undefined;
  const isOwn = own[key] !== undefined;
  const fromFile = !isOwn && inFile !== undefined && JSON.stringify(inFile) !== JSON.stringify(unset);
  const value = isOwn ? own[key] : fromFile ? inFile : unset;
  const problem = refused?.problems.get(key);
  const defaultText = fieldText(key, unset);
  return html`<div class="setting" id="${key}">
    <div>
      <label class="name" for="field-${key}"><code>${key}</code></label>
      <p class="small" id="about-${key}">${description.replaceAll('`', '')}</p>
      <p class="small muted">
        ${!secret && html`Default: ${defaultText === '' ? 'unset' : html`<code>${defaultText}</code>`}. `}Example:
        <code>${secret ? 'API_TOKEN' : fieldText(key, example)}</code>
      </p>
    </div>
    <div>
      ${secret ? secretsField(Object.keys(own[key] ?? {}), refused?.typed.get(key) ?? '', problem) : inputOf(key, fieldText(key, value), { was: value === '', is: refused?.empty.get(key) ?? value === '' }, refused?.typed.get(key), problem)}
      ${problem !== undefined && html`<p class="wrong" id="wrong-${key}">${problem.replaceAll('`', '')}</p>`}
      <div class="origin">
        ${isOwn ? html`<span class="pill blue">set here</span>` : fromFile ? html`<span class="pill green">from the file</span> <a href="/pipelines/${latest!.id}">as of the last pipeline</a>` : html`<span class="pill">default</span>`}
        ${isScript(key) && (value === null || value === '') && html`<span>${value === null ? 'Unset: it is detected from the repository.' : 'Empty: nothing is run.'}</span>`}
        ${isOwn && html`<button class="plain" name="reset" value="${key}" formnovalidate>Reset<span class="hidden-text"> ${key}</span> to the default</button>`}
      </div>
    </div>
  </div>`;
}

/** Whether unset is something else than empty. */
function isScript(key: SettingKey): boolean {
  const described = fieldOf(key);
  return described.kind === 'text' && described.optional;
}

/** What an empty script means; one that has text means itself. */
interface EmptyState {
  /** As it was shown. */
  was: boolean;
  /** As it is ticked. */
  is: boolean;
}

const emptyChoice = (key: SettingKey, { was, is }: EmptyState): Fragment =>
  html`<input type="hidden" name="was-empty:${key}" value="${String(was)}" /><label class="check"
      ><input type="checkbox" name="empty:${key}" value="true" ${is && new Html(' checked')} /> left empty,
      nothing is run; otherwise it is detected</label
    >`;

function inputOf(
  key: SettingKey,
  shown: string,
  empty: EmptyState,
  typed: string | undefined,
  problem?: string,
): Fragment {
  const field = fieldOf(key);
  const text = typed ?? shown;
  const about = new Html(
    ` id="field-${key}" name="${key}" aria-describedby="about-${key}${problem === undefined ? '' : ` wrong-${key}`}"${problem === undefined ? '' : ' aria-invalid="true"'}`,
  );
  const was = html`<input type="hidden" name="was:${key}" value="${shown}" />`;
  const on = (attribute: string, is: boolean) => is && new Html(` ${attribute}`);
  switch (field.kind) {
    case 'truth':
      return html`${was}<span class="check"
          ><input type="checkbox" value="true" ${about}${on('checked', text === 'true')} /> on</span
        >`;
    case 'choice':
      return html`${was}<select${about}>${!field.options.includes(text) && html`<option selected>${text}</option>`}${field.options.map((option) => html`<option${on('selected', option === text)}>${option}</option>`)}</select>`;
    case 'number':
      return html`${was}<input
          type="text"
          inputmode="${field.whole ? 'numeric' : 'decimal'}"
          size="10"
          value="${text}"
          ${about}
        />
        <span class="small muted"
          >${field.min} to ${field.max}${field.optional && ', or empty for unset'}</span
        >`;
    case 'line':
      return html`${was}<input type="text" size="40" value="${text}" ${about} />`;
    default: {
      const hint = { text: '', list: 'One a line.', variables: 'NAME=value, one a line.', secrets: '' }[
        field.kind
      ];
      const rows = Math.min(12, Math.max(2, text.split('\n').length + 1));
      // A browser drops a line break at the beginning: it is not to be one of the text's own.
      const content = [new Html('\n'), text];
      return html`${was}<textarea rows="${rows}" spellcheck="false" ${about}>${content}</textarea
        >${hint && html`<span class="small muted">${hint}</span>`}${isScript(key) && emptyChoice(key, empty)}`;
    }
  }
}

const secretsField = (names: readonly string[], name: string, problem?: string): Fragment => {
  const wrong = problem !== undefined && new Html(' aria-invalid="true" aria-describedby="wrong-secrets"');
  return html`${
      names.length > 0
        ? html`<ul>
            ${names.map(
              (known) =>
                html`<li>
                  <code>${known}</code> is set
                  <button class="plain" name="remove_secret" value="${known}" formnovalidate>
                    Remove<span class="hidden-text"> ${known}</span>
                  </button>
                </li>`,
            )}
          </ul>`
        : html`<p class="muted small">None is set.</p>`
    }
    <p>
      <input
        id="field-secrets"
        name="secret_name"
        value="${name}"
        placeholder="NAME"
        aria-label="Name of a secret"
        autocomplete="off"
        size="24"
        ${wrong}
      />
      <input
        type="password"
        name="secret_value"
        placeholder="value"
        aria-label="Value of the secret"
        autocomplete="new-password"
        size="24"
      />
    </p>
    <p class="small muted">Added or replaced when you save. Values are never shown again.</p>`;
};
