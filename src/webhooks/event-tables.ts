import { join } from 'node:path';
import type { EventTable } from './event-table.js';

export interface DatabasePlace {
  databaseUrl: string | null;
  dataDir: string;
}

/** The one for this database; only its driver is loaded. */
export async function eventTable({ databaseUrl, dataDir }: DatabasePlace): Promise<EventTable> {
  if (databaseUrl !== null) return new (await import('./postgres-events.js')).PostgresEvents(databaseUrl);
  return new (await import('./sqlite-events.js')).SqliteEvents(join(dataDir, 'codegenapp.sqlite'));
}
