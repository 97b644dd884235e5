/** A whole node: every operation of the API, reloads, and what is left after a stop. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { describe, it } from 'node:test';
import { Pull, Push } from '@zeroth/zmq';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { OPERATIONS } from '../../../src/admin/operations.ts';
import type { Schema } from '../../../src/admin/schema.ts';
import { SCHEMAS } from '../../../src/admin/schemas.ts';
import { startTestedDaemon } from '../../support/daemon.ts';
import type { RequestParts } from '../../support/http.ts';
import { request } from '../../support/http.ts';

const TOKEN = 'never-to-be-seen-0123456789';
const YAML = `node: { name: whole, dataDir: ./data, watch: false }
admin: { bind: tcp://127.0.0.1:0, token: ${TOKEN} }
routes:
  jobs: { pattern: pipeline, frontend: { bind: "tcp://127.0.0.1:0" }, backend: { bind: "tcp://127.0.0.1:0" }, stream: }
  orders: { pattern: reqrep, frontend: { bind: "tcp://127.0.0.1:0" }, backend: { bind: "tcp://127.0.0.1:0" } }
streams: { events: }
sessions: { bind: "tcp://127.0.0.1:0" }
`;
const BY = { via: 'socket', who: 'test' } as const;

const ajv = new Ajv2020({
  strict: false,
  formats: { 'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/ },
});
ajv.addSchema({ $id: 'zeroth', components: { schemas: SCHEMAS } });

/** Fails unless the value is as the table says for this answer. */
function fits(id: string, status: number, value: unknown): void {
  const operation = OPERATIONS.find((one) => one.id === id);
  const schema: Schema | undefined = operation?.answers[status]?.schema ?? SCHEMAS.Error;
  assert.ok(schema !== undefined, `${id} has no answer ${status}`);
  const text = JSON.stringify(schema).replaceAll('"#/', '"zeroth#/');
  const validate = ajv.compile(JSON.parse(text) as object);
  assert.ok(validate(value), `${id} ${status}: ${ajv.errorsText(validate.errors)}\n${JSON.stringify(value)}`);
}

