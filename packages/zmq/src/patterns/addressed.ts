/**
 * Socket types that give each peer a number when its pipe joins, and keep it for as long as the pipe is there, through
 * reconnects too: SERVER and PEER (RFC 41, RFC 51), and STREAM, which speaks no ZMTP. A message to nobody is refused,
 * one to a full peer waits.
 */
import { ZmqError } from '../errors.ts';
import { decodeMessage, encodeFrame, messageEnd } from '../zmtp/frame.ts';
import { type Sendable, toBytes, toFrames } from './message.ts';
import { PairPattern } from './pair.ts';
import type { Pipe } from './pipe.ts';
import { RouterPattern } from './router.ts';
import { siftSingle, single } from './single.ts';

abstract class AddressedPattern extends RouterPattern {
  override attach(pipe: Pipe): boolean {
    super.attach(pipe);
    if (pipe.givenId === null) this.assign(pipe);
    return true;
  }

  override ready(_pipe: Pipe): void {
    this.host.writable();
  }

  override lost(_pipe: Pipe): void {}

  protected override get mandatory(): boolean {
    return true;
  }
}

/** The number in a routing id as ROUTER makes them: a zero octet, then 32 bits. */
export function numberOf(id: Buffer): number {
  return id.readUInt32BE(1);
}

/** SERVER: messages are [routing id, body] here; the application sees the id as a number. */
export class ServerPattern extends AddressedPattern {
  override send(message: Sendable): boolean {
    const [id, body] = message as [Buffer, Sendable];
    const pipe = this.peer(id);
    const only = single(body);
    if (pipe === null) {
      throw new ZmqError('EHOSTUNREACH', { detail: `no peer has the routing id ${numberOf(id)}` });
    }
    return super.send([id, toBytes(only)]);
  }

  override arrive(pipe: Pipe, bytes: Uint8Array, start: number, end: number, _count: number): void {
    siftSingle(this.host, pipe, bytes, start, end, (from, to, count) =>
      super.arrive(pipe, bytes, from, to, count),
    );
  }
}

/** PEER: as SERVER, and the number of a peer that is connected to is known at once. */
export class PeerPattern extends ServerPattern {
  /** The number that was given last. */
  lastNumber = 0;

  override attach(pipe: Pipe): boolean {
    super.attach(pipe);
    this.lastNumber = numberOf(pipe.routingId);
    return true;
  }
}

/** DGRAM: messages are [address, octets], to and from anybody. */
export class DatagramPattern extends PairPattern {
  override arrive(pipe: Pipe, bytes: Uint8Array, start: number, end: number, count: number): void {
    if (pipe.overrun) this.host.dropped(pipe, 'highWaterMark', count);
    else super.arrive(pipe, bytes, start, end, count);
  }

  override send(message: Sendable): boolean {
    const frames = toFrames(message);
    if (frames.length === 2) return super.send(frames);
    throw new ZmqError('EINVAL', {
      detail: `a message of ${frames.length} frames; DGRAM sends an address and octets`,
    });
  }
}

const NOTICE: Buffer = encodeFrame(0, Buffer.alloc(0));

/** STREAM: messages are [routing id, octets]; no octets tell of a peer that came or went, and close it when sent. */
export class StreamPattern extends AddressedPattern {
  // Those whose coming was told, and whose going is to be.
  readonly #here = new Set<Pipe>();

  override ready(pipe: Pipe): void {
    // Who does not receive is not told how often a peer that is connected to came and went: it would pile up.
    if (!pipe.paused) {
      this.#here.add(pipe);
      this.#notice(pipe);
    }
    super.ready(pipe);
  }

  override lost(pipe: Pipe): void {
    if (this.#here.delete(pipe)) this.#notice(pipe);
  }

  override detach(pipe: Pipe): void {
    // First: a message in the inbox keeps the name that it came with.
    this.lost(pipe);
    super.detach(pipe);
  }

  #notice(pipe: Pipe): void {
    if (this.host.options.notify) super.arrive(pipe, NOTICE, 0, NOTICE.length, 1);
  }

  override send(message: Sendable): boolean {
    const frames = toFrames(message);
    if (frames.length !== 2) {
      const detail = `a message of ${frames.length} frames; STREAM sends a routing id and octets`;
      throw new ZmqError('EINVAL', { detail });
    }
    if (frames[1]!.length > 0) return super.send(frames);
    const pipe = this.peer(frames[0]!);
    if (pipe === null) throw this.unreachable(frames[0]!);
    // As libzmq: who closes a peer is not told of its going.
    this.#here.delete(pipe);
    this.host.part(pipe);
    return true;
  }

  /** One by one: among them may be those that close a peer. */
  override sendRun(prefix: Uint8Array | null, bytes: Uint8Array, start: number, end: number): number {
    let done = 0;
    for (let at = start; at < end; done++) {
      const next = messageEnd(bytes, at);
      const frames = decodeMessage(bytes, at, next);
      if (prefix !== null) frames.unshift(...decodeMessage(prefix, 0, prefix.length));
      if (frames.length !== 2) this.host.dropped(null, 'malformed', 1);
      else if (this.peer(frames[0]!) === null) this.host.dropped(null, 'unroutable', 1);
      else if (!this.send(frames)) break;
      at = next;
    }
    return done;
  }
}
