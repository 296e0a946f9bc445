import { In, type EntityManager } from 'typeorm';
import { isSettingKey, parseSetting, SETTINGS, type SettingKey, type Settings } from '../domain/settings.js';
import type { SecretBox } from '../domain/secret-box.js';
import type { Database } from './database.js';
import { ProjectSetting } from './entities/index.js';
import { findRows } from './rows.js';

/** What the dashboard sets for a project, key by key. Secret settings are encrypted at rest. */
export class SettingsStore {
  constructor(
    private readonly database: Database,
    private readonly box: SecretBox,
  ) {}

  /** Only the keys that are set. @throws OperationalError where a secret can't be decrypted */
  async of(projectId: string): Promise<Partial<Settings>> {
    const rows = await findRows(this.database.read, ProjectSetting, { projectId });
    const settings: Record<string, unknown> = {};
    for (const { key, value } of rows) {
      if (!isSettingKey(key)) continue;
      const text = SETTINGS[key].secret ? this.box.open(value, placeOf(projectId, key)) : value;
      // A later version may have narrowed a setting: what it no longer allows counts as not set.
      const parsed = parseSetting(key, JSON.parse(text));
      if (parsed.ok) settings[key] = parsed.value;
    }
    return settings;
  }

  /** One key of several projects; those that set it only. */
  async ofProjects<Key extends SettingKey>(
    projectIds: readonly string[],
    key: Key,
  ): Promise<Map<string, Settings[Key]>> {
    const rows = await this.database.read.findBy(ProjectSetting, { projectId: In([...projectIds]), key });
    const values = new Map<string, Settings[Key]>();
    for (const { projectId, value } of rows) {
      const parsed = parseSetting(
        key,
        JSON.parse(SETTINGS[key].secret ? this.box.open(value, placeOf(projectId, key)) : value),
      );
      if (parsed.ok) values.set(projectId, parsed.value);
    }
    return values;
  }

  /** @param value as `parseSetting` returned it */
  async set<Key extends SettingKey>(projectId: string, key: Key, value: Settings[Key]): Promise<void> {
    await this.database.write((tx) => this.setIn(tx, projectId, key, value));
  }

  async setIn<Key extends SettingKey>(
    tx: EntityManager,
    projectId: string,
    key: Key,
    value: Settings[Key],
  ): Promise<void> {
    const text = JSON.stringify(value);
    const stored = SETTINGS[key].secret ? this.box.seal(text, placeOf(projectId, key)) : text;
    await tx.upsert(ProjectSetting, { projectId, key, value: stored, updatedAt: new Date() }, [
      'projectId',
      'key',
    ]);
  }

  async reset(projectId: string, key: SettingKey): Promise<void> {
    await this.database.writeOne((tx) => tx.delete(ProjectSetting, { projectId, key }));
  }
}

const placeOf = (projectId: string, key: string): string => `${projectId}/${key}`;
