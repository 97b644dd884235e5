/** REQ and REP: one request, then its reply (RFC 28). The state that is not allowed answers EFSM. */
import { ZmqError } from '../errors.ts';
import { MORE } from '../zmtp/frame.ts';
import { EMPTY, type Sendable, toFrames } from './message.ts';
import type { Pipe } from './pipe.ts';
import { DealerPattern } from './pipeline.ts';
import { RouterPattern } from './router.ts';

const DELIMITER = EMPTY;

export class RequestPattern extends DealerPattern {
  // The peer that has the request, while its reply is due.
  #asked: Pipe | null = null;
  #waiting = false;
  #requestId = this.host.seed;

  override send(message: Sendable): boolean {
    const { relaxed, correlate } = this.host.options;
    if (this.#waiting && !relaxed) {
      const detail =
        'a REQ socket sent a request and has to receive the reply before it sends again (see "relaxed")';
      throw new ZmqError('EFSM', { detail });
    }
    // First: a message that can't be converted throws, and must leave nothing behind.
    const frames = toFrames(message);
    const pipe = this.outbound.next();
    if (pipe === null) return false;
    // Replies to earlier requests must not be taken for replies to this one.
    for (let stale = this.inbound.next(); stale !== null; stale = this.inbound.next()) {
      this.host.dropped(this.inbound.last, 'malformed', 1);
    }
    const { outbox } = pipe;
    if (correlate) {
      this.#requestId = (this.#requestId + 1) >>> 0;
      const id = Buffer.allocUnsafe(4);
      id.writeUInt32BE(this.#requestId);
      outbox.frame(id, MORE);
    }
    outbox.frame(DELIMITER, MORE);
    outbox.pushAll(frames);
    this.#asked = pipe;
    this.#waiting = true;
    return true;
  }

  override next(): Buffer[] | null {
    if (!this.#waiting) {
      throw new ZmqError('EFSM', { detail: 'a REQ socket has to send a request before it receives a reply' });
    }
    for (let frames = this.inbound.next(); frames !== null; frames = this.inbound.next()) {
      const reply = this.inbound.last === this.#asked ? this.#open(frames) : null;
      if (reply !== null) {
        this.#waiting = false;
        this.#asked = null;
        this.host.writable();
        return reply;
      }
      this.host.dropped(this.inbound.last, 'malformed', 1);
    }
    return null;
  }

  #open(frames: Buffer[]): Buffer[] | null {
    let at = 0;
    if (this.host.options.correlate) {
      const id = frames[at++]!;
      if (id.length !== 4 || id.readUInt32BE() !== this.#requestId) return null;
    }
    // RFC 28, The REQ Socket Type: the reply has the empty delimiter in front as well.
    if (frames[at]?.length !== 0 || at + 1 >= frames.length) return null;
    return frames.slice(at + 1);
  }

  override get readable(): boolean {
    return this.#waiting && super.readable;
  }

  override get writable(): boolean {
    return (!this.#waiting || this.host.options.relaxed) && super.writable;
  }
}

export class ReplyPattern extends RouterPattern {
  // The request that is being answered: whom it came from and its address envelope.
  #asker: Pipe | null = null;
  #envelope: Buffer[] = [];
  #answering = false;

  override next(): Buffer[] | null {
    if (this.#answering) {
      const detail = 'a REP socket received a request and has to send the reply before it receives again';
      throw new ZmqError('EFSM', { detail });
    }
    for (let frames = this.inbound.next(); frames !== null; frames = this.inbound.next()) {
      const delimiter = frames.findIndex(isEmpty);
      if (delimiter >= 0 && delimiter + 1 < frames.length) {
        this.#asker = this.inbound.last;
        this.#envelope = frames.slice(0, delimiter + 1);
        this.#answering = true;
        this.host.writable();
        return frames.slice(delimiter + 1);
      }
      this.host.dropped(this.inbound.last, 'malformed', 1);
    }
    return null;
  }

  override send(message: Sendable): boolean {
    if (!this.#answering) {
      throw new ZmqError('EFSM', { detail: 'a REP socket has to receive a request before it sends a reply' });
    }
    const frames = toFrames(message);
    const pipe = this.#asker;
    this.#answering = false;
    this.#asker = null;
    if (pipe === null || pipe.ended || pipe.identity === null) this.host.dropped(null, 'unroutable', 1);
    else if (pipe.outbox.full) this.host.dropped(pipe, 'highWaterMark', 1);
    else {
      for (const frame of this.#envelope) pipe.outbox.frame(frame, MORE);
      pipe.outbox.pushAll(frames);
    }
    this.#envelope = [];
    // Requests that came while this one was answered can be received now.
    if (!this.inbound.empty) this.host.readable();
    return true;
  }

  override get readable(): boolean {
    return !this.#answering && super.readable;
  }

  override get writable(): boolean {
    return this.#answering;
  }
}

function isEmpty(frame: Buffer): boolean {
  return frame.length === 0;
}
