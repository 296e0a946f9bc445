import { QueryFailedError } from 'typeorm';

/** Classes of PostgreSQL's error codes: connection, resources, operator's intervention, its own input and output. */
const AWAY_ON_POSTGRES = /^(08|53|57|58)/;
const AWAY_ON_SQLITE = /^SQLITE_(BUSY|LOCKED|FULL|IOERR|CANTOPEN|READONLY)/;
/** The socket of a server on this machine is missing while it is down. */
const AWAY_IN_NODE = /^E(CONN|PIPE|TIMEDOUT|HOSTUNREACH|NETUNREACH|NOENT|NOTFOUND|AI_AGAIN)/;
const AWAY = [AWAY_ON_POSTGRES, AWAY_ON_SQLITE, AWAY_IN_NODE];
const CUT_OFF =
  /^(Connection terminated|timeout e|Query read timeout|Client has encountered a connection error)/;

/** Whether the database could not be reached or had no room: the same may work later. */
export function isDatabaseAway(error: unknown): boolean {
  const cause: unknown = error instanceof QueryFailedError ? error.driverError : error;
  if (typeof cause !== 'object' || cause === null) return false;
  const { code, message } = cause as Partial<NodeJS.ErrnoException>;
  return (
    (typeof code === 'string' && AWAY.some((pattern) => pattern.test(code))) || CUT_OFF.test(message ?? '')
  );
}
