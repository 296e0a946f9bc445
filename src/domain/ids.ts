import { randomUUID } from 'node:crypto';

let last = 0n;

/**
 * A new UUID, version 7 (RFC 9562): sorts by the time it was made, so lists page by id alone. Ids made by one
 * process always ascend, also within a millisecond and when the clock is set back.
 */
export function newId(): string {
  // 48 bits of milliseconds and 12 bits that count up within one.
  const now = BigInt(Date.now()) << 12n;
  last = now > last ? now : last + 1n;
  const time = (last >> 12n).toString(16).padStart(12, '0');
  const sequence = (last & 0xfffn).toString(16).padStart(3, '0');
  // The end of a version 4 UUID is made like that of a version 7; Node keeps a stock of those.
  return `${time.slice(0, 8)}-${time.slice(8)}-7${sequence}${randomUUID().slice(18)}`;
}

/** A text that sorts before the ids made from that time on (milliseconds since 1970), and after older ones. */
export function idAt(ms: number): string {
  const time = Math.max(0, Math.floor(ms)).toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}`;
}

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Whether a text has the form of our ids; anything else needs no look into the database. */
export const isId = (text: string): boolean => ID.test(text);
