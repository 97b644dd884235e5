/**
 * Keys that were set by hand, and their expiry.
 *
 * Guarantees: at most {@link MAX_OVERRIDES}; no timer holds a process open, or is left after `close`; a secret is in
 * no {@link Override}.
 */

import { REDACTED } from '../config/diff.ts';
import type { SetValue } from '../config/layers.ts';
import { printable, shorten } from '../config/problem.ts';
import type { Actor, Override } from './types.ts';

export const MAX_OVERRIDES = 1000;
/** Characters. */
export const MAX_VALUE: number = 16 * 1024;
/** Characters of a value that are shown. */
const SHOWN = 500;
/** A year: longer is for good. */
export const MAX_FOR: number = 366 * 86_400_000;
/** What a timer can wait. */
const MAX_TIMER: number = 24 * 86_400_000;

/** How long a key whose value below can't be had waits for the next attempt. */
const AGAIN = 60_000;

export interface Held {
  readonly override: Override;
  readonly set: SetValue;
}

export function held(key: string, set: SetValue, { for: time, by }: { for: number | null; by: Actor }): Held {
  const at = Date.now();
  const value = set.secret ? REDACTED : printable(shorten(set.text, SHOWN));
  return { set, override: { key, value, by, at, expiresAt: time === null ? null : at + time } };
}

export class Overrides {
  readonly #held: Map<string, Held> = new Map();
  readonly #timers: Map<string, NodeJS.Timeout> = new Map();
  readonly #expired: (override: Override) => void;
  #closed = false;

  constructor(expired: (override: Override) => void) {
    this.#expired = expired;
  }

  /** In the order in which they were set. */
  all(): readonly Held[] {
    return [...this.#held.values()];
  }

  get(key: string): Held | undefined {
    return this.#held.get(key);
  }

  /** What there would be: with another one, and without that key otherwise. */
  without(key: string, next: Held | null = null): readonly Held[] {
    const rest = this.all().filter(({ override }) => override.key !== key);
    return next === null ? rest : [...rest, next];
  }

  /** From now on there are these. */
  replace(next: readonly Held[]): void {
    for (const [key, each] of this.#held) if (!next.includes(each)) this.#clear(key);
    this.#held.clear();
    for (const each of next) {
      const { key, expiresAt } = each.override;
      this.#held.set(key, each);
      if (expiresAt !== null && !this.#timers.has(key)) this.#arm(each.override, expiresAt);
    }
  }

  /** Its time is over, and it could not be ended. */
  later(override: Override): void {
    this.#arm(override, Date.now() + AGAIN);
  }

  close(): void {
    this.#closed = true;
    for (const key of [...this.#timers.keys()]) this.#clear(key);
  }

  #arm(override: Override, until: number): void {
    const { key } = override;
    this.#clear(key);
    if (this.#closed) return;
    const left = Math.max(1, until - Date.now());
    const timer = setTimeout(
      () => {
        this.#timers.delete(key);
        if (left > MAX_TIMER) this.#arm(override, until);
        else this.#expired(override);
      },
      Math.min(left, MAX_TIMER),
    );
    timer.unref();
    this.#timers.set(key, timer);
  }

  #clear(key: string): void {
    clearTimeout(this.#timers.get(key));
    this.#timers.delete(key);
  }
}
