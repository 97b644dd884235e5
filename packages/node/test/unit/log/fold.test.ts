import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import { Fold } from '../../../src/log/fold.ts';

describe('Fold', () => {
  let told: string[] = [];

  beforeEach(() => {
    told = [];
    mock.timers.enable({ apis: ['setTimeout'] });
  });
  afterEach(() => mock.timers.reset());

  const note = (fold: Fold, kind: string, weight?: number): void => {
    const many = (folded: { events: number; weight: number }): number =>
      told.push(`${kind} x${folded.events} (${folded.weight})`);
    fold.note(kind, () => told.push(kind), many, weight);
  };

  it('tells the first events of a window one by one and the rest as a count', () => {
    const fold = new Fold({ burst: 2, window: 1000 });
    for (let n = 0; n < 10_000; n++) note(fold, 'a');
    assert.deepEqual(told, ['a', 'a']);
    mock.timers.tick(999);
    assert.equal(told.length, 2);
    mock.timers.tick(1);
    assert.deepEqual(told, ['a', 'a', 'a x9998 (9998)']);
  });

  it('begins anew in the next window, and says nothing of a quiet one', () => {
    const fold = new Fold({ burst: 1, window: 1000 });
    note(fold, 'a');
    mock.timers.tick(1000);
    note(fold, 'a');
    note(fold, 'a');
    mock.timers.tick(1000);
    mock.timers.tick(10_000);
    assert.deepEqual(told, ['a', 'a', 'a x1 (1)']);
  });

  it('keeps kinds apart, sums weights, and tells all when flushed', () => {
    const fold = new Fold({ burst: 1, window: 1000 });
    note(fold, 'drop', 5);
    note(fold, 'drop', 7);
    note(fold, 'drop', 8);
    note(fold, 'gone');
    assert.deepEqual(told, ['drop', 'gone']);
    fold.flush();
    assert.deepEqual(told, ['drop', 'gone', 'drop x2 (15)']);
    mock.timers.tick(10_000);
    assert.equal(told.length, 3);
  });
});
