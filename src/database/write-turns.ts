import { resolve } from 'node:path';
import { Mutex } from 'async-mutex';

const turns = new Map<string, Mutex>();

/**
 * The turn to write to a SQLite file, for all connections of this thread: SQLite itself lets the others sleep and look
 * again, up to 100 ms, and lets whoever looks at the right moment go first.
 */
export function writeTurn(file: string): Mutex {
  const path = resolve(file);
  let turn = turns.get(path);
  if (!turn) turns.set(path, (turn = new Mutex()));
  return turn;
}
