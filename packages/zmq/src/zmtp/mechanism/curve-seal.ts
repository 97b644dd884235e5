/**
 * CURVE, sending (RFC 26, The MESSAGE Command): each plain frame becomes one encrypted MESSAGE frame, commands too. The
 * work is done for a whole batch in the arena: what fits there costs no memory of its own. A large frame is copied once,
 * to where it is encrypted.
 */
import { readU64, writeU64 } from '../../bytes/u64.ts';
import { allocate, view } from '../../bytes/view.ts';
import { ZmqError } from '../../errors.ts';
import { COMMAND, HEADER_MAX, LONG, MORE, writeHeader } from '../frame.ts';
import {
  BOX_EXTRA,
  type BoxArena,
  MESSAGE_EXTRA as EXTRA,
  MESSAGE_HEAD as HEAD,
  LARGE,
  MESSAGE_NAME as NAME,
  SMALL,
} from './curve.ts';

/** Memory for a batch that is used again: some of it is kept, for all connections. */
const CHUNK = 262_144;
const SPARE = 4;
/** Plain octets that are sealed at once: the peer should have something to do while we go on, and memory has an end. */
const SLICE = 262_144;

/** RFC 26: a nonce is used once. The last of these is never sent. */
export const NONCES: number = Number.MAX_SAFE_INTEGER;

const spare: Buffer[] = [];

export class CurveSealer {
  readonly #arena: BoxArena;
  readonly #key: Buffer;
  /** A prefix that tells the direction, then the number. */
  readonly #sendNonce: Buffer;
  #next: number;
  // What is to be sealed: the rest of #parts, from #at of #parts[#index] on.
  #parts: readonly Uint8Array[] = [];
  #index = 0;
  #at = 0;
  // Memory of the last `seal`, to be used again; the last of it is #room, filled up to #filled.
  #lent: Buffer[] = [];
  #room: Buffer | null = null;
  #filled = 0;

  /** `next`: the number of the first frame. */
  constructor(arena: BoxArena, key: Buffer, server: boolean, next: number) {
    this.#arena = arena;
    this.#key = key;
    this.#next = next;
    this.#sendNonce = Buffer.from(`CurveZMQMESSAGE${server ? 'S' : 'C'}--------`, 'latin1');
  }

  /** Gives up what waits, and memory that somebody may still look at. */
  close(): void {
    this.#parts = [];
    this.#index = 0;
    this.#lent = [];
    this.#room = null;
  }

  take(parts: readonly Uint8Array[]): void {
    this.#parts = parts;
    this.#index = 0;
    this.#at = 0;
  }

