import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Delays, LoopMonitor } from '../../../src/health/loop.ts';

describe('event loop delay', () => {
  it('knows the largest, the mean and the percentile of what was added', () => {
    const delays = new Delays();
    for (let delay = 1; delay <= 1000; delay++) delays.add(delay);
    const { max, p99, mean } = delays.figures;
    assert.equal(max, 1000);
    assert.equal(mean, 500.5);
    assert.ok(p99 >= 990 && p99 <= 1000, String(p99));
    const more = new Delays();
    more.add(1e9);
    more.merge(delays);
    assert.equal(more.figures.max, 1e9);
    assert.deepEqual(new Delays().figures, { max: 0, p99: 0, mean: 0 });
  });

  it('tells a percentile no lower than it is and at most a bucket higher', () => {
    for (const delay of [0.01, 0.125, 0.2, 3, 17.3, 250, 90_000]) {
      const delays = new Delays();
      for (let count = 0; count < 100; count++) delays.add(delay);
      delays.add(1e6);
      const { p99 } = delays.figures;
      assert.ok(p99 >= delay && p99 <= Math.max(0.125, delay * 1.2), `${delay}: ${p99}`);
    }
  });

  it('sees that the loop is held up', async () => {
    const monitor = new LoopMonitor();
    const held = (): number => monitor.delay().recent.max;
    while (held() < 95) {
      const end = performance.now() + 120;
      while (performance.now() < end);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const { recent, sinceStart, utilization } = monitor.delay();
    monitor.stop();
    assert.ok(
      sinceStart.max >= recent.max && recent.max >= recent.p99 && recent.p99 >= 0,
      String(recent.max),
    );
    assert.ok(utilization > 0 && utilization <= 1);
  });
});
