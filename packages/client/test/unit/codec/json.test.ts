import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import fc from 'fast-check';
import * as v from 'valibot';
import type { StandardSchema } from '../../../src/codec/codec.ts';
import { json } from '../../../src/codec/json.ts';
import { failure, fuzz, nested, refused } from './support.ts';

const codec = json();
/** JSON.parse makes an own property of it. */
const hasProto = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  (Object.hasOwn(value, '__proto__') || Object.values(value).some(hasProto));
const bytesOf = (text: string): Uint8Array => Buffer.from(text);

describe('json', () => {
  it('reads what it writes', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
        if (hasProto(value)) assert.equal(failure(() => codec.encode(value)).code, 'ERR_ENCODE');
        else assert.deepEqual(codec.decode(codec.encode(value)), JSON.parse(JSON.stringify(value)));
      }),
      { numRuns: 500 },
    );
  });

  it('throws nothing but ERR_DECODE, whatever comes', () =>
    fuzz(
      codec,
      fc.jsonValue().filter((value) => !hasProto(value)),
    ));

  it('says where it stops to be JSON, in octets, and not what stood there', () => {
    const error = failure(() => codec.decode(bytesOf('{"ä":1 "secret":x}')));
    assert.equal(error.code, 'ERR_DECODE');
    assert.equal(error.offset, 8);
    assert.doesNotMatch(error.message, /secret/);
    assert.equal(error.cause, undefined);
    assert.equal(failure(() => codec.decode(bytesOf('{"a":1'))).offset, 6);
  });

  it('refuses', () => {
    refused(codec, bytesOf(''), /not JSON/);
    refused(codec, bytesOf('1 2'), /not JSON/);
    refused(codec, Buffer.from([0x22, 0xff, 0x22]), /not UTF-8/);
    refused(codec, Buffer.from([0xef, 0xbb, 0xbf, 0x31]), /not JSON/);
    refused(codec, bytesOf('{"a":[{"__proto__":{"x":1}}]}'), /__proto__/);
    refused(codec, bytesOf('{"\\u005F_proto__":{"x":1}}'), /__proto__/);
    refused(codec, bytesOf('['.repeat(101) + ']'.repeat(101)), /deeper than 100, at offset 100/);
    refused(codec, bytesOf('[{"a":'.repeat(1e6)), /deeper than 100/);
    refused(codec, bytesOf(`[${'{},'.repeat(1e6)}1]`), /more than 1000000 values, at offset/);
    refused(json({ maxSize: 4 }), bytesOf('"abc"'), /5 octets, where 4 are allowed/);
  });

  it('reads what only looks like it', () => {
    assert.deepEqual(codec.decode(bytesOf('"__proto__"')), '__proto__');
    assert.deepEqual(codec.decode(bytesOf('['.repeat(100) + ']'.repeat(100))), nested(100, []));
    const text = `${'[{'.repeat(200)}"\\"\\\\`;
    assert.equal(codec.decode(codec.encode(text)), text);
  });

  it('does not write what it can not read', () => {
    const circle: unknown[] = [];
    circle.push(circle);
    const proto = JSON.parse('[{"a":1,"__proto__":2}]');
    for (const value of [undefined, () => 1, 1n, circle, nested(101, []), nested(1e5, []), proto]) {
      assert.equal(failure(() => codec.encode(value)).code, 'ERR_ENCODE');
    }
  });

  it('writes __proto__ where it is no key', () => {
    for (const value of ['__proto__', '{"__proto__":1}', { '{"__proto__': 1, a__proto__: ['__proto__'] }])
      assert.deepEqual(codec.decode(codec.encode(value)), value);
  });

  it('refuses a limit that is none', () => {
    for (const maxSize of [0, -1, 1.5, Number.NaN])
      assert.equal(failure(() => json({ maxSize })).code, 'ERR_OPTION');
  });
});

describe('a schema', () => {
  const Order = v.object({ id: v.number(), items: v.array(v.object({ price: v.number() })) });
  const orders = json({ schema: Order });

  it('may throw, and is told without its words', () => {
    const schema = v.pipe(
      v.string(),
      v.transform((text) => new URL(text)),
    );
    const error = failure(() => json({ schema }).decode(bytesOf('"no address"')));
    assert.deepEqual([error.code, error.cause], ['ERR_SCHEMA', undefined]);
    assert.match(error.message, /^json: the schema threw TypeError$/);
  });

  it('is what the standard describes', () => {
    const standard: StandardSchemaV1<string, number> = v.pipe(v.string(), v.transform(Number));
    const ours: StandardSchema<string, number> = standard;
    const number: number = json({ schema: ours }).decode(bytesOf('"7"'));
    assert.equal(number, 7);
  });

  it('gives values their type', () => {
    const order: { id: number } = orders.decode(orders.encode({ id: 1, items: [{ price: 2 }] }));
    assert.equal(order.id, 1);
    // @ts-expect-error A schema says what may be published.
    assert.throws(() => orders.encode({ id: 'one', items: [] }));
  });

  it('converts what is read, and takes what may be converted', () => {
    const Day = v.pipe(
      v.string(),
      v.transform((text) => new Date(text)),
    );
    const days = json({ schema: Day });
    const day: Date = days.decode(days.encode('2026-01-31'));
    assert.equal(day.toISOString(), '2026-01-31T00:00:00.000Z');
  });

  it('refuses with the place, not with the value', () => {
    const error = failure(() => orders.decode(bytesOf('{"id":1,"items":[{"price":"secret"}]}')));
    assert.equal(error.code, 'ERR_SCHEMA');
    assert.match(error.message, /at items\.0\.price$/);
    assert.doesNotMatch(error.message, /secret/);
    const prices = json({ schema: v.record(v.string(), v.number()) });
    assert.match(failure(() => prices.decode(bytesOf('{"a secret":"x"}'))).message, /at \?$/);
    assert.match(failure(() => json({ schema: v.number() }).decode(bytesOf('"x"'))).message, /at the top$/);
  });

  it('refuses an asynchronous one', () => {
    const later = json({
      schema: v.pipeAsync(
        v.string(),
        v.checkAsync(async () => false),
      ),
    });
    assert.equal(failure(() => later.decode(bytesOf('"x"'))).code, 'ERR_OPTION');
  });
});
