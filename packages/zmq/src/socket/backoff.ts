/** How long to wait before the next attempt to connect: doubling, with jitter, up to a limit. */

export interface BackoffOptions {
  /** First delay, in milliseconds. */
  readonly reconnectInterval: number;
  /** Limit for the doubled delay; 0: no doubling. */
  readonly reconnectMaxInterval: number;
  /** Share of the delay that is random, 0 to 1: many peers of a server that returns must not come at once. */
  readonly reconnectJitter: number;
}

/** The least wait after a refusal, in milliseconds. */
const CALM_MS = 1000;

/** Milliseconds to wait after a refusal of credentials: the limit at once, and a second at least. `random` is in [0, 1). */
export function calm(options: BackoffOptions, random: number): number {
  return Math.max(CALM_MS, backoff(options, 31, random));
}

/** Milliseconds to wait after `failures` (from 1) in a row. `random` is in [0, 1). */
export function backoff(options: BackoffOptions, failures: number, random: number): number {
  const { reconnectInterval, reconnectMaxInterval, reconnectJitter } = options;
  // 2^30 times anything is over every limit; more would overflow.
  const doubled = reconnectInterval * 2 ** Math.min(failures - 1, 30);
  const delay =
    reconnectMaxInterval > 0
      ? Math.min(doubled, Math.max(reconnectMaxInterval, reconnectInterval))
      : reconnectInterval;
  return Math.round(delay * (1 - reconnectJitter * random));
}
