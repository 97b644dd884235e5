import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ZerothError } from '../../../src/errors.ts';
import { MOST, type Registration, Registry } from '../../../src/health/registry.ts';

describe('registry', () => {
  it('keeps an instance for its time, then calls it unhealthy, then forgets it', () => {
    const registry = new Registry();
    const told = { ttl: 1000, address: 'tcp://10.0.0.1:1', note: 'warm' };
    const view = registry.put('billing', 'a', told);
    assert.deepEqual(
      { ...view, renewedAt: 0 },
      {
        service: 'billing',
        instance: 'a',
        status: 'healthy',
        expired: false,
        address: 'tcp://10.0.0.1:1',
        note: 'warm',
        ttlMs: 1000,
        expiresInMs: 1000,
        renewedAt: 0,
      },
    );
    registry.pass(999);
    assert.equal(registry.verdict('billing', 'a'), 'healthy');
    registry.put('billing', 'a', { ttl: 500, status: 'degraded' });
    registry.pass(499);
    assert.equal(registry.verdict('billing', 'a'), 'degraded');
    registry.pass(1);
    assert.equal(registry.get('billing', 'a')?.expired, true);
    assert.equal(registry.verdict('billing', 'a'), 'unhealthy');
    registry.pass(10 * 60_000);
    registry.sweep();
    assert.equal(registry.size, 0);
    assert.equal(registry.verdict('billing', 'a'), null);
  });

  it('removes an instance that leaves', () => {
    const registry = new Registry();
    registry.put('billing', 'a', { ttl: 1000 });
    assert.equal(registry.remove('billing', 'b'), false);
    assert.equal(registry.remove('billing', 'a'), true);
    assert.deepEqual(registry.list(), []);
  });

  it('holds ten thousand instances, and takes another when one is expired', () => {
    const registry = new Registry();
    for (let index = 0; index < MOST; index++)
      registry.put(`s${index % 7}`, String(index), { ttl: index === 0 ? 100 : 60_000 });
    assert.throws(() => registry.put('s', 'new', { ttl: 1000 }), isCode('SERVICES_FULL'));
    registry.put('s1', '1', { ttl: 1000 });
    registry.pass(100);
    registry.put('s', 'new', { ttl: 1000 });
    assert.equal(registry.size, MOST);
    assert.equal(registry.get('s0', '0'), null);
  });

  it('refuses what can not be', () => {
    const registry = new Registry();
    const cases: readonly [string, string, Registration][] = [
      ['', 'a', { ttl: 1000 }],
      ['s', '', { ttl: 1000 }],
      ['s', 'a\nb', { ttl: 1000 }],
      ['s', 'ä', { ttl: 1000 }],
      ['s', 'x'.repeat(256), { ttl: 1000 }],
      ['s', 'a', { ttl: 99 }],
      ['s', 'a', { ttl: 24 * 3600_000 + 1 }],
      ['s', 'a', { ttl: Number.NaN }],
      ['s', 'a', { ttl: 1000, status: 'fine' as 'healthy' }],
      ['s', 'a', { ttl: 1000, note: 'x'.repeat(1001) }],
      ['s', 'a', { ttl: 1000, address: 'x'.repeat(1001) }],
    ];
    for (const [service, instance, told] of cases)
      assert.throws(
        () => registry.put(service, instance, told),
        isCode('SERVICE_INVALID'),
        JSON.stringify(told),
      );
    assert.equal(registry.size, 0);
  });
});

function isCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof ZerothError && error.code === code;
}
