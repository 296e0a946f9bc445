import prettyMilliseconds from 'pretty-ms';

/**
 * Milliseconds as people say them, in at most two units: "412 ms", "8.2 s", "1 min 12 s", "2 h 5 min".
 * Negative and non-finite values (clocks that went backwards) count as 0.
 */
export function formatDuration(milliseconds: number): string {
  const value = Number.isFinite(milliseconds) ? Math.max(0, Math.round(milliseconds)) : 0;
  const short = prettyMilliseconds(value, { unitCount: 2, secondsDecimalDigits: value < 60_000 ? 1 : 0 });
  return short.replace(/(\d)(ms|[smhdy])/g, (_, digit: string, unit: string) => {
    return `${digit} ${unit === 'm' ? 'min' : unit}`;
  });
}

/** The time between two moments, or null when either is not known yet. */
export function elapsed(from: Date | null, to: Date | null): number | null {
  return from && to ? to.getTime() - from.getTime() : null;
}
