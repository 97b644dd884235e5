import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Lease, Leases } from '../../../src/session/core/leases.ts';

const lease = (first: number, last: number, holder: object | null = null, deliveries = 1): Lease => ({
  first,
  last,
  deliveries,
  due: 0,
  octets: (last - first + 1) * 10,
  shard: 0,
  holder,
});

describe('leases', () => {
  it('give back what went in, whatever is taken', () => {
    const holders = [{ name: 'a' }, { name: 'b' }];
    const step = fc.record({
      take: fc.boolean(),
      first: fc.integer({ min: 1, max: 50 }),
      more: fc.nat(10),
      who: fc.nat(1),
      only: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const leases = new Leases();
        const inside = new Map<number, object>();
        for (const { take, first, more, who, only } of steps) {
          const last = first + more;
          const holder = holders[who]!;
          if (take) {
            const taken = leases.take(first, last, only ? holder : undefined);
            const expected: number[] = [];
            for (let at = first; at <= last; at++) {
              if (!inside.has(at) || (only && inside.get(at) !== holder)) continue;
              expected.push(at);
              inside.delete(at);
            }
            const found = taken.flatMap((part) =>
              Array.from({ length: part.last - part.first + 1 }, (_, i) => part.first + i),
            );
            assert.deepEqual(found, expected);
          } else if (![...inside.keys()].some((at) => at >= first && at <= last)) {
            leases.insert(lease(first, last, holder));
            for (let at = first; at <= last; at++) inside.set(at, holder);
          }
          assert.equal(leases.count, inside.size);
          assert.equal(
            leases.octets,
            leases.items.reduce((sum, { octets }) => sum + octets, 0),
          );
          let end = 0;
          for (const item of leases.items) {
            assert.ok(item.first > end && item.last >= item.first, 'not sorted');
            for (let at = item.first; at <= item.last; at++) assert.equal(inside.get(at), item.holder);
            end = item.last;
          }
          const at = leases.at(first);
          const next = [...inside.keys()].filter((key) => key >= first).sort((a, b) => a - b)[0];
          assert.equal(at === null ? undefined : Math.max(at.first, first), next);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('many at once are as one after the other', () => {
    const holders = [{ name: 'a' }, { name: 'b' }];
    const build = (lengths: readonly number[]): Leases => {
      const leases = new Leases();
      let first = 1;
      for (const length of lengths) {
        leases.insert(lease(first, first + (length % 4), holders[length % 2]!, 1 + (length % 3)));
        first += (length % 4) + 1 + (length % 5);
      }
      return leases;
    };
    const records = (list: readonly Lease[]): string[] =>
      list.flatMap(({ first, last, deliveries, holder }) =>
        Array.from(
          { length: last - first + 1 },
          (_, i) => `${first + i} ${deliveries} ${holders.indexOf(holder as never)}`,
        ),
      );
    const lengths = fc.array(fc.nat(100), { maxLength: 300 });
    fc.assert(
      fc.property(
        lengths,
        fc.array(fc.nat(9), { minLength: 70, maxLength: 300 }),
        fc.boolean(),
        (all, steps, only) => {
          const ranges: { first: number; last: number }[] = [];
          let first = 1;
          for (const step of steps) {
            ranges.push({ first: first + (step % 3), last: first + step });
            first += step + 1;
          }
          const holder = only ? holders[0] : undefined;
          const [fast, slow] = [build(all), build(all)];
          const taken = fast.takeAll(ranges, holder);
          const expected = ranges.flatMap((range) => slow.take(range.first, range.last, holder));
          assert.deepEqual(records(taken), records(expected));
          assert.deepEqual(records(fast.items), records(slow.items));
          assert.equal(fast.count, slow.count);
          assert.equal(
            fast.octets,
            fast.items.reduce((sum, { octets }) => sum + octets, 0),
          );
          fast.insertAll(taken);
          assert.deepEqual(records(fast.items), records(build(all).items));
        },
      ),
      { numRuns: 300 },
    );
  });

  it('of the same fate in a row are one', () => {
    const leases = new Leases();
    leases.insert(lease(1, 5));
    leases.insert(lease(6, 9));
    leases.insert(lease(10, 10, null, 2));
    assert.deepEqual(
      leases.items.map(({ first, last }) => [first, last]),
      [
        [1, 9],
        [10, 10],
      ],
    );
  });

  it('are taken from the front of many as from anywhere', () => {
    const leases = new Leases();
    const left = new Set<number>();
    for (let at = 1; at <= 3000; at++) {
      leases.insert(lease(at, at, null, at));
      left.add(at);
    }
    for (let at = 1; left.size > 0; at++) {
      // Now and then one that came again, and one from the middle.
      const again = at % 7 === 0 ? at - 3 : at;
      if (again < at) {
        leases.insert(lease(again, again, null, 9000 + at));
        assert.equal(leases.first?.first, again);
        assert.equal(leases.take(again, again).length, 1);
      }
      const other = (at * 31) % 3000;
      for (const wanted of [at, other]) {
        assert.equal(leases.take(wanted, wanted).length, left.delete(wanted) ? 1 : 0, `${wanted}`);
        assert.equal(leases.count, left.size);
      }
      if (at % 500 === 0) assert.equal(leases.items.length, left.size);
    }
    assert.equal(leases.first, null);
  });

  it('share their octets when they are split', () => {
    const leases = new Leases();
    leases.insert(lease(1, 10));
    assert.deepEqual(
      leases.take(4, 6).map(({ octets }) => octets),
      [30],
    );
    assert.equal(leases.octets, 70);
    leases.take(1, 10);
    assert.equal(leases.octets, 0);
  });
});
