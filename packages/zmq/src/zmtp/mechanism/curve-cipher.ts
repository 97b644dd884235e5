/**
 * CURVE's traffic (RFC 26, The MESSAGE Command): each plain frame becomes one encrypted MESSAGE frame, commands too, and
 * back. The work is done for a whole batch, or a whole chunk, in the arena: what fits there costs no memory of its own.
 * A large frame is collected where it is then decrypted, and leaves from there without a copy.
 *
 * Checked before anything is decrypted: the limit, the length, and that the nonce is above that of the frame before.
 */
import { readU64, writeU64 } from '../../bytes/u64.ts';
import { allocate, view } from '../../bytes/view.ts';
import { ZmqError } from '../../errors.ts';
import { COMMAND, HEADER_MAX, LONG, MORE, SHORT_MAX, writeHeader } from '../frame.ts';
import { BOX_EXTRA, type BoxArena, KEY_SIZE, wipe } from './curve.ts';
import type { Cipher } from './mechanism.ts';

/** "MESSAGE" with its length in front. */
const NAME = Buffer.from('\x07MESSAGE', 'latin1');
/** Name and short nonce. */
const HEAD = NAME.length + 8;
/** What a MESSAGE frame's body is longer than the plain one: head, box, flags. */
const EXTRA: number = HEAD + BOX_EXTRA + 1;
/** Plain bodies above this size go their own way. */
const LARGE = 16_384;
/** Batches up to this size come from Node's pool, and are not kept. */
const SMALL = 4096;
/** Memory for a batch that is used again: some of it is kept, for all connections. */
const CHUNK = 262_144;
const SPARE = 4;
/** Plain octets that are sealed at once: the peer should have something to do while we go on, and memory has an end. */
const SLICE = 262_144;
/** Memory for a frame that is not all there: at once up to this size, then as it arrives, doubling. */
const ALLOCATE_AT_ONCE = 1 << 20;
// In front of a large box, so that with the flags of the plain frame inside it, its header ends where its body begins.
const SLACK = HEADER_MAX - 1;

const INNER_MORE = 0x01;
const INNER_COMMAND = 0x02;

/** RFC 26: a nonce is used once. The last of these is never sent. */
export const NONCES: number = Number.MAX_SAFE_INTEGER;

const spare: Buffer[] = [];

export class CurveCipher implements Cipher {
  readonly #arena: BoxArena;
  readonly #key: Buffer;
  // Full nonces: a prefix that tells the direction, then the number.
  readonly #sendNonce: Buffer;
  readonly #receiveNonce: Buffer;
  #next: number;
  // Of the last frame received, in two halves: they may be of 64 bits.
  #lastHigh: number;
  #lastLow: number;
  #closed = false;

  // What is to be sealed: the rest of #parts, from #at of #parts[#index] on.
  #parts: readonly Uint8Array[] = [];
  #index = 0;
  #at = 0;
  // Memory of the last `seal`, to be used again; the last of it is #room, filled up to #filled.
  #lent: Buffer[] = [];
  #room: Buffer | null = null;
  #filled = 0;
  /** The beginning of a frame that fits into the arena. */
  #tail: Buffer | null = null;
  // A large frame on its way: its box is #large[#slack..), of which #have octets are there; its head is in #head.
  #large: Buffer | null = null;
  #have = 0;
  #want = 0;

  /** `next`: the number of the first frame; `last`: the peer's short nonce in the handshake. `key` is wiped by `close`. */
  constructor(arena: BoxArena, key: Buffer, server: boolean, next: number, last: Uint8Array) {
    this.#arena = arena;
    this.#key = key;
    this.#next = next;
    this.#sendNonce = Buffer.from(`CurveZMQMESSAGE${server ? 'S' : 'C'}--------`, 'latin1');
    this.#receiveNonce = Buffer.from(`CurveZMQMESSAGE${server ? 'C' : 'S'}--------`, 'latin1');
    this.#lastHigh = u32(last, 0);
    this.#lastLow = u32(last, 4);
  }

