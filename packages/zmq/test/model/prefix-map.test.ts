/** The prefix map against a plain Map that is searched from end to end. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { PrefixMap } from '../../src/bytes/prefix-map.ts';
import { runs } from '../support/property.ts';

// Few letters and short texts, so that prefixes meet.
const anyText = fc
  .oneof(
    { weight: 5, arbitrary: fc.array(fc.constantFrom(0, 97, 98, 255), { maxLength: 6 }) },
    { weight: 1, arbitrary: fc.array(fc.nat(255), { maxLength: 40 }) },
  )
  .map((octets) => Buffer.from(octets));

const anyStep = fc.oneof(
  { weight: 4, arbitrary: fc.record({ what: fc.constant('set' as const), text: anyText, value: fc.nat(9) }) },
  {
    weight: 3,
    arbitrary: fc.record({ what: fc.constant('delete' as const), text: anyText, value: fc.constant(0) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ what: fc.constant('look' as const), text: anyText, value: fc.nat(3) }),
  },
);

describe('the prefix map agrees with a list', () => {
  it('whatever is set, deleted and looked for', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 150 }), fc.integer(), (steps, seed) => {
        const map = new PrefixMap<number>(seed);
        const model = new Map<string, number>();
        for (const { what, text, value } of steps) {
          const key = text.toString('latin1');
          if (what === 'set') {
            map.set(text, value);
            model.set(key, value);
          } else if (what === 'delete') assert.equal(map.delete(text), model.delete(key));
          assert.equal(map.get(text), model.get(key));
          assert.equal(map.size, model.size);
          assert.equal(map.everything, model.get(''));
          // The text in the middle of other octets.
          const around = Buffer.concat([Buffer.alloc(value, 97), text, Buffer.from('ab')]);
          const found: number[] = [];
          map.collect(around, value, value + text.length, found);
          const prefixes = [...model].filter(([prefix]) => key.startsWith(prefix));
          prefixes.sort(([a], [b]) => a.length - b.length);
          assert.deepEqual(
            found,
            prefixes.map(([, stored]) => stored),
          );
          assert.equal(map.matches(around, value, value + text.length), prefixes.length > 0);
        }
        const listed = [...map.entries()].map(
          ([prefix, value]) => [prefix.toString('latin1'), value] as const,
        );
        assert.deepEqual(new Map(listed), model);
        assert.equal(listed.length, model.size);
      }),
      runs(300),
    );
  });

  it('with thousands of prefixes that come and go', () => {
    const property = fc.property(
      fc.integer(),
      fc.array(fc.nat(3000), { minLength: 1, maxLength: 6 }),
      (seed, sizes) => {
        const map = new PrefixMap<number>(seed);
        const model = new Map<string, number>();
        let serial = 0;
        for (const size of sizes) {
          // Up or down to `size` prefixes; those that go are not those that came last.
          while (model.size < size) {
            const key = `${'t/'.repeat(serial % 7)}${serial}`;
            map.set(Buffer.from(key), serial);
            model.set(key, serial++);
          }
          for (const key of model.keys()) {
            if (model.size <= size) break;
            assert.ok(map.delete(Buffer.from(key)), key);
            model.delete(key);
          }
          assert.equal(map.size, model.size);
          for (const [key, value] of model) assert.equal(map.get(Buffer.from(key)), value, key);
          const listed = [...map.entries()].map(([prefix, value]) => [prefix.toString(), value] as const);
          assert.deepEqual(new Map(listed), model);
          assert.equal(map.matches(Buffer.from('nothing'), 0, 7), false);
        }
      },
    );
    fc.assert(property, runs(25));
  });
});