describe('the control API of a whole node', () => {
  it('answers as its description says, and never with a secret', async (t) => {
    const { local, daemon, lines } = await startTestedDaemon(t, YAML);
    const ask = async (id: string, path: string, parts?: RequestParts, status = 200): Promise<unknown> => {
      const answer = await request(t, local, path, parts);
      assert.equal(answer.status, status, `${path}: ${answer.body}`);
      assert.ok(!answer.body.includes(TOKEN), path);
      fits(id, status, answer.json);
      return answer.json;
    };
    const put = (body: object): RequestParts => ({ method: 'PUT', body: JSON.stringify(body) });
    const post = (body: object): RequestParts => ({ method: 'POST', body: JSON.stringify(body) });
    for (const [id, path] of [
      ['health', '/health'],
      ['live', '/health/live'],
      ['ready', '/health/ready'],
      ['openapi', '/openapi.json'],
      ['node', '/v1/node'],
      ['status', '/v1/status'],
      ['routes', '/v1/routes'],
      ['streams', '/v1/streams'],
      ['peers', '/v1/peers'],
      ['census', '/v1/census'],
      ['census', '/v1/census?heap=true'],
      ['services', '/v1/services'],
      ['config', '/v1/config'],
      ['diff', '/v1/config/diff'],
      ['history', '/v1/config/history'],
    ] as const)
      await ask(id, path);
    await ask('reload', '/v1/config/reload', { method: 'POST' });
    await ask('set', '/v1/config/values/routes.orders.timeout', put({ value: '3s', for: '10m' }));
    await ask('status', '/v1/status');
    await ask('set', '/v1/config/values/routes.orders.timeout', put({ value: 'soon' }), 422);
    await ask('unset', '/v1/config/values/routes.orders.timeout', { method: 'DELETE' });
    await ask('set', '/v1/config/values/admin.token', put({ value: 'another-secret-0123456789' }));
    await ask('config', '/v1/config');
    await ask('rollback', '/v1/config/rollback', post({ version: 77 }), 422);
    await ask('register', '/v1/services/billing/one', put({ ttl: '30s', status: 'degraded', note: 'warm' }));
    await ask('services', '/v1/services');
    await ask('register', '/v1/services/billing/one', put({ ttl: '1ms' }), 400);
    await ask('deregister', '/v1/services/billing/one', { method: 'DELETE' });
    await ask('deregister', '/v1/services/billing/one', { method: 'DELETE' }, 404);
    await ask('purge', '/v1/streams/events/purge', post({ before: 'all' }));
    for (const before of ['1', '7d', new Date().toISOString()])
      await ask('purge', '/v1/streams/events/purge', post({ before }));
    await ask('purge', '/v1/streams/events/purge', post({ before: 'yesterday' }), 400);
    await ask('purge', '/v1/streams/events/purge', post({}), 400);
    await ask('purge', '/v1/streams/events/purge', post({ reader: 'nobody' }), 404);
    await ask('purge', '/v1/streams/nothing/purge', post({ before: 'all' }), 404);
    await ask('tap', '/v1/tap/nothing', {}, 404);
    const metrics = await request(t, local, '/metrics');
    assert.equal(metrics.status, 200);
    assert.match(metrics.body, /^zeroth_route_up\{route="orders"/m);
    assert.ok(!JSON.stringify(lines).includes(TOKEN));
    assert.ok(!JSON.stringify(lines).includes('another-secret'));
    // The token that was set counts.
    const headers = { Authorization: 'Bearer another-secret-0123456789' };
    assert.equal((await request(t, daemon.addresses[0] as string, '/v1/node', { headers })).status, 200);
  });

  it('shows what passes', async (t) => {
    const { local, daemon } = await startTestedDaemon(t, YAML);
    const address = (side: 'frontend' | 'backend'): string =>
      daemon.node.status().find(({ name }) => name === 'jobs')?.[side].endpoints[0]?.address as string;
    const [push, pull] = [new Push(), new Pull()];
    t.after(() => {
      push.close();
      pull.close();
    });
    pull.connect(address('backend'));
    push.connect(address('frontend'));
    await push.send('one');
    assert.deepEqual((await pull.receive()).map(String), ['one']);
    // Measured before anybody asked.
    const metrics = await request(t, local, '/metrics');
    assert.match(metrics.body, /^zeroth_stream_commit_seconds_count\{stream="jobs"\} [1-9]/m);
    const { json } = await request(t, local, '/v1/status');
    const jobs = json.routes.find(({ name }: { name: string }) => name === 'jobs');
    assert.deepEqual([jobs.toBack.messages, jobs.frontend.peers, jobs.backend.peers], [1, 1, 1]);
    // Health looks once in a while.
    let peers = await request(t, local, '/v1/peers?route=jobs&limit=1');
    while (peers.json.total !== 2) peers = await request(t, local, '/v1/peers?route=jobs&limit=1');
    assert.equal(peers.json.peers.length, 1);
    fits('peers', 200, peers.json);
    // The route's own place is not for others to take away.
    const body = JSON.stringify({ reader: 'route' });
    const purge = await request(t, local, '/v1/streams/jobs/purge', { method: 'POST', body });
    assert.ok([404, 409].includes(purge.status));
  });
});

describe('a pause', () => {
  it('is seen wherever somebody looks, and until it ends', async (t) => {
    const { daemon, local, lines } = await startTestedDaemon(t, YAML);
    assert.equal(daemon.paused, false);
    await daemon.pause('a test');
    await daemon.pause();
    assert.equal(daemon.paused, true);
    const health = await request(t, local, '/health');
    assert.equal(health.json.status, 'degraded');
    assert.match(health.json.components.intake.message, /^paused: nothing is taken in/);
    assert.equal((await request(t, local, '/health/live')).status, 200);
    assert.equal((await request(t, local, '/health/ready')).status, 503);
    assert.match((await request(t, local, '/metrics')).body, /^zeroth_paused 1$/m);
    const status = await request(t, local, '/v1/status');
    fits('status', 200, status.json);
    assert.ok(Date.parse(status.json.node.pausedSince) <= Date.now());
    assert.ok((await daemon.reload(BY)).ok);
    assert.equal(daemon.paused, true, 'a reload does not end it');
    await daemon.resume();
    assert.equal(daemon.paused, false);
    assert.equal((await request(t, local, '/health/ready')).status, 200);
    assert.match((await request(t, local, '/metrics')).body, /^zeroth_paused 0$/m);
    assert.equal((await request(t, local, '/v1/node')).json.pausedSince, null);
    const events = lines.filter(({ event }) => event === 'paused' || event === 'resumed');
    assert.deepEqual(
      events.map(({ event, reason }) => [event, reason]),
      [
        ['paused', 'a test'],
        ['resumed', undefined],
      ],
    );
  });
});

describe('a reload', () => {
  it('is taken over by all parts or by none', async (t) => {
    const { daemon, file, local, levels } = await startTestedDaemon(t, YAML);
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    t.after(() => taken.close());
    const { port } = taken.address() as { port: number };
    const before = daemon.addresses;
    // The control API can, the routes can't.
    const refused = YAML.replace(
      'bind: tcp://127.0.0.1:0, token',
      'bind: [tcp://127.0.0.1:0, "tcp://[::1]:0"], token',
    ).replace(
      'routes:',
      `routes:\n  more: { pattern: pubsub, frontend: { bind: "tcp://127.0.0.1:${port}" }, backend: { bind: "tcp://127.0.0.1:0" } }`,
    );
    await writeFile(file, refused);
    const report = await daemon.reload(BY);
    assert.equal(report.ok, false);
    assert.deepEqual(daemon.addresses, before);
    assert.deepEqual([...daemon.node.routes.keys()], ['jobs', 'orders']);
    // Both can.
    await writeFile(file, `${refused.replace(`:${port}`, ':0')}log: { level: debug }\n`);
    const good = await daemon.reload(BY);
    assert.ok(good.ok, JSON.stringify(good));
    assert.equal(daemon.addresses.length, 2);
    assert.deepEqual([...daemon.node.routes.keys()].sort(), ['jobs', 'more', 'orders']);
    assert.equal(levels.at(-1), 'debug');
    assert.equal((await request(t, local, '/health')).json.status, 'up');
  });
});

describe('a stop', () => {
  it('leaves nothing behind, and can be asked for twice', async (t) => {
    const { daemon, local } = await startTestedDaemon(t, YAML);
    assert.equal((await request(t, local, '/metrics')).status, 200);
    const [first, second] = await Promise.all([daemon.stop(), daemon.stop()]);
    assert.equal(first, second);
    assert.equal(first.undelivered, 0);
    assert.equal((await request(t, local, '/health')).status, 0);
    assert.equal(await daemon.failed(), null);
  });

  it('does not wait for a reload that drains', async (t) => {
    const yaml = YAML.replace(', watch: false', ', watch: false, stopTimeout: 1h').replace(
      ' stream: }',
      ' }',
    );
    const { daemon, file, lines } = await startTestedDaemon(t, yaml);
    const jobs = daemon.node.status().find(({ name }) => name === 'jobs');
    const push = new Push();
    t.after(() => push.close());
    push.connect(jobs?.frontend.endpoints[0]?.address as string);
    await push.send('one');
    const accepted = (): number =>
      daemon.node.status().find(({ name }) => name === 'jobs')?.frontend.messagesIn ?? 0;
    while (accepted() === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    // Nobody takes it: this would last for an hour.
    await writeFile(file, yaml.replace(/ {2}jobs:.*\n/, ''));
    const reloading = daemon.reload(BY);
    while (daemon.node.routes.has('jobs')) await new Promise((resolve) => setTimeout(resolve, 5));
    await daemon.stop({ timeout: 100 });
    assert.ok((await reloading).ok);
    assert.equal(lines.find((line) => line.event === 'route:undelivered')?.undelivered, 1);
  });
});

describe('a start that fails', () => {
  it('for the control API leaves nothing open', async (t) => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    t.after(() => taken.close());
    const { port } = taken.address() as { port: number };
    const yaml = YAML.replace('bind: tcp://127.0.0.1:0, token', `bind: "tcp://127.0.0.1:${port}", token`);
    await assert.rejects(startTestedDaemon(t, yaml), (error: Error & { code: string; hint: string }) => {
      assert.equal(error.code, 'BIND_FAILED');
      assert.match(error.message, new RegExp(`admin: cannot bind to tcp://127.0.0.1:${port}`));
      assert.match(error.hint, /another process has it/);
      return true;
    });
  });
});
