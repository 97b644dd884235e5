/**
 * What waits to be sent to one peer: messages encoded as they come into one batch of bytes, handed to the transport
 * in few large writes. A message is in the batch whole or not at all, and each write holds whole messages.
 *
 * `queued` counts the messages that the operating system does not have yet; at the high-water mark the outbox is
 * full. Small bodies are copied next to their headers; bodies of {@link BY_REFERENCE} octets and more are written
 * from where they are, so their owner must leave them alone; while there is no peer, bodies over 1 KiB are kept so.
 *
 * Batch memory is borrowed from a pool while there is something in it: an idle peer holds none.
 */
import { view } from '../bytes/view.ts';
import { HEADER_MAX, MORE, SHORT_MAX, skipMessages, writeHeader } from '../zmtp/frame.ts';
import type { OutboxSink } from '../zmtp/peer.ts';
import { batchPool, LARGE_BATCH, SMALL_BATCH } from './batch-pool.ts';
import type { Ledger } from './receipts.ts';

/** Bodies from this size on go by reference: there the copy costs more than one more part in the write. */
export const BY_REFERENCE = 8192;
/** The same while there is no peer: what may wait for long is not copied, as in zeromq.js. */
const BY_REFERENCE_WAITING = 1025;
/** Octets that may wait whatever the mark allows: a thousand messages can be large. */
const HELD_BYTES = 256 * 1024 * 1024;
/** Bytes after which a batch is written without waiting for the end of the turn. */
const FLUSH_AT = 32_768;

export class Outbox {
  /** Messages that may be queued; 0: any number. */
  mark: number;
  /** Messages accepted and not yet with the operating system. */
  queued = 0;
  /** Messages, and all bytes, that the operating system has taken. */
  sentMessages = 0;
  sentBytes = 0;
  /** How often it became full. */
  fullCount = 0;
  /** Knows which messages these are, where somebody wants receipts. Then only runs are queued. */
  ledger: Ledger | null = null;
  /** Asked to call `flush` before long, once for each batch. */
  readonly #schedule: (outbox: Outbox) => void;
  /** Called when a full outbox has room again. */
  readonly #onRoom: () => void;
  #sink: OutboxSink | null = null;
  #byReference = BY_REFERENCE_WAITING;

  // Bytes in order: #parts, then #batch[#start, #end). #open of the queued messages are among them, the others are
  // in flight. #partBytes is the size of #parts.
  #parts: Uint8Array[] = [];
  // What must not wait behind a backlog.
  #controls: Uint8Array[] = [];
  #partBytes = 0;
  #batch: Buffer | null = null;
  #start = 0;
  #end = 0;
  #open = 0;
  #inFlight = false;
  #inFlightBytes = 0;
  #scheduled = false;
  #wasFull = false;
  #large = false;

  constructor(mark: number, schedule: (outbox: Outbox) => void, onRoom: () => void) {
    this.mark = mark;
    this.#schedule = schedule;
    this.#onRoom = onRoom;
  }

  /** Changes the mark; a higher one may make room. */
  setMark(mark: number): void {
    this.mark = mark;
    if (this.full) this.#filled();
    else this.#room();
  }

  get full(): boolean {
    return this.mark > 0 && (this.queued >= this.mark || this.#partBytes >= HELD_BYTES);
  }

  /** Octets that wait and are not handed to the transport yet. */
  get waitingBytes(): number {
    return this.#partBytes + this.#end - this.#start;
  }

  /** True while a write has not been taken by the operating system. */
  get stalled(): boolean {
    return this.#inFlight;
  }

  /** Nothing waits, messages or commands. */
  get idle(): boolean {
    return !this.#inFlight && this.#empty && this.#controls.length === 0;
  }

  get #empty(): boolean {
    return this.#start === this.#end && this.#parts.length === 0;
  }

  /** Connects to a transport; what is queued follows with the next flush. */
  open(sink: OutboxSink): void {
    this.#sink = sink;
    this.#byReference = BY_REFERENCE;
    if (!this.idle) this.#soon();
  }

  /** Nothing more goes to this transport. What is in flight may still be taken; the rest waits for the next one. */
  seal(): void {
    this.#sink = null;
    this.#byReference = BY_REFERENCE_WAITING;
  }

