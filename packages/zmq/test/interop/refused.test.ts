/** Peers of libzmq that ours must turn away, and heartbeats with those that it keeps. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as libzmq from 'zeromq';
import * as zmq from '../../src/index.ts';
import { until } from '../support/deadline.ts';
import { type EventLog, watch } from '../support/events.ts';
import { FaultProxy } from '../support/faultproxy.ts';
import { assignments, ours, type SocketName, theirs } from '../support/libs.ts';
import { text } from '../support/payload.ts';
import { bindTo, link, scope } from '../support/scope.ts';
import { basicWires, tcp } from '../support/transports.ts';

/** For each type those that it talks to (RFC 28 to 31). */
const PARTNERS: Readonly<Record<SocketName, readonly SocketName[]>> = {
  Pair: ['Pair'],
  Publisher: ['Subscriber', 'XSubscriber'],
  XPublisher: ['Subscriber', 'XSubscriber'],
  Subscriber: ['Publisher', 'XPublisher'],
  XSubscriber: ['Publisher', 'XPublisher'],
  Request: ['Reply', 'Router'],
  Reply: ['Request', 'Dealer'],
  Dealer: ['Reply', 'Dealer', 'Router'],
  Router: ['Request', 'Dealer', 'Router'],
  Push: ['Pull'],
  Pull: ['Push'],
};
const NAMES = Object.keys(PARTNERS) as SocketName[];

/** Six refusals in a row, each followed by a longer wait, from 10 ms (or the next step) up to 80 ms. */
async function slower(log: EventLog, refusal: () => Promise<void>): Promise<void> {
  let last = 0;
  for (let count = 0; count < 6; count += 1) {
    await refusal();
    const interval = (await log.next('connect:retry')).interval ?? 0;
    assert.ok(interval >= 10 && interval <= 80, `${interval} ms`);
    assert.ok(interval >= Math.min(last * 2, 80), `${interval} ms after ${last} ms`);
    last = interval;
  }
  assert.equal(last, 80);
}

for (const transport of basicWires) {
  describe(`socket types that do not fit, over ${transport.name}`, { timeout: 60_000 }, () => {
    for (const name of NAMES) {
      it(`a ${name} refuses every type but ${PARTNERS[name].join(', ')}`, async (t) => {
        const s = scope(t, transport);
        const server = s.open(ours.sockets[name]);
        const log = watch(server);
        const endpoint = await bindTo(server, transport);
        for (const other of NAMES) {
          if (PARTNERS[name].includes(other)) continue;
          const client = s.open(theirs.sockets[other], { reconnectInterval: 10_000 });
          client.connect(endpoint);
          const { error } = await log.next('peer:refused');
          // libzmq closes without a word; who is first is a matter of timing.
          assert.ok(
            ['ERR_ZMTP_SOCKET_TYPE', 'ECONNRESET'].includes(error?.code ?? ''),
            `${other}: ${error?.code}`,
          );
          client.close();
        }
        assert.equal((server as unknown as zmq.Socket).stats.peers, 0);
      });
    }

    it('says so when it connects, and waits longer each time', async (t) => {
      const s = scope(t, transport);
      const server = s.open(theirs.sockets.Reply);
      const client = s.open(zmq.Subscriber, {
        reconnectInterval: 10,
        reconnectMaxInterval: 80,
        reconnectJitter: 0,
      });
      const log = watch(client);
      client.connect(await bindTo(server, transport));
      await slower(log, async () => {
        const { error } = await log.next('peer:refused');
        assert.ok(['ERR_ZMTP_SOCKET_TYPE', 'ECONNRESET'].includes(error?.code ?? ''), error?.code);
      });
    });
  });

  describe(`security mechanisms that differ, over ${transport.name}`, { timeout: 60_000 }, () => {
    const keys = libzmq.curveKeyPair();
    const server = libzmq.curveKeyPair();
    const clients: Readonly<Record<string, object>> = {
      PLAIN: { plainUsername: 'user', plainPassword: 'secret' },
      CURVE: {
        curvePublicKey: keys.publicKey,
        curveSecretKey: keys.secretKey,
        curveServerKey: server.publicKey,
      },
    };
    const servers: Readonly<Record<string, object>> = {
      PLAIN: { plainServer: true },
      CURVE: { curveServer: true, curveSecretKey: server.secretKey },
    };

    for (const mechanism of ['PLAIN', 'CURVE']) {
      it(`a ${mechanism} client of libzmq is refused, the next NULL client is served`, async (t) => {
        const s = scope(t, transport);
        const pull = s.open(zmq.Pull);
        const log = watch(pull);
        const secured = s.open(libzmq.Push, { ...clients[mechanism], reconnectInterval: 10_000 });
        const endpoint = await bindTo(pull, transport);
        secured.connect(endpoint);
        assert.equal((await log.next('peer:refused')).error?.code, 'ERR_ZMTP_MECHANISM_MISMATCH');
        const plain = s.open(libzmq.Push);
        plain.connect(endpoint);
        await plain.send('no secrets');
        assert.deepEqual(text(await pull.receive()), ['no secrets']);
      });

      it(`a ${mechanism} server of libzmq is not tried in a hot loop`, async (t) => {
        const s = scope(t, transport);
        const secured = s.open(libzmq.Pull, servers[mechanism]);
        const push = s.open(zmq.Push, {
          reconnectInterval: 10,
          reconnectMaxInterval: 80,
          reconnectJitter: 0,
        });
        const log = watch(push);
        push.connect(await bindTo(secured, transport));
        await slower(log, async () => {
          // Over ws libzmq closes without an answer to the upgrade.
          const code = transport.name === 'ws' ? 'ERR_WEBSOCKET' : 'ERR_ZMTP_MECHANISM_MISMATCH';
          assert.equal((await log.next('peer:refused')).error?.code, code);
        });
        assert.equal(push.stats.peers, 0);
      });
    }
  });
}

