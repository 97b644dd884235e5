import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Tail } from '../../../src/store/tail.ts';
import { runOf, textOf } from '../../support/streams.ts';

function tailOf(count: number): Tail {
  const tail = new Tail();
  for (let i = 0; i < count; i++) {
    const { bytes, start, end } = runOf(`a${i}`, `b${i}`);
    tail.push({ type: 'records', first: 1 + i * 2, count: 2, timestamp: i, bytes, start, end }, 0);
  }
  return tail;
}

describe('the tail of a stream', () => {
  it('reads from any sequence, about as much as was asked for', () => {
    const tail = tailOf(50);
    assert.equal(tail.first, 1);
    assert.deepEqual(textOf(tail.read(1, 1)), ['1:a0', '2:b0']);
    assert.deepEqual(textOf(tail.read(4, 1)), ['4:b1']);
    assert.deepEqual(textOf(tail.read(97, 1000)), ['97:a48', '98:b48', '99:a49', '100:b49']);
    assert.deepEqual(textOf(tail.read(6, 12)), ['6:b2', '7:a3', '8:b3']);
  });

  it('counts what is held beside the records', () => {
    const tail = new Tail();
    const { bytes, start, end } = runOf('x');
    for (let first = 1; first <= 1000; first++)
      tail.push({ type: 'records', first, count: 1, timestamp: 0, bytes, start, end }, 60);
    tail.trim(16_300);
    assert.equal(tail.first, 901, 'a hundred spans of three octets of records');
  });

  it('forgets the oldest, never the newest', () => {
    const tail = tailOf(50);
    tail.trim(450);
    assert.equal(tail.first, 93);
    assert.deepEqual(textOf(tail.read(93, 1)), ['93:a46', '94:b46']);
    tail.trim(0);
    assert.equal(tail.first, 99);
    tail.drop(100);
    assert.equal(tail.first, 99, 'a span goes as a whole');
    tail.drop(101);
    assert.equal(tail.first, Number.POSITIVE_INFINITY);
  });
});
