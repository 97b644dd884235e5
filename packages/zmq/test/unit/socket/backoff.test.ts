import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { backoff } from '../../../src/socket/backoff.ts';

const options = (reconnectInterval: number, reconnectMaxInterval: number, reconnectJitter = 0) => ({
  reconnectInterval,
  reconnectMaxInterval,
  reconnectJitter,
});

describe('backoff', () => {
  it('doubles with each failure up to the limit', () => {
    const delays = Array.from({ length: 8 }, (_, i) => backoff(options(100, 5000), i + 1, 0.5));
    assert.deepEqual(delays, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
  });

  it('stays at the limit for ever', () => {
    for (const failures of [31, 32, 33, 64, 1000, 1_000_000]) {
      assert.equal(backoff(options(100, 5000), failures, 0), 5000);
      assert.equal(backoff(options(1, 0x7fff_ffff), failures, 0), 2 ** 30);
    }
  });

  it('never gives what a timer can not take', () => {
    for (const failures of [1, 2, 31, 1000]) {
      assert.ok(backoff(options(0x7fff_ffff, 0x7fff_ffff), failures, 0) <= 0x7fff_ffff);
    }
  });

  it('does not double without a limit, as libzmq', () => {
    for (const failures of [1, 2, 10, 100]) assert.equal(backoff(options(100, 0), failures, 0), 100);
  });

  it('does not go below the first delay when the limit is lower', () => {
    for (const failures of [1, 5]) assert.equal(backoff(options(1000, 10), failures, 0), 1000);
  });

  it('takes off a random share, at most the jitter', () => {
    assert.equal(backoff(options(1000, 0, 0.3), 1, 0), 1000);
    assert.equal(backoff(options(1000, 0, 0.3), 1, 0.5), 850);
    assert.equal(backoff(options(1000, 0, 0.3), 1, 0.999_999), 700);
    assert.equal(backoff(options(1000, 0, 1), 1, 0.999_999_9), 0);
    for (let failures = 1; failures < 12; failures++) {
      for (let random = 0; random < 1; random += 0.05) {
        const full = backoff(options(100, 5000), failures, random);
        const delay = backoff(options(100, 5000, 0.3), failures, random);
        assert.ok(Number.isInteger(delay) && delay <= full && delay >= Math.floor(full * 0.7));
      }
    }
  });
});
