/**
 * Waiting with a limit. A test never sleeps to let something happen: it waits for a promise (`within`) or for a
 * condition (`until`), and says what it waited for when that did not come. The limits are generous, because they
 * only decide how long a failing test takes.
 */

/** Milliseconds that a thing which should happen "now" may take on a busy machine. */
export const LIMIT = 10_000;

/** The value of `promise`, or an error that names `what` after `limit` ms. */
export async function within<T>(promise: Promise<T>, what: string, limit: number = LIMIT): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${limit} ms for ${what}`)), limit);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** One turn of the timers, so that sockets and streams get to run. */
export function turn(ms: number = 1): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Resolves as soon as `condition` holds, or throws an error that names `what` (and shows `seen()`). */
export async function until(
  condition: () => boolean,
  what: string,
  options: { limit?: number; seen?: () => unknown } = {},
): Promise<void> {
  const limit = options.limit ?? LIMIT;
  const end = performance.now() + limit;
  while (!condition()) {
    if (performance.now() > end) {
      const seen = options.seen === undefined ? '' : `, saw ${JSON.stringify(options.seen())}`;
      throw new Error(`waited ${limit} ms until ${what}${seen}`);
    }
    await turn();
  }
}
