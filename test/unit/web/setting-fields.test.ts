import { describe, expect, it } from '@jest/globals';
import { parseSetting, SETTING_KEYS, SETTINGS } from '../../../src/domain/settings.js';
import { fieldOf, fieldText, readField } from '../../../src/web/setting-fields.js';

describe('the field of a setting', () => {
  it('fits its schema', () => {
    const kinds = Object.fromEntries(SETTING_KEYS.map((key) => [key, fieldOf(key).kind]));
    expect(kinds).toMatchObject({
      setup_commands: 'text',
      repository_rules: 'text',
      auto_merge_enabled: 'truth',
      merge_method: 'choice',
      health_check_path: 'line',
      test_reports: 'list',
      environment: 'variables',
      secrets: 'secrets',
    });
    expect(fieldOf('max_fix_attempts')).toEqual({
      kind: 'number',
      min: 0,
      max: 10,
      whole: true,
      optional: false,
    });
    expect(fieldOf('min_coverage')).toEqual({
      kind: 'number',
      min: 0,
      max: 100,
      whole: false,
      optional: true,
    });
  });

  const open = SETTING_KEYS.filter((key) => !SETTINGS[key].secret);
  it.each(open)('gives %s back as it was shown', (key) => {
    for (const value of [SETTINGS[key].default, SETTINGS[key].example]) {
      const read = readField(key, fieldText(key, value));
      expect(read).toEqual({ value });
      expect(parseSetting(key, value).ok).toBe(true);
    }
  });

  it('keeps values with line breaks, quotes and equals signs', () => {
    const value = { A: 'two\nlines', B: '"quoted"', C: 'x=y', D: '', E: 'back\\slash' };
    expect(readField('environment', fieldText('environment', value))).toEqual({ value });
    expect(readField('environment', 'no sign')).toEqual({ problem: 'Each line must be NAME=value.' });
  });

  it('leaves what can’t be read to the check', () => {
    expect(readField('max_fix_attempts', 'many')).toEqual({ value: 'many' });
    expect(readField('max_fix_attempts', '')).toEqual({ value: '' });
    expect(readField('min_coverage', ' ')).toEqual({ value: null });
  });
});
