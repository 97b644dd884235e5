/**
 * What all configuration centres have in common: which server is asked, how often, and what an outage is.
 *
 * Guarantees: a centre only says how its key looks, once it is asked and whenever that may have changed; everything
 * else of {@link Source} is here. Servers are asked in turn, beginning with the last that answered. Only when none does,
 * the source is down and there is a pause, which doubles up to {@link MAX_PAUSE} with a random part, so that a fleet
 * does not come back as one. One server is asked at a time.
 */

import { setTimeout as delay } from 'node:timers/promises';
import { messageOf, ZerothError } from '../errors.ts';
import { Pace } from './pace.ts';
import type { Source, SourceEvents, SourceText } from './source.ts';
import { sourceFailed } from './source.ts';

/** What a server says about the key: its text, or why there is none that could be used. */
export type State = SourceText | ZerothError;

export interface Centre {
  readonly name: string;
  /** At least one. */
  readonly servers: readonly string[];
  /**
   * How the key looks now, then again whenever it may have changed; it may say the same twice. Ends by throwing: a
   * server that can't be used, or the reason of the signal. `timeout`: milliseconds that an answer may take.
   */
  states(server: string, timeout: number, signal: AbortSignal): AsyncGenerator<State, void, undefined>;
}

/** Milliseconds. */
const FIRST_PAUSE = 500;
export const MAX_PAUSE = 30_000;

/**
 * Milliseconds after which a watch ends and begins anew with a question, so that a server that is silent is told from
 * one that has nothing to say: a minute, unless answers are expected within less than five seconds.
 */
export function watchTime(timeout: number): number {
  return Math.min(60_000, 12 * timeout);
}

export function sourceOf(centre: Centre, timeout: number): Source {
  return {
    name: centre.name,
    read: (signal) => readOnce(centre, timeout, signal),
    follow: (events, signal) => follow(centre, timeout, events, signal),
  };
}

async function readOnce(centre: Centre, timeout: number, signal: AbortSignal): Promise<SourceText> {
  const share = timeout / centre.servers.length;
  let failure = sourceFailed(centre.name, 'no server');
  for (const server of centre.servers) {
    signal.throwIfAborted();
    const limit = new Limit(share, signal);
    try {
      for await (const state of centre.states(server, share, limit.signal)) {
        if (state instanceof ZerothError) throw state;
        return state;
      }
    } catch (error) {
      signal.throwIfAborted();
      failure = asFailure(centre, server, limit.signal.aborted ? limit.signal.reason : error);
      // A server that answers knows; another one would say the same.
      if (failure.code === 'SOURCE_KEY_MISSING') throw failure;
    } finally {
      limit.clear();
    }
  }
  throw failure;
}

async function follow(
  centre: Centre,
  timeout: number,
  events: SourceEvents,
  signal: AbortSignal,
): Promise<void> {
  const teller = new Teller(events);
  const pace = new Pace();
  const { servers } = centre;
  let place = 0;
  /** Servers that did not answer, one after the other. */
  let failures = 0;
  while (!signal.aborted) {
    const server = servers[place] as string;
    let answered = false;
    try {
      await pace.turn(signal);
      for await (const state of centre.states(server, timeout, signal)) {
        if (signal.aborted) return;
        answered = true;
        failures = 0;
        teller.tell(state);
      }
    } catch (error) {
      if (signal.aborted) return;
      // One that did is asked again before another: connections break, and servers restart.
      if (answered) continue;
      place = (place + 1) % servers.length;
      failures++;
      if (failures < servers.length) continue;
      teller.tell(asFailure(centre, server, error));
      await pause(failures / servers.length, signal);
    }
  }
}

/** Milliseconds before round `round` (1 is the first) of asking all servers again. */
export function pauseBefore(round: number, random: number): number {
  const whole = Math.min(MAX_PAUSE, FIRST_PAUSE * 2 ** Math.min(round - 1, 16));
  return whole * (0.5 + random / 2);
}

async function pause(round: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(pauseBefore(Math.floor(round), Math.random()), undefined, { signal, ref: false });
  } catch {
    // Aborted; the caller looks.
  }
}

function asFailure({ name, servers }: Centre, server: string, error: unknown): ZerothError {
  if (error instanceof ZerothError) return error;
  const reason = messageOf(error);
  return sourceFailed(name, servers.length > 1 ? `${server}: ${reason}` : reason);
}

/** Tells what is new of it. */
class Teller {
  readonly #events: SourceEvents;
  #down = false;
  #last: SourceText | null = null;

  constructor(events: SourceEvents) {
    this.#events = events;
  }

  tell(state: State): void {
    if (state instanceof ZerothError) {
      if (this.#down) return;
      this.#down = true;
      this.#events.down(state);
      return;
    }
    if (this.#down) {
      this.#down = false;
      this.#events.up();
    }
    // The text as well: a centre that was restored from a backup counts again from there.
    if (state.revision === this.#last?.revision && state.text === this.#last.text) return;
    this.#last = state;
    this.#events.changed(state);
  }
}

/** A signal that is aborted with another one, or after a time. */
class Limit {
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal;
  readonly #timer: NodeJS.Timeout;
  readonly #abort: () => void;

  constructor(milliseconds: number, outer: AbortSignal) {
    this.#outer = outer;
    this.#abort = () => this.#controller.abort(outer.reason);
    const late = (): void => this.#controller.abort(tooSlow(milliseconds));
    this.#timer = setTimeout(late, milliseconds);
    outer.addEventListener('abort', this.#abort, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#outer.removeEventListener('abort', this.#abort);
  }
}

export function tooSlow(milliseconds: number): Error {
  return new Error(`no answer within ${Math.round(milliseconds)} ms (source.timeout)`);
}
