import { QueryFailedError } from 'typeorm';

/** Classes of PostgreSQL's error codes: connection, resources, operator's intervention, its own input and output. */
const AWAY_ON_POSTGRES = /^(08|53|57|58)/;
const AWAY_ON_SQLITE = /^SQLITE_(BUSY|LOCKED|FULL|IOERR|CANTOPEN|READONLY)/;
const CUT_OFF =
  /^(Connection terminated|timeout e|Query read timeout|Client has encountered a connection error)/;

/** Whether the database could not be reached or had no room: the same may work later. */
export function isDatabaseAway(error: unknown): boolean {
  const cause: unknown = error instanceof QueryFailedError ? error.driverError : error;
  if (!(cause instanceof Error)) return false;
  const { code = '' } = cause as NodeJS.ErrnoException;
  return (
    AWAY_ON_POSTGRES.test(code) ||
    AWAY_ON_SQLITE.test(code) ||
    CUT_OFF.test(cause.message) ||
    /^E(CONN|PIPE|TIMEDOUT|HOSTUNREACH|NETUNREACH|NOENT|NOTFOUND|AI_AGAIN)/.test(code)
  );
}
