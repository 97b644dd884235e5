import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { msgpack } from '../../../src/codec/msgpack.ts';
import { failure, fuzz, nested, refused } from './support.ts';

const codec = await msgpack();
const hex = (text: string): Uint8Array => Buffer.from(text.replaceAll(' ', ''), 'hex');

const INT64 = { min: -(2n ** 63n), max: 2n ** 64n - 1n };
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 4 },
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    fc.maxSafeInteger(),
    // A whole number has no sign at zero.
    fc.double().map((double) => double || 0),
    fc.bigInt(INT64).filter((int) => !Number.isSafeInteger(Number(int))),
    fc.string({ unit: 'binary' }),
    fc.uint8Array(),
    fc.date({ noInvalidDate: true }),
    fc.array(tie('any'), { maxLength: 5 }),
    fc.dictionary(
      fc.string().filter((key) => key !== '__proto__'),
      tie('any'),
      { maxKeys: 5, noNullPrototype: true },
    ),
  ),
})).any;

describe('msgpack', () => {
  it('reads what it writes, whole numbers to their last digit', () => {
    fc.assert(
      fc.property(value, (given) => assert.deepEqual(codec.decode(codec.encode(given)), given)),
      { numRuns: 1000 },
    );
  });

  it('throws nothing but ERR_DECODE, whatever comes', () => fuzz(codec, value));

  it('keeps numbers beside a bigint numbers', () => {
    const mixed = { id: 2n ** 63n, at: 1_790_000_000_123, small: 1, list: [-(2n ** 60n), -5_000_000_000] };
    assert.deepEqual(codec.decode(codec.encode(mixed)), mixed);
    // uint 64 of a small number, as some libraries write it
    assert.deepEqual(codec.decode(hex('92 cf0000000000000001 cfffffffffffffffff')), [1, 2n ** 64n - 1n]);
    assert.deepEqual(codec.decode(hex('92 cf001fffffffffffff cf0020000000000000')), [
      Number.MAX_SAFE_INTEGER,
      2n ** 53n,
    ]);
    assert.deepEqual(codec.decode(hex('92 d3ffe0000000000001 d3ffe0000000000000')), [
      Number.MIN_SAFE_INTEGER,
      -(2n ** 53n),
    ]);
  });

  it('refuses, with the place', () => {
    refused(codec, hex(''), /ends early, at offset 0/);
    refused(codec, hex('c1'), /0xc1 is never used, at offset 0/);
    refused(codec, hex('01 02'), /something follows it, at offset 1/);
    refused(codec, hex('a3 61'), /ends early/);
    refused(codec, hex('a2 c328'), /not UTF-8, at offset 1/);
    refused(codec, hex('81 c0 01'), /a key is neither text nor a number/);
    refused(codec, hex('81 a95f5f70726f746f5f5f 80'), /__proto__ is not allowed, at offset 2/);
    refused(codec, hex('d6ff0000'), /ends early/);
    refused(codec, hex('d4ff00'), /timestamp/);
    refused(codec, Buffer.concat([Buffer.alloc(101, 0x91), hex('01')]), /deeper than 100/);
    refused(codec, Buffer.alloc(1_000_000, 0x91), /deeper than 100/);
    refused(
      codec,
      Buffer.concat([hex('dd000f4240'), Buffer.alloc(1_000_000, 0x80)]),
      /more than 1000000 values/,
    );
  });

  it('believes no length: nothing is allocated for what is not there', () => {
    refused(codec, hex('ddffffffff'), /ends early/);
    refused(codec, hex('dfffffffff'), /ends early/);
    refused(codec, hex('dbffffffff 61'), /ends early/);
    refused(codec, hex('c6ffffffff 61'), /ends early/);
    // Each list claims as much as is left of the message.
    refused(
      codec,
      Buffer.concat(Array.from({ length: 200_000 }, () => hex('dd000f4240'))),
      /ends early|deeper/,
    );
  });

  it('does not write what it can not read', () => {
    const circle: unknown[] = [];
    circle.push(circle);
    const key = Object.defineProperty({}, '__proto__', { value: 1, enumerable: true });
    for (const bad of [
      () => 1,
      circle,
      nested(102, []),
      nested(102, 1n),
      2n ** 64n,
      -(2n ** 63n) - 1n,
      '\ud800',
      key,
    ]) {
      assert.equal(failure(() => codec.encode(bad)).code, 'ERR_ENCODE');
    }
  });

  const python = spawnSync('python3', ['-c', 'import msgpack']).status === 0;
  it('is what Python reads', { skip: python ? false : 'python3 has no msgpack' }, () => {
    const program =
      'import msgpack,sys; sys.stdout.buffer.write(msgpack.packb(msgpack.unpackb(sys.stdin.buffer.read(), timestamp=3)))';
    const given = {
      text: 'ä€😀',
      id: 2n ** 63n,
      at: 1_790_000_000_123,
      list: [1, -1, 1.5, null, true],
      bytes: Buffer.from([0, 255]),
    };
    const { stdout } = spawnSync('python3', ['-c', program], { input: codec.encode(given) });
    assert.deepEqual(codec.decode(stdout), { ...given, bytes: new Uint8Array(given.bytes) });
  });
});
