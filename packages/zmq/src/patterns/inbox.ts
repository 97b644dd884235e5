/**
 * What has arrived from one peer and was not received yet, as runs in order of arrival. Messages are decoded when they
 * are asked for: until then a message costs no object, only its bytes.
 */

import { readU64 } from '../bytes/u64.ts';
import { allocate, copyOf, copyWords, ON_HEAP, View, view } from '../bytes/view.ts';
import { HEADER_MAX, LONG, MORE, type Run, skipMessages } from '../zmtp/frame.ts';
import { keepers } from './keepers.ts';

const NOTHING = Buffer.alloc(0);
/** A frame may hold so many times its octets in memory, which others share. */
const SHARE = 4;
/** What memory of its own costs beside its octets: V8's object for it. */
const MEMORY_OVERHEAD = 96;
/** Reads are 64 KiB at most. While they are short the receiver keeps up with ease, and has time for a copy. */
const SHORT_READ = 8192;
/** With so many messages still to come in a run, a DataView of it pays. */
const MANY = 16;

export class Inbox {
  /** Messages held. */
  queued = 0;
  /** Memory that the runs hold; a run counts until its last message is taken. */
  bytes = 0;
  // The run that is being read, spread out: its memory, where the next message begins, and where it ends.
  #bytes: Uint8Array = NOTHING;
  #memory: ArrayBufferLike = NOTHING.buffer;
  #base = 0;
  #at = 0;
  #end = 0;
  #size = 0;
  #left = 0;
  /** The same memory, to read several octets at once, where many messages are to be copied. */
  #words: DataView | null = null;
  /** Size of all of its memory, which a view would hold. */
  #weight = 0;
  /** Views of it were handed out that hold more than their own octets. */
  #shared = false;
  /** Whoever receives from here keeps messages: see `keepers.ts`. */
  keeper = false;
  // Frames [#groupFrom, #groupTo) of it in memory of their own, for messages that are small, yet too large for V8's heap.
  #group: ArrayBufferLike = NOTHING.buffer;
  #groupFrom = 0;
  #groupTo = 0;
  // Runs after it.
  #runs: Run[] = [];
  #head = 0;

