/** How figures are taken: always as a ratio of what was measured in turns, in one run, on one machine. */
import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

export const ROUNDS = 5;

export interface Figure {
  name: string;
  /** What is ours, and what it is compared with, in `unit`: medians. */
  ours: number;
  reference: number;
  unit: string;
  /** The median of the rounds' ratios. */
  ratio: number;
  /** What the ratio has to keep. */
  bound: { least: number } | { most: number };
  rounds: number;
  /** What stands beside the ratio, such as a cost that the bound allows. */
  note?: string;
}

export const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)]!;

/** Milliseconds. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

type Measure = (round: number) => Promise<number>;
type Pair = [ours: number, reference: number];
type Described = Pick<Figure, 'name' | 'unit' | 'bound' | 'note'>;
export type Compared = Described & { ours: Measure };

/**
 * Measures the two in turns, each first in every other round. Both resolve with a number in `unit`.
 * @param figure.staggerMs for what mostly waits: a round begins so much after the one before, and not at its end
 */
export async function compare(
  figure: Described & { rounds?: number; staggerMs?: number },
  ours: Measure,
  reference: Measure,
): Promise<Figure> {
  const { rounds = ROUNDS, staggerMs } = figure;
  if (staggerMs !== undefined)
    return recordPairs(figure, await staggered(rounds, staggerMs, ours, reference));
  const [pairs] = await inTurns(rounds, [ours], reference);
  return recordPairs(figure, pairs!);
}

/** Measures several things of ours and one that all are compared with, in turns: what is slow is measured once. */
export async function compareAll(figures: Compared[], reference: Measure): Promise<void> {
  const measures = figures.map(({ ours }) => ours);
  const pairs = await inTurns(ROUNDS, measures, reference);
  figures.forEach((figure, n) => recordPairs(figure, pairs[n]!));
}

/** @returns for each of ours its pairs, of a round each */
async function inTurns(rounds: number, ours: Measure[], reference: Measure): Promise<Pair[][]> {
  const pairs = ours.map((): Pair[] => []);
  for (let round = 0; round < rounds; round++) {
    const before = round % 2 === 0 ? null : await reference(round);
    const values: number[] = [];
    for (const measure of ours) values.push(await measure(round));
    const compared = before ?? (await reference(round));
    values.forEach((value, n) => pairs[n]!.push([value, compared]));
  }
  return pairs;
}

/** Half of `staggerMs` lies between the beginnings of the two. */
function staggered(rounds: number, staggerMs: number, ours: Measure, reference: Measure): Promise<Pair[]> {
  const measured = async (measure: Measure, round: number, isFirst: boolean) => {
    await sleep((isFirst ? round : round + 0.5) * staggerMs);
    return measure(round);
  };
  return Promise.all(
    Array.from({ length: rounds }, (_, round) => {
      const isOursFirst = round % 2 === 0;
      return Promise.all([measured(ours, round, isOursFirst), measured(reference, round, !isOursFirst)]);
    }),
  );
}

function recordPairs({ name, unit, bound, note }: Described, pairs: Pair[]): Figure {
  return record({
    name,
    unit,
    bound,
    ...(note === undefined ? {} : { note }),
    ours: median(pairs.map(([value]) => value)),
    reference: median(pairs.map(([, value]) => value)),
    ratio: median(pairs.map(([a, b]) => a / b)),
    rounds: pairs.length,
  });
}

/** Hands a figure to whoever prints them all. */
export function record(figure: Figure): Figure {
  const file = process.env['BENCH_FIGURES'];
  if (file) appendFileSync(file, `${JSON.stringify(figure)}\n`);
  return figure;
}
