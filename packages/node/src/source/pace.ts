/**
 * How often a centre is asked whose answers come at once.
 *
 * Guarantees: {@link BURST} turns are free, so that changes now and then are seen without a delay; a key that changes all
 * the time, or a server that does not hold questions, is asked once in {@link INTERVAL}.
 */

import { setTimeout as delay } from 'node:timers/promises';

const BURST = 5;
/** Milliseconds in which a turn comes back. */
const INTERVAL = 1000;

export class Pace {
  /** When all turns are back, as performance.now() says it. */
  #full = 0;

  /** Resolves when it is our turn. Rejects with an AbortError. */
  async turn(signal: AbortSignal): Promise<void> {
    const now = performance.now();
    this.#full = Math.max(now, this.#full) + INTERVAL;
    const wait = this.#full - now - BURST * INTERVAL;
    if (wait > 0) await delay(wait, undefined, { signal, ref: false });
  }
}
