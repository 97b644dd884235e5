import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readU64, writeU64 } from '../../../src/bytes/u64.ts';

const EXACT: readonly (readonly [text: string, value: number])[] = [
  ['0000000000000000', 0],
  ['0000000000000001', 1],
  ['00000000000000ff', 255],
  ['0000000000000100', 256],
  ['000000007fffffff', 2 ** 31 - 1],
  ['0000000080000000', 2 ** 31],
  ['00000000ffffffff', 2 ** 32 - 1],
  ['0000000100000000', 2 ** 32],
  ['0000000100000001', 2 ** 32 + 1],
  ['000fffffffffffff', 2 ** 52 - 1],
  ['0010000000000000', 2 ** 52],
  ['001fffffffffffff', Number.MAX_SAFE_INTEGER],
];

const TOO_LARGE = ['0020000000000000', '7fffffffffffffff', '8000000000000000', 'ffffffffffffffff'];

describe('u64', () => {
  for (const [text, value] of EXACT) {
    it(`reads and writes ${value}`, () => {
      assert.equal(readU64(Buffer.from(text, 'hex'), 0), value);
      const bytes = Buffer.alloc(8, 0xee);
      writeU64(bytes, 0, value);
      assert.equal(bytes.toString('hex'), text);
    });
  }

  for (const text of TOO_LARGE) {
    it(`reads ${text} as Infinity, over every limit`, () => {
      assert.equal(readU64(Buffer.from(text, 'hex'), 0), Number.POSITIVE_INFINITY);
    });
  }

  it('reads and writes at an offset and leaves the neighbours alone', () => {
    const bytes = Buffer.alloc(12, 0xaa);
    writeU64(bytes, 2, 0x0001_0203_0405_06);
    assert.equal(bytes.toString('hex'), 'aaaa0000010203040506aaaa'.slice(0, 24));
    assert.equal(readU64(bytes, 2), 0x0001_0203_0405_06);
  });

  it('agrees with BigInt on every single bit', () => {
    for (let bit = 0; bit < 64; bit++) {
      const bytes = Buffer.alloc(8);
      bytes.writeBigUInt64BE(1n << BigInt(bit));
      assert.equal(readU64(bytes, 0), bit < 53 ? 2 ** bit : Number.POSITIVE_INFINITY, `bit ${bit}`);
    }
  });
});
