import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Acknowledged } from '../../../src/session/core/acknowledged.ts';

describe('what is acknowledged', () => {
  it('is what a set would say, whatever comes in which order', () => {
    const range = fc.tuple(fc.integer({ min: 1, max: 60 }), fc.nat(12));
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10 }), fc.array(range, { maxLength: 30 }), (floor, ranges) => {
        const acked = new Acknowledged(floor);
        const set = new Set<number>();
        for (let at = 0; at < floor; at++) set.add(at);
        for (const [first, more] of ranges) {
          acked.add(first, first + more);
          for (let at = first; at <= first + more; at++) set.add(at);
        }
        for (let at = 1; at < 80; at++) {
          assert.equal(acked.has(at), set.has(at), `${at}`);
          let next = at;
          while (set.has(next)) next++;
          assert.equal(acked.skip(at), next);
          if (set.has(at)) continue;
          let limit = at;
          while (limit < 80 && !set.has(limit)) limit++;
          assert.equal(acked.limit(at), limit === 80 ? Number.POSITIVE_INFINITY : limit);
        }
        assert.equal(acked.floor, acked.skip(0));
        let end = acked.floor;
        for (const { first, last } of acked.ranges) {
          assert.ok(first > end, 'ranges touch');
          assert.ok(last >= first);
          end = last + 1;
        }
        const again = new Acknowledged(acked.floor, acked.ranges);
        assert.deepEqual([again.floor, again.ranges], [acked.floor, acked.ranges]);
      }),
      { numRuns: 1000 },
    );
  });

  it('takes many at once as one after the other', () => {
    const [fast, slow] = [new Acknowledged(1), new Acknowledged(1)];
    for (const acked of [fast, slow]) for (let at = 5; at < 900; at += 7) acked.add(at, at + 1);
    const added = Array.from({ length: 200 }, (_, i) => ({ first: 1 + i * 4, last: 2 + i * 4 + (i % 2) }));
    fast.addAll(added);
    for (const { first, last } of added) slow.add(first, last);
    assert.deepEqual([fast.floor, fast.ranges], [slow.floor, slow.ranges]);
  });

  it('passes the first of many ranges as it does the first of few', () => {
    const acked = new Acknowledged(1);
    for (let at = 2; at <= 4000; at += 2) acked.add(at, at);
    for (let at = 1; at < 4000; at += 2) {
      assert.equal(acked.limit(at), at + 1);
      assert.ok(acked.has(at + 1) && !acked.has(at));
      acked.add(at, at);
      assert.equal(acked.floor, at + 2);
      if (at % 501 === 0) assert.equal(acked.ranges.length, (4000 - at - 1) / 2);
    }
    assert.deepEqual(acked.ranges, []);
  });
});
