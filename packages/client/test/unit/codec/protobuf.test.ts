import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import fc from 'fast-check';
import * as v from 'valibot';
import { parseCodec } from '../../../src/codec/parse.ts';
import { protobuf } from '../../../src/codec/protobuf.ts';
import type { ClientError } from '../../../src/errors.ts';
import { failure, fuzz, refused } from './support.ts';

const dir = mkdtempSync(join(tmpdir(), 'codec-'));
after(() => rmSync(dir, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(dir, name);
  writeFileSync(path, text);
  return path;
}

mkdirSync(join(dir, 'common', 'deep'), { recursive: true });
file(
  'common/money.proto',
  'syntax = "proto3"; package common; import "deep/unit.proto"; message Money { int64 amount = 1; deep.Unit unit = 2; }',
);
// Beside the importing file, and from the root: the same file, read once.
file(
  'common/deep/unit.proto',
  'syntax = "proto3"; package common.deep; import "common/money.proto"; enum Unit { CENT = 0; EURO = 1; }',
);
const SHOP = file(
  'shop.proto',
  `syntax = "proto3";
package shop;
import "common/money.proto";
import "common/deep/unit.proto";
import "google/protobuf/timestamp.proto";
message All {
  double a_double = 1; float a_float = 2; int32 an_int32 = 3; int64 an_int64 = 4; uint32 a_uint32 = 5; uint64 a_uint64 = 6;
  sint32 a_sint32 = 7; sint64 a_sint64 = 8; fixed32 a_fixed32 = 9; fixed64 a_fixed64 = 10; sfixed32 a_sfixed32 = 11;
  sfixed64 a_sfixed64 = 12; bool a_bool = 13; string a_string = 14; bytes some_bytes = 15;
  repeated sint64 longs = 16; map<string, common.Money> prices = 17; map<int64, string> by_id = 18; map<bool, double> by_flag = 19;
  oneof choice { string text = 20; uint64 number = 21; All nested = 22; }
  optional int32 maybe = 23; common.deep.Unit unit = 24; google.protobuf.Timestamp at = 25; repeated All children = 26;
}
`,
);
const OLD = file(
  'old.proto',
  'message Old { required string name = 1; optional int32 n = 2 [default = 7]; }',
);

const codec = await protobuf(SHOP, 'shop.All');

/** As a decoder makes them: plain objects. */
const record: typeof fc.record = (fields: object) => fc.record(fields as never, { noNullPrototype: true });

const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const uint32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const text = fc.string({ unit: 'binary' });
const key = fc.string().filter((name) => name !== '__proto__');
const dictionary = <T>(
  keys: fc.Arbitrary<string>,
  values: fc.Arbitrary<T>,
): fc.Arbitrary<Record<string, T>> => fc.dictionary(keys, values, { maxKeys: 4, noNullPrototype: true });
const bytes = fc.uint8Array().map((octets) => Buffer.from(octets));

const scalars = {
  a_double: fc.double(),
  a_float: fc.float(),
  an_int32: int32,
  an_int64: int64,
  a_uint32: uint32,
  a_uint64: uint64,
  a_sint32: int32,
  a_sint64: int64,
  a_fixed32: uint32,
  a_fixed64: uint64,
  a_sfixed32: int32,
  a_sfixed64: int64,
  a_bool: fc.boolean(),
  a_string: text,
  some_bytes: bytes,
  longs: fc.array(int64, { maxLength: 4 }),
  prices: dictionary(key, record({ amount: int64, unit: fc.constantFrom('CENT', 'EURO') })),
  by_id: dictionary(int64.map(String), text),
  by_flag: dictionary(fc.constantFrom('true', 'false'), fc.double()),
  unit: fc.oneof(fc.constantFrom('CENT', 'EURO'), fc.constant(77)),
};
const all = fc
  .tuple(
    record(scalars),
    fc.oneof(
      fc.constant({}),
      record({ text }),
      record({ number: uint64 }),
      record({ maybe: int32 }),
      record({ nested: fc.constant({ a_string: 'inside' }) }),
    ),
    fc.oneof(fc.constant({ at: null }), record({ at: record({ seconds: int64, nanos: int32 }) })),
  )
  .map((parts) => Object.assign({}, ...parts) as Record<string, unknown>);

/** As it is read: what a nested message does not have is its default. */
const EMPTY = codec.decode(new Uint8Array());
function asRead(given: Record<string, unknown>): Record<string, unknown> {
  const { nested } = given as { nested?: object };
  return { children: [], ...given, ...(nested === undefined ? {} : { nested: { ...EMPTY, ...nested } }) };
}

describe('protobuf', () => {
  it('reads what it writes: every scalar type, maps, oneofs, imports', () => {
    fc.assert(
      fc.property(all, (given) => assert.deepEqual(codec.decode(codec.encode(given)), asRead(given))),
      { numRuns: 1000 },
    );
  });

  it('throws nothing but ERR_DECODE, whatever comes', () => fuzz(codec, all));

  it('reads a message of other software', () => {
    // protoc --encode: an_int64: -2, a_string: "hi", by_id { 9223372036854775807: "max" }
    const wire = '20feffffffffffffffff01 7202 6869 92010f 08ffffffffffffffff7f 12036d6178';
    const value = codec.decode(Buffer.from(wire.replaceAll(' ', ''), 'hex'));
    assert.deepEqual(value, {
      ...EMPTY,
      an_int64: -2n,
      a_string: 'hi',
      by_id: { '9223372036854775807': 'max' },
    });
  });

  it('takes 64-bit numbers as bigint, as number and as digits', () => {
    for (const an_int64 of [-5n, -5, '-5'])
      assert.equal(codec.decode(codec.encode({ an_int64 })).an_int64, -5n);
  });

  it('tells what is set from what is not', () => {
    assert.equal('maybe' in codec.decode(codec.encode({})), false);
    assert.equal(codec.decode(codec.encode({ maybe: 0 })).maybe, 0);
    assert.equal(codec.decode(codec.encode({ text: '' })).text, '');
  });

  it('writes nothing that does not fit, and says which field', () => {
    const bad: [Record<string, unknown>, RegExp][] = [
      [{ an_int32: 2 ** 31 }, /All\.an_int32 does not fit int32/],
      [{ an_int32: 1.5 }, /an_int32/],
      [{ an_int32: '1' }, /an_int32/],
      [{ a_uint32: -1 }, /a_uint32/],
      [{ an_int64: 2n ** 63n }, /an_int64/],
      [{ an_int64: 2 ** 53 }, /an_int64/],
      [{ a_uint64: -1n }, /a_uint64/],
      [{ a_uint64: 'many' }, /a_uint64/],
      [{ a_bool: 1 }, /a_bool/],
      [{ a_string: 1 }, /a_string/],
      [{ a_string: '\ud800' }, /a_string/],
      [{ some_bytes: 'AAAA' }, /some_bytes/],
      [{ longs: 1n }, /longs is no list/],
      [{ prices: JSON.parse('{"__proto__":{}}') }, /prices has a key __proto__/],
      [{ by_id: { x: '' } }, /by_id has a key that is no int64/],
      [{ unit: 'POUND' }, /unit is no value of Unit/],
      [{ text: 'a', number: 1 }, /choice is a oneof, and more than one/],
      [{ prices: { a: { amount: 1, unti: 'EURO' } } }, /All\.prices has a field that the type does not have/],
    ];
    for (const [value, words] of bad) {
      const error = failure(() => codec.encode(value));
      assert.equal(error.code, 'ERR_ENCODE');
      assert.match(error.message, words);
    }
    const circle: Record<string, unknown> = {};
    circle.nested = circle;
    assert.match(failure(() => codec.encode(circle)).message, /deeper than 100/);
  });

  it('refuses what is no message', () => {
    refused(codec, Buffer.from([0x72, 5, 0x61]), /ends early.*at offset/);
    refused(codec, Buffer.from([0x72, 1, 0xff]), /protobuf:shop\.All/);
    refused(codec, Buffer.from([0x07]), /protobuf:shop\.All/);
    const child = (inner: Uint8Array): Buffer => {
      const { length } = inner;
      const size = length < 128 ? [length] : [(length & 127) | 128, length >> 7];
      return Buffer.concat([Buffer.from([0xd2, 0x01, ...size]), inner]);
    };
    let deep: Buffer = Buffer.alloc(0);
    for (let i = 0; i < 102; i++) deep = child(deep);
    refused(codec, deep, /not such a message/);
    const entry = Buffer.from('0a095f5f70726f746f5f5f1200', 'hex');
    refused(codec, Buffer.concat([Buffer.from([0x8a, 0x01, entry.length]), entry]), /__proto__/);
  });

  it('counts what becomes of a message before it makes it', () => {
    const many = /more than 1000000 values/;
    // Packed numbers; empty messages, which have all their defaults; entries of a map; all of it nested.
    const sized = (tag: readonly number[], inner: Uint8Array): Buffer => {
      const { length } = inner;
      const size = [(length & 127) | 128, ((length >> 7) & 127) | 128, ((length >> 14) & 127) | 128];
      return Buffer.concat([Buffer.from([...tag, ...size, length >> 21]), inner]);
    };
    refused(codec, sized([0x82, 0x01], Buffer.alloc(1_000_001)), many);
    refused(codec, Buffer.alloc(150_000, Buffer.from([0xd2, 0x01, 0])), many);
    refused(codec, Buffer.alloc(2_000_000, Buffer.from([0x8a, 0x01, 2, 0x12, 0])), many);
    refused(codec, sized([0xb2, 0x01], Buffer.alloc(150_000, Buffer.from([0xd2, 0x01, 0]))), many);
    const { longs } = codec.decode(sized([0x82, 0x01], Buffer.alloc(300_000, 1))) as { longs: bigint[] };
    assert.equal(longs.length, 300_000);
    assert.equal(longs[0], -1n);
  });

  it('checks text and required fields in old files, too', async () => {
    const old = await protobuf(OLD, 'Old');
    assert.deepEqual(old.decode(old.encode({ name: 'n' })), { name: 'n', n: 7 });
    refused(old, Buffer.from([0x0a, 1, 0xff]), /not decoded/);
    refused(old, new Uint8Array(), /required/);
    assert.match(failure(() => old.encode({})).message, /Old\.name is required/);
  });

  it('goes with a schema', async () => {
    const schema = v.object({
      a_string: v.pipe(v.string(), v.minLength(1)),
      an_int64: v.optional(v.bigint()),
    });
    const checked = await protobuf(SHOP, 'shop.All', { schema });
    const value: { a_string: string } = checked.decode(checked.encode({ a_string: 'x' }));
    assert.equal(value.a_string, 'x');
    assert.equal(failure(() => checked.decode(new Uint8Array())).code, 'ERR_SCHEMA');
  });
});

describe('a .proto file', () => {
  const rejects = (made: Promise<unknown>, words: RegExp): Promise<void> =>
    assert.rejects(made, (error: ClientError) => {
      assert.equal(error.code, 'ERR_OPTION');
      assert.match(error.message, words);
      return true;
    });

  it('that is not there, no such file, without the type', async () => {
    await rejects(protobuf(join(dir, 'none.proto'), 'A'), /cannot read .*none\.proto/);
    await rejects(protobuf(file('bad.proto', 'message {'), 'A'), /bad\.proto: .*line 1/);
    await rejects(protobuf(SHOP, 'shop.Al'), /has no message type shop\.Al/);
    await rejects(
      protobuf(file('in.proto', 'import "gone.proto";'), 'A'),
      /gone\.proto, which .*in\.proto imports/,
    );
    await rejects(protobuf(file('un.proto', 'message A { B b = 1; }'), 'A'), /un\.proto/);
  });

  it('names a codec for the command line', async () => {
    assert.equal((await parseCodec(`protobuf:${SHOP}#shop.All`)).name, 'protobuf:shop.All');
    assert.equal((await parseCodec('json')).name, 'json');
    assert.equal((await parseCodec('msgpack')).name, 'msgpack');
    for (const text of ['', 'xml', 'protobuf', 'protobuf:a.proto', 'protobuf:#A'])
      await rejects(parseCodec(text), /not/);
  });
});
