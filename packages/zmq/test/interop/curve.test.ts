/** CURVE and PLAIN with libzmq at the other end: each as server and as client, each binding and connecting. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as libzmq from 'zeromq';
import * as zmq from '../../src/index.ts';
import { until } from '../support/deadline.ts';
import { watch } from '../support/events.ts';
import { type AssignedPair, exchange, pairs } from '../support/exchange.ts';
import { FaultProxy } from '../support/faultproxy.ts';
import { assignments, type Library, ours } from '../support/libs.ts';
import { KIB, MIB, payload } from '../support/payload.ts';
import { bindTo, link, ready, scope } from '../support/scope.ts';
import { basicWires, tcp } from '../support/transports.ts';
import { handle } from '../support/zap.ts';

const keysOfServer = zmq.curveKeyPair();
const keysOfClient = libzmq.curveKeyPair();
const SERVER = { curveServer: true, curveSecretKey: keysOfServer.secretKey };
const CLIENT = {
  curveServerKey: keysOfServer.publicKey,
  curvePublicKey: keysOfClient.publicKey,
  curveSecretKey: keysOfClient.secretKey,
};

/** Both sides of what is encoded, encrypted or collected in another way. */
const SIZES = [0, 1, 221, 222, 223, 255, 256, 640, 8191, 8192, 16_384, 16_385, 65_536, 256 * KIB, 3 * MIB];

for (const transport of basicWires) {
  for (const [first, second] of assignments) {
    for (const firstServes of [true, false]) {
      for (const firstBinds of [true, false]) {
        const role = firstServes ? 'server' : 'client';
        const title = `CURVE: ${first.name}, the ${role}, ${firstBinds ? 'binds' : 'connects'}, over ${transport.name}`;
        describe(title, { timeout: 60_000 }, () => {
          for (const [left, right] of pairs) {
            it(`${left} and ${right}`, async (t) => {
              const s = scope(t, transport);
              const pair: AssignedPair = {
                leftName: left,
                rightName: right,
                left: s.open(first.sockets[left], firstServes ? SERVER : CLIENT),
                right: s.open(second.sockets[right], firstServes ? CLIENT : SERVER),
              };
              if (right === 'Subscriber') pair.right.subscribe('');
              const ends = [pair.left, pair.right] as const;
              await link(transport, ends[firstBinds ? 0 : 1], ends[firstBinds ? 1 : 0]);
              await exchange(
                pair,
                SIZES.map((size) => [payload(size, size)]),
              );
              await exchange(
                pair,
                SIZES.map((size) => [Buffer.from('head'), payload(size, 1), payload(size % 300, 2)]),
              );
            });
          }
        });
      }
    }
  }
}

