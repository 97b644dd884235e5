/** Ports for those that have to know one before it is bound, or that bind the same one again after a restart. */
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Below those that a system gives out by itself (Linux: from 32768, others from 49152): nobody who takes port 0, and no
 * connection, gets one of these while a test has it and nothing is bound to it.
 */
const [FIRST, END] = [15_000, 32_000] as const;
/** Of this process: two that were asked for are two, though neither is bound yet. */
const given: Set<number> = new Set();

/** A port of 127.0.0.1 at which nobody listens. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST, END);
    if (given.has(port)) continue;
    const server = createServer();
    const free = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!free) continue;
    given.add(port);
    server.close();
    await once(server, 'close');
    return port;
  }
}

/** An endpoint at which nobody listens. */
export async function unusedEndpoint(): Promise<string> {
  return `tcp://127.0.0.1:${await freePort()}`;
}
