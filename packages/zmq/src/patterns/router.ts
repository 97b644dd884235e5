/**
 * ROUTER: the first frame of a message names the peer (RFC 28, The ROUTER Socket Type). REP builds on it.
 *
 * A peer that gave no Identity gets five octets, the first of them zero. Two peers with the same Identity: the second
 * is refused, or takes over when `handover` is set.
 */
import { copy } from '../bytes/view.ts';
import { ZmqError } from '../errors.ts';
import { printable } from '../zmtp/command.ts';
import { bodyStart, encodeFrame, frameEnd, MORE, messageEnd } from '../zmtp/frame.ts';
import { type Sendable, toFrames } from './message.ts';
import { Pattern, probe } from './pattern.ts';
import type { Pipe } from './pipe.ts';

const GENERATED_LENGTH = 5;

export class RouterPattern extends Pattern {
  // Generated ids by their number, others by their octets as latin-1 text.
  readonly #generated = new Map<number, Pipe>();
  readonly #named = new Map<string, Pipe>();
  readonly #prefixes = new WeakMap<Pipe, Uint8Array>();
  // Not from 1: a worker may still hold an envelope from before a restart, and would answer the wrong peer.
  #counter = this.host.seed | 0;
  // The peer of the message before: replies and relays go to the same one more often than not.
  #last: Pipe | null = null;

  override attach(pipe: Pipe): boolean {
    // A name that was given to connect() can be sent to before there is a connection.
    if (pipe.givenId !== null && !this.#register(pipe, pipe.givenId)) {
      throw new ZmqError('EINVAL', {
        detail: `the routing id ${JSON.stringify(String(pipe.givenId))} is in use`,
      });
    }
    return true;
  }

  override ready(pipe: Pipe): void {
    if (!this.#registered(pipe)) {
      const own = pipe.identity?.routingId;
      if (own === undefined || own.length === 0) this.assign(pipe);
      else if (own[0] === 0) {
        // RFC 28, The ROUTER Socket Type: such ids are the router's own, and would lead to another peer.
        const detail = 'its Identity begins with a zero octet';
        this.host.refuse(pipe, new ZmqError('ERR_ZMTP_INVALID_METADATA', { detail }));
        return;
      } else if (!this.#register(pipe, own)) {
        const detail = `routing id "${printable(own.toString('latin1'))}" belongs to a peer that is connected; see "handover"`;
        this.host.refuse(pipe, new ZmqError('ERR_ROUTING_ID_TAKEN', { detail }));
        return;
      }
    }
    if (this.host.options.probeRouter) probe(pipe);
    this.host.writable();
  }

  override lost(pipe: Pipe): void {
    // The next connection may be another program with another name.
    if (pipe.givenId === null) this.#forget(pipe);
  }

  override detach(pipe: Pipe): void {
    this.#forget(pipe);
    // With `mandatory` a message may wait for its room: it has to learn that there will be none.
    this.host.writable();
  }

  override next(): Buffer[] | null {
    return this.inbound.nextAfter(withId);
  }

  override send(message: Sendable): boolean {
    const frames = toFrames(message);
    const id = frames[0]!;
    const pipe = this.find(id, 0, id.length);
    if (pipe === null) {
      if (this.mandatory) throw this.unreachable(id);
      this.host.dropped(null, 'unroutable', 1);
      return true;
    }
    if (pipe.outbox.full) {
      if (this.mandatory) return false;
      this.host.dropped(pipe, 'highWaterMark', 1);
      return true;
    }
    const last = frames.length - 1;
    if (last === 0) return true;
    for (let i = 1; i < last; i++) pipe.outbox.frame(frames[i]!, MORE);
    pipe.outbox.frame(frames[last]!, 0);
    pipe.outbox.commit();
    return true;
  }

  protected unreachable(id: Uint8Array): ZmqError {
    const detail = `no peer has the routing id ${JSON.stringify(Buffer.from(id).toString())}`;
    return new ZmqError('EHOSTUNREACH', { detail });
  }

  /** What can't be delivered is not dropped. */
  protected get mandatory(): boolean {
    return this.host.options.mandatory;
  }

  /** A ROUTER takes every message: what it can't deliver it drops, or refuses when `mandatory` is set. */
  override get writable(): boolean {
    return true;
  }

  override prefix(pipe: Pipe): Uint8Array {
    let prefix = this.#prefixes.get(pipe);
    if (prefix === undefined) {
      prefix = encodeFrame(MORE, pipe.routingId);
      this.#prefixes.set(pipe, prefix);
    }
    return prefix;
  }

