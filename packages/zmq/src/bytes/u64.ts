/**
 * Unsigned 64-bit lengths in network byte order, as JavaScript numbers: exact up to 2^53 - 1, and anything above that
 * reads as Infinity, so that a comparison with a limit always refuses it.
 */

/** Reads the eight octets at `at`. */
export function readU64(bytes: Uint8Array, at: number): number {
  const high = ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
  const low =
    ((bytes[at + 4]! << 24) | (bytes[at + 5]! << 16) | (bytes[at + 6]! << 8) | bytes[at + 7]!) >>> 0;
  return high > 0x1fffff ? Number.POSITIVE_INFINITY : high * 0x1_0000_0000 + low;
}

/** Writes `value` (a safe integer) as eight octets at `at`. */
export function writeU64(bytes: Uint8Array, at: number, value: number): void {
  const high = Math.floor(value / 0x1_0000_0000);
  bytes[at] = high >>> 24;
  bytes[at + 1] = high >>> 16;
  bytes[at + 2] = high >>> 8;
  bytes[at + 3] = high;
  bytes[at + 4] = value >>> 24;
  bytes[at + 5] = value >>> 16;
  bytes[at + 6] = value >>> 8;
  bytes[at + 7] = value;
}
