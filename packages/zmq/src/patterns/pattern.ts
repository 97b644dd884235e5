/**
 * What a socket type does with the pipes of its peers: who gets a message that is sent, and whose message is received
 * next. Patterns are synchronous and see no transport, timer or promise: the socket around them waits.
 */
import { ZmqError } from '../errors.ts';
import { encodeFrame } from '../zmtp/frame.ts';
import { FairQueue } from './fair-queue.ts';
import { type MessageLike, type Sendable, toFrames } from './message.ts';
import type { Outbox } from './outbox.ts';
import type { Pipe } from './pipe.ts';

/** Why a message was not delivered, as counted in the statistics. */
export type DropReason =
  /** The peer's outbox was at its high-water mark (PUB, XPUB, ROUTER, REP). */
  | 'highWaterMark'
  /** No peer with that routing id, or the peer that asked is gone. */
  | 'unroutable'
  /** The connection ended before the message was with the operating system. */
  | 'disconnected'
  /** Replaced by a newer one (`conflate`). */
  | 'conflated'
  /** Not what the pattern expects: a reply nobody asked for, a request without an envelope. */
  | 'malformed'
  /** Still queued when the socket's linger or drain time was over. */
  | 'closed';

/** Options that patterns look at, as they are at the time. Meanings and defaults: see socket/options.ts. */
export interface PatternOptions {
  readonly conflate: boolean;
  readonly mandatory: boolean;
  readonly handover: boolean;
  readonly probeRouter: boolean;
  readonly correlate: boolean;
  readonly relaxed: boolean;
  readonly noDrop: boolean;
  readonly manual: boolean;
  readonly invertMatching: boolean;
  readonly verbosity: null | 'allSubs' | 'allSubsUnsubs';
  readonly welcomeMessage: string | null;
  readonly maxSubscriptions: number;
  readonly notify: boolean;
}

/** What a pattern tells its socket. */
export interface PatternHost {
  readonly options: PatternOptions;
  /** A random unsigned 32-bit number, so that numbers of two runs of a program don't meet. */
  readonly seed: number;
  /** A message can be received. */
  readable(): void;
  /** A message that found no room may find some now. */
  writable(): void;
  dropped(pipe: Pipe | null, reason: DropReason, count: number): void;
  /** Close the pipe's connection: the peer can't be served. */
  refuse(pipe: Pipe, error: ZmqError): void;
  /** Part from the pipe's peer, when what is queued to it is sent. */
  part(pipe: Pipe): void;
}

/** A pattern that receives fair-queued, as most do, and sends nothing; socket types fill in what they do. */
export abstract class Pattern {
  protected readonly host: PatternHost;
  protected readonly inbound: FairQueue = new FairQueue();

  constructor(host: PatternHost) {
    this.host = host;
  }

  /** A pipe joins; its connection may still be on the way. False: there is no place for it. */
  abstract attach(pipe: Pipe): boolean;
  /** A pipe leaves for good. What is in its inbox stays receivable. */
  abstract detach(pipe: Pipe): void;
  /** The handshake is done: again after each reconnect. */
  ready(_pipe: Pipe): void {}
  /** The connection is gone, the pipe waits for the next. */
  lost(_pipe: Pipe): void {}
  /** Gives the pipe nothing more until it is let in again. False for a pattern that does not choose. */
  isolate(_pipe: Pipe, _on: boolean): boolean {
    return false;
  }
  /** The pipe's outbox was full and has room. */
  room(_pipe: Pipe): void {
    this.host.writable();
  }

  /** `count` whole messages from the peer: tells the readers, and stops the peer when they don't keep up. */
  arrive(pipe: Pipe, bytes: Uint8Array, start: number, end: number, count: number): void {
    const { inbound, host } = this;
    if (host.options.conflate) {
      host.dropped(pipe, 'conflated', inbound.keepLast(pipe, bytes, start, end, count));
    } else inbound.push(pipe, bytes, start, end, count);
    host.readable();
    pipe.checkMark();
  }

  /** A subscription that came as a command. */
  subscription(_pipe: Pipe, _topic: Buffer, _subscribe: boolean): void {}

  /** Sends, or returns false when there is no room. Throws what the state of the pattern forbids. */
  send(_message: Sendable): boolean {
    throw new ZmqError('ENOTSUP', { detail: 'this socket type does not send' });
  }

  /** The next message, or null when there is none. Throws what the state of the pattern forbids. */
  next(): Buffer[] | null {
    return this.inbound.next();
  }

  get readable(): boolean {
    return !this.inbound.empty;
  }

  get writable(): boolean {
    return false;
  }

  // The next three are for relays, which move runs without decoding them.

  /** The pipe whose inbox holds the next run, or null. */
  peek(): Pipe | null {
    return this.inbound.peek();
  }

  /** Messages were taken from the inbox of the pipe that `peek` gave. */
  took(pipe: Pipe): void {
    this.inbound.tookRun(pipe);
  }

  /**
   * Sends `count` whole messages, each with the frame `prefix` in front where there is one. Returns how many found
   * room: fewer than `count` means that the rest has to wait.
   */
  sendRun(
    _prefix: Uint8Array | null,
    _bytes: Uint8Array,
    _start: number,
    _end: number,
    _count: number,
  ): number {
    throw new ZmqError('ENOTSUP', { detail: 'this socket type does not send' });
  }

  /** The encoded frame that each message from this pipe gets in front when it is received, or null. */
  prefix(_pipe: Pipe): Uint8Array | null {
    return null;
  }
}

/** Queues a message in whatever form it was given. */
export function queue(outbox: Outbox, message: Sendable): void {
  if (message instanceof Uint8Array) outbox.push(message);
  else if (typeof message === 'string') outbox.pushText(message);
  else if (Array.isArray(message) && message.length === 1 && message[0] instanceof Uint8Array)
    outbox.push(message[0]);
  else outbox.pushAll(toFrames(message as MessageLike | readonly MessageLike[]));
}

/** Queues the empty message that tells a ROUTER that we are here (`probeRouter`). */
export function probe(pipe: Pipe): void {
  pipe.outbox.pushControl(encodeFrame(0, new Uint8Array(0)));
}
