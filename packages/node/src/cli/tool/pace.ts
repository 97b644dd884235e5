/**
 * Keeps a steady rate.
 *
 * Guarantees: message n is sent when n intervals have passed since the first, at most a millisecond early; a sender that fell behind (a slow
 * peer) catches up for at most a second, so that a long stall is not followed by a long burst.
 */
import { setTimeout as sleep } from 'node:timers/promises';

const MAX_BEHIND = 1000;

/** Time, in milliseconds. */
export interface Clock {
  now(): number;
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>;
}

const REAL: Clock = {
  now: () => performance.now(),
  sleep: (milliseconds, signal) => sleep(milliseconds, undefined, { signal }),
};

export class Pace {
  readonly #interval: number;
  readonly #clock: Clock;
  #next: number | null = null;

  /** `interval` in milliseconds; 0 does not wait. */
  constructor(interval: number, clock: Clock = REAL) {
    this.#interval = interval;
    this.#clock = clock;
  }

  /** Resolves when the next message is due. Timers tick in milliseconds: above 1,000/s messages go in small groups. */
  async due(signal: AbortSignal): Promise<void> {
    if (this.#interval === 0) return;
    const now = this.#clock.now();
    const at = Math.max(this.#next ?? now, now - MAX_BEHIND);
    this.#next = at + this.#interval;
    if (at - now < 1) return;
    await this.#clock.sleep(at - now, signal);
  }
}
