/** Options: defaults, types, where they exist; reconnecting with backoff; what only a file system can do wrong. */
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { describe, it } from 'node:test';
import * as zmq from '../../src/index.ts';
import { until } from '../support/deadline.ts';
import { watch } from '../support/events.ts';
import { text } from '../support/payload.ts';
import { bindTo, link, scope } from '../support/scope.ts';
import { tcp, transports } from '../support/transports.ts';

describe('options', { timeout: 30_000 }, () => {
  it('have the defaults of zeromq.js', (t) => {
    const s = scope(t);
    const dealer = s.use(new zmq.Dealer());
    assert.equal(dealer.sendHighWaterMark, 1000);
    assert.equal(dealer.receiveHighWaterMark, 1000);
    assert.equal(dealer.sendTimeout, -1);
    assert.equal(dealer.receiveTimeout, -1);
    assert.equal(dealer.reconnectInterval, 100);
    assert.equal(dealer.maxMessageSize, -1);
    assert.equal(dealer.handshakeInterval, 30_000);
    assert.equal(dealer.heartbeatInterval, 0);
    assert.equal(dealer.immediate, false);
    assert.equal(dealer.ipv6, false);
    assert.equal(dealer.routingId, null);
    assert.equal(dealer.backlog, 100);
    assert.equal(dealer.type, 5);
    assert.equal(dealer.securityMechanism, null);
    assert.equal(dealer.context, zmq.context);
  });

  it('are set in the constructor or as properties, and kept', (t) => {
    const s = scope(t);
    const router = s.use(
      new zmq.Router({ mandatory: true, linger: 0, routingId: 'me', sendHighWaterMark: 7 }),
    );
    assert.equal(router.mandatory, true);
    assert.equal(router.linger, 0);
    assert.equal(router.routingId, 'me');
    assert.equal(router.sendHighWaterMark, 7);
    router.mandatory = false;
    router.linger = 5;
    assert.equal(router.mandatory, false);
    assert.equal(router.linger, 5);
  });

  it('of the wrong type or name are refused', (t) => {
    const s = scope(t);
    const dealer = s.use(new zmq.Dealer());
    const loose = dealer as unknown as Record<
      'sendTimeout' | 'immediate' | 'routingId' | 'noSuchOption',
      unknown
    >;
    assert.throws(() => {
      loose.sendTimeout = 'soon';
    }, /Option value must be a number/);
    assert.throws(() => {
      loose.immediate = 1;
    }, /Option value must be a boolean/);
    assert.throws(() => {
      loose.routingId = 5;
    }, /Option value must be a string or buffer/);
    assert.throws(() => {
      loose.noSuchOption = 1;
    }, TypeError);
    assert.throws(() => new zmq.Dealer({ mandatory: true } as never), TypeError);
  });

  it('maxMessageSize that changes holds for peers that are connected', async (t) => {
    const s = scope(t, tcp);
    const [pull, push] = [s.open(zmq.Pull), s.open(zmq.Push, { reconnectInterval: -1 })];
    const log = watch(pull);
    await link(tcp, pull, push);
    pull.maxMessageSize = 1000;
    await push.send('x'.repeat(1000));
    assert.equal((await pull.receive())[0]?.length, 1000);
    pull.maxMessageSize = -1;
    await push.send('x'.repeat(1001));
    assert.equal((await pull.receive())[0]?.length, 1001);
    pull.maxMessageSize = 1000;
    await push.send('x'.repeat(1001));
    assert.equal((await log.next('peer:gone')).error?.code, 'ERR_ZMTP_MESSAGE_SIZE');
  });

  it('numbers for the socket types are libzmq’s', (t) => {
    const s = scope(t);
    const all = [
      zmq.Pair,
      zmq.Publisher,
      zmq.Subscriber,
      zmq.Request,
      zmq.Reply,
      zmq.Dealer,
      zmq.Router,
      zmq.Pull,
      zmq.Push,
      zmq.XPublisher,
      zmq.XSubscriber,
    ];
    for (const [number, Socket] of all.entries()) assert.equal(s.use(new Socket()).type, number);
  });

  it('version and capability are there', () => {
    assert.match(zmq.version, /^\d+\.\d+\.\d+/);
    assert.equal(typeof zmq.capability, 'object');
  });

  it('a context passes ipv6 on to its sockets', (t) => {
    const s = scope(t);
    const context = new zmq.Context({ ipv6: true });
    assert.equal(s.use(new zmq.Dealer({ context })).ipv6, true);
    assert.equal(s.use(new zmq.Dealer({ context, ipv6: false })).ipv6, false);
  });

  it('a context limits the number of its sockets', (t) => {
    const s = scope(t);
    const context = new zmq.Context({ maxSockets: 2 });
    const first = s.use(new zmq.Dealer({ context }));
    s.use(new zmq.Dealer({ context }));
    assert.throws(() => new zmq.Dealer({ context }), { code: 'EMFILE' });
    assert.equal(first.closed, false);
  });

  it('connect to a port that cannot be is EINVAL', (t) => {
    const s = scope(t);
    const dealer = s.use(new zmq.Dealer());
    for (const address of ['tcp://127.0.0.1:65536', 'tcp://127.0.0.1:0', 'tcp://127.0.0.1:-1']) {
      assert.throws(() => dealer.connect(address), { code: 'EINVAL' }, address);
    }
  });
});

