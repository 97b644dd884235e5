/** Message bodies that can be checked: the bytes follow from a seed, so a torn or swapped body shows. */
import assert from 'node:assert/strict';

export const KIB: number = 1024;
export const MIB: number = 1024 * 1024;

/** `size` bytes of a fast generator (xorshift32), the same for the same seed. */
export function payload(size: number, seed: number = 1): Buffer {
  const words = new Uint32Array(Math.ceil(size / 4));
  let state = (seed * 2654435761 + 1) >>> 0 || 1;
  for (let index = 0; index < words.length; index += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[index] = state;
  }
  return Buffer.from(words.buffer, 0, size);
}

/** Compares bodies without printing megabytes when they differ. */
export function sameParts(
  actual: readonly Uint8Array[],
  expected: readonly Uint8Array[],
  what: string,
): void {
  const sizes = (parts: readonly Uint8Array[]): number[] => parts.map((part) => part.length);
  assert.deepEqual(sizes(actual), sizes(expected), `${what}: sizes`);
  for (let index = 0; index < expected.length; index += 1) {
    const equal = Buffer.compare(actual[index] as Uint8Array, expected[index] as Uint8Array) === 0;
    assert.ok(equal, `${what}: the bytes of part ${index} differ`);
  }
}

/** Parts as text. */
export function text(parts: readonly Uint8Array[]): string[] {
  return parts.map((part) => Buffer.from(part).toString());
}
