import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { messageLength, writeMessage } from '@zeroth/zmq/run';
import fc from 'fast-check';
import { DONE } from '../../../src/session/core/group.ts';
import { matches, SHARDS, shardOf } from '../../../src/session/core/keys.ts';
import { Member } from '../../../src/session/core/member.ts';
import { ShardedGroup } from '../../../src/session/core/sharded.ts';
import { Shards } from '../../../src/session/core/shards.ts';

const loads = (shards: Shards<string>, members: readonly string[]): number[] =>
  members.map(
    (member) =>
      Array.from({ length: SHARDS }, (_, at) => at).filter((at) => shards.target(at) === member).length,
  );

describe('shards', () => {
  it('are spread evenly, and move no more than they must', () => {
    const step = fc.record({ join: fc.boolean(), who: fc.nat(20) });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 30 }), (steps) => {
        const shards = new Shards<string>();
        let members: string[] = [];
        steps.forEach(({ join, who }, number) => {
          const before = Array.from({ length: SHARDS }, (_, at) => shards.target(at));
          if (join) members = [...members, `m${number}`];
          else members = members.filter((_, at) => at !== who % members.length);
          shards.assign(members);
          const counts = loads(shards, members);
          if (members.length === 0) {
            assert.equal(shards.target(0), null);
            return;
          }
          assert.equal(
            counts.reduce((a, b) => a + b),
            SHARDS,
          );
          assert.ok(Math.max(...counts) - Math.min(...counts) <= 1, `${counts}`);
          const moved = before.filter(
            (owner, at) => owner !== null && members.includes(owner) && owner !== shards.target(at),
          );
          const most = join ? Math.ceil(SHARDS / members.length) : 0;
          assert.ok(moved.length <= most, `${moved.length} moved`);
        });
      }),
      { numRuns: 300 },
    );
  });

  it('do not move while their owner holds something of them', () => {
    const shards = new Shards<string>();
    shards.assign(['a']);
    assert.ok(!shards.moving(7));
    for (let shard = 0; shard < SHARDS; shard++) shards.hold(shard, 2);
    shards.assign(['b']);
    assert.ok(shards.moving(7));
    assert.equal(shards.hold(7, -1), false);
    assert.ok(shards.moving(7));
    assert.equal(shards.hold(7, -1), true);
    assert.ok(!shards.moving(7));
    assert.equal(shards.target(7), 'b');
  });
});

describe('keys', () => {
  const record = (...frames: string[]): Buffer => {
    const list = frames.map((text) => Buffer.from(text));
    const bytes = Buffer.alloc(messageLength(list) + 2, 0x55);
    writeMessage(bytes, 2, list);
    return bytes;
  };

  it('decide the shard, bodies do not', () => {
    assert.equal(shardOf(record('line-1', 'x'), 2), shardOf(record('line-1', 'y', 'z'), 2));
    assert.equal(shardOf(record('x'), 2), shardOf(record('y'), 2), 'a single frame is no key');
    assert.equal(shardOf(record('', 'y'), 2), shardOf(record('y'), 2), 'an empty key is no key');
  });

  it('that resemble each other part', () => {
    const counts = new Array<number>(SHARDS).fill(0);
    for (let i = 0; i < 25_600; i++) counts[shardOf(record(`line-${i}`, 'x'), 2)]!++;
    assert.ok(
      Math.min(...counts) > 40 && Math.max(...counts) < 180,
      `${Math.min(...counts)} to ${Math.max(...counts)}`,
    );
  });

  it('match a prefix of the first frame', () => {
    const long = 'k'.repeat(300);
    assert.ok(matches(record('line-1', 'x'), 2, Buffer.from('line')));
    assert.ok(matches(record('line-1'), 2, Buffer.from('line-1')));
    assert.ok(matches(record(long, 'x'), 2, Buffer.from('kkk')));
    assert.ok(!matches(record('line-1', 'x'), 2, Buffer.from('line-11')));
    assert.ok(!matches(record('li', 'ne'), 2, Buffer.from('line')));
    assert.ok(!matches(record('', 'line'), 2, Buffer.from('l')));
  });
});

describe('a sharded group', () => {
  it('wakes for what came while its shard had to wait, also when nothing waited before', () => {
    const handed: number[] = [];
    const group = new ShardedGroup<Member>(
      { prefix: Buffer.alloc(0), ackTimeout: 1000, maxDeliveries: 1 },
      { acknowledged: 1, ranges: [], deliveries: [] },
      { records: (_member, first) => void handed.push(first), gap: () => {} },
    );
    const frames = ['k', 'x'].map((text) => Buffer.from(text));
    const one = Buffer.alloc(messageLength(frames));
    writeMessage(one, 0, frames);
    const hold = (first: number): void =>
      group.hold([{ type: 'records', first, count: 1, timestamp: 1, bytes: one, start: 0, end: one.length }]);
    const member = new Member(10, 1000);
    group.join(member);
    hold(1);
    assert.equal(group.step(2, 0, 1000), DONE);
    // Its only delivery was in vain: it dies, and its shard rests.
    group.nack(member, [{ first: 1, last: 1 }], 5000, 0);
    group.buried(1, 1);
    const due = group.expire(1000);
    hold(2);
    assert.equal(group.step(3, 2000, 1000), DONE);
    assert.deepEqual(handed, [1]);
    assert.equal(due, 5000, 'then it is looked at again');
    group.expire(due);
    // Nobody took anything for a while: it is read again.
    hold(2);
    assert.equal(group.step(3, due, 1000), DONE);
    assert.deepEqual(handed, [1, 2]);
  });
});
