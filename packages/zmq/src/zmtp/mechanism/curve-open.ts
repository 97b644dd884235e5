/**
 * CURVE, receiving (RFC 26, The MESSAGE Command): each encrypted MESSAGE frame becomes the plain frame in it. The work is
 * done for a whole chunk in the arena, and the result gets memory of its own. A large frame that is whole is decrypted from
 * the chunk; a torn one is collected where it is then decrypted. Either leaves from there without a copy. The chunk is not
 * written to, and not kept.
 *
 * Checked before anything is decrypted: the limit, the length, and that the nonce is above that of the frame before.
 */
import { readU64 } from '../../bytes/u64.ts';
import { allocate, view } from '../../bytes/view.ts';
import { ZmqError } from '../../errors.ts';
import { COMMAND, HEADER_MAX, LONG, SHORT_MAX, writeHeader } from '../frame.ts';
import {
  BOX_EXTRA,
  type BoxArena,
  MESSAGE_EXTRA as EXTRA,
  MESSAGE_HEAD as HEAD,
  LARGE,
  MESSAGE_NAME as NAME,
  SMALL,
} from './curve.ts';

/** Memory for a frame that is not all there: at once up to this size, then as it arrives, doubling. */
const ALLOCATE_AT_ONCE = 1 << 20;
/** Small frames that are opened at once: who keeps one keeps no more of its neighbours than of those of a plain read. */
const STRETCH = 65_536;
// In front of a large box, or what was in it, so that with the flags inside it its header ends where its body begins.
const SLACK = HEADER_MAX - 1;

const INNER_MORE = 0x01;
const INNER_COMMAND = 0x02;

export class CurveOpener {
  readonly #arena: BoxArena;
  readonly #key: Buffer;
  /** A prefix that tells the direction, then the number; that of a large frame waits here. */
  readonly #receiveNonce: Buffer;
  // Of the last frame, in two halves: they may be of 64 bits.
  #lastHigh: number;
  #lastLow: number;
  #closed = false;
  /** The beginning of a frame that fits into the arena. */
  #tail: Buffer | null = null;
  // A large frame on its way: its box is #large[SLACK, SLACK + #want), of which #have octets are there.
  #large: Buffer | null = null;
  #have = 0;
  #want = 0;

  /** `last`: the peer's short nonce in the handshake. */
  constructor(arena: BoxArena, key: Buffer, server: boolean, last: Uint8Array) {
    this.#arena = arena;
    this.#key = key;
    this.#receiveNonce = Buffer.from(`CurveZMQMESSAGE${server ? 'C' : 'S'}--------`, 'latin1');
    this.#lastHigh = u32(last, 0);
    this.#lastLow = u32(last, 4);
  }

  close(): void {
    this.#closed = true;
    this.#tail = null;
    this.#large = null;
  }

  open(chunk: Uint8Array, limit: number, plain: (bytes: Uint8Array) => void): void {
    let at = 0;
    while (at < chunk.length && !this.#closed) {
      if (this.#large !== null) at = this.#collect(chunk, at, plain);
      else if (this.#tail === null && isLarge(chunk, at, chunk.length)) {
        const failure = this.#admitLarge(chunk, at, limit);
        if (failure !== null) throw failure;
        at += HEADER_MAX + HEAD;
        if (at + this.#want <= chunk.length) {
          this.#openLarge(allocate(SLACK + this.#want - BOX_EXTRA), SLACK, chunk, at, plain);
          at += this.#want;
        } else this.#beginLarge(chunk, at, at);
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
    const stretch = Math.min(chunk.length - at, STRETCH, inputSize - (end - input));
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
    // More than the arena was given is there: it goes on from the chunk, where what is left is not of an earlier one.
    const more = used < chunk.length && rest <= stretch;
    this.#tail = null;
    if (failure === null && rest > 0) {
      // A large frame goes on from the chunk itself, unless its head began in an earlier one.
      if (more) used -= rest;
      else if (!isLarge(memory, from, end)) this.#tail = fresh(memory, from, end);
      else if (rest <= stretch) used -= rest;
      else {
        failure = this.#admitLarge(memory, from, limit);
        if (failure === null) this.#beginLarge(memory, from + HEADER_MAX + HEAD, end);
      }
    }
    // From here on the arena may be used by others.
    if (to > output) plain(fresh(memory, output, to));
    if (failure !== null) throw failure;
    return used;
  }

  /** Takes the head of a large frame, which is all there. */
  #admitLarge(bytes: Uint8Array, at: number, limit: number): ZmqError | null {
    const size = readU64(bytes, at + 1);
    const body = at + HEADER_MAX;
    const failure = tooLarge(size, limit) ?? this.#admit(bytes, body, size);
    if (failure !== null) return failure;
    this.#receiveNonce.set(view(bytes, body + NAME.length, body + HEAD), 16);
    this.#want = size - HEAD;
    return null;
  }

  /** Begins to collect its box, of which `bytes[start, end)` is there, where it is then decrypted. */
  #beginLarge(bytes: Uint8Array, start: number, end: number): void {
    this.#have = end - start;
    this.#large = this.#hold(this.#want, this.#have);
    this.#large.set(view(bytes, start, end), SLACK);
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
    this.#openLarge(large, SLACK + BOX_EXTRA, large, SLACK, plain);
    return at + piece;
  }

  /** Opens the whole box at `box[from]` into `bytes` from `to` on, in front of which there is room for the header. */
  #openLarge(
    bytes: Buffer,
    to: number,
    box: Uint8Array,
    from: number,
    plain: (bytes: Uint8Array) => void,
  ): void {
    const arena = this.#arena;
    arena.memory.set(this.#key, arena.key);
    arena.memory.set(this.#receiveNonce, arena.nonce);
    if (!arena.openTo(bytes, to, box, from, this.#want)) throw damaged();
    // The flags are where the last octet of the size is to be.
    const body = to + 1;
    const length = this.#want - BOX_EXTRA - 1;
    writeHeader(bytes, body - HEADER_MAX, outer(bytes[to]!), length);
    plain(view(bytes, body - HEADER_MAX, body + length));
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