describe('reconnecting', { timeout: 30_000 }, () => {
  for (const [jitter, low] of [
    [0, 1],
    [0.5, 0.5],
  ] as const) {
    it(`waits longer each time, up to reconnectMaxInterval, with a jitter of ${jitter}`, async (t) => {
      const s = scope(t, tcp);
      const dealer = s.open(zmq.Dealer, {
        reconnectInterval: 5,
        reconnectMaxInterval: 30,
        reconnectJitter: jitter,
      });
      const log = watch(dealer);
      dealer.connect(await tcp.fixed());
      for (const expected of [5, 10, 20, 30, 30, 30]) {
        const { interval } = await log.next('connect:retry');
        assert.ok(
          interval !== undefined && interval <= expected && interval >= Math.floor(expected * low),
          `${interval} of ${expected}`,
        );
      }
    });
  }

  it('starts from the short interval again after a success', async (t) => {
    const s = scope(t, tcp);
    const dealer = s.open(zmq.Dealer, { reconnectInterval: 4, reconnectMaxInterval: 64, reconnectJitter: 0 });
    const log = watch(dealer);
    const endpoint = await tcp.fixed();
    dealer.connect(endpoint);
    await until(() => log.of('connect:retry').some(({ interval }) => interval === 32), 'a longer interval');
    const router = s.open(zmq.Router);
    await router.bind(endpoint);
    await log.next('handshake');
    const before = log.count('connect:retry');
    router.close();
    await until(() => log.count('connect:retry') > before, 'a retry');
    assert.equal(log.of('connect:retry')[before]?.interval, 4);
  });
});

describe('ipc paths', { timeout: 30_000, skip: process.platform === 'win32' }, () => {
  const ipc = transports.find(({ name }) => name === 'ipc');
  if (ipc === undefined) return;

  it('a path in use is EADDRINUSE', async (t) => {
    const s = scope(t, ipc);
    const [one, two, push] = [s.open(zmq.Pull), s.open(zmq.Pull), s.open(zmq.Push)];
    const endpoint = await bindTo(one, ipc);
    await assert.rejects(two.bind(endpoint), { code: 'EADDRINUSE', address: endpoint });
    push.connect(endpoint);
    await push.send('to the first');
    assert.deepEqual(text(await one.receive()), ['to the first']);
  });

  it('a path that a dead process left is taken over', async (t) => {
    const s = scope(t, ipc);
    const endpoint = ipc.endpoint();
    const path = endpoint.slice('ipc://'.length);
    await leaveStale(path);
    assert.ok(existsSync(path));
    const [pull, push] = [s.open(zmq.Pull), s.open(zmq.Push)];
    await pull.bind(endpoint);
    push.connect(endpoint);
    await push.send('alive');
    assert.deepEqual(text(await pull.receive()), ['alive']);
  });

  it('a file that is no socket is left alone', async (t) => {
    const s = scope(t, ipc);
    const endpoint = ipc.endpoint();
    const path = endpoint.slice('ipc://'.length);
    writeFileSync(path, 'precious');
    await assert.rejects(s.open(zmq.Pull).bind(endpoint), { code: 'EADDRINUSE' });
    assert.ok(existsSync(path));
  });

  it('the path is removed when the socket closes', async (t) => {
    const s = scope(t, ipc);
    const pull = s.open(zmq.Pull);
    const path = (await bindTo(pull, ipc)).slice('ipc://'.length);
    assert.ok(existsSync(path));
    pull.close();
    await until(() => !existsSync(path), 'the path to be gone');
  });
});

/** A socket file that nobody listens on: bound, linked under a second name, closed (which removes only the first). */
async function leaveStale(path: string): Promise<void> {
  const { linkSync } = await import('node:fs');
  const server = createServer();
  server.listen(`${path}.live`);
  await until(() => server.listening, 'the doomed server to listen');
  linkSync(`${path}.live`, path);
  await new Promise((resolve) => server.close(resolve));
}
