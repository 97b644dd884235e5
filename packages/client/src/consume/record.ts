/**
 * Records as the application gets them: decoded when they are looked at, frames as views into what has arrived. A chunk
 * is what the node sent together; a record is a place in it.
 */
import { bodyStart, decodeMessage, frameEnd, MORE, messageEnd, view } from '@zeroth/zmq/run';

import type { ChunkHead } from '../wire/numbers.ts';
import type { TraceContexts } from '../wire/trace.ts';

export interface NackOptions {
  /** Milliseconds to wait before the next delivery. Default 0. */
  delay?: number;
}

/** A record of a stream, as a consumer gets it. */
export interface StreamRecord {
  /** Its place in the stream: 1, 2, 3 ... */
  readonly sequence: number;
  /** When the node took it, in milliseconds since 1970. */
  readonly timestamp: number;
  /** The first frame of several as text, empty if there is only one. */
  readonly key: string;
  /** The last frame: a view into the chunk that arrived. Copy what you keep for long. */
  readonly body: Buffer;
  /** All frames: views into the chunk that arrived. */
  readonly frames: Buffer[];
  /** How often it was delivered, to anybody: 1 the first time. */
  readonly deliveries: number;
  /** The `traceparent` that it was published with, or that the node made of it; null: none, or it is forgotten. */
  readonly traceparent: string | null;
  /** Records right before this one that are gone: removed by retention before they were read, or damaged. */
  readonly missed: number;
  /** It is done: it will not be delivered again. Only the first `ack` or `nack` counts. */
  ack(): void;
  /** It is not done: it is delivered again, to any member of the group. */
  nack(options?: NackOptions): void;
}

/** Whom a record is acknowledged to. */
export interface Acks {
  ack(sequence: number): void;
  nack(sequence: number, delay: number): void;
}

/** Records with consecutive sequences that wait to be handed out; `at` is where the next one begins. */
export class Pending {
  readonly acks: Acks;
  readonly bytes: Uint8Array;
  readonly timestamp: number;
  readonly deliveries: number;
  readonly trace: TraceContexts | null;
  /** Sequence of the next record. */
  sequence: number;
  at: number;
  left: number;
  /** Gone before the next record. */
  missed: number;

  constructor(
    acks: Acks,
    bytes: Uint8Array,
    at: number,
    { sequence, timestamp, deliveries, trace }: ChunkHead & { readonly trace: TraceContexts | null },
    count: number,
    missed: number,
  ) {
    this.acks = acks;
    this.bytes = bytes;
    this.at = at;
    this.sequence = sequence;
    this.timestamp = timestamp;
    this.deliveries = deliveries;
    this.trace = trace;
    this.left = count;
    this.missed = missed;
  }

  /** The next record. */
  take(): StreamRecord {
    const end = messageEnd(this.bytes, this.at);
    const record = new Delivered(this, this.sequence++, this.at, end, this.missed);
    this.at = end;
    this.left--;
    this.missed = 0;
    return record;
  }

  /** Leaves the next record out. */
  skip(): void {
    this.at = messageEnd(this.bytes, this.at);
    this.sequence++;
    this.left--;
  }
}

class Delivered implements StreamRecord {
  readonly sequence: number;
  readonly missed: number;
  readonly #from: Pending;
  readonly #start: number;
  readonly #end: number;

  constructor(from: Pending, sequence: number, start: number, end: number, missed: number) {
    this.sequence = sequence;
    this.missed = missed;
    this.#from = from;
    this.#start = start;
    this.#end = end;
  }

  get timestamp(): number {
    return this.#from.timestamp;
  }

  get deliveries(): number {
    return this.#from.deliveries;
  }

  get traceparent(): string | null {
    return this.#from.trace?.get(this.sequence) ?? null;
  }

  get key(): string {
    const { bytes } = this.#from;
    const at = this.#start;
    return bytes[at]! & MORE ? view(bytes, bodyStart(bytes, at), frameEnd(bytes, at)).toString() : '';
  }

  get body(): Buffer {
    const { bytes } = this.#from;
    let at = this.#start;
    while (bytes[at]! & MORE) at = frameEnd(bytes, at);
    return view(bytes, bodyStart(bytes, at), this.#end);
  }

  get frames(): Buffer[] {
    return decodeMessage(this.#from.bytes, this.#start, this.#end);
  }

  ack(): void {
    this.#from.acks.ack(this.sequence);
  }

  nack(options: NackOptions = {}): void {
    this.#from.acks.nack(this.sequence, options.delay ?? 0);
  }
}
