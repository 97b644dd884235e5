import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Member } from '../../../src/session/core/member.ts';
import { SharedGroup } from '../../../src/session/core/shared.ts';
import { runOf } from '../../support/session-client.ts';

/** A group with one member that has got records 1 to 4, two at 1000 and two at 1050; all can be handed out again. */
function setup(): {
  group: SharedGroup<Member>;
  member: Member;
  step: (now: number, end?: number) => number[];
} {
  let handed: number[] = [];
  const options = { prefix: Buffer.alloc(0), ackTimeout: 100, maxDeliveries: 0 };
  const state = { acknowledged: 1, ranges: [], deliveries: [] };
  const group = new SharedGroup<Member>(options, state, {
    records: (_member, first, count) => {
      for (let at = first; at < first + count; at++) handed.push(at);
    },
    gap: () => {},
  });
  const member = new Member(4, 1000);
  group.join(member);
  const bytes = runOf([['1'], ['2'], ['3'], ['4']]);
  const step = (now: number, end = 5): number[] => {
    group.hold([{ type: 'records', first: 1, count: 4, timestamp: 1, bytes, start: 0, end: bytes.length }]);
    handed = [];
    group.step(end, now, 1000);
    return handed;
  };
  assert.deepEqual(step(1000, 3), [1, 2]);
  assert.deepEqual(step(1050), [3, 4]);
  return { group, member, step };
}

describe('a shared group', () => {
  it('sends in order to who comes back alone, also what was not acknowledged in time', () => {
    const { group, member, step } = setup();
    group.suspend(member);
    assert.equal(group.expire(1120), 1150);
    assert.equal(group.waiting, 2);
    group.resume(member, 1120, true);
    assert.deepEqual(step(1120), [1, 2, 3, 4]);
    assert.equal(group.inFlight, 4);
  });

  it('looks at what waits only when something of it is due, and takes late acknowledgements of it', () => {
    const { group, member, step } = setup();
    group.nack(member, [{ first: 2, last: 3 }], 500, 1050);
    assert.equal(group.expire(1060), 1100);
    group.ack(member, [
      { first: 3, last: 4 },
      { first: 1, last: 1 },
    ]);
    assert.equal(group.waiting, 1);
    assert.equal(group.acked.floor, 2);
    assert.equal(group.expire(1500), 1550);
    assert.deepEqual(step(1500), []);
    assert.equal(group.expire(1550), Number.POSITIVE_INFINITY);
    assert.deepEqual(step(1550), [2]);
  });
});
