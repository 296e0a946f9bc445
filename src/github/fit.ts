import { sizeOf } from './truncate.js';

/** A part of a report that can be told at more or less length. */
export interface Section {
  /** As the reader would call it, for the remark that says what is missing. */
  name: string;
  /** The higher, the longer it is kept. */
  priority: number;
  /** Its markdown in at most `limit` UTF-8 bytes; empty when there is nothing to say or no sense in so little. */
  render(limit: number): string;
}

const GAP = '\n\n';
const REMARK = 400;

/**
 * The sections in their order, within `limit` UTF-8 bytes: the least useful one is shortened or left out first,
 * and a last line says so. A section that does not keep its promise is left out rather than cut in the middle.
 */
export function fit(sections: readonly Section[], limit: number): string {
  const parts = sections.map((section) => ({ section, body: section.render(limit) }));
  const whole = join(parts.map(({ body }) => body));
  if (sizeOf(whole, 'bytes') <= limit) return whole;

  const shortened = new Set<string>();
  let excess = sizeOf(whole, 'bytes') - (limit - REMARK);
  for (const part of [...parts].sort((a, b) => a.section.priority - b.section.priority)) {
    if (excess <= 0) break;
    const size = sizeOf(part.body, 'bytes');
    if (size === 0) continue;
    const room = size - excess;
    const body = room > 0 ? part.section.render(room) : '';
    part.body = sizeOf(body, 'bytes') <= room ? body : '';
    excess -= size - sizeOf(part.body, 'bytes');
    shortened.add(part.section.name);
  }
  const missing = `_Shortened to what GitHub allows: ${[...shortened].join(', ')}._`;
  const remark =
    sizeOf(missing, 'bytes') <= REMARK - GAP.length ? missing : '_Shortened to what GitHub allows._';
  return join([...parts.map(({ body }) => body), remark]);
}

/**
 * A heading and as many items as fit into `limit` bytes, with a line that says how many of `total` are missing;
 * empty when not even the first fits.
 */
export function listWithin(
  heading: string,
  items: readonly string[],
  limit: number,
  options: { separator?: string; total?: number; more?: (left: number) => string } = {},
): string {
  const { separator = '\n', total = items.length, more = (left: number) => `… and ${left} more` } = options;
  const shown: string[] = [];
  const reserve = sizeOf(more(total), 'bytes') + 2 * GAP.length;
  let room = limit - sizeOf(heading, 'bytes') - reserve;
  for (const item of items) {
    room -= sizeOf(item + separator, 'bytes');
    if (room < 0) break;
    shown.push(item);
  }
  if (shown.length === 0) return '';
  const left = total - shown.length;
  return join([heading, shown.join(separator), left > 0 ? more(left) : '']);
}

const join = (parts: readonly string[]): string => parts.filter((part) => part !== '').join(GAP);
