import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PRODUCERS_MAX, Producers } from '../../../src/store/producers.ts';

describe('the table of producers', () => {
  it('knows what was appended, and writes only what is committed', () => {
    const producers = new Producers();
    producers.append('bob', 5);
    producers.append('eve', 3);
    producers.commit('bob', 4, 1000);
    assert.equal(producers.last('bob'), 5);
    assert.equal(producers.last('eve'), 3);
    assert.equal(producers.last('nobody'), 0);
    const again = Producers.decode(producers.encode());
    assert.equal(again?.last('bob'), 4);
    assert.equal(again?.last('eve'), 0);
  });

  it('refuses what is no table', () => {
    const producers = new Producers();
    producers.commit('ünïcode', 2 ** 45, 7);
    const bytes = producers.encode();
    assert.equal(Producers.decode(bytes)?.last('ünïcode'), 2 ** 45);
    for (let length = 1; length < bytes.length; length++)
      assert.equal(Producers.decode(bytes.subarray(0, length)), null);
  });

  it('forgets those that wrote longest ago, never one that is on its way to the disk', () => {
    const producers = new Producers();
    producers.append('waiting', 9);
    for (let i = 0; i < PRODUCERS_MAX + 10; i++) {
      producers.append(`p${i}`, 1);
      producers.commit(`p${i}`, 1, i);
    }
    assert.equal(producers.last('waiting'), 9);
    assert.equal(producers.last('p0'), 0);
    assert.equal(producers.last(`p${PRODUCERS_MAX}`), 1);
    assert.ok(producers.list().length <= PRODUCERS_MAX);
  });

  it('forgets those that wrote nothing since some time', () => {
    const producers = new Producers();
    for (const [name, time] of [
      ['old', 10],
      ['new', 20],
      ['waiting', 5],
    ] as const)
      producers.commit(name, 1, time);
    producers.append('waiting', 2);
    producers.forget(20);
    assert.deepEqual(
      producers.list().map(({ name }) => name),
      ['new', 'waiting'],
    );
  });
});
