/**
 * Plain ZMTP frames to WebSocket frames (RFC 6455, section 5; RFC 45): many small messages leave in one write. No timer,
 * no socket; random octets for masks are handed in.
 */
import { writeU64 } from '../bytes/u64.ts';
import { view } from '../bytes/view.ts';
import { BINARY, CLOSE, copyInto, FINAL, HEAD_MAX, MASKED, PING, PONG, words, xorInto } from './websocket.ts';
import { type FrameVisitor, visitFrames } from './zws.ts';

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
const BATCH = 65_536;
/** Octets for masks that are fetched at once. */
const MASKS = 4096;

/** A batch that nobody uses: connections take turns. */
let spare: Buffer | null = null;

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
export class WebSocketWriter implements FrameVisitor {
  readonly #masks: Masks | null;
  // The mask of the message that is being written, turned so that its next octet is the lowest.
  #mask = 0;
  // The part that is being read.
  #from: Uint8Array | null = null;
  #fromWords: DataView | null = null;
  #parts: Uint8Array[] = [];
  #batch: Buffer | null = null;
  #data: DataView | null = null;
  #start = 0;
  #end = 0;

  /** Null: a server, which does not mask. */
  constructor(masks: Masks | null) {
    this.#masks = masks;
  }

  /** Whole plain frames to what is to be written. Large bodies may be in the result as they are in `parts`. */
  encode(parts: readonly Uint8Array[]): Uint8Array[] {
    this.#parts = [];
    visitFrames(parts, this);
    this.#closePart();
    const encoded = this.#parts;
    this.#parts = [];
    this.#from = null;
    this.#fromWords = null;
    return encoded;
  }

  /** What `encode` gave last is written, or somebody keeps it: then it is not used again. */
  release(written: boolean): void {
    if (written && this.#batch !== null && this.#batch.length === BATCH) spare = this.#batch;
    this.#batch = null;
    this.#data = null;
    this.#start = 0;
    this.#end = 0;
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

  frame(flags: number, size: number): void {
    const batch = this.#reserve(HEAD_MAX, size);
    if (this.#masks === null) {
      const at = writeHead(batch, this.#end, BINARY, 0, size + 1);
      batch[at] = flags;
      this.#end = at + 1;
      return;
    }
    const mask = this.#masks.next();
    const at = writeHead(batch, this.#end, BINARY, MASKED, size + 1);
    this.#data!.setInt32(at, mask, true);
    batch[at + 4] = flags ^ mask;
    this.#end = at + 5;
    this.#mask = (mask >>> 8) | (mask << 24);
  }

  body(bytes: Uint8Array, start: number, end: number): void {
    if (this.#masks === null && end - start >= BY_REFERENCE) {
      this.#closePart();
      this.#parts.push(view(bytes, start, end));
      return;
    }
    for (let from = start; from < end; ) {
      const batch = this.#reserve(1, end - from);
      const size = Math.min(end - from, batch.length - this.#end);
      if (this.#masks === null) copyInto(batch, this.#end, bytes, from, size);
      else this.#mask = xorInto(this.#data!, this.#end, this.#wordsOf(bytes), from, size, this.#mask);
      this.#end += size;
      from += size;
    }
  }

  /** A batch with `size` octets free at #end; a new one is made for `wanted`, within reason. */
  #reserve(size: number, wanted: number): Buffer {
    const batch = this.#batch;
    if (batch !== null && this.#end + size <= batch.length) return batch;
    this.#closePart();
    const length = wanted + HEAD_MAX <= BATCH ? BATCH : Math.min(wanted + HEAD_MAX, 1 << 20);
    let next = spare;
    if (next === null || length !== BATCH) next = Buffer.allocUnsafeSlow(length);
    else spare = null;
    this.#batch = next;
    this.#data = words(next);
    this.#start = 0;
    this.#end = 0;
    return next;
  }

  #wordsOf(bytes: Uint8Array): DataView {
    if (this.#from !== bytes) {
      this.#from = bytes;
      this.#fromWords = words(bytes);
    }
    return this.#fromWords!;
  }

  #closePart(): void {
    if (this.#start === this.#end) return;
    this.#parts.push(view(this.#batch!, this.#start, this.#end));
    this.#start = this.#end;
  }
}
