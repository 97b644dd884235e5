/**
 * A key of the key-value store of Consul, by blocking queries.
 *
 * Guarantees: the rules of Consul's documentation for blocking queries: the index of the last answer goes with the next
 * question and is at least 1, one that went back begins anew at 0, and there is a pace for keys that never stand still.
 */

import type { SourceConfig } from '../config/types.ts';
import type { Centre, State } from './follow.ts';
import type { Answer } from './http.ts';
import { ask, excerpt } from './http.ts';
import { Pace } from './pace.ts';
import { keyMissing, MAX_TEXT } from './source.ts';
import { jsonOf, textOfBase64 } from './text.ts';

/** Seconds that Consul holds a question; it adds up to a sixteenth. */
const WAIT = 55;
/** Octets of an answer: base64 and what is around it. */
const ANSWER = Math.ceil((MAX_TEXT * 4) / 3) + 16 * 1024;

export function consul(config: SourceConfig, name: string, servers: readonly string[]): Centre {
  const path = config.key.split('/').map(encodeURIComponent).join('/');
  const query = config.namespace === '' ? '' : `&dc=${encodeURIComponent(config.namespace)}`;
  const headers: Record<string, string> = config.token === '' ? {} : { 'x-consul-token': config.token };
  const wait = WAIT * 1000 * (1 + 1 / 16);

  async function* states(
    server: string,
    timeout: number,
    signal: AbortSignal,
  ): AsyncGenerator<State, void, undefined> {
    const pace = new Pace();
    let index = 0n;
    for (;;) {
      await pace.turn(signal);
      const answer = await ask(
        {
          method: 'GET',
          url: `${server}/v1/kv/${path}?index=${index}&wait=${WAIT}s${query}`,
          headers,
          timeout: index === 0n ? timeout : wait + timeout,
          signal,
        },
        ANSWER,
      );
      if (answer.status !== 200 && answer.status !== 404) {
        throw new Error(`it answered ${answer.status}: ${excerpt(answer.body, [config.token])}`);
      }
      const next = indexOf(answer);
      index = next < index ? 0n : next;
      yield stateOf(config, name, answer);
    }
  }

  return { name, servers, states };
}

function stateOf(config: SourceConfig, name: string, { status, body }: Answer): State {
  if (status === 404) {
    return keyMissing(name, `consul kv put ${config.key} @zeroth.yaml puts it there`);
  }
  const list = jsonOf(body);
  const entry = (Array.isArray(list) ? list[0] : undefined) as
    | { readonly ModifyIndex?: unknown; readonly Value?: unknown }
    | undefined;
  if (typeof entry !== 'object') throw new Error('its answer is not that of a Consul');
  // An empty value is null.
  return textOfBase64(name, entry.Value ?? '', String(entry.ModifyIndex));
}

function indexOf({ headers }: Answer): bigint {
  const value = headers['x-consul-index'];
  const index = typeof value === 'string' && /^[0-9]{1,20}$/.test(value) ? BigInt(value) : 0n;
  return index === 0n ? 1n : index;
}
