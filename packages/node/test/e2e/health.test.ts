/** Peers that are frozen, cut off, slow or do not answer, as real processes under a real node. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Dealer, Push, Request } from '@zeroth/zmq';
import type { PeerHealth } from '../../src/health/types.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { CALM } from '../support/faults.ts';
import { until, WatchedNode } from '../support/watched.ts';

/** Three of them are silence: a worker that is well may not get the processor of a busy machine for as long as two. */
const INTERVAL = 300;
const posix = process.platform === 'win32' ? 'Windows has no SIGSTOP' : false;
const linux = process.platform === 'linux' ? false : 'only Linux tells what the peer has taken';

function route(name: string, pattern: string, more = '', interval: number = INTERVAL): string {
  const any = '{ bind: "tcp://127.0.0.1:0" }';
  return `routes: { ${name}: { pattern: ${pattern}, heartbeatInterval: ${interval}ms, frontend: ${any}, backend: ${any}${more} } }`;
}

/** Why there can be no second network here; false: there can. */
function namespaces(): string | false {
  if (process.platform !== 'linux') return 'Linux only';
  const made = spawnSync('unshare', [
    '-rn',
    'sh',
    '-c',
    'ip link add v0 type veth peer name v1 && nsenter --version',
  ]);
  return made.status === 0 ? false : 'needs unshare, nsenter, ip, and the right to make network namespaces';
}

/** Sends a number every few milliseconds until it is stopped. */
class Load {
  sent = 0;
  readonly #push: Push;
  readonly #done: Promise<void>;
  #stopping = false;

  constructor(t: TestContext, endpoint: string, body = '', pause = 3, sendHighWaterMark = 1000) {
    this.#push = new Push({ linger: 0, sendHighWaterMark });
    this.#push.connect(endpoint);
    this.#done = this.#run(body, pause);
    t.after(() => this.stop());
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#push.close();
    await this.#done;
  }

