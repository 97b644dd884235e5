/**
 * Moves messages from one socket to another as runs, without decoding them: what came in one read and goes to one
 * place leaves in one write. When the other side has no room, the messages stay in the inboxes they came into, and
 * their senders are held up at the high-water mark.
 */
import type { Pipe } from '../patterns/pipe.ts';
import { type Run, skipMessages } from '../zmtp/frame.ts';
import type { WireSocketType } from '../zmtp/sockets.ts';
import type { Engine } from './engine.ts';
import { inBurstIfFull } from './flusher.ts';
import { sends } from './options.ts';

/** Types that send a message to many. */
const SPREADING: readonly WireSocketType[] = ['PUB', 'XPUB', 'RADIO'];

/** Types whose messages have one frame; those of RADIO and DISH have a group in front. */
const SINGLE: readonly WireSocketType[] = ['CLIENT', 'GATHER', 'SCATTER', 'CHANNEL'];
/** Types whose messages begin with a routing id, or an address. */
const ROUTING: readonly WireSocketType[] = ['ROUTER', 'STREAM', 'DGRAM'];

/** Why what the one receives can't be sent by the other as it is, or null. */
export function obstacle(from: WireSocketType, to: WireSocketType): string | null {
  for (const type of [from, to]) {
    if (type === 'SERVER' || type === 'PEER')
      return `the routing ids of a ${type} mean nothing to another socket`;
  }
  if ((from === 'DISH') !== (to === 'RADIO'))
    return `groups go from a DISH to a RADIO, not from a ${from} to a ${to}`;
  if (ROUTING.includes(from) && SINGLE.includes(to))
    return `a ${to} sends messages of one frame, and a ${from} puts a routing id in front`;
  return null;
}

/** Sees what a relay moves. */
export interface RelayTap {
  /** The run from this peer was sent. */
  moved(pipe: Pipe, run: Run): void;
}

export class Relay {
  tap: RelayTap | null = null;
  messages = 0;
  bytes = 0;
  /** Moves nothing: everything stays in the inboxes. Who ends it calls `pump`. */
  paused = false;
  readonly #from: Engine;
  readonly #to: Engine;
  /** The other side does not send: what comes is taken and dropped, as announcements of subscribers to a SUB are. */
  readonly #discards: boolean;
  #pumping = false;
  #again = false;

  constructor(from: Engine, to: Engine) {
    this.#from = from;
    this.#to = to;
    this.#discards = !sends(to.type);
  }

  /** Moves what there is as far as there is room. */
  pump(): void {
    if (this.paused) return;
    if (this.#pumping) {
      this.#again = true;
      return;
    }
    this.#pumping = true;
    try {
      do {
        this.#again = false;
        this.#move();
      } while (this.#again);
    } finally {
      this.#pumping = false;
    }
  }

  #move(): void {
    const from = this.#from.pattern;
    const to = this.#to.pattern;
    const spreads = SPREADING.includes(this.#to.type);
    for (let pipe = from.peek(); pipe !== null; pipe = from.peek()) {
      const run = pipe.inbox.peekRun()!;
      const { bytes, start, end, count } = run;
      if (spreads) inBurstIfFull(end - start);
      const sent = this.#discards ? count : to.sendRun(from.prefix(pipe), bytes, start, end, count);
      const next = sent === count ? end : skipMessages(bytes, start, sent);
      if (sent > 0) {
        this.messages += sent;
        this.bytes += next - start;
        pipe.inbox.advance(next, sent);
        from.took(pipe);
        if (this.tap !== null && !this.#discards) {
          this.tap.moved(pipe, sent === count ? run : { bytes, start, end: next, count: sent });
        }
      }
      if (sent < count) return;
    }
  }
}
