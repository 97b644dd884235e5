import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { messageLength, writeMessage } from '@zeroth/zmq/run';
import fc from 'fast-check';
import { matches, SHARDS, shardOf } from '../../../src/session/core/keys.ts';
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
