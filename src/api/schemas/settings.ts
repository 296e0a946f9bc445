import { z } from 'zod';
import { SETTING_KEYS, SETTINGS, type SettingKey } from '../../domain/settings.js';
import { text } from './common.js';

const secretMark = z.object({ set: z.boolean() });

/** What a setting is answered as: secrets only say whether there are any. */
const answered = (key: SettingKey) => {
  const { secret, description, example } = SETTINGS[key];
  const schema: z.ZodType = secret ? secretMark : SETTINGS[key].schema;
  return schema.meta({ description, examples: [secret ? { set: true } : example] });
};

export const settings = z.object(Object.fromEntries(SETTING_KEYS.map((key) => [key, answered(key)]))).meta({
  id: 'Settings',
  description: 'Every key, with its default where it is not set.',
  examples: [
    Object.fromEntries(
      SETTING_KEYS.map((key) => [key, SETTINGS[key].secret ? { set: true } : SETTINGS[key].example]),
    ),
  ],
});

/** Checked against its key by `parseSetting`, whose sentences name what is expected. */
export const settingValue = z
  .strictObject({
    value: z
      .unknown()
      .refine((value) => value !== undefined, 'is missing')
      .describe('As the key wants it; see the schema Settings.'),
  })
  .meta({ id: 'SettingValue', examples: [{ value: 'npm test' }] });

export const setting = z
  .object({ key: z.enum(SETTING_KEYS), value: z.unknown() })
  .meta({ id: 'Setting', examples: [{ key: 'test_commands', value: 'npm test' }] });

export const settingKeyText = text(200, 1);