  /**
   * The transport is gone. What was in flight may or may not have arrived: it is given up, and its number of messages
   * returned. What was not handed over yet stays for the next transport. With a ledger all goes back to the sender.
   */
  closed(): number {
    this.#sink = null;
    this.#byReference = BY_REFERENCE_WAITING;
    this.#inFlight = false;
    if (this.ledger !== null) this.clear();
    const lost = this.queued - this.#open;
    this.queued = this.#open;
    // Commands were for the peer that is gone.
    this.#controls = [];
    // Whoever had the bytes in flight may still look at them: this memory is not used again.
    this.#closePart();
    this.#forgetBatch();
    // What was closed counts as waiting bytes from now on.
    if (this.full) this.#filled();
    else this.#room();
    return lost;
  }

  /** Drops what is queued; returns the number of messages: none with a ledger, the sender has them back. */
  clear(): number {
    const dropped = this.ledger === null ? this.queued : 0;
    this.ledger?.returned();
    this.#parts = [];
    this.#partBytes = 0;
    this.#controls = [];
    // Not back to the pool: the transport, or an inproc peer, may still look at it.
    this.#forgetBatch();
    this.#open = 0;
    this.queued = 0;
    return dropped;
  }

  /** Queues a message of one frame. */
  push(body: Uint8Array): void {
    this.frame(body, 0);
    this.commit();
  }

  /** Queues a message. */
  pushAll(frames: readonly Uint8Array[]): void {
    const last = frames.length - 1;
    for (let i = 0; i < last; i++) this.frame(frames[i]!, MORE);
    this.frame(frames[last]!, 0);
    this.commit();
  }

  /** Queues a message of one short text: encoded in place, without a buffer in between. */
  pushText(text: string): void {
    // A UTF-16 unit takes three octets of UTF-8 at most.
    if (text.length * 3 > SHORT_MAX) {
      this.push(Buffer.from(text));
      return;
    }
    const batch = this.#reserve(2 + SHORT_MAX);
    const at = this.#end;
    const size = batch.write(text, at + 2);
    batch[at] = 0;
    batch[at + 1] = size;
    this.#end = at + 2 + size;
    this.commit();
  }