  close(): void {
    this.#closed = true;
    this.#tail = null;
    this.#large = null;
    this.#parts = [];
    this.#lent = [];
    this.#room = null;
    wipe(this.#key);
    const { memory, key } = this.#arena;
    memory.fill(0, key, key + KEY_SIZE);
  }

  // ---- sending

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

  // ---- receiving

  open(chunk: Uint8Array, limit: number, plain: (bytes: Uint8Array) => void): void {
    let at = 0;
    while (at < chunk.length && !this.#closed) {
      if (this.#large !== null) at = this.#collect(chunk, at, plain);
      else if (this.#tail === null && isLarge(chunk, at, chunk.length)) {
        const head = at + HEADER_MAX + HEAD;
        const failure = this.#beginLarge(chunk, at, head, limit);
        if (failure !== null) throw failure;
        at = head;
      } else at = this.#openStretch(chunk, at, limit, plain);
    }
  }

  /** Opens what is whole of `chunk` from `at` on, behind the tail; returns where the rest begins. */
  #openStretch(chunk: Uint8Array, at: number, limit: number, plain: (bytes: Uint8Array) => void): number {
    const arena = this.#arena;
    const { memory, input, inputSize, output } = arena;
    memory.set(this.#key, arena.key);
    memory.set(this.#receiveNonce, arena.nonce);
    let end = input;
    const tail = this.#tail;
    if (tail !== null) {
      memory.set(tail, end);
      end += tail.length;
    }
    const stretch = Math.min(chunk.length - at, inputSize - (end - input));
    memory.set(at === 0 && stretch === chunk.length ? chunk : view(chunk, at, at + stretch), end);
    end += stretch;
    let from = input;
    let to = output;
    let failure: ZmqError | null = null;
    while (from < end) {
      const body = from + (memory[from]! & LONG ? HEADER_MAX : 2);
      if (body > end) break;
      const size = memory[from]! & LONG ? readU64(memory, from + 1) : memory[from + 1]!;
      const next = body + size;
      if (next > end) {
        failure = tooLarge(size, limit);
        break;
      }
      failure = tooLarge(size, limit) ?? this.#admit(memory, body, size);
      if (failure !== null) break;
      for (let i = 0; i < 8; i++) memory[arena.nonce + 16 + i] = memory[body + NAME.length + i]!;
      const length = size - EXTRA;
      // Where the plain frame's last octet of the size is to be, the flags come first.
      const begin = to + (length > SHORT_MAX ? HEADER_MAX : 2);
      if (!arena.open(begin - 1, body + HEAD, size - HEAD)) {
        failure = damaged();
        break;
      }
      writeHeader(memory, to, outer(memory[begin - 1]!), length);
      to = begin + length;
      from = next;
    }
    const rest = end - from;
    let used = at + stretch;
    this.#tail = null;
    if (failure === null && rest > 0) {
      // A large frame goes on from the chunk itself, unless its head began in an earlier one.
      if (!isLarge(memory, from, end)) this.#tail = fresh(memory, from, end);
      else if (rest <= stretch) used -= rest;
      else failure = this.#beginLarge(memory, from, end, limit);
    }
    let bytes: Buffer | null = null;
    if (to > output) {
      // The chunk is ours, and what was encrypted in it no longer needed: mostly a good place. It spares half the garbage.
      if (to - output > used - at) bytes = fresh(memory, output, to);
      else {
        bytes = view(chunk, at, at + to - output);
        bytes.set(view(memory, output, to));
      }
    }
    // From here on the arena may be used by others.
    if (bytes !== null) plain(bytes);
    if (failure !== null) throw failure;
    return used;
  }

  /** Begins to collect a large frame, whose head is there, where it is then decrypted. It goes on at `end`. */
  #beginLarge(bytes: Uint8Array, at: number, end: number, limit: number): ZmqError | null {
    const size = readU64(bytes, at + 1);
    const body = at + HEADER_MAX;
    const failure = tooLarge(size, limit) ?? this.#admit(bytes, body, size);
    if (failure !== null) return failure;
    this.#receiveNonce.set(view(bytes, body + NAME.length, body + HEAD), 16);
    this.#want = size - HEAD;
    this.#have = end - body - HEAD;
    this.#large = this.#hold(this.#want, this.#have);
    this.#large.set(view(bytes, body + HEAD, end), SLACK);
    return null;
  }

  /** Memory for a box of `want` octets, of which `have` have arrived: it follows what arrived, not what is claimed. */
  #hold(want: number, have: number): Buffer {
    return allocate(SLACK + Math.min(want, Math.max(2 * have, ALLOCATE_AT_ONCE)));
  }

  #collect(chunk: Uint8Array, at: number, plain: (bytes: Uint8Array) => void): number {
    let large = this.#large!;
    const piece = Math.min(chunk.length - at, this.#want - this.#have);
    const have = this.#have + piece;
    if (SLACK + have > large.length) {
      const grown = this.#hold(this.#want, have);
      grown.set(view(large, 0, SLACK + this.#have));
      large = grown;
      this.#large = grown;
    }
    large.set(view(chunk, at, at + piece), SLACK + this.#have);
    this.#have = have;
    if (have < this.#want) return at + piece;
    this.#large = null;
    const arena = this.#arena;
    arena.memory.set(this.#key, arena.key);
    arena.memory.set(this.#receiveNonce, arena.nonce);
    if (!arena.openIn(large, SLACK, have)) throw damaged();
    const length = have - BOX_EXTRA - 1;
    const begin = SLACK + BOX_EXTRA + 1;
    const start = begin - HEADER_MAX;
    writeHeader(large, start, outer(large[begin - 1]!), length);
    plain(view(large, start, begin + length));
    return at + piece;
  }

  /** What can be said of a frame before it is opened; its nonce counts from here on. */
  #admit(memory: Uint8Array, at: number, size: number): ZmqError | null {
    for (let i = 0; i < NAME.length; i++) {
      if (i >= size || memory[at + i] !== NAME[i]) return stranger();
    }
    if (size < EXTRA) {
      const detail = `a MESSAGE of ${size} octets; it has at least ${EXTRA}`;
      return new ZmqError('ERR_ZMTP_MALFORMED_COMMAND_MESSAGE', { detail });
    }
    const high = u32(memory, at + NAME.length);
    const low = u32(memory, at + NAME.length + 4);
    if (high < this.#lastHigh || (high === this.#lastHigh && low <= this.#lastLow)) {
      const detail = 'a MESSAGE with a nonce that is not above the last: repeated, or out of order';
      return new ZmqError('ERR_ZMTP_INVALID_SEQUENCE', { detail });
    }
    this.#lastHigh = high;
    this.#lastLow = low;
    return null;
  }
}

function u32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

/** Flags of the plain frame. */
function outer(inner: number): number {
  return (inner & INNER_MORE) | (inner & INNER_COMMAND ? COMMAND : 0);
}

/** A large frame whose head is all there. */
function isLarge(bytes: Uint8Array, at: number, end: number): boolean {
  return at + HEADER_MAX + HEAD <= end && (bytes[at]! & LONG) !== 0 && readU64(bytes, at + 1) > LARGE + EXTRA;
}

function headerEnd(bytes: Uint8Array, at: number): number {
  return at + (bytes[at]! & LONG ? HEADER_MAX : 2);
}

function sizeOf(bytes: Uint8Array, at: number): number {
  return bytes[at]! & LONG ? readU64(bytes, at + 1) : bytes[at + 1]!;
}

/** A copy that is the receiver's. */
function fresh(memory: Uint8Array, start: number, end: number): Buffer {
  const length = end - start;
  const bytes = length <= SMALL ? Buffer.allocUnsafe(length) : allocate(length);
  bytes.set(view(memory, start, end));
  return bytes;
}

function tooLarge(size: number, limit: number): ZmqError | null {
  if (size <= limit + EXTRA) return null;
  const number = Number.isFinite(size) ? String(size - EXTRA) : 'more than 2^53';
  const detail = `a frame of ${number} octets; the limit is ${limit} (maxMessageSize)`;
  return new ZmqError('ERR_ZMTP_MESSAGE_SIZE', { detail });
}

function damaged(): ZmqError {
  return new ZmqError('ERR_ZMTP_CRYPTOGRAPHIC', {
    detail: 'a MESSAGE that was not encrypted with the keys of this connection, or was changed',
  });
}

function stranger(): ZmqError {
  return new ZmqError('ERR_ZMTP_UNEXPECTED_COMMAND', {
    detail: 'something else than a MESSAGE on an encrypted connection',
  });
}

function torn(): Error {
  return new Error('frames to be encrypted that are not whole');
}
