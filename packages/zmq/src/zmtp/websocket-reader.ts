/**
 * WebSocket frames to plain ZMTP frames (RFC 6455, section 5; RFC 45), in the memory of the chunks where there is room:
 * what arrived in one read goes on as one chunk for the peer engine.
 *
 * Nothing is allocated for a length that was only announced: a body is passed on as it arrives, and whoever puts it
 * together checks its limit first. Only a message in WebSocket fragments is gathered here, under the same limit: ZMTP
 * tells the size in front.
 */
import { readU64 } from '../bytes/u64.ts';
import { view } from '../bytes/view.ts';
import { ZmqError } from '../errors.ts';
import { COMMAND_MAX } from './command.ts';
import { COMMAND, HEADER_MAX, SHORT_MAX, writeHeader } from './frame.ts';
import {
  BINARY,
  CLOSE,
  CONTINUATION,
  CONTROL_MAX,
  copyInto,
  FINAL,
  HEAD_MAX,
  LARGE,
  MASKED,
  memoryOf,
  PING,
  PONG,
  words,
  xorBlocks,
  xorInPlace,
  xorInto,
} from './websocket.ts';
import { ZWS_COMMAND, ZWS_MORE } from './zws.ts';

/** Fragments of one message: without a limit, empty ones would never end. */
const FRAGMENTS_MAX = 65_536;
/** In front of a message in fragments: with its flags octet the room for the longest header. */
const ROOM = HEADER_MAX - 1;
/** Memory for a length that was only announced: at once up to this. */
const ALLOCATE_AT_ONCE = 1 << 20;

/** Bodies from this size on are not moved to meet what is in front of them. */
const STAYS = 4096;
/** A binary message in one frame. */
const WHOLE = FINAL | BINARY;

const EMPTY = Buffer.alloc(0);

/** Reported for a Close without a code. */
const NO_CODE = 1005;

/** Where a {@link WebSocketReader} reports, in order. None of the calls may throw. */
export interface WebSocketEvents {
  /** Plain ZMTP frames; the last may be torn. The memory is the receiver's. */
  data(chunk: Uint8Array): void;
  /** To be answered with a pong of the same payload. */
  ping(payload: Uint8Array): void;
  pong(): void;
  /** The other side sends nothing more. `code` 1005: it gave none. */
  close(code: number, reason: string): void;
}

export class WebSocketReader {
  readonly #masked: number;
  readonly #events: WebSocketEvents;
  /** Octets that a message in fragments may have; asked for each fragment. */
  readonly #limit: () => number;
  // The beginning of a head, or of a control frame, that a chunk tore.
  readonly #torn: Buffer = Buffer.alloc(HEAD_MAX + CONTROL_MAX);
  #tornLength = 0;
  #closed = false;

  // The frame that is being read: octets of its payload that are still to come (less the flags octet of ZWS), the mask
  // for the next of them, and the flags of its message for ZMTP.
  #missing = 0;
  #mask = 0;
  #flags = 0;
  #final = true;
  /** It is part of a message in fragments. */
  #gathering = false;
  /** A message in fragments so far, behind {@link ROOM}; null: there is none. */
  #fragments: Buffer | null = null;
  #pieces = 0;
  #gathered = 0;

  // What is to be delivered: #out[#start, #end). #out is the chunk itself, or memory with more room.
  #out: Uint8Array = EMPTY;
  #outWords: DataView | null = null;
  /** The chunk. */
  #inWords: DataView | null = null;
  /** All the memory of #out. */
  #memory: Int32Array | null = null;
  #roomy = false;
  #start = 0;
  #end = 0;

  /** `server`: frames have to be masked, else they must not be. */
  constructor(server: boolean, limit: () => number, events: WebSocketEvents) {
    this.#masked = server ? MASKED : 0;
    this.#limit = limit;
    this.#events = events;
  }

  /**
   * Takes the next octets. They are written over.
   *
   * @throws ZmqError ERR_WEBSOCKET or ERR_ZMTP_MESSAGE_SIZE: nothing more can be read from this connection. What came
   * before was delivered.
   */
  receive(chunk: Uint8Array): void {
    this.#out = chunk;
    this.#roomy = false;
    this.#start = 0;
    this.#end = 0;
    try {
      this.#read(chunk);
    } finally {
      this.#deliver();
      this.#out = EMPTY;
      this.#outWords = null;
      this.#inWords = null;
      this.#memory = null;
    }
  }

