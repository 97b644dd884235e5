/**
 * Endpoints before and after a change: which go, which come, and which of them can't be there at the same time.
 *
 * Guarantees: pure. Two endpoints that clash are found by their text and their address; an interface that is named in one
 * of them and not in the other is not looked up.
 */
import { endpointKey, listening, parseBind } from '../config/endpoint.ts';

/** What is bound: as it stands in the configuration, and where that is. */
export interface Bound {
  readonly configured: string;
  readonly address: string;
}

/** Those of `list` that `other` does not have. What stands in it twice has to be there twice. */
export function without<T>(list: readonly T[], other: readonly T[]): T[] {
  const left = [...other];
  return list.filter((each) => {
    const at = left.indexOf(each);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

/** The endpoint to bind to for the same address: a wildcard with the port, or the path, that it got. */
export function pinned({ configured, address }: Bound): string {
  if (configured === 'ipc://*') return address;
  const port = /^tcp:.*:(\d+)$/.exec(address)?.[1];
  return port === undefined ? configured : configured.replace(/^(tcp:.*:)(\*|0+)$/, `$1${port}`);
}

/** Whether `wanted` can't be bound while `bound` is. */
export function clash(wanted: string, { configured, address }: Bound): boolean {
  return same(wanted, address) || same(wanted, configured);
}

function same(one: string, other: string): boolean {
  const a = parseBind(one);
  const b = parseBind(other);
  if (a === null || b === null) return one === other;
  if (a.transport !== 'tcp' || b.transport !== 'tcp')
    return endpointKey(a) === endpointKey(b) && endpointKey(a) !== 'ipc:*';
  if (a.port !== b.port || a.port === 0) return false;
  const mine = listening(a.host, true);
  const theirs = listening(b.host, true);
  return meet(mine.v4, theirs.v4) || meet(mine.v6, theirs.v6);
}

function meet(one: string | null, other: string | null): boolean {
  if (one === null || other === null) return false;
  return one === other || one === '*' || other === '*';
}
