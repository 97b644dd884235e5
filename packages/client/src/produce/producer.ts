/**
 * Publishes to one stream: records are numbered, batched, sent within the window, kept until the node has them on disk,
 * and sent again in order after a reconnect (docs/wire.md, Publishing). A record whose promise resolves is stored once;
 * a record whose promise rejects may have been stored.
 *
 * The batches are in order: those that were sent in this session first, then those that wait. Numbers are given when a
 * batch is sent, and a batch that the node refuses for good leaves its number to the next one. After any REFUSED an OPEN
 * goes out: its answer comes behind those to all that was on the way, and says where to go on.
 */
import type { Party, Port } from '../connection/port.ts';
import { ClientError, fromNode } from '../errors.ts';
import type { Refusal } from '../wire/messages.ts';
import type { Receipt } from '../wire/numbers.ts';
import { CONTEXT_OCTETS, isTraceparent, MAX_CONTEXTS, type TraceContexts } from '../wire/trace.ts';
import { Batch, type Published } from './batch.ts';
import { type Body, type Part, recordLength, writeRecord } from './record.ts';
import type { Window } from './window.ts';

export interface PublishOptions {
  /** Goes in front of the body as a frame of its own: what `sharded` consumers are told apart by, and filters look at. */
  key?: string | Uint8Array;
  /**
   * The `traceparent` of W3C Trace Context: goes with the record to its consumers (`StreamRecord.traceparent`), as far
   * as the node still has it in memory then, and knows of such.
   */
  traceparent?: string;
}

/** Why the node takes nothing, or null: it does again. */
export type BlockListener = (stream: string, refusal: Refusal | null) => void;

/** Memory that batches are written into, one after the other: also the most that a PUBLISH of small records carries. */
const SLAB = 65_536;
/** Milliseconds; a node that asks for more is asked again after so long. */
const LONGEST_PAUSE = 60_000;
/** Records from this size on get memory of their own. */
const LARGE = SLAB / 2;

/** idle: no OPEN in this session. waiting: the node wants a pause before the next OPEN. */
type Phase = 'idle' | 'waiting' | 'opening' | 'open' | 'ended';

export class Producer implements Party {
  readonly stream: string;
  readonly #port: Port;
  readonly #window: Window;
  readonly #timeout: number;
  readonly #onBlock: BlockListener;
  #phase: Phase = 'idle';
  #error: ClientError | null = null;
  #blocked = false;
  #timer: NodeJS.Timeout | null = null;
  #expiry: NodeJS.Timeout | null = null;

  #slab: Buffer = Buffer.alloc(0);
  #slabAt = 0;
  /** Batches in order; those before #head are done with, those before #unsent are with the node. */
  #queue: Batch[] = [];
  #head = 0;
  #unsent = 0;
  /** The last batch, while records are added to it. */
  #filling: Batch | null = null;
  #scheduled = false;
  #batches = 0;

  /** Number of the first record that is not answered; 0: the node has not told yet. */
  #base = 0;
  /** Number of the next record that is sent. */
  #next = 0;
  /** The highest number that the node may have from this process. */
  #highest = 0;

