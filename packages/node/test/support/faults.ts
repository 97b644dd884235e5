/** What the fault proxy does to connections, in numbers. */

/**
 * How a connection ends.
 * - `reset`: both sides get a reset; what is on the way is lost.
 * - `end`: both sides get an orderly end.
 * - `late`: the client gets a reset, the target gets the rest of what was on the way a while later.
 * - `deaf`: the target gets a reset, the client hears nothing, for a while, and is not told.
 */
export type Cut = 'reset' | 'end' | 'late' | 'deaf';

type Span = readonly [min: number, max: number];

export interface Faults {
  /** Octets, both directions together, after which a connection is cut. Null: never. */
  readonly life: Span | null;
  /** What is picked from; a kind that stands here twice comes twice as often. */
  readonly cuts: readonly Cut[];
  /** Octets that are written together; whatever arrives is split in this way. */
  readonly piece: Span;
  /** The share of pieces that are delivered octet by octet (the first 64 octets of them). */
  readonly octets: number;
  /** The share of pieces before which the direction waits shortly, and how long, in ms. */
  readonly delay: { readonly share: number; readonly ms: Span };
  /** The same for long waits. */
  readonly stall: { readonly share: number; readonly ms: Span };
  /** How long `late` and `deaf` last, in ms. */
  readonly afterwards: Span;
  /** Milliseconds between a new connection here and the one to the target. */
  readonly accept: Span;
}

/** Passes everything on. */
export const CALM: Faults = {
  life: null,
  cuts: ['reset'],
  piece: [65_536, 65_536],
  octets: 0,
  delay: { share: 0, ms: [0, 0] },
  stall: { share: 0, ms: [0, 0] },
  afterwards: [0, 0],
  accept: [0, 0],
};

/** Everything at once. */
export const ROUGH: Faults = {
  life: [200, 300_000],
  cuts: ['reset', 'reset', 'end', 'late', 'late', 'deaf'],
  piece: [1, 32_768],
  octets: 0.02,
  delay: { share: 0.1, ms: [1, 15] },
  stall: { share: 0.005, ms: [100, 2500] },
  afterwards: [5, 400],
  accept: [0, 30],
};
