/**
 * How a socket parts from peers that may never pause, without a loss: it sends what it has for them, ends its side of
 * the connection, and goes on receiving until they, who learn of it, have ended theirs. What they had on the way still
 * counts; what comes waits in the inboxes, and the high-water mark holds while it does.
 */
import type { Engine } from './engine.ts';
import { converses, takesIn } from './exchange.ts';
import type { Session } from './session.ts';

const POLL_MS = 10;
/**
 * No bytes at so many looks: what a peer had on the way is taken to be here. Looks, not time: a process that was held up
 * has not read meanwhile.
 */
const QUIET = 10;
/** At so many: a peer that was told of the end hangs. */
const SILENT = 500;
/** At so many: a peer that does not go on with the handshake has not sent anything either. */
const MUTE = 100;
/** So many looks a peer that only sends may take for a pause: libzmq loses a message that it was writing at the end. */
const PAUSE = 10;
/** How long, and for QUIET looks, requests of peers that never pause are taken: then what is here is answered. */
const ASKING_MS = 1000;
/** Of the time for a parting: for peers that are owed replies to the end, and may still have something on the way. */
const RESERVE = 0.25;
const RESERVE_MAX_MS = 1000;

/** When to go on without waiting for more. */
export interface Patience {
  /** The time is over. */
  over(): boolean;
  /** Nothing more is to be expected for the peers that are owed replies, or owe some. */
  settled(): boolean;
}

/** No new peers, then all that those who are here had on the way. What is here can be received afterwards. */
export async function comeToRest(engine: Engine, patience: Patience): Promise<void> {
  await engine.endpoints.stopListening();
  if (takesIn(engine.type)) await part([...engine.sessions], patience);
  engine.stopReading();
}

/** Parts from peers. Those that are left when it resolves have not ended their side in time. */
export async function part(sessions: readonly Session[], { over, settled }: Patience): Promise<void> {
  const start = performance.now();
  let left = sessions.map((session) => ({ session, heard: session.pipe.heard, still: 0 }));
  for (const session of sessions) session.retire();
  for (let looks = 1; !over(); looks += 1) {
    left = left.filter(({ session }) => session.state !== 'ended');
    if (left.length === 0) return;
    await poll();
    const asked = looks >= QUIET && performance.now() - start >= ASKING_MS;
    const calm = settled();
    for (const each of left) {
      const { session } = each;
      const { pipe } = session;
      const { owed } = session.exchange;
      each.still = pipe.heard === each.heard && !pipe.paused ? each.still + 1 : 0;
      each.heard = pipe.heard;
      if (session.shut || session.state === 'handshake') {
        if (each.still >= (session.shut ? SILENT : MUTE)) session.destroy();
        continue;
      }
      const done = each.still >= QUIET || asked;
      // Who asks without a pause is never done: no more is taken until it has its replies.
      if (done && owed > 0 && each.still < QUIET) pipe.hold();
      if (done) session.shutIfDone(calm || Number.isNaN(owed));
      else if (!converses(session.type) && (each.still > 0 || looks >= PAUSE)) session.shutIfDone();
    }
  }
}

/** From when on peers are not waited for that are owed replies, or owe some. */
export function reserved(deadline: number, timeout: number): number {
  return deadline - Math.min(RESERVE_MAX_MS, timeout * RESERVE);
}

/** Until the next look, which comes after the sockets were read: of a process that was held up timers are first. */
export function poll(): Promise<void> {
  return new Promise((resolve) => setTimeout(() => setImmediate(resolve), POLL_MS));
}
