/** What a program that operates a socket does to single peers and endpoints of it while the rest goes on. */

import { takesIn } from './exchange.ts';
import { part, reserved } from './quiet.ts';
import { type DrainOptions, drainTime, engineOf, type Socket } from './socket.ts';

/**
 * PUSH, DEALER and REQ give the peer (`PeerInfo.id`) nothing more until it is let in again, or connects anew. What is
 * queued stays with it. When all peers are isolated, messages wait. False: no such peer, or a type that does not choose.
 */
export function isolate(socket: Socket, peer: number, on: boolean): boolean {
  for (const session of engineOf(socket).sessions) {
    if (session.pipe.id === peer) return session.isolate(on);
  }
  return false;
}

/**
 * Ends one bound or connected endpoint while the rest of the socket goes on: no new peers; what is queued for those of
 * this endpoint is sent, and what they owe or are owed by count of messages comes; then they learn of the end, and all
 * that they have sent by then arrives and can be received. Resolves with the number of messages for them that were not
 * sent in time, and of peers that were cut off before they had ended: what those had on the way is lost. Default time:
 * `linger`.
 * @throws ZmqError ENOENT for an endpoint that the socket does not have, EBUSY during a bind or unbind, EBADF.
 */
export async function retire(
  socket: Socket,
  address: string,
  options: DrainOptions = {},
): Promise<{ undelivered: number; cut: number }> {
  const engine = engineOf(socket);
  const { signal } = options;
  const timeout = drainTime(options, engine.options.linger);
  const start = performance.now();
  const deadline = timeout < 0 ? Number.POSITIVE_INFINITY : start + timeout;
  const late = reserved(deadline, timeout);
  const { sessions, free } = engine.endpoints.release(address);
  const parted = part(sessions, {
    over: () => (signal?.aborted ?? false) || performance.now() >= deadline || engine.closed,
    settled: () => performance.now() >= late,
  });
  await free;
  await parted;
  // A socket that is being closed sends on for its own time.
  const rest = engine.closed ? [] : sessions.filter(({ state }) => state !== 'ended');
  for (const session of rest) session.destroy();
  const undelivered = sessions.reduce((sum, session) => sum + session.undelivered, 0);
  return { undelivered, cut: takesIn(engine.type) ? rest.length : 0 };
}
