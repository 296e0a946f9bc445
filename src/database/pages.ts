import { LessThan, Raw, type EntityTarget, type FindOptionsSelect, type FindOptionsWhere } from 'typeorm';
import type { Database } from './database.js';

export interface PageRequest {
  /** How many at most. */
  limit: number;
  /** The last id of the page before. */
  cursor?: string | undefined;
}

export interface Page<Row> {
  rows: Row[];
  /** For the next page; null on the last one. */
  next: string | null;
}

/** Rows newest first, by id: the cost of a page does not depend on how many there are before or after it. */
export async function pageOf<Row extends { id: string }>(
  database: Database,
  entity: EntityTarget<Row>,
  where: FindOptionsWhere<Row>,
  { limit, cursor }: PageRequest,
  select?: FindOptionsSelect<Row>,
): Promise<Page<Row>> {
  const rows = await database.read.find(entity, {
    where: cursor === undefined ? where : { ...where, id: LessThan(cursor) },
    order: { id: 'DESC' } as never,
    take: limit + 1,
    ...(select ? { select } : {}),
  });
  return cut(rows, limit);
}

let values = 0;

/**
 * A condition that no index serves, so that the one of a rarer value is used whatever the database guesses.
 * @param value of a column of text
 */
export function aside<Value extends string>(value: Value) {
  const name = `aside${(values = (values + 1) % 1000)}`;
  return Raw<Value>((column) => `COALESCE(${column}, '') = :${name}`, { [name]: value });
}

/** @param rows one more than `limit` where there are further ones */
export function cut<Row extends { id: string }>(rows: Row[], limit: number): Page<Row> {
  const kept = rows.slice(0, limit);
  return { rows: kept, next: rows.length > limit ? kept.at(-1)!.id : null };
}
