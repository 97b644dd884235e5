/**
 * The place of a group as it is kept with the stream: JSON, so that people and tools can read it.
 *
 *     {"strategy":"group","prefix":"","acknowledged":118,"ranges":[[120,130]],"deliveries":[[119,119,2]],
 *      "ackTimeout":30000,"maxDeliveries":5,"deadLetter":"telemetry.dead"}
 *
 * `prefix` is base64. `ranges` are acknowledged, too; `deliveries` counts those that are not and were delivered more
 * than once. What is missing in a place costs repetitions, never records.
 */
import type { Strategy } from '@zeroth/client/wire';
import type { GroupState } from './group.ts';

export interface Place {
  readonly strategy: Strategy;
  readonly prefix: Uint8Array;
  readonly ackTimeout: number;
  readonly maxDeliveries: number;
  readonly deadLetter: string;
  readonly state: GroupState;
}

/** Ranges that are kept. Whoever leaves more holes gets some records again after a crash. */
const MAX_RANGES = 10_000;

export function encodePlace(place: Place): Uint8Array {
  const { strategy, prefix, ackTimeout, maxDeliveries, deadLetter, state } = place;
  const value = {
    strategy,
    prefix: Buffer.from(prefix).toString('base64'),
    acknowledged: state.acknowledged,
    ranges: state.ranges.slice(0, MAX_RANGES).map(({ first, last }) => [first, last]),
    deliveries: state.deliveries,
    ackTimeout,
    maxDeliveries,
    deadLetter,
  };
  return Buffer.from(JSON.stringify(value));
}

/** Null: this is no place of a group. */
export function decodePlace(bytes: Uint8Array): Place | null {
  let value: Record<string, unknown>;
  try {
    value = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString());
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null) return null;
  const { strategy, prefix, acknowledged, ranges, deliveries, ackTimeout, maxDeliveries, deadLetter } = value;
  if (strategy !== 'broadcast' && strategy !== 'group' && strategy !== 'sharded') return null;
  if (typeof prefix !== 'string' || typeof deadLetter !== 'string') return null;
  if (!isNumber(acknowledged) || !isNumber(ackTimeout) || !isNumber(maxDeliveries)) return null;
  if (!isRows(ranges, 2) || !isRows(deliveries, 3)) return null;
  const state = {
    acknowledged,
    ranges: ranges.map(([first, last]) => ({ first: first!, last: last! })),
    deliveries: deliveries as unknown as GroupState['deliveries'],
  };
  return { strategy, prefix: Buffer.from(prefix, 'base64'), ackTimeout, maxDeliveries, deadLetter, state };
}

/** The state, as far as the stream goes: a stream may have lost an end that was not written to the disk yet. */
export function within(state: GroupState, next: number): GroupState {
  return {
    acknowledged: Math.min(state.acknowledged, next),
    ranges: state.ranges.flatMap(({ first, last }) =>
      first < next ? [{ first, last: Math.min(last, next - 1) }] : [],
    ),
    deliveries: state.deliveries.filter(([, last]) => last < next),
  };
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isRows(value: unknown, width: number): value is number[][] {
  return (
    Array.isArray(value) &&
    value.every(
      (row) => Array.isArray(row) && row.length === width && row.every(isNumber) && row[0]! <= row[1]!,
    )
  );
}
