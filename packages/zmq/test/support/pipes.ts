/** The surroundings of a pattern without any socket: a host that takes notes, and pipes whose far side is an array. */
import type { ZmqError } from '../../src/errors.ts';
import type { Outbox } from '../../src/patterns/outbox.ts';
import type { DropReason, Pattern, PatternHost, PatternOptions } from '../../src/patterns/pattern.ts';
import { Pipe, type PipeOwner } from '../../src/patterns/pipe.ts';
import type { OutboxSink } from '../../src/zmtp/peer.ts';
import type { WireSocketType } from '../../src/zmtp/sockets.ts';
import { decode, message, messagesIn, show } from './wire.ts';

const PLAIN: PatternOptions = {
  conflate: false,
  mandatory: false,
  handover: false,
  probeRouter: false,
  correlate: false,
  relaxed: false,
  noDrop: false,
  manual: false,
  invertMatching: false,
  verbosity: null,
  welcomeMessage: null,
  maxSubscriptions: 0,
  notify: true,
};

export class FakeHost implements PatternHost {
  readonly options: { -readonly [K in keyof PatternOptions]: PatternOptions[K] };
  readonly seed = 41;
  readableCalls = 0;
  writableCalls = 0;
  readonly drops: { pipe: Pipe | null; reason: DropReason; count: number }[] = [];
  readonly parted: Pipe[] = [];
  readonly refused: { pipe: Pipe; error: ZmqError }[] = [];

  constructor(options: Partial<PatternOptions> = {}) {
    this.options = { ...PLAIN, ...options };
  }

  readable(): void {
    this.readableCalls++;
  }

  writable(): void {
    this.writableCalls++;
  }

  dropped(pipe: Pipe | null, reason: DropReason, count: number): void {
    if (count > 0) this.drops.push({ pipe, reason, count });
  }

  refuse(pipe: Pipe, error: ZmqError): void {
    this.refused.push({ pipe, error });
  }

  part(pipe: Pipe): void {
    this.parted.push(pipe);
  }

  /** How many messages were dropped for the reason. */
  lost(reason: DropReason): number {
    return this.drops.reduce((sum, drop) => sum + (drop.reason === reason ? drop.count : 0), 0);
  }
}

/** Keeps references to what is written, and says what it is told to say. */
export class KeepingSink implements OutboxSink {
  readonly keepsBuffers: boolean;
  /** The answer to the next writes: true, the system took it all. */
  takes: boolean;
  readonly writes: (readonly Uint8Array[])[] = [];

  constructor(takes = true, keepsBuffers = false) {
    this.takes = takes;
    this.keepsBuffers = keepsBuffers;
  }

  write(parts: readonly Uint8Array[]): boolean {
    // A transport that took it all has copied it; one that did not reads the memory until it has.
    this.writes.push(this.takes && !this.keepsBuffers ? parts.map((part) => Buffer.from(part)) : parts);
    return this.takes;
  }

  /** The system took what it did not take at once: from now on the memory may be used again. */
  drain(outbox: Outbox): void {
    this.takes = true;
    if (!this.keepsBuffers) {
      for (const [index, parts] of this.writes.entries()) {
        this.writes[index] = parts.map((part) => Buffer.from(part));
      }
    }
    outbox.drained();
  }

  get bytes(): Buffer {
    return Buffer.concat(this.writes.flat());
  }
}

export interface FarOptions {
  sendMark?: number;
  receiveMark?: number;
  givenId?: Buffer | null;
  minor?: number;
  socketType?: WireSocketType;
  routingId?: string | Buffer;
  takes?: boolean;
}

/** One peer of a pattern under test: its pipe, and what reached it. */
export class FarSide implements PipeOwner {
  readonly pipe: Pipe;
  sink: KeepingSink;
  paused = false;
  rooms = 0;
  readonly scheduled: Outbox[] = [];
  readonly #pattern: Pattern;
  readonly #options: FarOptions;

  constructor(pattern: Pattern, options: FarOptions = {}) {
    this.#pattern = pattern;
    this.#options = options;
    this.sink = new KeepingSink(options.takes ?? true);
    this.pipe = new Pipe(
      this,
      options.sendMark ?? 1000,
      options.receiveMark ?? 1000,
      options.givenId ?? null,
    );
  }

  schedule(outbox: Outbox): void {
    this.scheduled.push(outbox);
  }

  room(pipe: Pipe): void {
    this.rooms++;
    this.#pattern.room(pipe);
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  /** The connection is there and its handshake done. */
  open(sink: KeepingSink = this.sink): this {
    const { minor = 1, socketType = 'DEALER', routingId = '' } = this.#options;
    this.sink = sink;
    this.pipe.identity = { socketType, routingId: Buffer.from(routingId), minor, metadata: new Map() };
    this.pipe.outbox.open(sink);
    this.#pattern.ready(this.pipe);
    return this;
  }

  /** The connection is gone. */
  lose(): this {
    this.pipe.outbox.closed();
    this.pipe.identity = null;
    this.#pattern.lost(this.pipe);
    return this;
  }

  /** Gone for good. */
  leave(): this {
    this.pipe.ended = true;
    this.#pattern.detach(this.pipe);
    return this;
  }

  /** The system has room for all there is. */
  drain(): this {
    this.sink.drain(this.pipe.outbox);
    this.pipe.outbox.flush();
    return this;
  }

  /** One message from the peer. */
  says(...parts: readonly (string | Uint8Array)[]): this {
    return this.run([parts]);
  }

  /** Several messages from the peer in one chunk. */
  run(messages: readonly (readonly (string | Uint8Array)[])[]): this {
    const bytes = Buffer.concat(messages.map((parts) => message(...parts)));
    this.#pattern.arrive(this.pipe, bytes, 0, bytes.length, messages.length);
    return this;
  }

  /** What reached the peer: messages only, flushed first. */
  get messages(): string[] {
    this.pipe.outbox.flush();
    return messagesIn(this.sink.bytes).map((frames) => show(frames).join(' '));
  }

  /** What reached the peer, commands included. */
  get everything(): string[] {
    this.pipe.outbox.flush();
    const { items } = decode(this.sink.bytes);
    return items.map((item) =>
      item.kind === 'message'
        ? show(item.frames).join(' ')
        : `${item.name} ${item.data.toString('latin1')}`.trimEnd(),
    );
  }
}

/** A peer that is attached and ready. */
export function join(pattern: Pattern, options: FarOptions = {}): FarSide {
  const far = new FarSide(pattern, options);
  pattern.attach(far.pipe);
  return far.open();
}

/** Everything that the pattern has to receive, in its order. */
export function receiveAll(pattern: Pattern): string[] {
  const all: string[] = [];
  for (let frames = pattern.next(); frames !== null; frames = pattern.next())
    all.push(show(frames).join(' '));
  return all;
}

/** Whole messages as one run. */
export function runOf(messages: readonly (readonly (string | Uint8Array)[])[]): {
  bytes: Buffer;
  count: number;
} {
  return { bytes: Buffer.concat(messages.map((parts) => message(...parts))), count: messages.length };
}
