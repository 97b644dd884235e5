/**
 * Endpoints before and after a change: which go, which come, and which of them can't be there at the same time.
 *
 * Guarantees: touches nothing. Two endpoints that clash are found by their text and their address; an interface that is named in one
 * of them and not in the other is not looked up.
 */
import { type Endpoint, endpointKey, hasPort, listening, parseBind } from '../config/endpoint.ts';

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
  const port = /^(?:tcp|ws):\/\/[^/]*:(\d+)(?:\/|$)/.exec(address)?.[1];
  if (port === undefined) return configured;
  return configured.replace(/^((?:tcp|ws):\/\/[^/]*:)(?:\*|0+)(?=\/|$)/, `$1${port}`);
}

/** Who is bound where. Asked by each of a thousand routes for all others: an endpoint is parsed once. */
export class Holders<T> {
  readonly #held = new Map<string, { readonly at: Endpoint | null; readonly who: T }[]>();

  add({ configured, address }: Bound, who: T): void {
    for (const text of new Set([configured, address])) {
      const at = parseBind(text);
      const key = keyOf(text, at);
      const known = this.#held.get(key);
      if (known === undefined) this.#held.set(key, [{ at, who }]);
      else known.push({ at, who });
    }
  }

  /** Those because of whom `wanted` can't be bound. */
  of(wanted: string): readonly T[] {
    const at = parseBind(wanted);
    const known = this.#held.get(keyOf(wanted, at)) ?? [];
    return known.filter((each) => clash(at, each.at)).map(({ who }) => who);
  }
}

/** Equal for endpoints that may clash. */
function keyOf(text: string, at: Endpoint | null): string {
  if (at === null) return text;
  return hasPort(at) ? `port:${at.port}` : endpointKey(at);
}

/** Of two with the same key. */
function clash(a: Endpoint | null, b: Endpoint | null): boolean {
  if (a === null || b === null) return true;
  if (!hasPort(a) || !hasPort(b)) return endpointKey(a) !== 'ipc:*';
  if (a.port === 0) return false;
  const mine = listening(a.host, true);
  const theirs = listening(b.host, true);
  return meet(mine.v4, theirs.v4) || meet(mine.v6, theirs.v6);
}

function meet(one: string | null, other: string | null): boolean {
  if (one === null || other === null) return false;
  return one === other || one === '*' || other === '*';
}
