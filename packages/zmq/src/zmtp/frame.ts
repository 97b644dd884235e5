/**
 * ZMTP frames: a flags octet, the size in one or eight octets, the body (RFC 37, Framing).
 *
 * A run is a slice that holds whole messages back to back, framing included. Runs are what moves through the package:
 * the bytes that arrived are the bytes that are queued, forwarded and written.
 */
import { readU64, writeU64 } from '../bytes/u64.ts';
import { View } from '../bytes/view.ts';

/** More frames of this message follow. */
export const MORE = 0x01;
/** The size has eight octets. */
export const LONG = 0x02;
/** A command, not part of a message. */
export const COMMAND = 0x04;

/** The longest body that a one-octet size can tell. */
export const SHORT_MAX = 255;
/** The longest header. */
export const HEADER_MAX = 9;

/** A slice of memory that holds `count` whole messages, framing included. */
export interface Run {
  /** The memory, of which the run is a part. */
  readonly bytes: Uint8Array;
  /** Where the first message begins. */
  readonly start: number;
  /** Where the octet after the last message is. */
  readonly end: number;
  /** How many messages. */
  readonly count: number;
}

/** Octets that a frame with a body of `size` takes on the wire. */
export function frameLength(size: number): number {
  return size > SHORT_MAX ? size + HEADER_MAX : size + 2;
}

/** Writes a header at `at` and returns where the body begins. `flags` without LONG: it follows from the size. */
export function writeHeader(bytes: Uint8Array, at: number, flags: number, size: number): number {
  if (size > SHORT_MAX) {
    bytes[at] = flags | LONG;
    writeU64(bytes, at + 1, size);
    return at + HEADER_MAX;
  }
  bytes[at] = flags;
  bytes[at + 1] = size;
  return at + 2;
}

/** One frame in memory of its own. */
export function encodeFrame(flags: number, body: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(frameLength(body.length));
  bytes.set(body, writeHeader(bytes, 0, flags, body.length));
  return bytes;
}

/** Where the body of the (whole, checked) frame at `at` begins. */
export function bodyStart(bytes: Uint8Array, at: number): number {
  return at + (bytes[at]! & LONG ? HEADER_MAX : 2);
}

/** Where the (whole, checked) frame at `at` ends. */
export function frameEnd(bytes: Uint8Array, at: number): number {
  return bytes[at]! & LONG ? at + HEADER_MAX + readU64(bytes, at + 1) : at + 2 + bytes[at + 1]!;
}

/** Where the message that begins at `at` in a run ends. */
export function messageEnd(bytes: Uint8Array, at: number): number {
  let pos = at;
  while (bytes[pos]! & MORE) pos = frameEnd(bytes, pos);
  return frameEnd(bytes, pos);
}

/**
 * How many messages `bytes` holds, if it holds whole messages and nothing else; otherwise -1. For runs that come from
 * outside: everything else here relies on them being whole.
 */
export function countMessages(bytes: Uint8Array): number {
  const end = bytes.length;
  let count = 0;
  let open = false;
  for (let at = 0; at < end; ) {
    const flags = bytes[at]!;
    if (flags > (MORE | LONG)) return -1;
    const body = at + (flags & LONG ? HEADER_MAX : 2);
    if (body > end) return -1;
    at = body + (flags & LONG ? readU64(bytes, at + 1) : bytes[at + 1]!);
    if (at > end) return -1;
    open = (flags & MORE) !== 0;
    if (!open) count++;
  }
  return open ? -1 : count;
}

/** Octets that a message takes on the wire. */
export function messageLength(frames: readonly Uint8Array[]): number {
  let length = 0;
  for (const frame of frames) length += frameLength(frame.length);
  return length;
}

/** Writes a message at `at` and returns where the next one begins. */
export function writeMessage(bytes: Uint8Array, at: number, frames: readonly Uint8Array[]): number {
  const last = frames.length - 1;
  let pos = at;
  for (let i = 0; i <= last; i++) {
    const frame = frames[i]!;
    pos = writeHeader(bytes, pos, i < last ? MORE : 0, frame.length);
    bytes.set(frame, pos);
    pos += frame.length;
  }
  return pos;
}

/** Where the `n`-th message after `at` in a run begins. */
export function skipMessages(bytes: Uint8Array, at: number, n: number): number {
  let pos = at;
  for (let left = n; left > 0; ) {
    const flags = bytes[pos]!;
    pos = flags & LONG ? pos + HEADER_MAX + readU64(bytes, pos + 1) : pos + 2 + bytes[pos + 1]!;
    if ((flags & MORE) === 0) left--;
  }
  return pos;
}

/** The frames of the message in `bytes[start, end)`: views, no copies. */
export function decodeMessage(bytes: Uint8Array, start: number, end: number): Buffer[] {
  const memory = bytes.buffer;
  const base = bytes.byteOffset;
  const frames: Buffer[] = [];
  for (let pos = start; pos < end; ) {
    const body = bodyStart(bytes, pos);
    const next = frameEnd(bytes, pos);
    frames.push(new View(memory, base + body, next - body));
    pos = next;
  }
  return frames;
}
