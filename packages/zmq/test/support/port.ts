/** Ports for those that have to know one before it is bound, or that bind the same one again after a restart. */
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { createServer, type Server } from 'node:net';

/**
 * Below those that a system gives out by itself (Linux: from 32768, others from 49152): nobody who takes port 0, and no
 * connection, gets one of these while a test has it and nothing is bound to it. They are in blocks; who has bound the
 * first of a block has the others, as long as the process is there. So have the tests of the other packages.
 */
const [FIRST, END, BLOCK] = [10_000, 32_000, 50] as const;

interface Block {
  readonly first: number;
  given: number;
}

let block: Promise<Block> | null = null;

/** Null: somebody has it, or the system keeps it for itself, as Windows does with some. */
function listen(port: number, host: string): Promise<Server | null> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(null);
      else reject(error);
    });
    server.listen(port, host, () => resolve(server));
  });
}

async function claim(): Promise<Block> {
  for (;;) {
    const first = FIRST + BLOCK * randomInt((END - FIRST) / BLOCK);
    const lock = await listen(first, '127.0.0.1');
    if (lock === null) continue;
    // It is held by the process, and does not hold it.
    lock.unref();
    return { first, given: 0 };
  }
}

/** One that this process was not given before, and no other is. */
async function nextPort(): Promise<number> {
  for (;;) {
    block ??= claim();
    const asked = block;
    const mine = await asked;
    mine.given += 1;
    if (mine.given < BLOCK) return mine.first + mine.given;
    if (block === asked) block = null;
  }
}

/** A TCP port at which nobody listens. */
export async function freePort(host: string): Promise<number> {
  for (;;) {
    const port = await nextPort();
    const server = await listen(port, host);
    if (server === null) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}

/** As `freePort`, for UDP. */
export async function freeUdpPort(): Promise<number> {
  for (;;) {
    const port = await nextPort();
    const free = await new Promise<boolean>((resolve, reject) => {
      const socket = createSocket('udp4');
      socket.once('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(false);
        else reject(error);
      });
      socket.bind(port, '127.0.0.1', () => socket.close(() => resolve(true)));
    });
    if (free) return port;
  }
}