for (const [first, second] of assignments) {
  describe(`CURVE: ${first.name} serves, ${second.name} is the client`, { timeout: 60_000 }, () => {
    it('subscribes and unsubscribes', async (t) => {
      const s = scope(t, tcp);
      const publisher = s.open(first.sockets.XPublisher, SERVER);
      const subscriber = s.open(second.sockets.Subscriber, CLIENT);
      const topic = 't'.repeat(300);
      subscriber.subscribe('a', topic);
      await link(tcp, publisher, subscriber);
      const seen = [await publisher.receive(), await publisher.receive()].map(String).sort();
      assert.deepEqual(seen, ['\x01a', `\x01${topic}`]);
      for (const text of ['b no', 'a yes', `${topic} too`]) await publisher.send(text);
      assert.equal(String(await subscriber.receive()), 'a yes');
      assert.equal(String(await subscriber.receive()), `${topic} too`);
      subscriber.unsubscribe('a');
      assert.equal(String(await publisher.receive()), '\x00a');
      for (const text of ['a no', `${topic} again`]) await publisher.send(text);
      assert.equal(String(await subscriber.receive()), `${topic} again`);
    });

    it('keeps heartbeats going', async (t) => {
      const s = scope(t, tcp);
      const options = { heartbeatInterval: 20, heartbeatTimeout: 5000, heartbeatTimeToLive: 5000 };
      const pull = s.open(first.sockets.Pull, { ...SERVER, ...options });
      const push = s.open(second.sockets.Push, { ...CLIENT, ...options });
      const log = watch(push);
      const proxy = await FaultProxy.start(await bindTo(pull, tcp));
      s.after(() => proxy.close());
      push.connect(proxy.endpoint);
      await push.send('before');
      assert.equal(String(await pull.receive()), 'before');
      // A PING in CURVE takes 2 + 33 + 5 + 2 octets.
      const start = proxy.forwarded;
      await until(() => proxy.forwarded - start > 42 * 10, 'heartbeats on the wire');
      await push.send('after');
      assert.equal(String(await pull.receive()), 'after');
      assert.equal(log.count('disconnect'), 0);
    });

    it('carries ten thousand small messages, and none in the clear', async (t) => {
      const s = scope(t, tcp);
      const pull = s.open(first.sockets.Pull, SERVER);
      const push = s.open(second.sockets.Push, CLIENT);
      await link(tcp, pull, push);
      const count = 10_000;
      const sending = (async () => {
        for (let i = 0; i < count; i++) await push.send(`message ${i}`);
      })();
      for (let i = 0; i < count; i++) assert.equal(String(await pull.receive()), `message ${i}`);
      await sending;
    });

    it('does not come about with another key of the server', async (t) => {
      const s = scope(t, tcp);
      const pull = s.open(first.sockets.Pull, SERVER);
      const wrong = { ...CLIENT, curveServerKey: zmq.curveKeyPair().publicKey };
      const push = s.open(second.sockets.Push, wrong);
      const log = watch(first === ours ? pull : push);
      push.connect(await bindTo(pull, tcp));
      if (first === ours) {
        await until(() => log.count('handshake:error:protocol') > 0, 'the refusal', {
          seen: () => log.all.map(({ type }) => type),
        });
        const error = log.all.find(({ type }) => type === 'handshake:error:protocol')?.error;
        assert.equal(error?.code, 'ERR_ZMTP_CRYPTOGRAPHIC');
      } else await until(() => log.count('close') + log.count('disconnect') > 0, 'the end of the connection');
      assert.equal(log.count('handshake'), 0);
    });
  });

  describe(`PLAIN: ${first.name} serves, ${second.name} is the client`, { timeout: 60_000 }, () => {
    for (const serverBinds of [true, false]) {
      it(`exchanges messages, the server ${serverBinds ? 'bound' : 'connected'}`, async (t) => {
        const s = scope(t, tcp);
        const context = newContext(first);
        const { requests } = await handle(s, first, context, (frames) => [
          '1.0',
          frames[1]!,
          '200',
          '',
          'u',
          '',
        ]);
        const pair: AssignedPair = {
          leftName: 'Dealer',
          rightName: 'Router',
          left: s.open(first.sockets.Dealer, { plainServer: true, zapDomain: 'test', context }),
          right: s.open(second.sockets.Router, { plainUsername: 'me', plainPassword: 'secret' }),
        };
        await (serverBinds ? link(tcp, pair.left, pair.right) : link(tcp, pair.right, pair.left));
        await exchange(
          pair,
          SIZES.map((size) => [payload(size, size), Buffer.from('tail')]),
        );
        assert.deepEqual(requests[0]?.slice(5).map(String), ['PLAIN', 'me', 'secret']);
      });
    }
  });

  it(`mechanisms that differ: ${first.name} with CURVE, ${second.name} with none`, async (t) => {
    const s = scope(t, tcp);
    const pull = s.open(first.sockets.Pull, SERVER);
    const push = s.open(second.sockets.Push);
    const mine = watch(first === ours ? pull : push);
    push.connect(await bindTo(pull, tcp));
    await until(() => mine.count('handshake:error:protocol') > 0, 'the mismatch');
    const error = mine.all.find(({ type }) => type === 'handshake:error:protocol')?.error;
    assert.equal(error?.code, 'ERR_ZMTP_MECHANISM_MISMATCH');
  });
}

describe('CURVE over inproc', () => {
  it('is nothing: messages stay in the process', async (t) => {
    const s = scope(t);
    const pull = s.open(zmq.Pull, SERVER);
    const push = s.open(zmq.Push);
    const inproc = { ...tcp, name: 'inproc', wire: false, endpoint: () => 'inproc://curve' } as const;
    push.connect(await bindTo(pull, inproc));
    await ready(push, inproc);
    await push.send('x');
    assert.equal(String(await pull.receive()), 'x');
  });
});

function newContext(library: Library): object {
  return library === ours ? new zmq.Context() : new libzmq.Context();
}
