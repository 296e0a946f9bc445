/**
 * The name that somebody probably meant. Case and the separators `-`, `_` and blanks don't count, so
 * `autoMergeEnabled` finds `auto_merge_enabled`. Null when nothing is near: a wrong guess helps less than
 * none, so at most a third of the letters may differ (at least one).
 */
export function nearest<Name extends string>(unknown: string, names: Iterable<Name>): Name | null {
  if (unknown.length > MAX_LENGTH) return null;
  const wanted = normalise(unknown);
  let best: Name | null = null;
  let bestDistance = Infinity;
  for (const name of names) {
    const candidate = normalise(name);
    const allowed = Math.max(1, Math.floor(Math.max(wanted.length, candidate.length) / 3));
    const distance = editDistance(wanted, candidate);
    if (distance <= allowed && distance < Math.min(bestDistance, candidate.length)) {
      best = name;
      bestDistance = distance;
    }
  }
  return best;
}

const MAX_LENGTH = 100;

const normalise = (name: string) => name.toLowerCase().replace(/[-_\s]/g, '');

/** Letters to insert, remove, replace or swap with their neighbour to turn one text into the other. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let distance = Math.min(last[j]! + 1, row[j - 1]! + 1, replaced);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        distance = Math.min(distance, beforeLast[j - 2]! + 1);
      }
      row.push(distance);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
}
