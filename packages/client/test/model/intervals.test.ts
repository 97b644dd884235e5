/** Ranges hold what a plain set holds. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Intervals } from '../../src/consume/intervals.ts';

const from = fc.integer({ min: 1, max: 40 });
const step = fc.oneof(
  fc.record({ type: fc.constant('add' as const), from, count: fc.nat(6) }),
  fc.record({ type: fc.constant('remove' as const), from, count: fc.constant(0) }),
  fc.record({ type: fc.constant('cut' as const), from, count: fc.nat(6) }),
);

/** The ranges of a plain set. */
function rangesOf(set: ReadonlySet<number>): { first: number; last: number }[] {
  const list: { first: number; last: number }[] = [];
  for (const value of [...set].sort((a, b) => a - b)) {
    const range = list.at(-1);
    if (range !== undefined && range.last + 1 === value) range.last = value;
    else list.push({ first: value, last: value });
  }
  return list;
}

describe('Intervals', () => {
  it('is a set', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 60, size: 'max' }),
        fc.integer({ min: 1, max: 5 }),
        (steps, max) => {
          const intervals = new Intervals();
          const set = new Set<number>();
          for (const { type, from: first, count } of steps) {
            const last = first + count;
            if (type === 'add') {
              intervals.add(first, last);
              for (let value = first; value <= last; value++) set.add(value);
            } else if (type === 'remove') assert.equal(intervals.remove(first), set.delete(first));
            else {
              intervals.cut(first, last);
              for (let value = first; value <= last; value++) set.delete(value);
            }
            const ranges = rangesOf(set);
            assert.deepEqual(intervals.list(), ranges);
            assert.equal(intervals.ranges, ranges.length);
            assert.equal(intervals.min, ranges[0]?.first ?? Number.POSITIVE_INFINITY);
            for (let value = 1; value < 48; value++) assert.equal(intervals.has(value), set.has(value));
          }
          const copy = intervals.copy();
          intervals.bound(max);
          assert.deepEqual(intervals.list(), rangesOf(set).slice(-max));
          assert.deepEqual(copy.list(), rangesOf(set));
          copy.clear();
          assert.deepEqual(copy.list(), []);
        },
      ),
      { numRuns: 500 },
    );
  });
});
