/** What INFO tells of a stream. */
import type { GroupInfo, StreamInfo } from '@zeroth/client/wire';
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
      lag: lag(group.acked.floor, group.acked.ranges, stream.committed),
    });
  }
  for (const name of stream.places.names()) {
    if (runners.has(name)) continue;
    const bytes = stream.places.get(name);
    const place = bytes === null ? null : decodePlace(bytes);
    if (place === null) continue;
    const { acknowledged, ranges } = place.state;
    groups.push({
      name,
      strategy: place.strategy,
      consumers: 0,
      acknowledged,
      inFlight: 0,
      lag: lag(acknowledged, ranges, stream.committed),
    });
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

/** Records before `end` that are not acknowledged. */
function lag(
  acknowledged: number,
  ranges: readonly { readonly first: number; readonly last: number }[],
  end: number,
): number {
  let count = Math.max(0, end - acknowledged);
  for (const { first, last } of ranges) count -= last - first + 1;
  return Math.max(0, count);
}
