/**
 * Rounds of pairs.
 *
 * Guarantees: ours and theirs take turns in one run; the ratio is the median of the ratios of the pairs, with the
 * smallest and the largest; never a mean.
 */
import { Stage } from './children.ts';
import type { Row } from './row.ts';
import type { Outcome, Work } from './works.ts';

export interface Measured {
  readonly ours: Outcome;
  readonly theirs: Outcome | null;
  readonly ratio: { readonly median: number; readonly min: number; readonly max: number } | null;
  readonly rounds: number;
}

export type Result =
  | { readonly row: Row; readonly measured: Measured; readonly problem: null }
  | { readonly row: Row; readonly measured: null; readonly problem: string };

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const high = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? high : ((sorted[middle - 1] ?? Number.NaN) + high) / 2;
}

function medianOutcome(outcomes: readonly Outcome[]): Outcome {
  const p99 = outcomes.flatMap((outcome) => outcome.p99 ?? []);
  return { value: median(outcomes.map(({ value }) => value)), p99: p99.length === 0 ? null : median(p99) };
}

async function once(work: Work): Promise<Outcome> {
  const stage = new Stage();
  try {
    return await work(stage);
  } finally {
    await stage.end();
  }
}

export async function measure(
  row: Row,
  rounds: number,
  onPair: (round: number, ours: Outcome, theirs: Outcome | null) => void,
): Promise<Result> {
  if (row.ours.missing !== null) return { row, measured: null, problem: `not measured: ${row.ours.missing}` };
  // Without the peer our own figure is still worth something.
  const peer = row.theirs?.missing === null ? row.theirs : null;
  const ours: Outcome[] = [];
  const theirs: Outcome[] = [];
  const ratios: number[] = [];
  try {
    for (let round = 1; round <= rounds; round++) {
      const our = await once(row.ours.work);
      const their = peer === null ? null : await once(peer.work);
      ours.push(our);
      if (their !== null) {
        theirs.push(their);
        ratios.push(our.value / their.value);
      }
      onPair(round, our, their);
    }
  } catch (error) {
    return {
      row,
      measured: null,
      problem: `failed: ${error instanceof Error ? error.message : String(error)}`,
    };
  }
  const paired = theirs.length > 0;
  const ratio = paired
    ? { median: median(ratios), min: Math.min(...ratios), max: Math.max(...ratios) }
    : null;
  return {
    row,
    measured: { ours: medianOutcome(ours), theirs: paired ? medianOutcome(theirs) : null, ratio, rounds },
    problem: null,
  };
}
