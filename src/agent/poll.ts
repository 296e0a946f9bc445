/** After this long a run that has not ended counts as lost: said so, and not looked at any more. */
export const RUN_DEADLINE_MS = 6 * 60 * 60_000;

/**
 * How long to wait until the next look at a run: `baseSeconds` in its first ten minutes, then slower as it
 * ages, up to twenty times as long. Null once the deadline has passed. Takes and returns milliseconds.
 */
export function nextLookMs(ageMs: number, baseSeconds: number): number | null {
  if (ageMs >= RUN_DEADLINE_MS) return null;
  const base = baseSeconds * 1000;
  const slower = Math.min(20, Math.max(1, ageMs / (10 * 60_000)));
  return Math.min(Math.round(base * slower), RUN_DEADLINE_MS - ageMs);
}
