/** As many routes as a configuration may have. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { route, routes, running } from './support.ts';

const MANY = 1000;
const named = (i: number): string => `inproc://${process.pid}/many/${i}`;
/** Bound to names: so many ports are not to be had everywhere. */
const all = (pattern: string, shift = 0): string =>
  routes(
    ...Array.from({ length: MANY }, (_, i) =>
      route(`r${i}`, { pattern, front: named((i + shift) % MANY), back: named(MANY + i) }),
    ),
  );

describe('a thousand routes', { timeout: 60_000 }, () => {
  it('start, get other sockets at the same addresses, and change them in a ring', async (t) => {
    const { node, apply } = await running(t, all('pipeline'));
    assert.equal((await apply(all('reqrep'))).changed.length, MANY);
    assert.equal((await apply(all('reqrep', 1))).changed.length, MANY);
    assert.ok(node.status().every(({ state }) => state === 'running'));
    assert.equal(node.routes.get('r0')?.frontend.endpoints[0]?.address, named(1));
  });
});
