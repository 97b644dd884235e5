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

/** From this size on {@link xorBlocks} makes up for the view that it needs. */
export const LARGE = 512;
/** What is masked at once: it stays in the first cache between the copy and the mask. */
const BLOCK = 4096;
/** The order of octets in an Int32Array is the machine's. */
const LITTLE_ENDIAN: boolean = new Uint8Array(Int32Array.of(1).buffer)[0] === 1;

/** `mask` when `size` octets have been masked with it. */
function turned(mask: number, size: number): number {
  const bits = 8 * (size & 3);
  return bits === 0 ? mask : (mask >>> bits) | (mask << (32 - bits));
}

/**
 * Copies octets with a mask, the next octet of which is its lowest; `at` may lie before `start` in the same memory.
 * Returns the mask turned on. Sixteen octets a turn: four take half as long again, one at a time three times as long.
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
  for (const last = size - 16; i <= last; i += 16) {
    const a = from.getInt32(start + i, true) ^ mask;
    const b = from.getInt32(start + i + 4, true) ^ mask;
    const c = from.getInt32(start + i + 8, true) ^ mask;
    const d = from.getInt32(start + i + 12, true) ^ mask;
    to.setInt32(at + i, a, true);
    to.setInt32(at + i + 4, b, true);
    to.setInt32(at + i + 8, c, true);
    to.setInt32(at + i + 12, d, true);
  }
  for (const last = size - 4; i <= last; i += 4)
    to.setInt32(at + i, from.getInt32(start + i, true) ^ mask, true);
  for (; i < size; i++) {
    to.setUint8(at + i, from.getUint8(start + i) ^ (mask & 0xff));
    mask = (mask >>> 8) | (mask << 24);
  }
  return mask;
}

/** All the memory under `bytes`, for {@link xorInPlace}. */
export function memoryOf(bytes: Uint8Array): Int32Array {
  return new Int32Array(bytes.buffer, 0, bytes.buffer.byteLength >> 2);
}

/** As {@link xorInto}, where the octets are: by whole words of the memory, in half the time. */
export function xorInPlace(
  bytes: Uint8Array,
  memory: Int32Array,
  start: number,
  size: number,
  mask: number,
): number {
  let at = start;
  let left = size;
  let turning = mask;
  const skew = (4 - ((bytes.byteOffset + start) & 3)) & 3;
  if (LITTLE_ENDIAN && left >= skew + 4) {
    for (let i = 0; i < skew; i++) {
      bytes[at] = bytes[at]! ^ turning;
      at++;
      turning = (turning >>> 8) | (turning << 24);
    }
    const count = (left - skew) >> 2;
    let i = (bytes.byteOffset + at) >> 2;
    const end = i + count;
    for (const last = end - 8; i <= last; i += 8) {
      memory[i] = memory[i]! ^ turning;
      memory[i + 1] = memory[i + 1]! ^ turning;
      memory[i + 2] = memory[i + 2]! ^ turning;
      memory[i + 3] = memory[i + 3]! ^ turning;
      memory[i + 4] = memory[i + 4]! ^ turning;
      memory[i + 5] = memory[i + 5]! ^ turning;
      memory[i + 6] = memory[i + 6]! ^ turning;
      memory[i + 7] = memory[i + 7]! ^ turning;
    }
    for (; i < end; i++) memory[i] = memory[i]! ^ turning;
    at += 4 * count;
    left -= skew + 4 * count;
  }
  for (const end = at + left; at < end; at++) {
    bytes[at] = bytes[at]! ^ turning;
    turning = (turning >>> 8) | (turning << 24);
  }
  return turned(mask, size);
}

/** As {@link xorInto}, for many octets, to other memory: copied and masked in blocks. */
export function xorBlocks(
  to: Uint8Array,
  memory: Int32Array,
  at: number,
  from: Uint8Array,
  start: number,
  size: number,
  mask: number,
): number {
  let turning = mask;
  for (let done = 0; done < size; ) {
    const block = Math.min(BLOCK, size - done);
    to.set(view(from, start + done, start + done + block), at + done);
    turning = xorInPlace(to, memory, at + done, block, turning);
    done += block;
  }
  return turning;
}
