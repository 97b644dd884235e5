/**
 * How long the property and fuzz tests run. The same inputs each time, so that a red run is red again; more of them,
 * and others, with FUZZ_RUNS (a factor) and FUZZ_SEED (a number) in the environment.
 */

export const SEED: number = Number(process.env.FUZZ_SEED ?? 20_240_601) >>> 0;
const FACTOR = Number(process.env.FUZZ_RUNS ?? 1);

/** Parameters for `fc.assert`. */
export function runs(count: number): { seed: number; numRuns: number } {
  return { seed: SEED | 0, numRuns: Math.max(1, Math.round(count * FACTOR)) };
}

/** How often a loop turns that turns `count` times by default. */
export function turns(count: number): number {
  return runs(count).numRuns;
}

/** A generator of numbers in [0, 1) that depends on nothing but its seed (mulberry32). */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}