  #read(chunk: Uint8Array): void {
    const end = chunk.length;
    const masked = this.#masked;
    let at = 0;
    while (at < end && !this.#closed) {
      if (this.#missing > 0) {
        const size = Math.min(this.#missing, end - at);
        if (this.#gathering) this.#gather(chunk, at, size);
        else {
          this.#body(chunk, at, size);
          this.#end += size;
        }
        this.#missing -= size;
        at += size;
        if (this.#missing === 0 && this.#gathering) this.#fragmentDone();
        continue;
      }
      if (this.#tornLength === 0 && this.#fragments === null) {
        at = this.#readSmall(chunk, at);
        if (at === end) break;
      }
      // The head: in place where it is all there, else put together in #torn.
      let head = chunk;
      let headAt = at;
      const had = this.#tornLength;
      if (had === 0 && end - at >= 2) {
        const length = headLength(chunk, at, masked);
        if (at + length > end) {
          this.#tear(chunk, at, end);
          return;
        }
        at += length;
      } else {
        if (had < 2) at = this.#tear(chunk, at, Math.min(end, at + 2 - had));
        if (this.#tornLength < 2) return;
        const length = headLength(this.#torn, 0, masked);
        at = this.#tear(chunk, at, Math.min(end, at + length - this.#tornLength));
        if (this.#tornLength < length) return;
        this.#tornLength = 0;
        head = this.#torn;
        headAt = 0;
      }
      if ((head[headAt]! & 0x0f) >= CLOSE) this.#control(head, headAt);
      else {
        this.#open(head, headAt);
        if (!this.#gathering) this.#begin(at, end);
        else if (this.#missing === 0) this.#fragmentDone();
      }
    }
  }

  /**
   * The hot loop: small messages that are all there, from `at` on. Returns where something else begins, or nothing more;
   * that is for others to look at.
   */
  #readSmall(chunk: Uint8Array, start: number): number {
    const masked = this.#masked;
    const extra = masked === 0 ? 3 : 7;
    const last = chunk.length - extra;
    const out = this.#out;
    this.#inWords ??= words(chunk);
    this.#outWords ??= out === chunk ? this.#inWords : words(out);
    const from = this.#inWords;
    const to = this.#outWords;
    let end = this.#end;
    let at = start;
    while (at <= last && chunk[at] === WHOLE) {
      const size = chunk[at + 1]! - masked - 1;
      // Another length, none, or the wrong side's mask.
      if (size < 0 || size > 124) break;
      const body = at + extra;
      if (body + size > chunk.length) break;
      let mask = 0;
      if (masked !== 0) mask = from.getInt32(at + 2, true);
      const flags = chunk[body - 1]! ^ (mask & 0xff);
      // The head was longer than these two.
      out[end] = plainFlags(flags & 0xff);
      out[end + 1] = size;
      end += 2;
      xorInto(to, end, from, body, size, (mask >>> 8) | (mask << 24));
      end += size;
      at = body + size;
    }
    this.#end = end;
    return at;
  }

  /** Octets of a body, to where they belong. */
  #body(chunk: Uint8Array, at: number, size: number): void {
    const out = this.#out;
    const end = this.#end;
    const mask = this.#mask;
    const stays = out === chunk && end === at;
    if (mask === 0) {
      if (!stays) copyInto(out, end, chunk, at, size);
    } else if (stays || (size >= LARGE && out !== chunk)) {
      this.#memory ??= memoryOf(out);
      this.#mask = stays
        ? xorInPlace(chunk, this.#memory, at, size, mask)
        : xorBlocks(out, this.#memory, end, chunk, at, size, mask);
    } else {
      this.#inWords ??= words(chunk);
      this.#outWords ??= out === chunk ? this.#inWords : words(out);
      this.#mask = xorInto(this.#outWords, end, this.#inWords, at, size, mask);
    }
  }

  #tear(chunk: Uint8Array, start: number, end: number): number {
    this.#torn.set(view(chunk, start, end), this.#tornLength);
    this.#tornLength += end - start;
    return end;
  }

  #deliver(): void {
    const out = this.#out;
    const start = this.#start;
    const end = this.#end;
    if (end === start) return;
    this.#start = end;
    this.#events.data(start === 0 && end === out.length ? out : view(out, start, end));
  }

  /** Reads the head of a data frame. */
  #open(head: Uint8Array, at: number): void {
    const short = head[at + 1]! & 0x7f;
    let size = short;
    let next = at + 2;
    if (short === 126) {
      size = head[at + 2]! * 256 + head[at + 3]!;
      next = at + 4;
    } else if (short === 127) {
      size = readU64(head, at + 2);
      next = at + 10;
    }
    let mask = 0;
    if (this.#masked) {
      mask = head[next]! | (head[next + 1]! << 8) | (head[next + 2]! << 16) | (head[next + 3]! << 24);
      next += 4;
    }
    const continued = (head[at]! & 0x0f) === CONTINUATION;
    if (continued && this.#fragments === null) throw broken('a continuation of no message');
    if (!continued && this.#fragments !== null) throw broken('a message within another');
    this.#final = (head[at]! & FINAL) !== 0;
    if (continued || !this.#final) {
      // What came before may change the limit: a handshake is done with it.
      this.#deliver();
      const limit = this.#limit();
      if (this.#gathered + size > limit + 1) throw tooLong(this.#gathered + size, limit);
      if (++this.#pieces > FRAGMENTS_MAX) throw broken(`a message in more than ${FRAGMENTS_MAX} fragments`);
      this.#fragments ??= Buffer.allocUnsafe(0);
      this.#gathering = true;
      this.#mask = mask;
      this.#missing = size;
      return;
    }
    if (size === 0) throw noFlags();
    if (size > Number.MAX_SAFE_INTEGER) throw tooLong(size, Number.MAX_SAFE_INTEGER);
    this.#gathering = false;
    this.#flags = plainFlags(head[next]! ^ mask);
    this.#mask = (mask >>> 8) | (mask << 24);
    this.#missing = size - 1;
  }

  /** Writes the header of ZMTP for the message whose body begins at `at` of the chunk. */
  #begin(at: number, end: number): void {
    const size = this.#missing;
    // A large body stays where it is: what is in front of it goes ahead, and the header is written right before it.
    if (!this.#roomy && size >= STAYS && at - HEADER_MAX >= this.#end) {
      this.#deliver();
      this.#start = at - HEADER_MAX;
      this.#end = this.#start;
    }
    // It may be longer than the head that came: from here on in memory that has the room. Of the frames that are still
    // to come only those with a head of five octets grow, by four, and they have 257 octets or more.
    if (!this.#roomy && this.#end + (size > SHORT_MAX ? HEADER_MAX : 2) > at) {
      const kept = this.#end - this.#start;
      const roomy = Buffer.allocUnsafeSlow(kept + 2 * HEADER_MAX + (end - at) + ((end - at) >> 6));
      copyInto(roomy, 0, this.#out, this.#start, kept);
      this.#out = roomy;
      this.#outWords = null;
      this.#memory = null;
      this.#roomy = true;
      this.#start = 0;
      this.#end = kept;
    }
    this.#end = writeHeader(this.#out, this.#end, this.#flags, size);
  }

  #gather(chunk: Uint8Array, at: number, size: number): void {
    const gathered = this.#gathered;
    const needed = ROOM + gathered + size;
    let message = this.#fragments!;
    if (message.length < needed) {
      // Memory follows what has arrived, doubling.
      const whole = needed - size + this.#missing;
      const wanted = this.#final ? Math.min(whole, Math.max(2 * needed, ALLOCATE_AT_ONCE)) : 2 * needed;
      const grown = Buffer.allocUnsafe(wanted);
      if (gathered > 0) copyInto(grown, ROOM, message, ROOM, gathered);
      message = grown;
      this.#fragments = message;
    }
    this.#mask = xorInto(words(message), ROOM + gathered, words(chunk), at, size, this.#mask);
    if (message[ROOM]! & ZWS_COMMAND && gathered + this.#missing - 1 > COMMAND_MAX)
      throw tooLong(gathered + this.#missing - 1, COMMAND_MAX);
    this.#gathered += size;
  }

  #fragmentDone(): void {
    this.#gathering = false;
    if (!this.#final) return;
    const message = this.#fragments!;
    const size = this.#gathered - 1;
    this.#fragments = null;
    this.#gathered = 0;
    this.#pieces = 0;
    if (size < 0) throw noFlags();
    this.#deliver();
    const start = size > SHORT_MAX ? 0 : HEADER_MAX - 2;
    writeHeader(message, start, plainFlags(message[ROOM]!), size);
    this.#events.data(view(message, start, HEADER_MAX + size));
  }

  /** The whole control frame at `at`. */
  #control(head: Uint8Array, at: number): void {
    const size = head[at + 1]! & 0x7f;
    const payload = Buffer.alloc(size);
    const from = at + (this.#masked ? 6 : 2);
    for (let i = 0; i < size; i++)
      payload[i] = head[from + i]! ^ (this.#masked ? head[at + 2 + (i & 3)]! : 0);
    this.#deliver();
    const opcode = head[at]! & 0x0f;
    if (opcode === PING) this.#events.ping(payload);
    else if (opcode === PONG) this.#events.pong();
    else {
      if (size === 1) throw broken('a Close with half a code');
      const code = size === 0 ? NO_CODE : payload.readUInt16BE(0);
      if (size > 0 && !mayBeSent(code)) throw broken(`a Close with the code ${code}, which none can have`);
      this.#closed = true;
      this.#events.close(code, payload.toString('utf8', 2));
    }
  }
}

/** RFC 6455, 7.4: 1004 to 1006 and 1015 stand for what no Close says, others are not defined. */
function mayBeSent(code: number): boolean {
  if (code < 3000) return code >= 1000 && code <= 1014 && (code < 1004 || code > 1006);
  return code < 5000;
}

function plainFlags(flags: number): number {
  // libzmq takes reserved bits without a word.
  return (flags & ZWS_MORE) | (flags & ZWS_COMMAND ? COMMAND : 0);
}

/**
 * Octets of the head that begins at `at`: of a control frame with its payload, of a whole message with its flags octet. Two
 * octets have to be there.
 */
function headLength(bytes: Uint8Array, at: number, masked: number): number {
  const first = bytes[at]!;
  const second = bytes[at + 1]!;
  if (first & 0x70) throw broken('reserved bits; no extension was agreed upon');
  if ((second & MASKED) !== masked)
    throw broken(
      masked ? 'a frame that is not masked, as a client has to' : 'a masked frame, as a server must not',
    );
  const short = second & 0x7f;
  const opcode = first & 0x0f;
  const length = masked ? 6 : 2;
  if (opcode >= CLOSE) {
    if (opcode > PONG) throw broken(`an unknown opcode, ${opcode}`);
    if ((first & FINAL) === 0) throw broken('a control frame in fragments');
    if (short > CONTROL_MAX) throw broken('a control frame that is too long');
    return length + short;
  }
  if (opcode !== BINARY && opcode !== CONTINUATION)
    throw broken(opcode === 1 ? 'a text message; RFC 45 has binary ones' : `an unknown opcode, ${opcode}`);
  const flags = opcode === BINARY && first & FINAL && short > 0 ? 1 : 0;
  return length + flags + (short < 126 ? 0 : short === 126 ? 2 : 8);
}

function noFlags(): ZmqError {
  return broken('a message without the flags octet of RFC 45');
}

function broken(what: string): ZmqError {
  return new ZmqError('ERR_WEBSOCKET', { detail: `the peer sent ${what}` });
}

function tooLong(size: number, limit: number): ZmqError {
  const number = Number.isFinite(size) ? String(size) : 'more than 2^53';
  const detail = `a WebSocket message of ${number} octets; the limit is ${limit} (maxMessageSize)`;
  return new ZmqError('ERR_ZMTP_MESSAGE_SIZE', { detail });
}
