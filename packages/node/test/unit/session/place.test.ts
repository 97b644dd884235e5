import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodePlace, encodePlace, type Place, within } from '../../../src/session/core/place.ts';

const place: Place = {
  strategy: 'sharded',
  prefix: Buffer.from([0, 255, 7]),
  ackTimeout: 30_000,
  maxDeliveries: 5,
  deadLetter: 'telemetry.dead',
  state: { acknowledged: 118, ranges: [{ first: 120, last: 130 }], deliveries: [[119, 119, 2]] },
};

describe('the place of a group', () => {
  it('is read as it was written', () => assert.deepEqual(decodePlace(encodePlace(place)), place));

  it('tells tools where it stands', () => {
    const value = JSON.parse(Buffer.from(encodePlace(place)).toString());
    assert.equal(value.acknowledged, 118);
    assert.equal(value.strategy, 'sharded');
  });

  it('is bounded', () => {
    const ranges = Array.from({ length: 50_000 }, (_, i) => ({
      first: 2 ** 52 + 2 * i,
      last: 2 ** 52 + 2 * i,
    }));
    const bytes = encodePlace({ ...place, state: { ...place.state, ranges } });
    assert.ok(bytes.length < 1024 * 1024);
    assert.deepEqual(decodePlace(bytes)?.state.ranges, ranges.slice(0, 10_000));
  });

  it('that is none of ours is refused, not misread', () => {
    const value = JSON.parse(Buffer.from(encodePlace(place)).toString());
    for (const bad of [
      { ...value, strategy: 'route' },
      { ...value, acknowledged: -1 },
      { ...value, acknowledged: 1.5 },
      { ...value, ranges: [[3]] },
      { ...value, ranges: [[5, 4]] },
      { ...value, ranges: 'x' },
      { ...value, deliveries: [[1, 2]] },
      { ...value, prefix: 7 },
      { ...value, deadLetter: null },
      [],
      null,
      7,
    ])
      assert.equal(decodePlace(Buffer.from(JSON.stringify(bad))), null, JSON.stringify(bad));
    assert.equal(decodePlace(Buffer.from('{')), null);
    assert.equal(decodePlace(Buffer.alloc(0)), null);
  });

  it('does not reach beyond a stream that lost its end', () => {
    assert.deepEqual(within(place.state, 125), {
      acknowledged: 118,
      ranges: [{ first: 120, last: 124 }],
      deliveries: [[119, 119, 2]],
    });
    assert.deepEqual(within(place.state, 100), { acknowledged: 100, ranges: [], deliveries: [] });
  });
});