  seal(): Uint8Array[] | null {
    this.taken();
    if (this.#index === this.#parts.length) {
      this.#parts = [];
      this.#index = 0;
      return null;
    }
    const sealed: Uint8Array[] = [];
    const { memory, key, nonce } = this.#arena;
    memory.set(this.#key, key);
    memory.set(this.#sendNonce, nonce);
    let part = this.#parts[this.#index]!;
    for (let room = SLICE; room > 0; ) {
      if (this.#at === part.length) {
        if (++this.#index === this.#parts.length) break;
        part = this.#parts[this.#index]!;
        this.#at = 0;
        continue;
      }
      const body = headerEnd(part, this.#at);
      const size = body > part.length ? 0 : sizeOf(part, this.#at);
      if (body > part.length) part = this.#join(part);
      else if (size <= LARGE && body + size <= part.length) room -= this.#sealStretch(part, sealed);
      else {
        room -= size;
        part = this.#sealLarge(part, body, size, sealed);
      }
    }
    return sealed;
  }

  taken(): void {
    for (const chunk of this.#lent) if (spare.length < SPARE) spare.push(chunk);
    this.#lent = [];
    this.#room = null;
  }

  /** A header in two parts: nobody does that, and it is right all the same. */
  #join(part: Uint8Array): Uint8Array {
    const rest = this.#parts.slice(this.#index + 1);
    if (rest.length === 0) throw torn();
    const joined = Buffer.concat([view(part, this.#at, part.length), rest[0]!]);
    this.#parts = [joined, ...rest.slice(1)];
    this.#index = 0;
    this.#at = 0;
    return joined;
  }

  /** Seals a frame whose body is large, or in several parts. Returns the part in which it ends. */
  #sealLarge(first: Uint8Array, body: number, size: number, sealed: Uint8Array[]): Uint8Array {
    const out = this.#begin(first[this.#at]!, size, sealed);
    let part = first;
    let at = body;
    for (let to = out.length - size; ; ) {
      const piece = Math.min(out.length - to, part.length - at);
      out.set(view(part, at, at + piece), to);
      to += piece;
      at += piece;
      if (to === out.length) break;
      if (++this.#index === this.#parts.length) throw torn();
      part = this.#parts[this.#index]!;
      at = 0;
    }
    this.#at = at;
    this.#arena.sealIn(out, out.length - size - 1 - BOX_EXTRA, size + 1);
    return part;
  }

  /** Seals whole small frames, as many as the arena takes; returns how many octets of `part` that were. */
  #sealStretch(part: Uint8Array, sealed: Uint8Array[]): number {
    const at = this.#at;
    const { memory, input, inputSize, output, nonce } = this.#arena;
    const stretch = Math.min(part.length - at, inputSize);
    memory.set(at === 0 && stretch === part.length ? part : view(part, at, at + stretch), input);
    const end = input + stretch;
    const full = output + CHUNK - LARGE - EXTRA - HEADER_MAX;
    const counter = nonce + 16;
    let from = input;
    let to = output;
    while (from < end && to <= full) {
      const flags = memory[from]!;
      let size: number;
      let body: number;
      if (flags & LONG) {
        body = from + HEADER_MAX;
        if (body > end) break;
        size = readU64(memory, from + 1);
        if (size > LARGE) break;
      } else {
        body = from + 2;
        if (body > end) break;
        size = memory[from + 1]!;
      }
      const next = body + size;
      if (next > end) break;
      to = writeHeader(memory, to, 0, size + EXTRA);
      for (let i = 0; i < 8; i++) memory[to + i] = NAME[i]!;
      this.#count(memory, counter);
      for (let i = 0; i < 8; i++) memory[to + 8 + i] = memory[counter + i]!;
      to += HEAD;
      // The flags go in front of the body, where the last octet of the size was.
      memory[body - 1] = (flags & MORE) | ((flags & COMMAND) >> 1);
      this.#arena.seal(to, body - 1, size + 1);
      to += BOX_EXTRA + 1 + size;
      from = next;
    }
    const batch = this.#place(to - output);
    batch.set(view(memory, output, to));
    sealed.push(batch);
    this.#at = at + from - input;
    return from - input;
  }

  /** Memory for what is sealed, until it is taken. */
  #place(length: number): Buffer {
    if (length <= SMALL) return Buffer.allocUnsafe(length);
    if (length > CHUNK) return allocate(length);
    if (this.#room === null || this.#filled + length > CHUNK) {
      this.#room = spare.pop() ?? allocate(CHUNK);
      this.#lent.push(this.#room);
      this.#filled = 0;
    }
    const start = this.#filled;
    this.#filled = start + length;
    return view(this.#room, start, this.#filled);
  }

  /** The frame for a large body, up to where the body begins; the octets of it are to be put at its end. */
  #begin(flags: number, size: number, sealed: Uint8Array[]): Buffer {
    const { memory, nonce } = this.#arena;
    const out = this.#place(HEADER_MAX + EXTRA + size);
    // Always in the long form, which every peer takes: a body that is small and in two parts comes here as well.
    out[0] = LONG;
    writeU64(out, 1, size + EXTRA);
    let at = HEADER_MAX;
    out.set(NAME, at);
    at += NAME.length;
    this.#count(memory, nonce + 16);
    out.set(view(memory, nonce + 16, nonce + 24), at);
    at += 8 + BOX_EXTRA;
    out[at] = (flags & MORE) | ((flags & COMMAND) >> 1);
    sealed.push(out);
    return out;
  }

  /** Takes the next number for a frame. */
  #count(memory: Uint8Array, counter: number): void {
    const number = this.#next;
    if (number >= NONCES) {
      const detail = 'the connection has used up its nonces; a new one takes over';
      throw new ZmqError('ERR_ZMTP_CRYPTOGRAPHIC', { detail });
    }
    this.#next = number + 1;
    writeU64(memory, counter, number);
  }
}

function headerEnd(bytes: Uint8Array, at: number): number {
  return at + (bytes[at]! & LONG ? HEADER_MAX : 2);
}

function sizeOf(bytes: Uint8Array, at: number): number {
  return bytes[at]! & LONG ? readU64(bytes, at + 1) : bytes[at + 1]!;
}

function torn(): Error {
  return new Error('frames to be encrypted that are not whole');
}
