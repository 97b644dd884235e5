import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { messageEnd } from '@zeroth/zmq/run';
import fc from 'fast-check';
import { lastOf, Window } from '../../../src/session/core/window.ts';
import type { Span } from '../../../src/store/store.ts';
import { runOf } from '../../support/session-client.ts';

/** Spans from sequence 5 on, in which each record says its sequence; a count of 0 is a gap of three. */
function spansOf(counts: readonly number[]): Span[] {
  const spans: Span[] = [];
  let first = 5;
  for (const count of counts) {
    if (count === 0) {
      spans.push({ type: 'gap', first, last: first + 2, reason: 'damaged' });
      first += 3;
      continue;
    }
    const from = first;
    const bytes = Buffer.concat([
      Buffer.alloc(7),
      runOf(Array.from({ length: count }, (_, i) => [`${from + i}`])),
    ]);
    spans.push({ type: 'records', first, count, timestamp: 1, bytes, start: 7, end: bytes.length });
    first += count;
  }
  return spans;
}

describe('a window', () => {
  it('finds each record, in any order', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(5), { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 50 })),
        (counts, wanted) => {
          const spans = spansOf(counts);
          const window = new Window();
          window.hold(spans);
          for (const sequence of wanted) {
            const expected = spans.find((span) => span.first <= sequence && lastOf(span) >= sequence) ?? null;
            const span = window.seek(sequence);
            assert.equal(span, expected);
            if (span?.type !== 'records') continue;
            const { bytes } = span;
            const { at } = window;
            const end = messageEnd(bytes, at);
            assert.equal(String(bytes.subarray(at + 2, end)), `${sequence}`);
            window.moved(sequence + 1, end);
          }
        },
      ),
    );
  });

  it('has nothing after it was let go', () => {
    const window = new Window();
    window.hold(spansOf([3]));
    assert.notEqual(window.seek(6), null);
    window.release();
    assert.equal(window.seek(6), null);
  });
});