  /** Adds one frame to the message that is being built: `flags` is MORE or 0. Finish with `commit`. */
  frame(body: Uint8Array, flags: number): void {
    const size = body.length;
    if (size <= SHORT_MAX) {
      const batch = this.#reserve(2 + size);
      const at = this.#end;
      batch[at] = flags;
      batch[at + 1] = size;
      if (size > 0) batch.set(body, at + 2);
      this.#end = at + 2 + size;
    } else if (size < this.#byReference) {
      const batch = this.#reserve(HEADER_MAX + size);
      const at = writeHeader(batch, this.#end, flags, size);
      batch.set(body, at);
      this.#end = at + size;
    } else {
      const batch = this.#reserve(HEADER_MAX);
      this.#end = writeHeader(batch, this.#end, flags, size);
      this.#closePart();
      this.#parts.push(body);
      this.#partBytes += size;
    }
  }

  /** Ends a message built with `frame`. */
  commit(): void {
    this.#open++;
    this.queued++;
    this.#settle();
  }

  /** Adds frames that are encoded already to the message that is being built. Finish with `commit`. */
  raw(bytes: Uint8Array, start: number, end: number): void {
    this.#append(bytes, start, end);
  }

  /**
   * Queues whole messages that are encoded already: as many as there is room for. Returns how many that were. A long
   * run goes by reference.
   */
  pushRun(bytes: Uint8Array, start: number, end: number, count: number): number {
    let at = start;
    let left = count;
    while (left > 0) {
      // A run may hold more messages than the mark: what settles at once makes room for the next stretch.
      const messages = this.mark > 0 ? Math.min(left, this.mark - this.queued) : left;
      if (messages <= 0 || this.full) break;
      const stop = messages === left ? end : skipMessages(bytes, at, messages);
      this.#append(bytes, at, stop);
      this.#open += messages;
      this.queued += messages;
      this.ledger?.queued(messages);
      this.#settle();
      at = stop;
      left -= messages;
    }
    return count - left;
  }

  /** Drops what was not handed to the transport yet (the `conflate` option); returns the number of messages. */
  discardOpen(): number {
    const dropped = this.#open;
    this.queued -= dropped;
    this.#open = 0;
    this.#parts = [];
    this.#partBytes = 0;
    this.#end = this.#start;
    return dropped;
  }

  /** Queues bytes in line with the messages that take no room under the mark: subscriptions. */
  pushInLine(bytes: Uint8Array): void {
    this.#append(bytes, 0, bytes.length);
    if (this.waitingBytes >= FLUSH_AT) this.flush();
    else this.#soon();
  }

  /** Queues what goes before the messages that wait: a heartbeat, a first word. Takes no room under the mark. */
  pushControl(bytes: Uint8Array): void {
    this.#controls.push(bytes);
    this.#soon();
  }

  /** Hands everything to the transport, unless a write is still in flight or there is no transport. */
  flush(): void {
    this.#scheduled = false;
    const sink = this.#sink;
    if (sink === null || this.#inFlight) return;
    let bytes = this.#partBytes + this.#end - this.#start;
    if (bytes === 0 && this.#controls.length === 0) return;
    this.#closePart();
    const parts = this.#parts;
    if (this.#controls.length > 0) {
      const commands = this.#controls.length === 1 ? this.#controls[0]! : Buffer.concat(this.#controls);
      this.#controls = [];
      parts.unshift(commands);
      bytes += commands.length;
    }
    this.#parts = [];
    this.#partBytes = 0;
    this.#large = bytes > SMALL_BATCH;
    this.#open = 0;
    this.#inFlight = true;
    this.#inFlightBytes = bytes;
    if (sink.write(parts)) {
      this.#taken();
      this.#releaseBatch(sink.keepsBuffers);
    }
    this.#room();
  }

  /** The transport has handed over all that was written. */
  drained(): void {
    if (!this.#inFlight) return;
    this.#taken();
    if (this.#empty) this.#releaseBatch(this.#sink?.keepsBuffers ?? true);
    this.flush();
    this.#room();
  }

  #taken(): void {
    this.#inFlight = false;
    this.sentMessages += this.queued - this.#open;
    this.ledger?.taken(this.queued - this.#open);
    this.sentBytes += this.#inFlightBytes;
    this.queued = this.#open;
  }

  #settle(): void {
    if (this.full) {
      // Most of the time the operating system takes it all, and nobody has to wait.
      this.flush();
      if (this.full) this.#filled();
    } else if (this.#end - this.#start + this.#partBytes >= FLUSH_AT) this.flush();
    else if (!this.#scheduled) this.#soon();
  }

  #soon(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#schedule(this);
  }

  #filled(): void {
    if (this.#wasFull) return;
    this.#wasFull = true;
    this.fullCount++;
  }

  #room(): void {
    if (!this.#wasFull || this.full) return;
    this.#wasFull = false;
    this.#onRoom();
  }

  #append(bytes: Uint8Array, start: number, end: number): void {
    const size = end - start;
    if (size < BY_REFERENCE) {
      const batch = this.#reserve(size);
      batch.set(start === 0 && end === bytes.length ? bytes : view(bytes, start, end), this.#end);
      this.#end += size;
      return;
    }
    this.#closePart();
    this.#parts.push(view(bytes, start, end));
    this.#partBytes += size;
  }

  /** A batch with `size` octets free at #end. */
  #reserve(size: number): Buffer {
    const batch = this.#batch;
    if (batch !== null && this.#end + size <= batch.length) return batch;
    return this.#grow(size);
  }

  #grow(size: number): Buffer {
    const old = this.#batch;
    const pending = this.#end - this.#start;
    const large = this.#large || pending + size > SMALL_BATCH;
    const batch = batchPool.acquire(large ? LARGE_BATCH : SMALL_BATCH);
    if (old !== null && old.length < batch.length && pending > 0) {
      batch.set(view(old, this.#start, this.#end), 0);
      // Parts that were closed earlier still point into the old one, or it is in flight: leave it to the collector.
      if (this.#start === 0 && !this.#inFlight) batchPool.release(old);
      this.#end = pending;
    } else {
      this.#closePart();
      this.#end = 0;
    }
    this.#start = 0;
    this.#batch = batch;
    return batch;
  }

  #closePart(): void {
    if (this.#start === this.#end) return;
    this.#parts.push(view(this.#batch!, this.#start, this.#end));
    this.#partBytes += this.#end - this.#start;
    this.#start = this.#end;
  }

  #releaseBatch(kept: boolean): void {
    if (this.#batch === null || kept) return;
    batchPool.release(this.#batch);
    this.#forgetBatch();
  }

  #forgetBatch(): void {
    this.#batch = null;
    this.#start = 0;
    this.#end = 0;
  }
}
