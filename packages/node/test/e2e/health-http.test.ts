/** The health of a node as load balancers, Kubernetes and people see it: over HTTP, of `zeroth run`. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { type RunningNode, startNode } from '../support/cli.ts';
import { unusedEndpoint } from '../support/port.ts';
import { until, Worker } from '../support/watched.ts';

const posix = process.platform === 'win32' ? 'Windows has no SIGSTOP' : false;
const TOKEN = 'the-token-of-this-test-0123456789';

interface Seen {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** A node with one pipeline, and how to ask it. */
async function running(t: TestContext, details: string): Promise<{ node: RunningNode; ask: Ask }> {
  const endpoint = await unusedEndpoint();
  const any = '{ bind: "tcp://127.0.0.1:0" }';
  const node = await startNode(
    t,
    `log: { format: json }
admin: { bind: "${endpoint}", details: ${details}, token: ${TOKEN} }
routes: { jobs: { pattern: pipeline, heartbeatInterval: 300ms, frontend: ${any}, backend: ${any} } }
`,
  );
  const base = endpoint.replace('tcp:', 'http:');
  const ask: Ask = async (path, method = 'GET', body = null) => {
    const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
    const more = body === null ? {} : { body: JSON.stringify(body) };
    const answer = await fetch(base + path, {
      method,
      ...(path.startsWith('/v1') ? { headers } : {}),
      ...more,
    });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };
  return { node, ask };
}

type Ask = (path: string, method?: string, body?: object | null) => Promise<Seen>;

describe('health over HTTP', () => {
  it('is degraded and ready with a frozen worker, and names it', { skip: posix }, async (t) => {
    const { node, ask } = await running(t, 'always');
    const worker = new Worker(['PULL', node.address('jobs', 'backend')]);
    t.after(() => worker.end());
    const health = async (): Promise<string> => JSON.stringify((await ask('/health')).body);
    let seen = '';
    const see = async (pattern: RegExp): Promise<void> => {
      const end = performance.now() + 30_000;
      do seen = await health();
      while (!pattern.test(seen) && performance.now() < end);
      assert.match(seen, pattern);
    };
    await see(/"healthy":1/);
    assert.equal((await ask('/health')).body.status, 'up');
    worker.child.kill('SIGSTOP');
    await see(/"silent":1/);
    assert.match(seen, /^{"status":"degraded","live":true,"ready":true/);
    assert.match(seen, /nobody is left at jobs/);
    assert.equal((await ask('/health')).status, 200);
    assert.equal((await ask('/health/ready')).status, 200);
    assert.equal((await ask('/health/live')).status, 200);
    const { peers } = (await ask('/v1/peers')).body as { peers: { status: string; reason: string }[] };
    assert.match(peers.find(({ status }) => status === 'silent')?.reason ?? '', /nothing was heard of it/);
    worker.child.kill('SIGCONT');
    await see(/"silent":0/);
    await until(
      () => node.log().some(({ event }) => event === 'peer:back'),
      () => 'the log says that it is back',
    );
  });

  it('tells strangers no more than the verdict, and takes what services say', async (t) => {
    const { ask } = await running(t, 'authorized');
    assert.deepEqual((await ask('/health')).body, { status: 'up' });
    const put = await ask('/v1/services/orders/w1', 'PUT', {
      ttl: '30s',
      status: 'unhealthy',
      note: 'no disk',
    });
    assert.equal(put.status, 200);
    assert.equal(put.body.status, 'unhealthy');
    assert.deepEqual((await ask('/health')).body, { status: 'degraded' });
    assert.equal((await ask('/v1/services/orders/w1', 'DELETE')).status, 200);
    assert.deepEqual((await ask('/health')).body, { status: 'up' });
    const bad = await ask('/v1/services/orders/w1', 'PUT', { ttl: '1ms' });
    assert.equal((bad.body.error as { code: string }).code, 'SERVICE_INVALID');
  });
});
