/**
 * What both directions of a WebSocket connection share: the numbers of RFC 6455, section 5, and copying with a mask.
 */
import { view } from '../bytes/view.ts';

export const FINAL = 0x80;
export const MASKED = 0x80;
export const CONTINUATION = 0x0;
export const BINARY = 0x2;
export const CLOSE = 0x8;
export const PING = 0x9;
export const PONG = 0xa;

/** The longest head of a frame: flags, length in nine octets, mask; and the flags octet of ZWS behind it. */
export const HEAD_MAX = 15;
/** Payload of a control frame at most. */
export const CONTROL_MAX = 125;

/** Up to this size a loop is faster than `set`, which needs a view. */
const SMALL = 32;

/** Copies octets; `at` may lie before `start` in the same memory. */
export function copyInto(to: Uint8Array, at: number, from: Uint8Array, start: number, size: number): void {
  if (size <= SMALL) for (let i = 0; i < size; i++) to[at + i] = from[start + i]!;
  else if (to === from) to.copyWithin(at, start, start + size);
  else to.set(view(from, start, start + size), at);
}

/** A view for {@link xorInto}. */
export function words(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * Copies octets with a mask, the next octet of which is its lowest; `at` may lie before `start` in the same memory.
 * Returns the mask turned on. Four octets at a time: octet by octet takes three times as long. (bench: ws)
 */
export function xorInto(
  to: DataView,
  at: number,
  from: DataView,
  start: number,
  size: number,
  mask: number,
): number {
  let i = 0;
  for (const last = size - 4; i <= last; i += 4)
    to.setInt32(at + i, from.getInt32(start + i, true) ^ mask, true);
  for (; i < size; i++) {
    to.setUint8(at + i, from.getUint8(start + i) ^ (mask & 0xff));
    mask = (mask >>> 8) | (mask << 24);
  }
  return mask;
}