  /** Adds a run. Its memory is the inbox's from now on. */
  push(bytes: Uint8Array, start: number, end: number, count: number): void {
    this.queued += count;
    this.bytes += end - start;
    if (this.#left === 0) this.#open(bytes, start, end, count);
    else this.#runs.push({ bytes, start, end, count });
  }

  /** Keeps only the last message of all that is held and the run (the `conflate` option). Returns how many it drops. */
  keepLast(bytes: Uint8Array, start: number, end: number, count: number): number {
    const dropped = this.clear() + count - 1;
    this.push(bytes, skipMessages(bytes, start, count - 1), end, 1);
    return dropped;
  }

  /** The frames of the next message, or null. None of them holds more than a few times its octets in memory. */
  next(): Buffer[] | null {
    if (this.#left === 0) return null;
    const bytes = this.#bytes;
    const at = this.#at;
    const flags = bytes[at]!;
    let frames: Buffer[];
    if (flags === 0) {
      const size = bytes[at + 1]!;
      frames = [
        size <= ON_HEAP && size * SHARE < this.#weight
          ? this.#words === null
            ? this.#copy(at + 2, size)
            : copyWords(this.#words, at + 2, size)
          : this.#frame(at + 2, size),
      ];
      this.#at = at + 2 + size;
    } else {
      frames = [];
      this.#decode(flags, frames);
    }
    this.queued--;
    if (--this.#left === 0) this.#advance();
    return frames;
  }

  /** As `next`, with the frames added to `frames`. */
  nextInto(frames: Buffer[]): boolean {
    if (this.#left === 0) return false;
    this.#decode(this.#bytes[this.#at]!, frames);
    this.queued--;
    if (--this.#left === 0) this.#advance();
    return true;
  }

  /** The rest of the current run, left in the inbox, or null. */
  peekRun(): Run | null {
    if (this.#left === 0) return null;
    return { bytes: this.#bytes, start: this.#at, end: this.#end, count: this.#left };
  }

  /** Removes the first `count` messages of the current run; `start` is where the next one begins. */
  advance(start: number, count: number): void {
    this.queued -= count;
    this.#at = start;
    this.#left -= count;
    if (this.#left === 0) this.#advance();
  }

  /** Drops everything; returns the number of messages. */
  clear(): number {
    const dropped = this.queued;
    this.queued = 0;
    this.bytes = 0;
    this.#runs = [];
    this.#head = 0;
    this.#left = 0;
    this.#shared = false;
    this.#release();
    return dropped;
  }

  #decode(first: number, frames: Buffer[]): void {
    const bytes = this.#bytes;
    let at = this.#at;
    let flags = first;
    for (;;) {
      let size: number;
      if (flags & LONG) {
        size = readU64(bytes, at + 1);
        at += HEADER_MAX;
      } else {
        size = bytes[at + 1]!;
        at += 2;
      }
      frames.push(this.#frame(at, size));
      at += size;
      if ((flags & MORE) === 0) break;
      flags = bytes[at]!;
    }
    this.#at = at;
  }

  /** The first small frame of a run: it decides how those after it are copied. */
  #copy(at: number, size: number): Buffer {
    const bytes = this.#bytes;
    if (this.#left < MANY) return copyOf(bytes, at, size);
    this.#words = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    return copyWords(this.#words, at, size);
  }

  /** The frame with its body at `at`: a view where that holds little more than the frame, or nobody keeps it. */
  #frame(at: number, size: number): Buffer {
    if (size * SHARE < this.#weight) {
      if (size <= ON_HEAP) {
        return this.#words === null ? this.#copy(at, size) : copyWords(this.#words, at, size);
      }
      if (this.keeper || this.#weight <= SHORT_READ) {
        if (at >= this.#groupTo || at < this.#groupFrom) this.#gather(at, size);
        return new View(this.#group, at - this.#groupFrom, size);
      }
      this.#shared = true;
    }
    return new View(this.#memory, this.#base + at, size);
  }

  /**
   * Copies the frame at `at` and as many after it as each of them may hold: memory of its own costs ten times as much
   * as the copy, so that frames share it.
   */
  #gather(at: number, size: number): void {
    const bytes = this.#bytes;
    let most = size * SHARE - MEMORY_OVERHEAD;
    let to = at + size;
    for (let next = to; next + 2 < this.#end; ) {
      const long = bytes[next]! & LONG;
      const body = next + (long ? HEADER_MAX : 2);
      const length = long ? readU64(bytes, next + 1) : bytes[next + 1]!;
      next = body + length;
      if (length > ON_HEAP) {
        most = Math.min(most, length * SHARE - MEMORY_OVERHEAD);
        if (next - at > most) break;
        to = next;
      } else if (next - at > most) break;
    }
    const group = allocate(to - at);
    group.set(view(bytes, at, to));
    this.#group = group.buffer;
    this.#groupFrom = at;
    this.#groupTo = to;
  }

  #open(bytes: Uint8Array, start: number, end: number, count: number): void {
    this.#bytes = bytes;
    this.#memory = bytes.buffer;
    this.#weight = bytes.buffer.byteLength;
    this.#words = null;
    this.#groupTo = 0;
    this.#base = bytes.byteOffset;
    this.#at = start;
    this.#end = end;
    this.#size = end - start;
    this.#left = count;
  }

  #advance(): void {
    this.bytes -= this.#size;
    if (this.#shared) {
      this.#shared = false;
      keepers.handedOut(this.#memory, this);
    }
    if (this.#head < this.#runs.length) {
      const run = this.#runs[this.#head++]!;
      if (this.#head === this.#runs.length) {
        this.#runs.length = 0;
        this.#head = 0;
      } else if (this.#head >= 1024) {
        // Without this a queue that never runs empty would keep every run that passed through it.
        this.#runs = this.#runs.slice(this.#head);
        this.#head = 0;
      }
      this.#open(run.bytes, run.start, run.end, run.count);
    } else this.#release();
  }

  #release(): void {
    this.#bytes = NOTHING;
    this.#memory = NOTHING.buffer;
    this.#words = null;
    this.#group = NOTHING.buffer;
    this.#groupTo = 0;
    this.#at = 0;
    this.#end = 0;
  }
}
