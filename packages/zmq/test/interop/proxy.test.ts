/** A proxy of ours between peers of libzmq, and one of libzmq between peers of ours. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as libzmq from 'zeromq';
import * as zmq from '../../src/index.ts';
import { within } from '../support/deadline.ts';
import { assignments, type LooseSocket, type SocketName } from '../support/libs.ts';
import { payload, text } from '../support/payload.ts';
import { collect, subscribed } from '../support/pubsync.ts';
import { bindTo, type Scope, scope } from '../support/scope.ts';
import { basicWires, type TestTransport } from '../support/transports.ts';

interface AnyProxy {
  run(): Promise<void>;
  terminate(): void;
}

type MakeProxy = new (front: never, back: never) => AnyProxy;

for (const transport of basicWires) {
  for (const [middle, outer] of assignments) {
    const start = async (s: Scope, transport: TestTransport, front: SocketName, back: SocketName) => {
      const sides = [middle.sockets[front], middle.sockets[back]].map((Socket) =>
        s.use(new Socket({ linger: 0 })),
      );
      const [frontEnd, backEnd] = sides as [LooseSocket, LooseSocket];
      const endpoints = [await bindTo(frontEnd, transport), await bindTo(backEnd, transport)] as const;
      const Middle = (middle.name === 'ours' ? zmq.Proxy : libzmq.Proxy) as unknown as MakeProxy;
      const proxy = new Middle(frontEnd as never, backEnd as never);
      const done = proxy.run();
      s.after(async () => {
        proxy.terminate();
        await within(done, 'the proxy to end');
      });
      return endpoints;
    };

    describe(`a proxy of ${middle.name}, peers of ${outer.name}, over ${transport.name}`, {
      timeout: 30_000,
    }, () => {
      it('ROUTER and DEALER', async (t) => {
        const s = scope(t, transport);
        const [front, back] = await start(s, transport, 'Router', 'Dealer');
        const reqs = [s.open(outer.sockets.Request), s.open(outer.sockets.Request)];
        const rep = s.open(outer.sockets.Reply);
        rep.connect(back);
        for (const req of reqs) req.connect(front);
        const replying = (async () => {
          for (let count = 0; count < 100; count += 1) await rep.send(['re', ...(await rep.receive())]);
        })();
        const asking = reqs.map(async (req, who) => {
          for (let count = 0; count < 50; count += 1) {
            await req.send([String(who), '', String(count), 'x'.repeat(count * 10)]);
            const answer = text(await req.receive());
            assert.deepEqual(answer, ['re', String(who), '', String(count), 'x'.repeat(count * 10)]);
          }
        });
        await Promise.all([replying, ...asking]);
      });

      it('PULL and PUSH', async (t) => {
        const s = scope(t, transport);
        const [front, back] = await start(s, transport, 'Pull', 'Push');
        const [push, pull] = [s.open(outer.sockets.Push), s.open(outer.sockets.Pull)];
        pull.connect(back);
        push.connect(front);
        const size = (index: number): number => (index % 40 === 0 ? 200_000 : (index * 17) % 600);
        const sending = (async () => {
          for (let index = 0; index < 800; index += 1)
            await push.send([String(index), payload(size(index), index)]);
        })();
        for (let index = 0; index < 800; index += 1) {
          const [number, body] = (await pull.receive()) as [Buffer, Buffer];
          assert.equal(number.toString(), String(index));
          assert.ok(body.equals(payload(size(index), index)));
        }
        await sending;
      });

      it('XSUB and XPUB', async (t) => {
        const s = scope(t, transport);
        const [front, back] = await start(s, transport, 'XSubscriber', 'XPublisher');
        const pub = s.open(outer.sockets.Publisher);
        const subs = [s.open(outer.sockets.Subscriber), s.open(outer.sockets.Subscriber)];
        pub.connect(front);
        for (const [index, sub] of subs.entries()) {
          sub.connect(back);
          sub.subscribe(`own ${index}`, 'shared');
        }
        for (const sub of subs) await subscribed(pub, sub);
        for (const topic of ['own 0', 'own 1', 'nobody', 'shared']) await pub.send([topic, '', 'body']);
        for (const [index, sub] of subs.entries()) {
          assert.deepEqual((await collect(pub, sub)).map(text), [
            [`own ${index}`, '', 'body'],
            ['shared', '', 'body'],
          ]);
        }
      });
    });
  }
}