  async #run(body: string, pause: number): Promise<void> {
    while (!this.#stopping) {
      await this.#push.send(`${this.sent} ${body}`).catch(() => {});
      if (this.#stopping) break;
      this.sent++;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}

describe('a frozen worker', { skip: posix }, () => {
  it('of a pipeline is silent and given nothing, the others go on, and it is back when it runs again', async (t) => {
    const node = await WatchedNode.forTest(t, route('jobs', 'pipeline'));
    const backend = node.address('jobs', 'backend');
    const frozen = node.worker('PULL', backend);
    const id = await node.joined('jobs');
    const well = node.worker('PULL', backend);
    const other = await node.joined('jobs', [id]);
    const load = new Load(t, node.address('jobs', 'frontend'));
    await until(
      () => frozen.lines.length > 20 && well.lines.length > 20,
      () => 'both work',
    );

    frozen.child.kill('SIGSTOP');
    const silent = await node.becomes(id, 'silent');
    assert.match(silent.reason ?? '', /nothing was heard of it/);
    assert.equal(silent.isolated, true);
    const report = node.health.report();
    assert.equal(report.status, 'degraded');
    assert.match(report.components.peers?.message ?? '', /1 unhealthy: jobs\/backend tcp:/);
    const { messagesOut, queuedOut } = node.info(id);
    // What went to it before is not for others, what comes from now on is.
    const from = load.sent + 2;
    const before = well.lines.length;
    await until(
      () => well.lines.length >= before + 200,
      () => 'the other one goes on',
    );
    assert.equal(node.info(id).messagesOut + node.info(id).queuedOut, messagesOut + queuedOut);
    const got = new Set(well.lines.map(Number));
    const last = Math.max(...got);
    for (let number = from; number <= last; number++)
      assert.ok(got.has(number), `${number} of ${from} to ${last}`);
    if (process.platform === 'linux') {
      await until(
        () => node.peer(id)?.evidence === 'program',
        () => `the system tells that its machine is there: ${JSON.stringify(node.peer(id))}`,
      );
    }

    frozen.child.kill('SIGCONT');
    await node.becomes(id, 'healthy');
    const back = frozen.lines.length;
    await until(
      () => frozen.lines.length > back + 20,
      () => 'it works again',
    );
    assert.equal(node.health.report().status, 'up');
    await load.stop();
    await until(
      () => frozen.lines.length + well.lines.length >= load.sent,
      () => `${frozen.lines.length} and ${well.lines.length} of ${load.sent}`,
    );
    assert.equal(node.peer(other)?.status, 'healthy');
    const events = node.lines.map(({ event, level }) => `${level} ${event}`);
    assert.deepEqual(events, ['warn peer:silent', 'info peer:back']);
  });

  it('of reqrep is given no requests, and the others answer all of them', async (t) => {
    const node = await WatchedNode.forTest(t, route('orders', 'reqrep'));
    const backend = node.address('orders', 'backend');
    const frozen = node.worker('REP', backend);
    const id = await node.joined('orders');
    const well = node.worker('REP', backend);
    await node.joined('orders', [id]);
    frozen.child.kill('SIGSTOP');
    await node.becomes(id, 'silent');
    const request = new Request({ receiveTimeout: 20_000 });
    t.after(() => request.close());
    request.connect(node.address('orders', 'frontend'));
    for (let number = 0; number < 100; number++) {
      await request.send(String(number));
      assert.equal(String((await request.receive())[0]), String(number));
    }
    assert.equal(well.lines.length, 100);
    frozen.child.kill('SIGCONT');
    await node.becomes(id, 'healthy');
    for (let number = 0; frozen.lines.length < 10; number++) {
      await request.send(String(number));
      await request.receive();
    }
  });

  it('alone on its route makes messages wait, and health says so', async (t) => {
    const node = await WatchedNode.forTest(t, route('jobs', 'pipeline', ', sendHighWaterMark: 100'));
    const frozen = node.worker('PULL', node.address('jobs', 'backend'));
    const id = await node.joined('jobs');
    frozen.child.kill('SIGSTOP');
    await node.becomes(id, 'silent');
    assert.match(
      node.health.report().components.peers?.message ?? '',
      /nobody is left at jobs: its messages wait/,
    );
    const load = new Load(t, node.address('jobs', 'frontend'));
    await until(
      () => load.sent > 50,
      () => 'messages are on the way',
    );
    assert.equal(node.info(id).messagesOut, 0);
    frozen.child.kill('SIGCONT');
    await until(
      () => frozen.lines.length > 50,
      () => 'they arrive',
    );
    assert.equal(node.peer(id)?.status, 'healthy');
  });
});

describe('a frozen worker under full load', { skip: linux }, () => {
  it('is silent, not slow, though its system took all that it could', async (t) => {
    // Its system is full within milliseconds, and that is to be before it is silent, also on a busy machine.
    const config = route('jobs', 'pipeline', ', sendHighWaterMark: 10', 2 * INTERVAL);
    const node = await WatchedNode.forTest(t, config);
    const frozen = node.worker('PULL', node.address('jobs', 'backend'));
    const id = await node.joined('jobs');
    new Load(t, node.address('jobs', 'frontend'), 'x'.repeat(1024 * 1024), 0, 10);
    await until(
      () => frozen.lines.length > 10,
      () => 'it works',
    );
    frozen.child.kill('SIGSTOP');
    await node.becomes(id, 'silent');
    await until(
      () => node.peer(id)?.evidence === 'program',
      () => `the system tells that its machine is there: ${JSON.stringify(node.peer(id))}`,
    );
    assert.match(node.peer(id)?.reason ?? '', /and it took nothing/);
    frozen.child.kill('SIGCONT');
    await until(
      () => node.peer(id)?.status !== 'silent',
      () => 'it is back',
    );
    assert.equal(node.peer(id)?.isolated, false);
  });
});

describe('a replier that does not answer', { skip: posix }, () => {
  it('is given nothing after the timeout of the route, and works again with its answer', async (t) => {
    const node = await WatchedNode.forTest(t, route('orders', 'reqrep', ', timeout: 400ms'));
    const backend = node.address('orders', 'backend');
    const hung = node.worker('REP', backend);
    const id = await node.joined('orders');
    const client = new Dealer({ linger: 0, receiveTimeout: 20_000 });
    t.after(() => client.close());
    client.connect(node.address('orders', 'frontend'));
    await client.send(['', 'hang']);
    await until(
      () => hung.lines.length === 1,
      () => 'it has the request',
    );
    const well = node.worker('REP', backend);
    await node.joined('orders', [id]);
    const { reason, unanswered } = await node.becomes(id, 'silent');
    assert.match(reason ?? '', /answered none of them for 400 ms \(timeout\)/);
    assert.equal(unanswered, 1);
    for (let number = 0; number < 50; number++) {
      await client.send(['', String(number)]);
      assert.equal(String((await client.receive()).at(-1)), String(number));
    }
    assert.equal(well.lines.length, 50);
    hung.child.kill('SIGUSR2');
    assert.equal(String((await client.receive()).at(-1)), 'hang');
    await node.becomes(id, 'healthy');
  });
});

describe('a worker behind a line that fails', () => {
  it('is gone at once with a reset, and silent when nothing passes any more', async (t) => {
    const node = await WatchedNode.forTest(t, route('jobs', 'pipeline'));
    const faults = { ...CALM, piece: [8, 8] } as const;
    const proxy = await FaultProxy.start(node.address('jobs', 'backend'), 1, faults);
    t.after(() => proxy.close());
    node.worker('PULL', proxy.endpoint);
    const first = await node.joined('jobs');
    proxy.cut('reset');
    const gone = await node.becomes(first, 'gone');
    assert.match(gone.reason ?? '', /reset/i);
    const second = await node.joined('jobs', [first]);
    // The black hole: connected, and nothing passes.
    proxy.faults = { ...faults, stall: { share: 1, ms: [1e8, 1e8] } };
    const silent = await node.becomes(second, 'silent');
    assert.equal(silent.isolated, true);
    assert.ok(node.lines.some(({ event, level }) => event === 'peer:silent' && level === 'warn'));
  });
});

describe('a worker whose network is cut', { skip: namespaces() }, () => {
  it('is silent because of its network, which Linux tells, and back with it', async () => {
    const script = fileURLToPath(new URL('../support/netcut.js', import.meta.url));
    const env = { ...process.env };
    for (const name of ['NODE_TEST_CONTEXT', 'NODE_OPTIONS']) delete env[name];
    const child = spawn('unshare', ['-rn', process.execPath, script], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env,
    });
    const [text] = await Promise.all([child.stdout.setEncoding('utf8').toArray(), once(child, 'exit')]);
    const { cut, back } = JSON.parse(text.join('')) as { cut: PeerHealth; back: PeerHealth };
    assert.deepEqual([cut.status, cut.evidence, cut.isolated], ['silent', 'network', true]);
    assert.deepEqual([back.status, back.evidence, back.isolated], ['healthy', null, false]);
  });
});

describe('a node that stands still itself', () => {
  it('takes nobody for silent', async (t) => {
    const node = await WatchedNode.forTest(t, route('jobs', 'pipeline'));
    node.worker('PULL', node.address('jobs', 'backend'));
    const id = await node.joined('jobs');
    const { heard } = node.info(id);
    for (let times = 0; times < 5; times++) {
      const end = performance.now() + 4 * INTERVAL;
      while (performance.now() < end);
      await new Promise((resolve) => setTimeout(resolve, INTERVAL / 3));
    }
    await until(
      () => node.info(id).heard > heard + 5,
      () => 'heartbeats go on',
    );
    assert.deepEqual(node.lines, []);
    assert.equal(node.peer(id)?.status, 'healthy');
    assert.ok(node.health.loop().recent.max >= 3 * INTERVAL);
  });
});

describe('a slow worker', { skip: linux }, () => {
  it('that takes ten messages a second is slow, and never silent', async (t) => {
    // Long enough that a busy machine does not keep the worker from taking anything for three of them.
    const config = route('jobs', 'pipeline', ', sendHighWaterMark: 100', 2 * INTERVAL);
    const node = await WatchedNode.forTest(t, config);
    const worker = node.worker('PULL', node.address('jobs', 'backend'), '100', '1');
    const id = await node.joined('jobs');
    new Load(t, node.address('jobs', 'frontend'), 'x'.repeat(256 * 1024), 1);
    await node.becomes(id, 'slow');
    const goal = worker.lines.length + 50;
    await until(
      () => worker.lines.length >= goal || node.lines.some(({ event }) => event === 'peer:silent'),
      () => 'it takes fifty messages',
    );
    assert.deepEqual(
      node.lines.map(({ event }) => event),
      ['peer:slow'],
    );
    assert.equal(node.peer(id)?.isolated, false);
    assert.equal(node.health.report().status, 'up');
  });
});
