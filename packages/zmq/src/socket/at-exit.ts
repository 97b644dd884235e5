/**
 * What becomes of queued messages when a program has nothing else to do, as in zeromq.js: they hold the process if their
 * context is `blocky`, for as long as it takes; where the program set a `linger`, the socket is closed, and they have that
 * long. Whoever waits for more than a moment is told why the process does not end.
 */
import { hold, letGo } from './keep-alive.ts';

const PATIENCE_MS = 300;
const AGAIN_MS = 100;

/** A socket that has something to send, and nobody yet who takes it. */
export interface Undelivered {
  readonly blocky: boolean;
  /** The option was set: it counts from the moment that the process would end. */
  readonly lingerGiven: boolean;
  close(): void;
}

/** How many of its peers are waited for. */
const waiting = new Map<Undelivered, number>();
let listening = false;
let held = false;
let reminder: NodeJS.Timeout | null = null;

/** A peer is waited for, with something to send. */
export function waitsForPeer(socket: Undelivered): void {
  waiting.set(socket, (waiting.get(socket) ?? 0) + 1);
  if (listening) return;
  listening = true;
  // In a browser nothing is held.
  globalThis.process?.on?.('beforeExit', onBeforeExit);
}

/** It came, or is given up, or another attempt is made. */
export function waitsNoLonger(socket: Undelivered): void {
  const count = waiting.get(socket)!;
  if (count > 1) waiting.set(socket, count - 1);
  else waiting.delete(socket);
  if (waiting.size === 0 && held) {
    held = false;
    letGo();
  }
}

/** The event loop is empty; who keeps it busy now goes on, and this is called again. */
function onBeforeExit(): void {
  for (const socket of [...waiting.keys()]) {
    if (socket.lingerGiven) socket.close();
    else if (socket.blocky && !held) {
      held = true;
      hold();
    }
  }
  if (waiting.size > 0 && reminder === null) remind(PATIENCE_MS);
}

function remind(time: number): void {
  reminder = setTimeout(() => {
    // Between two peers, in an attempt to connect, nobody is on the list.
    if (waiting.size === 0) {
      remind(AGAIN_MS);
      return;
    }
    const way = [...waiting.keys()].some(({ blocky }) => blocky)
      ? " Set 'context.blocky = false' to change this behaviour."
      : '';
    process.emitWarning(`Waiting for queued ZeroMQ messages to be delivered.${way}`, 'WARNING');
  }, time);
  reminder.unref();
}
