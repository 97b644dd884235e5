import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import type { FoldLimits } from '../../../src/log/fold.ts';
import { Fold } from '../../../src/log/fold.ts';

describe('Fold', () => {
  let told: string[] = [];

  beforeEach(() => {
    told = [];
    mock.timers.enable({ apis: ['setTimeout'] });
  });
  afterEach(() => mock.timers.reset());

  const note = (fold: Fold, kind: string, limits: FoldLimits = {}, weight?: number): void =>
    fold.note(
      kind,
      (folded) => told.push(folded === null ? kind : `${kind} x${folded.events} (${folded.weight})`),
      limits,
      weight,
    );

  it('tells the first events of a window one by one and the rest as a count', () => {
    const fold = new Fold();
    for (let n = 0; n < 10_000; n++) note(fold, 'a');
    assert.deepEqual(told, Array(10).fill('a'));
    mock.timers.tick(999);
    assert.equal(told.length, 10);
    mock.timers.tick(1);
    assert.deepEqual(told.slice(10), ['a x9990 (9990)']);
  });

  it('begins anew in the next window, and says nothing of a quiet one', () => {
    const fold = new Fold();
    const limits = { burst: 1, window: 500 };
    note(fold, 'a', limits);
    mock.timers.tick(500);
    note(fold, 'a', limits);
    note(fold, 'a', limits);
    mock.timers.tick(500);
    mock.timers.tick(10_000);
    assert.deepEqual(told, ['a', 'a', 'a x1 (1)']);
  });

  it('keeps kinds apart, sums weights, and tells all when flushed', () => {
    const fold = new Fold();
    const limits = { burst: 1 };
    note(fold, 'drop', limits, 5);
    note(fold, 'drop', limits, 7);
    note(fold, 'drop', limits, 8);
    note(fold, 'gone', limits);
    assert.deepEqual(told, ['drop', 'gone']);
    fold.flush();
    assert.deepEqual(told, ['drop', 'gone', 'drop x2 (15)']);
    mock.timers.tick(10_000);
    assert.equal(told.length, 3);
  });

  it('tells the last of those that were folded', () => {
    const fold = new Fold();
    const last: number[] = [];
    for (let n = 0; n < 5; n++) fold.note('a', (folded) => folded !== null && last.push(n), { burst: 2 });
    fold.flush();
    assert.deepEqual(last, [4]);
  });
});
