/**
 * Messages of one frame: what the socket types of RFC 41, 49, 51 and 52 send and receive. A message of more frames is
 * refused when it is sent, and dropped and counted when it arrives, as libzmq does.
 */
import { ZmqError } from '../errors.ts';
import { MORE, messageEnd } from '../zmtp/frame.ts';
import type { MessageLike, Sendable } from './message.ts';
import { PairPattern } from './pair.ts';
import type { PatternHost } from './pattern.ts';
import type { Pipe } from './pipe.ts';
import { DealerPattern, PullPattern, PushPattern } from './pipeline.ts';
import { type Stretch, sift } from './sift.ts';

/** The only frame of a message. @throws ZmqError EINVAL when it has more, or none. */
export function single(message: Sendable): MessageLike {
  if (!Array.isArray(message)) return message as MessageLike;
  if (message.length === 1) return message[0];
  throw new ZmqError('EINVAL', {
    detail: `a message of ${message.length} frames; this socket type sends messages of one`,
  });
}

/** Hands on what has one frame, and counts the rest as dropped. */
export function siftSingle(
  host: PatternHost,
  pipe: Pipe | null,
  bytes: Uint8Array,
  start: number,
  end: number,
  pass: Stretch,
): void {
  const dropped = sift(bytes, start, end, (at) => (bytes[at]! & MORE) === 0, pass);
  host.dropped(pipe, 'malformed', dropped);
}

/**
 * The same for a relay, which wants to know how many it need not offer again: one after the other, until one finds no
 * room.
 */
function relaySingle(
  host: PatternHost,
  bytes: Uint8Array,
  start: number,
  end: number,
  send: (start: number, end: number) => number,
): number {
  let done = 0;
  for (let at = start; at < end; done++) {
    const next = messageEnd(bytes, at);
    if (bytes[at]! & MORE) host.dropped(null, 'malformed', 1);
    else if (send(at, next) === 0) break;
    at = next;
  }
  return done;
}

/** CLIENT: to its servers in turn, and from them (RFC 41). */
export class ClientPattern extends DealerPattern {
  override send(message: Sendable): boolean {
    return super.send(single(message));
  }

  override arrive(pipe: Pipe, bytes: Uint8Array, start: number, end: number, _count: number): void {
    const pass: Stretch = (from, to, count) => super.arrive(pipe, bytes, from, to, count);
    siftSingle(this.host, pipe, bytes, start, end, pass);
  }

  override sendRun(_prefix: Uint8Array | null, bytes: Uint8Array, start: number, end: number): number {
    return relaySingle(this.host, bytes, start, end, (at, to) => super.sendRun(null, bytes, at, to, 1));
  }
}

/** SCATTER: to each GATHER socket in turn (RFC 49). */
export class ScatterPattern extends PushPattern {
  override send(message: Sendable): boolean {
    return super.send(single(message));
  }

  override sendRun(_prefix: Uint8Array | null, bytes: Uint8Array, start: number, end: number): number {
    return relaySingle(this.host, bytes, start, end, (at, to) => super.sendRun(null, bytes, at, to, 1));
  }
}

/** GATHER: what SCATTER sockets send, fair-queued (RFC 49). */
export class GatherPattern extends PullPattern {
  override arrive(pipe: Pipe, bytes: Uint8Array, start: number, end: number, _count: number): void {
    const pass: Stretch = (from, to, count) => super.arrive(pipe, bytes, from, to, count);
    siftSingle(this.host, pipe, bytes, start, end, pass);
  }
}

/** CHANNEL: one peer at a time (RFC 52). */
export class ChannelPattern extends PairPattern {
  override send(message: Sendable): boolean {
    return super.send(single(message));
  }

  override arrive(pipe: Pipe, bytes: Uint8Array, start: number, end: number, _count: number): void {
    const pass: Stretch = (from, to, count) => super.arrive(pipe, bytes, from, to, count);
    siftSingle(this.host, pipe, bytes, start, end, pass);
  }

  override sendRun(_prefix: Uint8Array | null, bytes: Uint8Array, start: number, end: number): number {
    return relaySingle(this.host, bytes, start, end, (at, to) => super.sendRun(null, bytes, at, to, 1));
  }
}
