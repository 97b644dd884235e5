/** What the tests of all codecs share. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Codec } from '../../../src/codec/codec.ts';
import { ClientError } from '../../../src/errors.ts';

/** The error that a codec throws; anything else fails the test. */
export function failure(work: () => unknown): ClientError {
  try {
    work();
  } catch (error) {
    if (error instanceof ClientError) return error;
    throw new Error('not a ClientError', { cause: error });
  }
  throw new Error('nothing was thrown');
}

/** ERR_DECODE with these words. */
export function refused(codec: Codec<unknown>, bytes: Uint8Array, words: RegExp): void {
  const error = failure(() => codec.decode(bytes));
  assert.equal(error.code, 'ERR_DECODE');
  assert.match(error.message, words);
}

/** A value inside so many lists, counting its own level. */
export function nested(depth: number, inner: unknown): unknown {
  let value = inner;
  for (let i = 1; i < depth; i++) value = [value];
  return value;
}

/** Random octets, and values that were cut off or changed at a few places: all decode or throw a ClientError. */
export function fuzz<T>(codec: Codec<T>, values: fc.Arbitrary<T>): void {
  const attempt = (bytes: Uint8Array): void => {
    try {
      codec.decode(bytes);
    } catch (error) {
      assert.ok(error instanceof ClientError, String((error as Error).stack));
      assert.equal(error.code, 'ERR_DECODE');
      if (error.offset !== undefined) assert.ok(error.offset >= 0 && error.offset <= bytes.length);
    }
  };
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => attempt(bytes)),
    { numRuns: 3000 },
  );
  const change = fc.tuple(fc.nat(), fc.nat(255));
  fc.assert(
    fc.property(values, fc.array(change, { maxLength: 4 }), fc.nat(), (value, changes, cut) => {
      const bytes = Uint8Array.from(codec.encode(value));
      for (const [at, octet] of changes) if (bytes.length > 0) bytes[at % bytes.length] = octet;
      attempt(bytes);
      attempt(bytes.subarray(0, cut % (bytes.length + 1)));
      attempt(Buffer.concat([bytes, bytes]));
    }),
    { numRuns: 1000 },
  );
}
