/** What fast-check makes up for the engine's tests: messages of all sizes, and ways to cut octets into chunks. */
import fc from 'fast-check';

/** Sizes around each border of the format and of the outbox, small ones most of the time. */
const size: fc.Arbitrary<number> = fc.oneof(
  { weight: 12, arbitrary: fc.nat(20) },
  { weight: 3, arbitrary: fc.constantFrom(0, 1, 254, 255, 256, 257, 300) },
  { weight: 2, arbitrary: fc.nat(3000) },
  { weight: 1, arbitrary: fc.constantFrom(8191, 8192, 8193, 20_000) },
  { weight: 1, arbitrary: fc.integer({ min: 60_000, max: 140_000 }) },
);

let salt = 1;

/** A body that no other body is equal to, short ones apart. */
function body(length: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(length);
  let state = Math.imul(++salt, 0x9e3779b1) | 1;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

/** A message: one frame most of the time. */
export const anyMessage: fc.Arbitrary<Buffer[]> = fc
  .oneof(
    { weight: 3, arbitrary: fc.array(size, { minLength: 1, maxLength: 1 }) },
    { weight: 2, arbitrary: fc.array(size, { minLength: 1, maxLength: 5 }) },
  )
  .map((sizes) => sizes.map(body));

/** Sizes of chunks, to be used again and again. */
export const anyChunks: fc.Arbitrary<number[]> = fc.array(
  fc.oneof(
    fc.constantFrom(1, 2, 3, 9, 64, 1460, 65_536),
    fc.integer({ min: 1, max: 40 }),
    fc.integer({ min: 1, max: 200_000 }),
  ),
  { minLength: 1, maxLength: 12 },
);