  /** Each message of the run begins with the frame that names its peer. */
  override sendRun(
    prefix: Uint8Array | null,
    bytes: Uint8Array,
    start: number,
    end: number,
    count: number,
  ): number {
    if (prefix !== null) return this.#sendSlowly(prefix, bytes, start, end, count);
    let sent = 0;
    for (let at = start; at < end; sent++) {
      const next = messageEnd(bytes, at);
      const rest = frameEnd(bytes, at);
      const pipe = this.find(bytes, bodyStart(bytes, at), rest);
      if (pipe === null) this.host.dropped(null, 'unroutable', 1);
      else if (pipe.outbox.full) {
        if (this.mandatory) return sent;
        this.host.dropped(pipe, 'highWaterMark', 1);
      } else if (rest < next) {
        pipe.outbox.raw(bytes, rest, next);
        pipe.outbox.commit();
      }
      at = next;
    }
    return count;
  }

  // ROUTER to ROUTER: the name in front is the sender's, so that the message goes to whom its name belongs.
  #sendSlowly(prefix: Uint8Array, bytes: Uint8Array, start: number, end: number, count: number): number {
    const id = bodyStart(prefix, 0);
    const pipe = this.find(prefix, id, prefix.length);
    if (pipe === null) {
      this.host.dropped(null, 'unroutable', count);
      return count;
    }
    const sent = pipe.outbox.pushRun(bytes, start, end, count);
    if (sent < count && !this.mandatory) {
      this.host.dropped(pipe, 'highWaterMark', count - sent);
      return count;
    }
    return sent;
  }

  /** The pipe of the peer with this routing id. */
  peer(id: Uint8Array): Pipe | null {
    return this.find(id, 0, id.length);
  }

  /** The pipe of the peer whose routing id is `bytes[start, end)`. */
  protected find(bytes: Uint8Array, start: number, end: number): Pipe | null {
    const last = this.#last;
    if (last !== null && same(last.routingId, bytes, start, end)) return last;
    let pipe: Pipe | undefined;
    if (end - start === GENERATED_LENGTH && bytes[start] === 0)
      pipe = this.#generated.get(number(bytes, start));
    else pipe = this.#named.get(text(bytes, start, end));
    if (pipe !== undefined) this.#last = pipe;
    return pipe ?? null;
  }

  #registered(pipe: Pipe): boolean {
    const id = pipe.routingId;
    return id.length > 0 && this.find(id, 0, id.length) === pipe;
  }

  /** Gives the pipe a generated id: never the number 0, which SERVER must not give out. */
  protected assign(pipe: Pipe): void {
    do this.#counter = (this.#counter + 1) | 0;
    while (this.#counter === 0 || this.#generated.has(this.#counter));
    const id = Buffer.alloc(GENERATED_LENGTH);
    id.writeInt32BE(this.#counter, 1);
    this.#rename(pipe, id);
    this.#generated.set(this.#counter, pipe);
  }

  #register(pipe: Pipe, id: Uint8Array): boolean {
    const name = text(id, 0, id.length);
    const holder = this.#named.get(name);
    if (holder !== undefined && holder !== pipe) {
      if (!this.host.options.handover) return false;
      this.#forget(holder);
      const detail = 'another peer took over its routing id (handover)';
      this.host.refuse(holder, new ZmqError('ERR_ROUTING_ID_TAKEN', { detail }));
    }
    this.#rename(pipe, copy(id));
    this.#named.set(name, pipe);
    return true;
  }

  #rename(pipe: Pipe, id: Buffer): void {
    pipe.routingId = id;
    this.#prefixes.delete(pipe);
  }

  #forget(pipe: Pipe): void {
    const id = pipe.routingId;
    if (id.length === 0) return;
    // Only its own entry: another peer may have the name by now.
    if (this.#registered(pipe)) {
      if (id[0] === 0) this.#generated.delete(number(id, 0));
      else this.#named.delete(text(id, 0, id.length));
    }
    if (this.#last === pipe) this.#last = null;
    // Messages that are still in its inbox keep the name that they came with.
    // So does one that is parted from, and may still send.
    if (pipe.inbox.queued === 0 && pipe.identity === null && !pipe.ended) pipe.routingId = Buffer.alloc(0);
    this.#prefixes.delete(pipe);
  }
}

function withId(pipe: Pipe): Buffer[] {
  // A copy: the application may write into what it received.
  return [copy(pipe.routingId)];
}

function same(id: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (id.length !== end - start) return false;
  for (let i = 0; i < id.length; i++) if (id[i] !== bytes[start + i]) return false;
  return true;
}

function number(bytes: Uint8Array, at: number): number {
  return (bytes[at + 1]! << 24) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 8) | bytes[at + 4]!;
}

function text(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');
}
