/** Connections that break in the middle of a stream: order kept, no message torn, subscriptions and ids known again. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as zmq from '../../src/index.ts';
import { turn, until } from '../support/deadline.ts';
import { FaultProxy } from '../support/faultproxy.ts';
import { payload, sameParts, text } from '../support/payload.ts';
import { collect, subscribed } from '../support/pubsync.ts';
import { type AnySocket, arrived, bindTo, left, link, ready, scope } from '../support/scope.ts';
import { tcp, wires } from '../support/transports.ts';

/** The frames of message `index`: a number, then bodies that follow from it. */
function parts(index: number): Buffer[] {
  const size = index % 7 === 0 ? 70_000 : (index * 31) % 1000;
  return [Buffer.from(String(index)), payload(size, index), payload(index % 50, index + 1)];
}

function numberOf(message: readonly Buffer[]): number {
  const index = Number((message[0] as Buffer).toString());
  sameParts(message, parts(index), `message ${index}`);
  return index;
}

/** Breaks the one connection behind the proxy, until `server` knows; returns when `next` has a new one. */
async function outage(proxy: FaultProxy, server: AnySocket, next: AnySocket = server): Promise<void> {
  proxy.refuse(true);
  proxy.cut();
  await left(server, tcp, 0);
  proxy.refuse(false);
  await ready(next, tcp);
}

for (const transport of wires) {
  describe(`a server that restarts, over ${transport.name}`, { timeout: 30_000 }, () => {
    it('PUSH goes on: whole messages, in order', async (t) => {
      const s = scope(t, transport);
      const push = s.open(zmq.Push, { reconnectInterval: 5, sendHighWaterMark: 50 });
      const endpoint = await transport.fixed();
      push.connect(endpoint);
      let sent = 0;
      let stop = false;
      const sending = (async () => {
        for (; !stop; sent += 1) await push.send(parts(sent));
        await push.send('end');
      })();
      let last = -1;
      for (let round = 0; round < 4; round += 1) {
        const pull = s.open(zmq.Pull, { receiveHighWaterMark: 50 });
        for (let bound = false; !bound; await turn()) {
          bound = await pull.bind(endpoint).then(
            () => true,
            () => false,
          );
        }
        for (let count = 0; count < 200; count += 1) {
          const index = numberOf(await pull.receive());
          assert.ok(index > last, `${index} after ${last}`);
          last = index;
        }
        if (round === 3) {
          stop = true;
          for (;;) {
            const message = await pull.receive();
            if (message.length === 1) break;
            const index = numberOf(message);
            assert.equal(index, last + 1, 'nothing is missing on a connection that stays');
            last = index;
          }
        }
        pull.close();
      }
      await sending;
      assert.equal(last, sent - 1);
    });

    it('a DEALER asks the next server', async (t) => {
      const s = scope(t, transport);
      const dealer = s.open(zmq.Dealer, { reconnectInterval: 5, routingId: 'client' });
      const endpoint = await transport.fixed();
      dealer.connect(endpoint);
      for (let round = 0; round < 3; round += 1) {
        const router = s.open(zmq.Router, { mandatory: true });
        for (let bound = false; !bound; await turn()) {
          bound = await router.bind(endpoint).then(
            () => true,
            () => false,
          );
        }
        await ready(router, transport);
        await router.send(['client', `hello ${round}`]);
        assert.deepEqual(text(await dealer.receive()), [`hello ${round}`]);
        await dealer.send(`answer ${round}`);
        assert.deepEqual(text(await router.receive()), ['client', `answer ${round}`]);
        router.close();
        await left(dealer, transport, 0);
      }
    });

    it('a SUB subscribes again, to what it wants by then', async (t) => {
      const s = scope(t, transport);
      const sub = s.open(zmq.Subscriber, { reconnectInterval: 5 });
      const endpoint = await transport.fixed();
      sub.subscribe('kept', 'dropped', 'twice', 'twice');
      sub.connect(endpoint);
      const first = s.open(zmq.Publisher);
      await first.bind(endpoint);
      await subscribed(first, sub);
      first.close();
      await left(sub, transport, 0);
      sub.subscribe('added');
      sub.unsubscribe('dropped', 'twice');
      const second = s.open(zmq.Publisher);
      for (let bound = false; !bound; await turn()) {
        bound = await second.bind(endpoint).then(
          () => true,
          () => false,
        );
      }
      await subscribed(second, sub);
      for (const topic of ['dropped', 'kept', 'twice', 'added', 'other']) await second.send(topic);
      assert.deepEqual((await collect(second, sub)).map(text), [['kept'], ['twice'], ['added']]);
      sub.unsubscribe('twice');
      await subscribed(second, sub);
      await second.send('twice');
      assert.deepEqual(await collect(second, sub), []);
    });
  });
}

