/** How a socket that forwards comes to rest: what its peers had on the way still counts. */
import type { Engine } from './engine.ts';

/** No bytes for this long: what a peer had on the way is taken to be here. */
const QUIET_MS = 100;
/** How long it goes on reading from peers that never pause. */
const QUIET_LIMIT_MS = 1000;
const POLL_MS = 10;

/** No new peers, then nothing new from those that are here: once they pause, or after a second, or when `over` says so. */
export async function comeToRest(engine: Engine, over: () => boolean): Promise<void> {
  await engine.endpoints.stopListening();
  const limit = performance.now() + QUIET_LIMIT_MS;
  let bytes = engine.stats().bytesIn;
  let since = performance.now();
  while (performance.now() < limit && !over()) {
    await poll();
    const now = engine.stats().bytesIn;
    if (now !== bytes) since = performance.now();
    else if (performance.now() - since >= QUIET_MS) break;
    bytes = now;
  }
  engine.stopReading();
}

export function poll(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, POLL_MS));
}
