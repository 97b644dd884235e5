/**
 * Plain ZMTP frames to WebSocket frames (RFC 6455, section 5; RFC 45): many small messages leave in one write. No timer,
 * no socket; random octets for masks are handed in.
 */
import { readU64, writeU64 } from '../bytes/u64.ts';
import { view } from '../bytes/view.ts';
import { COMMAND, HEADER_MAX, LONG, MORE } from './frame.ts';
import {
  BINARY,
  CLOSE,
  FINAL,
  HEAD_MAX,
  LARGE,
  MASKED,
  memoryOf,
  PING,
  PONG,
  words,
  xorBlocks,
  xorInto,
} from './websocket.ts';
import { ZWS_COMMAND } from './zws.ts';

/** Writes the head of a frame without mask or payload; returns where it ends. */
function writeHead(bytes: Uint8Array, at: number, opcode: number, masked: number, size: number): number {
  bytes[at] = FINAL | opcode;
  if (size <= 125) {
    bytes[at + 1] = masked | size;
    return at + 2;
  }
  if (size <= 0xffff) {
    bytes[at + 1] = masked | 126;
    bytes[at + 2] = size >> 8;
    bytes[at + 3] = size & 0xff;
    return at + 4;
  }
  bytes[at + 1] = masked | 127;
  writeU64(bytes, at + 2, size);
  return at + 10;
}

/** Bodies from this size on go by reference where nothing is masked. */
const BY_REFERENCE = 8192;
const BATCH = 131_072;
/** Bodies up to this size are copied with their head in one go. */
const SMALL = 124;
/** Octets for masks that are fetched at once. */
const MASKS = 4096;

/** Memory to write to, in three shapes. */
interface Batch {
  readonly bytes: Buffer;
  readonly words: DataView;
  readonly memory: Int32Array;
}

/** Batches that nobody uses: connections take turns. */
const spares: Batch[] = [];
const SPARES = 8;

const NOTHING: readonly Uint8Array[] = [];

/** Masks that nobody can foretell, a new one for each frame (RFC 6455, 5.3 and 10.3). */
export class Masks {
  readonly #fill: (bytes: Uint8Array) => void;
  readonly #bytes: Uint8Array = new Uint8Array(MASKS);
  readonly #words: DataView = words(this.#bytes);
  #at = MASKS;

  /** `fill` writes random octets, of a quality that is good for keys. */
  constructor(fill: (bytes: Uint8Array) => void) {
    this.#fill = fill;
  }

  next(): number {
    if (this.#at === MASKS) {
      this.#fill(this.#bytes);
      this.#at = 0;
    }
    const mask = this.#words.getInt32(this.#at, true);
    this.#at += 4;
    return mask;
  }
}

/** What leaves: plain ZMTP frames to WebSocket frames, a client's masked. */
export class WebSocketWriter {
  readonly #masks: Masks | null;
  // The mask of the message that is being written, turned so that its next octet is the lowest.
  #mask = 0;
  #parts: Uint8Array[] = [];
  // What is to be encoded, from #at of the part #index on, and what was copied of it by now.
  #plain: readonly Uint8Array[] = NOTHING;
  #index = 0;
  #at = 0;
  #copied = 0;
  /** The part that is being read. */
  #from: DataView | null = null;
  #batch: Batch | null = null;
  #start = 0;
  #end = 0;
  /** Others that are full, or not taken yet. */
  #used: Batch[] = [];

  /** Null: a server, which does not mask. */
  constructor(masks: Masks | null) {
    this.#masks = masks;
  }

  /** Whole plain frames to what is to be written: `take`, and all of `next` at once. */
  encode(parts: readonly Uint8Array[]): Uint8Array[] {
    this.take(parts);
    return this.next(Number.POSITIVE_INFINITY) ?? [];
  }

  /**
   * Whole plain frames to be encoded; they have to stay as they are until `next` says null. A body may begin in one part
   * and go on in the next, a header is in one part.
   */
  take(parts: readonly Uint8Array[]): void {
    this.#plain = parts;
    this.#index = 0;
    this.#at = 0;
  }

