/**
 * A pipe joins a socket to one peer: an inbox, an outbox, a name and counters. For a connect endpoint it outlives the
 * connections that come and go under it; for a bound endpoint it lasts as long as its connection.
 */
import type { PeerIdentity } from '../zmtp/peer.ts';
import { Inbox } from './inbox.ts';
import { Outbox } from './outbox.ts';

/** What a pipe needs of whoever owns its connection. */
export interface PipeOwner {
  /** Hand the outbox to the transport before long. */
  schedule(outbox: Outbox): void;
  /** The outbox was full and has room again. */
  room(pipe: Pipe): void;
  /** Stop or go on reading from the peer. */
  pause(): void;
  resume(): void;
}

/** Octets that may wait in an inbox before reading stops, whatever the mark allows: a thousand messages can be large. */
const HELD_BYTES = 64 * 1024 * 1024;

let nextId = 1;

export class Pipe {
  /** Unique in this process. */
  readonly id: number = nextId++;
  readonly inbox: Inbox = new Inbox();
  readonly outbox: Outbox;
  /** Messages that may wait in the inbox before reading stops; 0: any number. */
  receiveMark: number;
  /** Set while the handshake is done and the connection open. */
  identity: PeerIdentity | null = null;
  /** The name a ROUTER knows this peer by; empty elsewhere. */
  routingId: Buffer = Buffer.alloc(0);
  /** The name that connect() was told to use, where it was. */
  readonly givenId: Buffer | null;
  receivedMessages = 0;
  receivedBytes = 0;
  dropped = 0;
  /** Reads from the peer: tells whether anything came. */
  heard = 0;
  /** How often reading stopped because the inbox was at its mark. */
  stopCount = 0;
  /** For patterns that choose: it gets nothing more for now. */
  isolated = false;
  /** No connection and none to come: nothing can be sent any more. What is in the inbox can be received. */
  ended = false;
  /** For patterns: the last message that was sent to this pipe, so that it gets each only once. */
  stamp = 0;
  /** For publishers: the stretch of a chunk that is being gathered for this pipe. */
  readonly gathered: { start: number; end: number; count: number } = { start: 0, end: 0, count: 0 };
  readonly #owner: PipeOwner;
  #paused = false;
  #held = false;

  constructor(owner: PipeOwner, sendMark: number, receiveMark: number, givenId: Buffer | null) {
    this.#owner = owner;
    this.givenId = givenId;
    this.receiveMark = receiveMark;
    this.outbox = new Outbox(
      sendMark,
      (outbox) => owner.schedule(outbox),
      () => owner.room(this),
    );
  }

  /** Stops reading when the inbox is at its mark. */
  checkMark(): void {
    const { queued, bytes } = this.inbox;
    if (this.#paused || this.receiveMark === 0) return;
    if (queued < this.receiveMark && bytes < HELD_BYTES) return;
    this.#paused = true;
    this.stopCount++;
    this.#owner.pause();
  }

  setReceiveMark(mark: number): void {
    this.receiveMark = mark;
    this.checkMark();
    this.checkRoom();
  }

  /** Goes on reading when half of the mark is free again. To be called after taking from the inbox. */
  checkRoom(): void {
    if (!this.#paused || this.#held) return;
    const { queued, bytes } = this.inbox;
    if (this.receiveMark > 0 && (queued > this.receiveMark >> 1 || bytes > HELD_BYTES >> 1)) return;
    this.#paused = false;
    // Who was not read from could not be heard: the time for that begins anew.
    this.heard++;
    this.#owner.resume();
  }

  /** Stops reading, whatever is taken, until `release`. */
  hold(): void {
    this.#held = true;
    if (this.#paused) return;
    this.#paused = true;
    this.#owner.pause();
  }

  release(): void {
    this.#held = false;
    this.checkRoom();
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** What comes now is lost, for the peer can't be held up: datagrams. */
  get overrun(): boolean {
    return this.#paused && this.identity?.silent === true;
  }

  /** A new connection reads until told otherwise: the mark is looked at again. */
  reopened(): void {
    this.#paused = false;
    if (this.#held) this.hold();
    else this.checkMark();
  }
}
