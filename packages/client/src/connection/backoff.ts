/** How long to wait before the next attempt: exponential, with full jitter, so that clients don't come back all at once. */

export interface ReconnectOptions {
  /** Milliseconds; the bound of the first delay, doubled with each failure. Default 100. */
  initial?: number;
  /** Milliseconds; where the doubling ends. Default 5000. */
  max?: number;
  /** Failures in a row after which the client gives up and closes. 0, the default: never. */
  attempts?: number;
  /** Failures in a row after which the state `failing` is reported. Default 5. */
  failingAfter?: number;
}

export const RECONNECT: Required<ReconnectOptions> = {
  initial: 100,
  max: 5000,
  attempts: 0,
  failingAfter: 5,
};

/** Milliseconds before the attempt after `failures` (1 or more) in a row; `random` is in [0, 1). */
export function backoff(
  { initial, max }: Required<ReconnectOptions>,
  failures: number,
  random: number,
): number {
  return Math.floor(random * Math.min(max, initial * 2 ** Math.min(failures - 1, 30)));
}
