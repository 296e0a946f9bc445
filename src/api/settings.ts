import { z } from 'zod';
import type { SettingsStore } from '../database/settings-store.js';
import { Project } from '../database/entities/index.js';
import {
  defaultSettings,
  isSettingKey,
  parseSetting,
  SETTING_KEYS,
  SETTINGS,
  unknownKeySentence,
  type SettingKey,
} from '../domain/settings.js';
import { projectOr404, type ApiDeps } from './deps.js';
import { Problem } from './problem.js';
import { badInput, missing, route, type Route } from './route.js';
import * as schemas from './schemas/index.js';

const byProject = z.object({ id: schemas.id });
const byKey = z.object({ id: schemas.id, key: schemas.settingKeyText });

export function settingsRoutes(deps: ApiDeps): Route[] {
  const { settings, database } = deps;
  return [
    route(
      {
        method: 'get',
        path: '/api/projects/{id}/settings',
        operationId: 'readSettings',
        summary: 'Every setting, defaults included',
        tag: 'Settings',
        params: byProject,
        answer: {
          status: 200,
          description: 'Keys and values; secrets only say whether there are any.',
          schema: schemas.settings,
        },
        also: { 503: 'The stored secrets can’t be decrypted with this SECRETS_KEY.' },
      },
      async ({ params }) => {
        const { id } = await projectOr404(deps, params.id);
        return allOf(id, settings);
      },
    ),
    route(
      {
        method: 'put',
        path: '/api/projects/{id}/settings/{key}',
        operationId: 'setSetting',
        summary: 'Set one; pipelines that are running keep what they began with',
        tag: 'Settings',
        params: byKey,
        body: schemas.settingValue,
        answer: { status: 200, description: 'The setting as it is now.', schema: schemas.setting },
      },
      async ({ params, body }) => {
        const key = keyOf(params.key);
        const parsed = parseSetting(key, body.value);
        if (!parsed.ok)
          throw badInput(
            parsed.problems.map(({ path, message }) => ({ path: ['value', ...path].join('.'), message })),
          );
        await database.write(async (tx) => {
          if (!(await tx.existsBy(Project, { id: params.id }))) throw missing('project');
          await settings.setIn(tx, params.id, key, parsed.value);
        });
        return { key, value: shown(key, parsed.value) };
      },
    ),
    route(
      {
        method: 'delete',
        path: '/api/projects/{id}/settings/{key}',
        operationId: 'resetSetting',
        summary: 'Restore the default of one',
        tag: 'Settings',
        params: byKey,
        answer: { status: 204, description: 'Restored.' },
      },
      async ({ params }) => {
        const key = keyOf(params.key);
        const { id } = await projectOr404(deps, params.id);
        await settings.reset(id, key);
      },
    ),
  ];
}

async function allOf(projectId: string, store: SettingsStore): Promise<Record<string, unknown>> {
  const values = { ...defaultSettings(), ...(await store.of(projectId)) };
  return Object.fromEntries(SETTING_KEYS.map((key) => [key, shown(key, values[key])]));
}

/** Secrets are write-only. */
const shown = (key: SettingKey, value: unknown): unknown =>
  SETTINGS[key].secret ? { set: Object.keys(value as object).length > 0 } : value;

function keyOf(name: string): SettingKey {
  if (isSettingKey(name)) return name;
  throw new Problem(404, 'Unknown setting', unknownKeySentence(name));
}
