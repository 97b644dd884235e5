import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { patience } from '../../../src/doctor/patience.ts';

/** Whoever runs here does nothing else. */
function hold(milliseconds: number): void {
  for (const end = performance.now() + milliseconds; performance.now() < end; );
}

describe('the patience of a check', () => {
  it('is over when its time is, and not before', async () => {
    const began = performance.now();
    await new Promise<void>((resolve) => patience(50, resolve));
    assert.ok(performance.now() - began >= 45);
  });

  it('gives what came while the process was held up its turns', async () => {
    let turns = 0;
    const over = new Promise<void>((resolve) => patience(20, resolve));
    const turn = (): void => {
      turns++;
      setImmediate(turn).unref();
    };
    setImmediate(turn).unref();
    hold(60);
    await over;
    assert.ok(turns >= 5, `${turns}`);
  });

  it('ends without a word when it is told to', async () => {
    let late = false;
    const stop = patience(10, () => {
      late = true;
    });
    stop();
    await new Promise<void>((resolve) => patience(30, resolve));
    assert.equal(late, false);
  });
});
