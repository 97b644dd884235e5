/** CURVE's traffic: frames of any size, in parts cut anywhere, arrive as they were, in chunks cut anywhere. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { CurveCipher } from '../../src/zmtp/mechanism/curve-cipher.ts';
import { providers } from '../support/curve.ts';
import { runs } from '../support/property.ts';
import { frame } from '../support/wire.ts';

/** Sizes near every border of the code, and others. */
const anySize = fc.oneof(
  fc.nat(300),
  fc.nat(2000),
  fc.constantFrom(222, 223, 255, 256, 639, 640, 16_383, 16_384, 16_385),
  fc.nat(200_000),
);
const anyFrame = fc
  .record({ size: anySize, more: fc.boolean(), command: fc.boolean(), long: fc.boolean(), fill: fc.nat(255) })
  .map(({ size, fill, ...fields }) => ({ body: Buffer.alloc(size, fill), fields }));
/** Where to cut: often near what a system hands over at once. */
const anyCuts = fc.array(fc.oneof(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 70_000 })), {
  minLength: 1,
  maxLength: 8,
});

function* cut(bytes: Buffer, sizes: readonly number[]): Generator<Buffer> {
  // A thousand pieces at the most: what is cut finer is in the unit tests.
  const least = Math.ceil(bytes.length / 1000);
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = Math.max(least, sizes[i % sizes.length]!);
    yield Buffer.from(bytes.subarray(at, at + size));
    at += size;
  }
}

describe("CURVE's traffic", () => {
  for (const [name, crypto] of providers) {
    it(`arrives as it was sent, ${name}`, () => {
      fc.assert(
        fc.property(fc.array(anyFrame, { maxLength: 30 }), anyCuts, anyCuts, (frames, parts, chunks) => {
          const key = Buffer.alloc(32, 5);
          const sender = new CurveCipher(crypto.arena, Buffer.from(key), false, 3, Buffer.alloc(8));
          const receiver = new CurveCipher(crypto.arena, Buffer.from(key), true, 3, Buffer.alloc(8));
          // The receiver's commands have the flag alone, and sizes are in the shortest form.
          const sent = frames.map(({ body, fields }) => frame(body, fields));
          const plain = frames.map(({ body, fields: { more, command } }) => frame(body, { more, command }));
          sender.take([...cut(Buffer.concat(sent), parts)]);
          const sealed: Buffer[] = [];
          for (let slice = sender.seal(); slice !== null; slice = sender.seal()) {
            sealed.push(...slice.map((part) => Buffer.from(part)));
          }
          const got: Uint8Array[] = [];
          for (const chunk of cut(Buffer.concat(sealed), chunks)) {
            receiver.open(chunk, 0x7fff_ffff, (bytes) => got.push(bytes));
          }
          assert.equal(Buffer.compare(Buffer.concat(got), Buffer.concat(plain)), 0);
        }),
        runs(150),
      );
    });
  }
});