  /**
   * What is to be written next: whole frames, not many more than `enough` octets of them in copies. Large bodies may be in
   * it as they are in what was taken. Null: there is nothing more.
   */
  next(enough: number): Uint8Array[] | null {
    const parts = this.#plain;
    if (this.#index === parts.length) return null;
    this.#copied = 0;
    /** Octets of the last frame's body that are still to come. */
    let missing = 0;
    while (this.#index < parts.length && (missing > 0 || this.#copied < enough)) {
      const part = parts[this.#index]!;
      const end = part.length;
      let at = this.#at;
      if (at === 0 && missing > 0) {
        at = Math.min(missing, end);
        this.#body(part, 0, at);
        missing -= at;
      }
      while (at < end && this.#copied < enough) {
        if (part[at]! <= MORE) {
          at = this.#encodeSmall(part, at);
          if (at >= end) break;
        }
        const flags = part[at]!;
        const long = (flags & LONG) !== 0;
        const size = long ? readU64(part, at + 1) : part[at + 1]!;
        at += long ? HEADER_MAX : 2;
        this.#head(zwsFlags(flags), size);
        const next = Math.min(at + size, end);
        if (next > at) this.#body(part, at, next);
        missing = size - (next - at);
        at = next;
      }
      if (at < end) {
        this.#at = at;
        break;
      }
      this.#at = 0;
      this.#index++;
      this.#from = null;
    }
    if (this.#index === parts.length) this.take(NOTHING);
    this.#from = null;
    this.#closePart();
    const encoded = this.#parts;
    this.#parts = [];
    return encoded;
  }

  /** What `next` gave last went to the transport, which says whether it is `written`: then the memory is free again. */
  release(written: boolean): void {
    if (this.#batch !== null) {
      // Of what is on its way at a time no more than that is used again.
      if (this.#used.length < SPARES) this.#used.push(this.#batch);
      this.#batch = null;
    }
    this.#start = 0;
    this.#end = 0;
    if (written) this.drained();
  }

  /** All that was ever encoded is written. */
  drained(): void {
    for (const batch of this.#used)
      if (spares.length < SPARES && batch.bytes.length === BATCH) spares.push(batch);
    this.#used.length = 0;
  }

  /** A control frame in memory of its own. */
  control(opcode: 'close' | 'ping' | 'pong', payload: Uint8Array): Buffer {
    const masks = this.#masks;
    const frame = Buffer.allocUnsafe(2 + (masks === null ? 0 : 4) + payload.length);
    const code = opcode === 'close' ? CLOSE : opcode === 'ping' ? PING : PONG;
    let at = writeHead(frame, 0, code, masks === null ? 0 : MASKED, payload.length);
    let mask = 0;
    if (masks !== null) {
      mask = masks.next();
      frame.writeUInt32LE(mask >>> 0, at);
      at += 4;
    }
    for (let i = 0; i < payload.length; i++) frame[at + i] = payload[i]! ^ (mask >>> (8 * (i & 3)));
    return frame;
  }

  /** The hot loop: small messages that are all in `part`, from `start` on. Returns where something else begins. */
  #encodeSmall(part: Uint8Array, start: number): number {
    this.#from ??= words(part);
    const from = this.#from;
    const masks = this.#masks;
    const extra = masks === null ? 3 : 7;
    const second = masks === null ? 1 : MASKED + 1;
    const last = part.length - 2;
    let at = start;
    while (at <= last) {
      const flags = part[at]!;
      const size = part[at + 1]!;
      const body = at + 2;
      if (flags & LONG || size > SMALL || body + size > part.length) break;
      const { bytes, words: to } = this.#reserve(extra + size, 0);
      const end = this.#end;
      bytes[end] = FINAL | BINARY;
      bytes[end + 1] = second + size;
      let mask = 0;
      if (masks !== null) {
        mask = masks.next();
        to.setInt32(end + 2, mask, true);
      }
      bytes[end + extra - 1] = zwsFlags(flags) ^ mask;
      xorInto(to, end + extra, from, body, size, (mask >>> 8) | (mask << 24));
      this.#end = end + extra + size;
      at = body + size;
    }
    this.#copied += at - start;
    return at;
  }

  #head(flags: number, size: number): void {
    const { bytes, words: to } = this.#reserve(HEAD_MAX, size);
    if (this.#masks === null) {
      const at = writeHead(bytes, this.#end, BINARY, 0, size + 1);
      bytes[at] = flags;
      this.#end = at + 1;
      return;
    }
    const mask = this.#masks.next();
    const at = writeHead(bytes, this.#end, BINARY, MASKED, size + 1);
    to.setInt32(at, mask, true);
    bytes[at + 4] = flags ^ mask;
    this.#end = at + 5;
    this.#mask = (mask >>> 8) | (mask << 24);
  }

  #body(part: Uint8Array, start: number, end: number): void {
    const masked = this.#masks !== null;
    if (!masked && end - start >= BY_REFERENCE) {
      this.#closePart();
      this.#parts.push(view(part, start, end));
      return;
    }
    for (let from = start; from < end; ) {
      const { bytes, words: to, memory } = this.#reserve(1, end - from);
      const size = Math.min(end - from, bytes.length - this.#end);
      if (!masked) bytes.set(view(part, from, from + size), this.#end);
      else if (size >= LARGE) this.#mask = xorBlocks(bytes, memory, this.#end, part, from, size, this.#mask);
      else {
        this.#from ??= words(part);
        this.#mask = xorInto(to, this.#end, this.#from, from, size, this.#mask);
      }
      this.#end += size;
      this.#copied += size;
      from += size;
    }
  }

  /** A batch with `size` octets free at #end; a new one is made for `wanted`, within reason. */
  #reserve(size: number, wanted: number): Batch {
    const batch = this.#batch;
    if (batch !== null && this.#end + size <= batch.bytes.length) return batch;
    return this.#grow(wanted);
  }

  #grow(wanted: number): Batch {
    this.#closePart();
    const full = this.#batch;
    if (full !== null && this.#used.length < SPARES) this.#used.push(full);
    const length = wanted + HEAD_MAX <= BATCH ? BATCH : Math.min(wanted + HEAD_MAX, 1 << 20);
    let next = length === BATCH ? spares.pop() : undefined;
    if (next === undefined) {
      const bytes = Buffer.allocUnsafeSlow(length);
      next = { bytes, words: words(bytes), memory: memoryOf(bytes) };
    }
    this.#batch = next;
    this.#start = 0;
    this.#end = 0;
    return next;
  }

  #closePart(): void {
    if (this.#start === this.#end) return;
    this.#parts.push(view(this.#batch!.bytes, this.#start, this.#end));
    this.#start = this.#end;
  }
}

/** The flags of ZWS, of those of ZMTP. */
function zwsFlags(flags: number): number {
  return (flags & MORE) | (flags & COMMAND ? ZWS_COMMAND : 0);
}
