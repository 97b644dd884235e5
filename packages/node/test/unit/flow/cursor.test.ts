import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodeMessage } from '@zeroth/zmq/run';
import { SpanCursor } from '../../../src/flow/cursor.ts';
import type { Span } from '../../../src/store/store.ts';

/** Records whose body is their sequence, with something in front of them in memory. */
function records(first: number, last: number): Span {
  const texts = Array.from({ length: last - first + 1 }, (_, i) => String(first + i));
  const parts = texts.map((text) => Buffer.from([0, text.length, ...Buffer.from(text)]));
  const bytes = Buffer.concat([Buffer.from('xyz'), ...parts]);
  const count = texts.length;
  return { type: 'records', first, count, timestamp: 0, bytes, start: 3, end: bytes.length };
}

/** What is found: the first body and the count of a run, or what is missing. */
function found(cursor: SpanCursor, sequence: number): unknown {
  const at = cursor.seek(sequence);
  if (at === null) return null;
  if ('gap' in at) return at.gap;
  const { bytes, start, end, count } = at.run;
  return [String(decodeMessage(bytes, start, end)[0]), count];
}

const gap: Span = { type: 'gap', first: 16, last: 19, reason: 'damaged' };

describe('a place in a stream', () => {
  it('knows nothing before something was read', () => {
    assert.equal(found(new SpanCursor(), 1), null);
    const cursor = new SpanCursor();
    cursor.load([]);
    assert.equal(found(cursor, 1), null);
  });

  it('moves on within what was read: inside of a span, to the next one, over a gap', () => {
    const cursor = new SpanCursor();
    cursor.load([records(8, 11), records(12, 15), gap, records(20, 22)]);
    assert.deepEqual(found(cursor, 8), ['8', 4]);
    assert.deepEqual(found(cursor, 8), ['8', 4]);
    assert.deepEqual(found(cursor, 10), ['10', 2]);
    assert.deepEqual(found(cursor, 15), ['15', 1]);
    assert.deepEqual(found(cursor, 17), gap);
    assert.deepEqual(found(cursor, 20), ['20', 3]);
    assert.equal(found(cursor, 23), null);
    assert.equal(found(cursor, 20), null, 'what was passed is let go of');
  });

  it('asks for another reading to go back', () => {
    const cursor = new SpanCursor();
    cursor.load([records(8, 11)]);
    assert.deepEqual(found(cursor, 10), ['10', 2]);
    assert.equal(found(cursor, 9), null);
    assert.deepEqual(found(cursor, 10), ['10', 2]);
    cursor.load([records(9, 11)]);
    assert.deepEqual(found(cursor, 9), ['9', 3]);
  });
});
