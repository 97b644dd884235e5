/** What is told of a stream and its groups: to clients (INFO), and to who looks after the node. */
import type { GroupInfo, Range, Strategy, StreamInfo } from '@zeroth/client/wire';
import { decodePlace } from './core/place.ts';
import type { Hub } from './hub.ts';

/** The stream, and its groups: those with members now, and those of which it has the place. */
export function streamInfo({ stream, runners }: Hub): StreamInfo {
  const groups: GroupInfo[] = [];
  for (const { group, options } of runners.values()) {
    groups.push({
      name: options.place ?? options.name,
      strategy: options.strategy,
      consumers: group.members.length,
      acknowledged: group.acked.floor,
      inFlight: group.inFlight,
      lag: Math.max(0, stream.committed - group.acked.floor - sum(group.acked.ranges)),
    });
  }
  for (const name of stream.places.names()) {
    if (runners.has(name)) continue;
    const bytes = stream.places.get(name);
    const kept = bytes === null ? null : keptIn(bytes);
    if (kept === null) continue;
    const { strategy, acknowledged, beyond } = kept;
    const behind = Math.max(0, stream.committed - acknowledged - beyond);
    groups.push({ name, strategy, consumers: 0, acknowledged, inFlight: 0, lag: behind });
  }
  const { name, first, committed, stats, trouble } = stream;
  return {
    stream: name,
    first,
    next: committed,
    bytes: stats.bytes,
    trouble: trouble === null ? null : { code: trouble.code, message: trouble.message },
    groups,
  };
}

export interface GroupStatus {
  readonly stream: string;
  readonly group: string;
  readonly consumers: number;
  readonly inFlight: number;
  /** Every record before this one is acknowledged. */
  readonly acknowledged: number;
  /** Records that are not acknowledged. */
  readonly lag: number;
  /** About when the first of them was appended, in ms since 1970; null: there is none, or it is not known. */
  readonly oldest: number | null;
}

export function groupsOf(hub: Hub): GroupStatus[] {
  const { stream } = hub;
  return streamInfo(hub).groups.map(({ name: group, consumers, inFlight, lag, acknowledged }) => {
    const oldest = lag === 0 ? null : stream.timeOf(Math.max(acknowledged, stream.first));
    return { stream: stream.name, group, consumers, inFlight, acknowledged, lag, oldest };
  });
}

/** What a place says that nobody has a hold of. */
interface Kept {
  readonly strategy: Strategy;
  readonly acknowledged: number;
  /** Records that are acknowledged after that. */
  readonly beyond: number;
}

/** A place may have 400 KB, a stream a thousand of them, and who asks may ask often: each value is read once. */
const READ: WeakMap<Uint8Array, Kept | null> = new WeakMap();

/** Null: this is no place of a group. */
function keptIn(bytes: Uint8Array): Kept | null {
  let kept = READ.get(bytes);
  if (kept === undefined) {
    const place = decodePlace(bytes);
    if (place === null) kept = null;
    else {
      const { acknowledged, ranges } = place.state;
      kept = { strategy: place.strategy, acknowledged, beyond: sum(ranges) };
    }
    READ.set(bytes, kept);
  }
  return kept;
}

function sum(ranges: readonly Range[]): number {
  let count = 0;
  for (const { first, last } of ranges) count += last - first + 1;
  return count;
}