describe('connections that break', { timeout: 60_000 }, () => {
  it('cut again and again: whole messages, in order, and the last one arrives', async (t) => {
    const s = scope(t, tcp);
    const pull = s.open(zmq.Pull);
    const push = s.open(zmq.Push, { reconnectInterval: 2, sendHighWaterMark: 100 });
    const proxy = s.use(await FaultProxy.start(await bindTo(pull, tcp)));
    push.connect(proxy.endpoint);
    let stop = false;
    let sent = 0;
    const sending = (async () => {
      for (; !stop; sent += 1) await push.send(parts(sent));
      await push.send('end');
    })();
    let last = -1;
    let sinceCut = 0;
    let cuts = 0;
    // A message accepted on one connection may be read after one from the next connection: order holds for each.
    const seen = new Set<number>();
    for (;;) {
      const message = await pull.receive();
      if (message.length === 1) break;
      const index = numberOf(message);
      assert.ok(!seen.has(index), `message ${index} came twice`);
      seen.add(index);
      if (index < last) assert.ok(cuts > 0, `${index} after ${last} without a cut`);
      last = index;
      sinceCut += 1;
      // Only once the last cut was noticed: what is sent before may be lost with the connection.
      if (cuts === 8) stop ||= sinceCut > 100 && proxy.accepted > 8;
      else if (sinceCut > 100 && proxy.open > 0) {
        proxy.cut();
        cuts += 1;
        sinceCut = 0;
      }
    }
    await sending;
    assert.equal(cuts, 8);
    assert.ok(proxy.accepted >= 9, `${proxy.accepted} connections`);
  });

  it('in small pieces: every message, in order', async (t) => {
    for (const size of [1, 7, 1000]) {
      const s = scope(t, tcp);
      const pull = s.open(zmq.Pull);
      const push = s.open(zmq.Push);
      const proxy = s.use(await FaultProxy.start(await bindTo(pull, tcp)));
      proxy.split(size);
      push.connect(proxy.endpoint);
      const messages = [
        [''],
        ['', 'a', ''],
        ['x'.repeat(255)],
        ['y'.repeat(256), 'z'],
        ['w'.repeat(size * 500)],
      ];
      for (const message of messages) await push.send(message);
      for (const message of messages) assert.deepEqual(text(await pull.receive()), message);
    }
  });

  it('a ROUTER reaches a peer with the same id again', async (t) => {
    const s = scope(t, tcp);
    const router = s.open(zmq.Router, { mandatory: true });
    const dealer = s.open(zmq.Dealer, { routingId: 'same', reconnectInterval: 2 });
    const proxy = s.use(await FaultProxy.start(await bindTo(router, tcp)));
    dealer.connect(proxy.endpoint);
    for (let round = 0; round < 5; round += 1) {
      await dealer.send(`round ${round}`);
      assert.deepEqual(text(await router.receive()), ['same', `round ${round}`]);
      await router.send(['same', `answer ${round}`]);
      assert.deepEqual(text(await dealer.receive()), [`answer ${round}`]);
      await outage(proxy, router);
      await router.send(['same', 'before it speaks']);
      assert.deepEqual(text(await dealer.receive()), ['before it speaks']);
    }
  });

  it('a ROUTER that connects reaches its peer again, with messages from before still unread', async (t) => {
    const s = scope(t, tcp);
    for (const routingId of ['named', null]) {
      const router = s.open(zmq.Router, { mandatory: true, reconnectInterval: 2 });
      const dealer = s.open(zmq.Dealer, { routingId });
      const proxy = s.use(await FaultProxy.start(await bindTo(dealer, tcp)));
      router.connect(proxy.endpoint);
      await ready(dealer, tcp);
      await dealer.send('first');
      const [first] = (await router.receive()) as [Buffer];
      for (const word of ['unread 1', 'unread 2']) await dealer.send(word);
      await arrived(router, 2);
      await outage(proxy, dealer);
      await ready(router, tcp);
      await dealer.send('after');
      for (const word of ['unread 1', 'unread 2']) {
        const [id, body] = (await router.receive()) as [Buffer, Buffer];
        assert.equal(body.toString(), word);
        if (routingId !== null) assert.deepEqual(id, first);
      }
      const [id, after] = (await router.receive()) as [Buffer, Buffer];
      assert.equal(after.toString(), 'after');
      await router.send([id, 'answer']);
      assert.deepEqual(text(await dealer.receive()), ['answer']);
    }
  });

  it('a ROUTER that connects forgets the name of a peer that was replaced', async (t) => {
    const s = scope(t, tcp);
    const router = s.open(zmq.Router, { mandatory: true, reconnectInterval: 2 });
    const [one, two] = [
      s.open(zmq.Dealer, { routingId: 'one' }),
      s.open(zmq.Dealer, { routingId: 'two' }),
    ] as const;
    const proxy = s.use(await FaultProxy.start(await bindTo(one, tcp)));
    router.connect(proxy.endpoint);
    await ready(router, tcp);
    await router.send(['one', 'hello']);
    assert.deepEqual(text(await one.receive()), ['hello']);
    proxy.retarget(await bindTo(two, tcp));
    await outage(proxy, one, two);
    await ready(router, tcp);
    await router.send(['two', 'hello']);
    assert.deepEqual(text(await two.receive()), ['hello']);
    await assert.rejects(router.send(['one', 'are you there?']), { code: 'EHOSTUNREACH' });
  });

  it('a relaxed REQ asks again after its request was lost', async (t) => {
    const s = scope(t, tcp);
    const rep = s.open(zmq.Reply);
    const req = s.open(zmq.Request, { relaxed: true, correlate: true, reconnectInterval: 2 });
    const proxy = s.use(await FaultProxy.start(await bindTo(rep, tcp)));
    req.connect(proxy.endpoint);
    await ready(req, tcp);
    await req.send('lost');
    await rep.receive();
    await outage(proxy, rep);
    await rep.send('into the void');
    await req.send('again');
    assert.deepEqual(text(await rep.receive()), ['again']);
    await rep.send('here');
    assert.deepEqual(text(await req.receive()), ['here']);
  });

  it('a server that refuses is tried until it accepts', async (t) => {
    const s = scope(t, tcp);
    const [pull, push] = [s.open(zmq.Pull), s.open(zmq.Push, { reconnectInterval: 2 })];
    const proxy = s.use(await FaultProxy.start(await bindTo(pull, tcp)));
    proxy.refuse(true);
    push.connect(proxy.endpoint);
    await push.send('patience');
    await until(() => proxy.accepted >= 3, 'three attempts');
    proxy.refuse(false);
    assert.deepEqual(text(await pull.receive()), ['patience']);
  });

  it('reconnectInterval -1: once gone, gone', async (t) => {
    const s = scope(t, tcp);
    const pull = s.open(zmq.Pull);
    const proxy = s.use(await FaultProxy.start(await bindTo(pull, tcp)));
    const once = s.open(zmq.Push, { reconnectInterval: -1, sendTimeout: 0 });
    once.connect(proxy.endpoint);
    await ready(once, tcp);
    proxy.cut();
    await left(once, tcp, 0);
    // Another socket makes and loses two connections meanwhile; the first one makes none.
    const other = s.open(zmq.Push, { reconnectInterval: 2 });
    other.connect(proxy.endpoint);
    await ready(other, tcp);
    proxy.cut();
    await until(() => proxy.accepted >= 3 && proxy.open === 1, 'the other one to be back');
    assert.equal(proxy.accepted, 3);
  });

  it('a subscriber that lost its connection gets what is published after it is back', async (t) => {
    const s = scope(t, tcp);
    const pub = s.open(zmq.Publisher);
    const sub = s.open(zmq.Subscriber, { reconnectInterval: 2 });
    sub.subscribe('x');
    const proxy = s.use(await FaultProxy.start(await bindTo(pub, tcp)));
    sub.connect(proxy.endpoint);
    for (let round = 0; round < 5; round += 1) {
      await subscribed(pub, sub);
      await pub.send(`x${round}`);
      await pub.send(`y${round}`);
      assert.deepEqual((await collect(pub, sub)).map(text), [[`x${round}`]]);
      const before = proxy.accepted;
      proxy.cut();
      await until(() => proxy.accepted > before, 'a new connection');
    }
  });

  it('the direction of the connection does not matter to who restarts', async (t) => {
    const s = scope(t, tcp);
    const push = s.open(zmq.Push);
    const endpoint = await bindTo(push, tcp);
    for (let round = 0; round < 5; round += 1) {
      const pull = s.open(zmq.Pull);
      pull.connect(endpoint);
      await ready(push, tcp);
      await push.send(`round ${round}`);
      assert.deepEqual(text(await pull.receive()), [`round ${round}`]);
      pull.close();
      await left(push, tcp, 0);
    }
    await link(tcp, s.open(zmq.Pull), push);
    await push.send('both ways');
  });
});
