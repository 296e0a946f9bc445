/** The GitHub App as it is registered, against the app.yml that this version was made for. */
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { z } from 'zod';

const manifest = z.object({
  default_permissions: z.record(z.string(), z.string()),
  default_events: z.array(z.string()),
});

export interface Registration {
  permissions: Record<string, string | undefined>;
  events: readonly string[];
}

const LEVELS = ['read', 'write', 'admin'];

/** What app.yml of this version asks for. */
export async function wantedRegistration(): Promise<Registration> {
  const text = await readFile(new URL('../../app.yml', import.meta.url), 'utf8');
  const { default_permissions: permissions, default_events: events } = manifest.parse(parse(text));
  return { permissions, events };
}

/** What a registration lacks, e.g. `checks: write` and `the event merge_group`. More than wanted is fine. */
export function missingFrom(actual: Registration, wanted: Registration): string[] {
  const permissions = Object.entries(wanted.permissions).filter(
    ([name, level]) => rank(actual.permissions[name]) < rank(level),
  );
  const events = wanted.events.filter((event) => !actual.events.includes(event));
  return [
    ...permissions.map(([name, level]) => `the permission ${name}: ${level}`),
    ...events.map((event) => `the event ${event}`),
  ];
}

/** -1 for a permission that is not given at all. */
const rank = (level: string | undefined): number => LEVELS.indexOf(level ?? '');
