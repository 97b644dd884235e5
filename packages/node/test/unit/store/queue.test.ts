import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { batchLength, isIntact } from '../../../src/store/batch.ts';
import { BATCH_MAX, piecesOf, Queue, sizeOf } from '../../../src/store/queue.ts';
import { runOf, textOf } from '../../support/streams.ts';

const MARK = 77;

function spansOf(queue: Queue): string[] {
  return queue.take(Number.POSITIVE_INFINITY).flatMap(({ first, parts, timestamp }) => {
    let sequence = first;
    return textOf(
      parts.map(({ bytes, start, end, count }) => {
        sequence += count;
        return { type: 'records', first: sequence - count, count, timestamp, bytes, start, end } as const;
      }),
    );
  });
}

describe('the queue of a stream', () => {
  it('puts runs without a producer together, and keeps those of producers apart', () => {
    const queue = new Queue();
    queue.add(runOf('a', 'b'), 1, 10, '', 0);
    queue.add(runOf('c'), 3, 11, '', 0);
    queue.add(runOf('d'), 4, 12, 'bob', 1);
    queue.add(runOf('e'), 5, 13, 'bob', 2);
    queue.add(runOf('f'), 6, 14, '', 0);
    const batches = queue.take(Number.POSITIVE_INFINITY);
    assert.deepEqual(
      batches.map(({ first, count, timestamp, producer, number }) => [
        first,
        count,
        timestamp,
        producer,
        number,
      ]),
      [
        [1, 3, 10, '', 0],
        [4, 1, 12, 'bob', 1],
        [5, 1, 13, 'bob', 2],
        [6, 1, 14, '', 0],
      ],
    );
    assert.ok(queue.isEmpty);
    assert.equal(queue.size, 0);
  });

  it('keeps order and content whatever the sizes are', () => {
    const queue = new Queue();
    const wanted: string[] = [];
    for (let i = 1; i <= 300; i++) {
      const body = `${i}${'x'.repeat((i * 7919) % 20_000)}`;
      const run = runOf(body);
      // A slice of something large has to be copied, a piece of memory of its own need not.
      const large = Buffer.alloc(i % 3 === 0 ? run.end : run.end * 3 + 8);
      large.set(run.bytes, large.length - run.end);
      queue.add({ bytes: large, start: large.length - run.end, end: large.length, count: 1 }, i, i, '', 0);
      if (large.length > run.end) large.fill(0);
      wanted.push(`${i}:${body}`);
    }
    assert.deepEqual(spansOf(queue), wanted);
  });

  it('does not hold on to the memory that a small run is a slice of', () => {
    const queue = new Queue();
    const chunk = Buffer.allocUnsafeSlow(65_536);
    const run = runOf('x'.repeat(20_000));
    chunk.set(run.bytes, 100);
    queue.add({ bytes: chunk, start: 100, end: 100 + run.end, count: 1 }, 1, 1, '', 0);
    for (const { parts } of queue.take(1))
      for (const { bytes } of parts) assert.notEqual(bytes.buffer, chunk.buffer);
  });

  it('bounds batches, and what is taken at once', () => {
    const queue = new Queue();
    const run = runOf(Buffer.alloc(300_000));
    for (let i = 1; i <= 10; i++) queue.add(run, i, i, '', 0);
    const first = queue.take(1_000_000);
    assert.deepEqual(
      first.map(({ count }) => count),
      [3],
    );
    for (const { size } of queue.take(Number.POSITIVE_INFINITY)) assert.ok(size <= BATCH_MAX);
    queue.add(runOf(Buffer.alloc(3_000_000)), 11, 11, '', 0);
    assert.equal(queue.take(1000).length, 1, 'one that is too large goes alone');
  });

  it('writes what reads as batches, in few pieces', () => {
    const queue = new Queue();
    for (let i = 1; i <= 100; i++) queue.add(runOf(`record ${i}`), i, i, 'bob', i);
    const { size } = queue;
    const batches = queue.take(Number.POSITIVE_INFINITY);
    const pieces = piecesOf(batches, MARK, 40);
    const bytes = Buffer.concat(pieces);
    assert.equal(bytes.length, size);
    assert.equal(
      batches.reduce((sum, batch) => sum + sizeOf(batch), 0),
      size,
    );
    let at = 0;
    for (let i = 0; i < 100; i++) {
      const length = batchLength(bytes, at, bytes.length, MARK);
      assert.ok(isIntact(bytes, at, at + length));
      at += length;
    }
    assert.equal(at, bytes.length);
    // Runs of a few octets are their own memory here; from slices they lie behind their heads.
    const packed = new Queue();
    const chunk = Buffer.alloc(4096);
    chunk.set(runOf('record').bytes);
    for (let i = 1; i <= 100; i++)
      packed.add({ bytes: chunk, start: 0, end: runOf('record').end, count: 1 }, i, i, 'bob', i);
    assert.equal(piecesOf(packed.take(Number.POSITIVE_INFINITY), MARK, 40).length, 1);
  });

  it('takes back what could not be written, in front', () => {
    const queue = new Queue();
    queue.add(runOf('a'), 1, 1, '', 0);
    const taken = queue.take(1);
    queue.add(runOf('b'), 2, 2, '', 0);
    queue.putBack(taken);
    assert.deepEqual(spansOf(queue), ['1:a', '2:b']);
  });
});
