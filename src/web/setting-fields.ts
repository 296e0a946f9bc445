/** Settings as the fields of a form. What kind of field one is follows from its schema, so a new setting needs none. */
import { z } from 'zod';
import { SETTINGS, type SettingKey } from '../domain/settings.js';

export type SettingField =
  | { kind: 'truth' }
  | { kind: 'choice'; options: readonly string[] }
  /** `optional`: empty is unset. */
  | { kind: 'number'; min: number; max: number; whole: boolean; optional: boolean }
  | { kind: 'line' }
  /** `optional`: unset is something else than empty. */
  | { kind: 'text'; optional: boolean }
  /** One entry a line. */
  | { kind: 'list' }
  /** NAME=value, one a line. */
  | { kind: 'variables' }
  | { kind: 'secrets' };

export function fieldOf(key: SettingKey): SettingField {
  const { schema, example, default: unset, secret } = SETTINGS[key];
  const optional = unset === null;
  if (secret) return { kind: 'secrets' };
  if (typeof example === 'boolean') return { kind: 'truth' };
  if (schema instanceof z.ZodEnum) return { kind: 'choice', options: schema.options.map(String) };
  if (typeof example === 'number') return { kind: 'number', optional, ...rangeOf(schema) };
  if (Array.isArray(example)) return { kind: 'list' };
  if (typeof example === 'object') return { kind: 'variables' };
  return schema.safeParse('a\nb').success ? { kind: 'text', optional } : { kind: 'line' };
}

function rangeOf(schema: z.ZodType): { min: number; max: number; whole: boolean } {
  const described = z.toJSONSchema(schema, { io: 'input' }) as NumberSchema;
  const {
    minimum = 0,
    maximum = 1e9,
    type,
  } = described.anyOf?.find((one) => one.type !== 'null') ?? described;
  return { min: minimum, max: maximum, whole: type === 'integer' };
}

interface NumberSchema {
  type?: string;
  minimum?: number;
  maximum?: number;
  anyOf?: NumberSchema[];
}

/** A value as it stands in its field. */
export function fieldText(key: SettingKey, value: unknown): string {
  if (value === null || value === undefined) return '';
  const { kind } = fieldOf(key);
  if (kind === 'list') return (value as string[]).join('\n');
  if (kind === 'variables')
    return Object.entries(value as Record<string, string>)
      .map(([name, text]) => `${name}=${/["\n\\]/.test(text) ? JSON.stringify(text) : text}`)
      .join('\n');
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** What was typed, as the value to be checked; a sentence where it can't be read. */
export function readField(key: SettingKey, text: string): { value: unknown } | { problem: string } {
  const field = fieldOf(key);
  const typed = text.replace(/\r\n?/g, '\n');
  switch (field.kind) {
    case 'truth':
      return { value: typed === 'true' };
    case 'number':
      if (typed.trim() === '' && field.optional) return { value: null };
      // As typed where it is no number: the check says what is expected.
      return { value: typed.trim() !== '' && Number.isFinite(Number(typed)) ? Number(typed) : typed };
    case 'text':
      return { value: typed === '' && field.optional ? null : typed };
    case 'list':
      return { value: nonEmptyLines(typed) };
    case 'variables':
      return readVariables(typed);
    default:
      return { value: typed };
  }
}

const nonEmptyLines = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');

function readVariables(text: string): { value: Record<string, string> } | { problem: string } {
  const values = new Map<string, string>();
  for (const line of nonEmptyLines(text)) {
    const [, name, value] = /^([^=]+?)\s*=(.*)$/.exec(line) ?? [];
    // The line is not repeated: it may be a secret that was put into the wrong field.
    if (name === undefined) return { problem: 'Each line must be NAME=value.' };
    values.set(name, unquoted(value!));
  }
  return { value: Object.fromEntries(values) };
}

/** A value with line breaks or quotes is written as in JSON. */
function unquoted(value: string): string {
  if (!/^".*"$/.test(value)) return value;
  try {
    return String(JSON.parse(value));
  } catch {
    return value;
  }
}