  /** The first error since the last `flush`. */
  #failure: ClientError | null = null;
  #flushes: { readonly last: number; readonly done: () => void }[] = [];
  readonly #pumped: () => void = () => this.#pump();
  readonly #turned: () => void = () => {
    this.#scheduled = false;
    this.#pump();
  };

  constructor(stream: string, port: Port, window: Window, timeout: number, onBlock: BlockListener) {
    this.stream = stream;
    this.#port = port;
    this.#window = window;
    this.#timeout = timeout;
    this.#onBlock = onBlock;
  }

  publish(body: Body, key: Part | undefined, traceparent?: string): Promise<Published> {
    if (this.#error !== null) return this.#refuse(this.#error);
    if (traceparent !== undefined && !isTraceparent(traceparent)) {
      const text = `traceparent is no such: ${JSON.stringify(traceparent)?.slice(0, 80)}`;
      return this.#refuse(new ClientError('ERR_OPTION', text, { stream: this.stream }));
    }
    const size = recordLength(key, body);
    if (!(size <= this.#window.limit)) return this.#refuse(this.#invalid(size));
    if (!this.#window.hold(size)) {
      const text = `${this.stream}: too much waits to be stored; await waitWritable() before publish()`;
      return this.#refuse(new ClientError('ERR_BUSY', text, { stream: this.stream }));
    }
    const batch = this.#room(size);
    if (traceparent !== undefined) batch.trace(traceparent);
    const promise = batch.add(writeRecord(batch.bytes, batch.end, key, body));
    if (batch.bytes === this.#slab) this.#slabAt = batch.end;
    else {
      // Memory of its own: it is full.
      this.#filling = null;
      this.#pump();
    }
    if (!this.#scheduled) {
      this.#scheduled = true;
      // Not a microtask: whoever publishes again when promises settle gets into the same batch.
      process.nextTick(this.#turned);
    }
    return promise;
  }

  /** Takes nothing more; what waits goes on. */
  close(error: ClientError): void {
    this.#error ??= error;
  }

  async waitWritable(): Promise<void> {
    await this.#window.room();
    if (this.#error !== null) throw this.#error;
  }

  /** Resolves when everything that was published is answered, well or not. */
  async settled(): Promise<void> {
    const last = this.#batches;
    if (this.#oldest() > last) return;
    await new Promise<void>((resolve) => {
      this.#flushes.push({ last, done: resolve });
    });
  }

  /** As `settled`; rejects with the first error since the last call. */
  async flush(): Promise<void> {
    await this.settled();
    const failure = this.#failure;
    this.#failure = null;
    if (failure !== null) throw failure;
  }

  // ---- what the node says

  joined(): void {
    this.#phase = 'idle';
    this.#pump();
  }

  lost(): void {
    if (this.#phase === 'ended') return;
    this.#phase = 'idle';
    this.#clearTimer();
    this.#rewind(this.#head);
  }

  ended(error: ClientError): void {
    if (this.#phase === 'ended') return;
    this.#phase = 'ended';
    this.#error = error;
    this.#clearTimer();
    if (this.#expiry !== null) clearTimeout(this.#expiry);
    for (let at = this.#head; at < this.#queue.length; at++) this.#reject(this.#queue[at]!, error);
    this.#queue = [];
    this.#head = 0;
    this.#unsent = 0;
    this.#filling = null;
    this.#flushed();
  }

  opened(last: number): void {
    if (this.#phase !== 'opening') return;
    this.#clearTimer();
    this.#phase = 'open';
    const expected = last + 1;
    if (this.#base === 0 || expected < this.#base || expected > this.#highest + 1) {
      // The first time; or the stream has lost what it had, or knows of records that are not from here.
      this.#release(this.#rewind(this.#head));
      this.#base = expected;
      this.#next = expected;
      this.#highest = last;
    } else if (this.#unsent === this.#head) this.#next = this.#base;
    else this.#release(this.#rewindTo(expected));
    this.#pump();
  }

  stored(receipts: readonly Receipt[]): void {
    let freed = 0;
    for (const { first, last, sequence } of receipts) {
      if (last < this.#base) continue;
      if (first > this.#base || last >= this.#next) {
        this.#port.fail(`STORED ${this.stream} ${first} to ${last}, which is not what was sent`);
        return;
      }
      while (this.#base <= last) {
        const batch = this.#queue[this.#head]!;
        const count = Math.min(batch.left, last - this.#base + 1);
        batch.answer(count, sequence === 0 ? 0 : sequence + this.#base - first);
        this.#base += count;
        if (batch.left > 0) continue;
        this.#queue[this.#head++] = undefined as never;
        freed += batch.octets;
        this.#window.release(batch.octets, batch.count);
      }
    }
    this.#compact();
    if (this.#blocked) this.#block(null);
    if (this.#flushes.length > 0) this.#flushed();
    if (freed > 0) this.#window.arrived(freed);
  }

  refused(expected: number, refusal: Refusal): void {
    if (this.#phase === 'opening') this.#notOpened(refusal);
    if (this.#phase !== 'open') return;
    const { retry, code } = refusal;
    const freed = this.#rewindTo(expected);
    const batch = this.#queue[this.#unsent];
    if (!retry && batch !== undefined && batch !== this.#filling && expected < batch.first + batch.count) {
      // What the stream has of the run is sent again, to hear that it is stored; the rest will never be.
      const error = fromNode(refusal, 'ERR_REFUSED', { stream: this.stream });
      const { octets, count } = batch;
      batch.cut(Math.max(0, expected - batch.first), error);
      this.#failure ??= error;
      this.#window.release(octets - batch.octets, count - batch.count);
      if (batch.count === 0) this.#queue.splice(this.#unsent, 1);
      this.#flushed();
    }
    if (retry && code !== 'OUT_OF_ORDER' && code !== 'NOT_OPEN' && code !== 'STREAM_BUSY')
      this.#block(refusal);
    this.#pause(refusal.retry ? refusal.delay : 0);
    this.#release(freed);
  }

  /** OPEN was refused; or this is an answer to something before it, which does not matter. */
  #notOpened(refusal: Refusal): void {
    const { code, retry } = refusal;
    if (retry) {
      if (code === 'STREAM_FAILED') this.#block(refusal);
      this.#later(refusal.delay);
    } else if (code !== 'RUN_INVALID') {
      this.#phase = 'idle';
      const error = fromNode(refusal, 'ERR_REFUSED', { stream: this.stream });
      const queue = this.#queue.slice(this.#head);
      this.#release(this.#rewind(this.#head));
      this.#queue = [];
      this.#head = 0;
      this.#unsent = 0;
      this.#filling = null;
      for (const batch of queue) {
        this.#window.release(batch.octets, batch.count);
        this.#reject(batch, error);
      }
      this.#flushed();
    }
  }

  // ---- sending

  /** The batch that takes a record of this size. */
  #room(size: number): Batch {
    const filling = this.#filling;
    if (filling !== null && filling.end + size <= filling.bytes.length && filling.traced < MAX_CONTEXTS)
      return filling;
    this.#filling = null;
    if (filling !== null) this.#pump();
    let bytes = this.#slab;
    let at = this.#slabAt;
    if (at + size > bytes.length) {
      bytes = Buffer.allocUnsafeSlow(size >= LARGE ? size : SLAB);
      at = 0;
      if (size < LARGE) this.#slab = bytes;
    }
    const batch = new Batch(++this.#batches, bytes, at, this.#timeout > 0 ? performance.now() : 0);
    this.#queue.push(batch);
    this.#filling = batch;
    if (this.#timeout > 0) this.#expiry ??= setTimeout(() => this.#expire(), this.#timeout);
    return batch;
  }

  /** Sends what may be sent, but for a batch that may get more before the turn is over. */
  #pump(): void {
    if (this.#unsent >= this.#queue.length) return;
    if (this.#phase === 'idle' && this.#port.session !== null) this.#open();
    if (this.#phase !== 'open') return;
    const queue = this.#queue;
    while (this.#unsent < queue.length) {
      const batch = queue[this.#unsent]!;
      if (batch === this.#filling && this.#scheduled) return;
      if (batch.octets > this.#window.limit) {
        // It was taken in for another node.
        queue.splice(this.#unsent, 1);
        this.#window.release(batch.octets, batch.count);
        this.#reject(batch, this.#invalid(batch.octets));
        this.#flushed();
        continue;
      }
      if (!this.#window.send(batch.octets, this.#pumped)) return;
      if (batch === this.#filling) this.#filling = null;
      this.#unsent++;
      batch.first = this.#next;
      this.#next += batch.count;
      if (this.#next > this.#highest) this.#highest = this.#next - 1;
      const message = { type: 'PUBLISH', stream: this.stream, first: batch.first, run: batch.run() } as const;
      const trace = batch.traced === 0 ? null : this.#traces(batch);
      this.#port.send(trace === null ? message : { ...message, trace });
    }
  }

  /** Null as well: the node knows of none, or they would make the message too large. */
  #traces(batch: Batch): TraceContexts | null {
    if (this.#port.session?.trace !== true) return null;
    return batch.octets + batch.traced * CONTEXT_OCTETS > this.#window.limit ? null : batch.traces();
  }

  #open(): void {
    this.#clearTimer();
    this.#phase = 'opening';
    this.#port.send({ type: 'OPEN', stream: this.stream });
  }

  #pause(delay: number): void {
    if (delay === 0) this.#open();
    else {
      this.#phase = 'waiting';
      this.#later(delay);
    }
  }

  #later(delay: number): void {
    this.#clearTimer();
    this.#timer = setTimeout(() => this.#open(), Math.min(delay, LONGEST_PAUSE));
  }

  /** What has a number of `expected` or more was not taken: it is sent again. Returns its octets. */
  #rewindTo(expected: number): number {
    let at = this.#unsent;
    while (at > this.#head && this.#queue[at - 1]!.first + this.#queue[at - 1]!.count > expected) at--;
    return this.#rewind(at);
  }

  /** Batches from `at` on are not sent any more. Returns the octets that were under way. */
  #rewind(at: number): number {
    let octets = 0;
    for (let i = at; i < this.#unsent; i++) octets += this.#queue[i]!.octets;
    const batch = this.#queue[at];
    if (at < this.#unsent && batch !== undefined) {
      this.#next = batch.first;
      if (at === this.#head) {
        const { octets: before, count } = batch;
        batch.trim();
        this.#next += count - batch.count;
        this.#window.release(before - batch.octets, count - batch.count);
      }
    }
    this.#unsent = at;
    return octets;
  }

  #release(octets: number): void {
    if (octets > 0) this.#window.arrived(octets);
  }

  #compact(): void {
    if (this.#head === this.#queue.length) {
      this.#queue.length = 0;
      this.#unsent -= this.#head;
      this.#head = 0;
    } else if (this.#head >= 1024) {
      this.#queue = this.#queue.slice(this.#head);
      this.#unsent -= this.#head;
      this.#head = 0;
    }
  }

  // ---- the rest

  #refuse(error: ClientError): Promise<never> {
    this.#failure ??= error;
    const promise = Promise.reject(error);
    promise.catch(() => {});
    return promise;
  }

  #reject(batch: Batch, error: ClientError): void {
    if (batch.settled) return;
    this.#failure ??= error;
    batch.reject(error);
  }

  #invalid(size: number): ClientError {
    const text = Number.isNaN(size)
      ? 'a record is a text, a Uint8Array or a list of these with one frame at least'
      : `a record of ${size} octets is over the ${this.#window.limit} that the node takes (maxMessageSize)`;
    return new ClientError('ERR_RECORD_INVALID', `${this.stream}: ${text}`, { stream: this.stream });
  }

  #block(refusal: Refusal | null): void {
    if (refusal === null ? !this.#blocked : this.#blocked) return;
    this.#blocked = refusal !== null;
    this.#onBlock(this.stream, refusal);
  }

  /** The first batch that somebody waits for. */
  #oldest(): number {
    for (let at = this.#head; at < this.#queue.length; at++) {
      if (!this.#queue[at]!.settled) return this.#queue[at]!.id;
    }
    return Number.POSITIVE_INFINITY;
  }

  #flushed(): void {
    const oldest = this.#oldest();
    while (this.#flushes.length > 0 && this.#flushes[0]!.last < oldest) this.#flushes.shift()!.done();
  }

  /** Rejects what has waited for too long, and looks again when the next is due. */
  #expire(): void {
    this.#expiry = null;
    const now = performance.now();
    for (let at = this.#head; at < this.#queue.length; at++) {
      const batch = this.#queue[at]!;
      const left = batch.since + this.#timeout - now;
      if (left > 0 && !batch.settled) {
        this.#expiry = setTimeout(() => this.#expire(), Math.ceil(left));
        break;
      }
      if (left > 0 || batch.settled) continue;
      const text = `${this.stream}: not stored within ${this.#timeout} ms (publishTimeout); it may still be`;
      this.#reject(batch, new ClientError('ERR_TIMEOUT', text, { stream: this.stream }));
    }
    this.#flushed();
  }

  #clearTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