for (const [first, second] of assignments) {
  describe(`heartbeats: ${first.name} binds, ${second.name} connects`, { timeout: 60_000 }, () => {
    const options = { heartbeatInterval: 20, heartbeatTimeout: 2000, heartbeatTimeToLive: 2000 };
    for (const [who, near, far] of [
      ['both sides', options, options],
      ['the one that binds', options, {}],
      ['the one that connects', {}, options],
    ] as const) {
      it(`from ${who}: an idle connection stays`, async (t) => {
        const s = scope(t, tcp);
        const server = s.open(first.sockets.Pair, near);
        const client = s.open(second.sockets.Pair, far);
        const proxy = s.use(await FaultProxy.start(await bindTo(server, tcp)));
        client.connect(proxy.endpoint);
        await client.send('hello');
        assert.deepEqual(text(await server.receive()), ['hello']);
        const start = proxy.forwarded;
        // A PING or PONG is at least 7 octets: some dozens of them.
        await until(() => proxy.forwarded - start > 40 * 7, 'heartbeats on the wire');
        assert.equal(proxy.accepted, 1);
        await client.send('still');
        assert.deepEqual(text(await server.receive()), ['still']);
        await server.send('here');
        assert.deepEqual(text(await client.receive()), ['here']);
      });
    }

    it('a silent line is given up and made again', async (t) => {
      const s = scope(t, tcp);
      const server = s.open(first.sockets.Pull);
      const client = s.open(second.sockets.Push, {
        heartbeatInterval: 20,
        heartbeatTimeout: 500,
        reconnectInterval: 5,
      });
      const proxy = s.use(await FaultProxy.start(await bindTo(server, tcp)));
      client.connect(proxy.endpoint);
      await client.send('before');
      assert.deepEqual(text(await server.receive()), ['before']);
      proxy.pause();
      await until(() => proxy.accepted >= 2, 'a second connection');
      proxy.resume();
      await client.send('after');
      assert.deepEqual(text(await server.receive()), ['after']);
    });

    it('traffic with heartbeats between', async (t) => {
      const s = scope(t, tcp);
      const [server, client] = [
        s.open(first.sockets.Pair, { heartbeatInterval: 1, heartbeatTimeout: 5000 }),
        s.open(second.sockets.Pair, { heartbeatInterval: 1, heartbeatTimeout: 5000 }),
      ];
      await link(tcp, server, client);
      for (let index = 0; index < 1500; index += 1) {
        await client.send([String(index), '', 'x'.repeat(index)]);
        assert.deepEqual(text(await server.receive()), [String(index), '', 'x'.repeat(index)]);
      }
    });
  });
}
