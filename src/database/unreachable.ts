import { CannotExecuteNotConnectedError, ConnectionIsNotSetError, QueryFailedError } from 'typeorm';
import { messageOf, OperationalError } from '../domain/errors.js';

/** PostgreSQL's classes of errors: the connection, its resources, an operator's doing. SQLite's own words. */
const CODE =
  /^(08...|53...|57P0[1-5]|EPIPE|ECONNRESET|SQLITE_(BUSY|CANTOPEN|FULL|IOERR|MISUSE|NOTADB|PROTOCOL|READONLY))$/;
const SENTENCE = /^(Connection terminated|timeout exceeded when trying to connect|Driver not Connected)/;

/** Whether an error says that the database can't be used now, and nothing about what it was asked. */
export function isUnreachable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof CannotExecuteNotConnectedError || error instanceof ConnectionIsNotSetError)
    return true;
  const cause = error instanceof QueryFailedError ? (error.driverError as Error) : error;
  const { code = '', syscall, message } = cause as NodeJS.ErrnoException;
  if (error instanceof QueryFailedError) return CODE.test(code) || SENTENCE.test(message);
  return syscall === 'connect' || SENTENCE.test(message) || /^(08...|53...|57P0[1-5])$/.test(code);
}

/**
 * Of an error such as "write EPIPE", which does not say what was lost; null where it is another one.
 * @param during what was under way. @param again what to do once the database is there
 */
export function lostDatabase(error: unknown, during: string, again: string): OperationalError | null {
  if (!isUnreachable(error)) return null;
  return new OperationalError(`The database was lost during ${during}: ${messageOf(error)}.`, {
    advice: `See that it is up and can be reached, then ${again}.`,
    cause: error,
  });
}
