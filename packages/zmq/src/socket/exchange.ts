/** What the socket types and their peers owe each other, as far as it matters to who parts from a peer. */
import type { Pipe } from '../patterns/pipe.ts';
import type { WireSocketType } from '../zmtp/sockets.ts';
import { receives } from './options.ts';

/** Whether what peers send is anybody's: what an XPUB receives are wishes, which end with their peer. */
export function takesIn(type: WireSocketType): boolean {
  return receives(type) && type !== 'XPUB';
}

const ANSWERING: readonly WireSocketType[] = ['ROUTER', 'REP', 'PAIR', 'STREAM', 'SERVER', 'PEER', 'CHANNEL'];

/** Whether messages go to the peer that asked for them: it stays known until it has them. */
export function answers(type: WireSocketType): boolean {
  return ANSWERING.includes(type);
}

/** Whether messages go both ways. */
export function converses(type: WireSocketType): boolean {
  return answers(type) || type === 'DEALER' || type === 'REQ' || type === 'CLIENT';
}

/** Counts what goes over the connections of one session. */
export class Exchange {
  /** Completed handshakes. */
  connections = 0;
  readonly #type: WireSocketType;
  readonly #pipe: Pipe;
  /** Sent less received when this connection began. */
  #before = 0;

  constructor(type: WireSocketType, pipe: Pipe) {
    this.#type = type;
    this.#pipe = pipe;
  }

  /** Messages over another connection from here on. */
  begin(): void {
    const { outbox, receivedMessages } = this.#pipe;
    this.#before = outbox.sentMessages - receivedMessages;
  }

  /** Messages sent over this connection less those received: for a worker, the requests that it has not answered. */
  get outstanding(): number {
    const { identity, outbox, receivedMessages } = this.#pipe;
    return identity === null ? 0 : outbox.sentMessages + outbox.queued - receivedMessages - this.#before;
  }

  /** Replies that are due: above 0 by us, below 0 by the peer. NaN where that can't be told by counting. */
  get owed(): number {
    switch (this.#type) {
      case 'ROUTER':
      case 'REP':
        return Math.max(0, -this.outstanding);
      case 'DEALER':
      case 'REQ':
        return -this.outstanding;
      case 'PAIR':
      case 'STREAM':
      case 'SERVER':
      case 'CLIENT':
      case 'PEER':
      case 'CHANNEL':
        return Number.NaN;
      default:
        return 0;
    }
  }
}
