/**
 * The table of events as the inbox writes it: with the bare drivers, one statement for many rows. TypeORM, here,
 * would cost more than all the rest of receiving, and is not loaded yet when the first webhook comes.
 */
export interface EventTable {
  /**
   * So many inserts may be under way. They take effect in the order in which they began; on SQLite one may, rarely,
   * come before another one that began in the same millisecond.
   */
  readonly atOnce: number;
  /**
   * Stores the rows, with a job for each that is queued, all in one transaction. Answers the id under which each
   * delivery is stored: another one's where it was there already. No two rows may have the same delivery id.
   */
  insert(rows: readonly NewEvent[]): Promise<Map<string, string>>;
  /** Whether this error says that the schema is not there, or not this version's, yet. */
  isSchemaMissing(error: unknown): boolean;
  close(): Promise<void>;
}

export interface NewEvent {
  id: string;
  deliveryId: string;
  event: string;
  action: string | null;
  /** Null: that of the repository, where there is one. */
  projectId: string | null;
  repositoryId: number | null;
  pullRequestNumber: number | null;
  status: 'queued' | 'ignored';
  payload: Uint8Array;
  replayOf: string | null;
  /** Milliseconds since 1970. */
  receivedAt: number;
  lane: string;
}

/** In the order of the values of a row. */
export const EVENT_COLUMNS = [
  'id',
  'delivery_id',
  'event',
  'action',
  'project_id',
  'pull_request_number',
  'status',
  'payload',
  'replay_of',
  'received_at',
  'processed_at',
] as const;

/** An event's values in the order of the columns. @param payload as it is to be stored */
export const eventValues = (row: NewEvent, payload: Buffer | string): unknown[] => [
  row.id,
  row.deliveryId,
  row.event,
  row.action,
  row.projectId,
  row.pullRequestNumber,
  row.status,
  payload,
  row.replayOf,
  row.receivedAt,
  row.status === 'ignored' ? row.receivedAt : null,
];
