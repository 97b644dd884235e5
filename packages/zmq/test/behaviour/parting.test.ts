/** Peers that come, go, come twice or ask for too much: what is lost is told, and nobody fills the memory. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as zmq from '../../src/index.ts';
import { turn, until } from '../support/deadline.ts';
import { watch } from '../support/events.ts';
import { payload, text } from '../support/payload.ts';
import { command, RawPeer } from '../support/rawpeer.ts';
import { bindTo, left, link, ready, scope } from '../support/scope.ts';
import { tcp, transports } from '../support/transports.ts';

for (const transport of transports) {
  describe(`parting over ${transport.name}`, { timeout: 30_000 }, () => {
    it('disconnect takes the peer out at once: what is sent afterwards goes to the others', async (t) => {
      const s = scope(t, transport);
      const push = s.open(zmq.Push);
      const [one, two] = [s.open(zmq.Pull), s.open(zmq.Pull)];
      const endpoint = await link(transport, one, push);
      push.connect(await bindTo(two, transport));
      await until(() => push.stats.peers === 2, 'two peers');
      push.disconnect(endpoint);
      for (let index = 0; index < 10; index += 1) await push.send(String(index));
      for (let index = 0; index < 10; index += 1) {
        assert.deepEqual(text(await two.receive()), [String(index)]);
      }
      assert.equal(one.readable, false);
    });

    it('a peer that is parted from in good order is reported as gone', async (t) => {
      const s = scope(t, transport);
      const push = s.open(zmq.Push);
      const pull = s.open(zmq.Pull);
      const log = watch(push);
      const endpoint = await link(transport, pull, push);
      push.disconnect(endpoint);
      assert.equal((await log.next('peer:gone')).peer?.socketType, 'PULL');
    });

    it('disconnect takes nothing back that the system has and the peer has not read', async (t) => {
      const s = scope(t, transport);
      const marks = { sendHighWaterMark: 1, receiveHighWaterMark: 1 };
      const [near, far] = [s.open(zmq.Dealer, marks), s.open(zmq.Dealer, marks)];
      const endpoint = await link(transport, far, near);
      const body = payload(65_536, 5);
      const COUNT = 150;
      let sent = 0;
      let got = 0;
      while (sent < COUNT || near.stats.queuedOut > 0) {
        if (sent < COUNT && near.trySend(body)) sent++;
        else if (far.tryReceive() !== null) got++;
        else await turn();
      }
      // What has come in and is not read yet would make a break of a connection that is merely closed.
      far.trySend('on its way');
      near.disconnect(endpoint);
      for (; got < COUNT; got++) assert.equal((await far.receive())[0]!.compare(body), 0);
    });

    it('SUB, DEALER, PUB and REQ connect to an endpoint once', async (t) => {
      const s = scope(t, transport);
      const pub = s.open(zmq.XPublisher);
      const sub = s.open(zmq.Subscriber);
      sub.subscribe('');
      const endpoint = await bindTo(pub, transport);
      sub.connect(endpoint);
      sub.connect(endpoint);
      await pub.receive();
      for (let index = 0; index < 20; index += 1) await pub.send(String(index));
      for (let index = 0; index < 20; index += 1) {
        assert.deepEqual(text(await sub.receive()), [String(index)]);
      }
      assert.equal(pub.stats.peers, 1);
    });

    it('peers that send and leave do not fill more than the mark: the next waits with its messages', async (t) => {
      const s = scope(t, transport);
      const pull = s.open(zmq.Pull, { receiveHighWaterMark: 10 });
      const endpoint = await bindTo(pull, transport);
      const first = s.open(zmq.Push, { linger: -1 });
      first.connect(endpoint);
      for (let index = 0; index < 10; index += 1) await first.send(`first ${index}`);
      await until(() => pull.stats.queuedIn === 10, 'the messages of the first');
      first.close();
      await left(pull, transport, 0);
      const second = s.open(zmq.Push, { linger: -1 });
      second.connect(endpoint);
      for (let index = 0; index < 10; index += 1) await second.send(`second ${index}`);
      assert.equal(pull.stats.queuedIn, 10);
      for (let index = 0; index < 10; index += 1) {
        assert.deepEqual(text(await pull.receive()), [`first ${index}`]);
      }
      for (let index = 0; index < 10; index += 1) {
        assert.deepEqual(text(await pull.receive()), [`second ${index}`]);
      }
    });

    it('a lowered mark holds senders, and lets them go on when the peer has read', async (t) => {
      const s = scope(t, transport);
      const push = s.open(zmq.Push, { sendHighWaterMark: 1000 });
      const endpoint = await transport.fixed();
      push.connect(endpoint);
      for (let index = 0; index < 100; index += 1) await push.send(String(index));
      push.sendHighWaterMark = 10;
      const waiting = push.send('100');
      const pull = s.open(zmq.Pull);
      await pull.bind(endpoint);
      for (let index = 0; index <= 100; index += 1) {
        assert.deepEqual(text(await pull.receive()), [String(index)]);
      }
      await waiting;
    });

    it('a proxy of one direction serves a SUB in front of an XPUB', async (t) => {
      const s = scope(t, transport);
      const [front, back] = [s.open(zmq.Subscriber), s.open(zmq.XPublisher)];
      front.subscribe('');
      const [from, to] = [await bindTo(front, transport), await bindTo(back, transport)];
      const running = new zmq.Proxy(front, back).run();
      const sub = s.open(zmq.Subscriber);
      sub.subscribe('a');
      sub.connect(to);
      const pub = s.open(zmq.Publisher);
      pub.connect(from);
      await ready(back, transport);
      await ready(front, transport);
      const got = sub.receive();
      let over = false;
      const stop = (): void => {
        over = true;
      };
      void got.then(stop, stop);
      while (!over) {
        await pub.send('a message');
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.deepEqual(text(await got), ['a message']);
      front.close();
      await running;
      assert.equal(back.closed, true);
    });
  });
}

describe('numbers that a drain gives', { timeout: 30_000 }, () => {
  it('what was in flight when the peer went is not delivered', async (t) => {
    const s = scope(t, tcp);
    const push = s.open(zmq.Push, { sendHighWaterMark: 0 });
    const stalled = s.use(await RawPeer.connect(await bindTo(push, tcp)));
    await stalled.handshake({ socketType: 'PULL' });
    stalled.socket.pause();
    await ready(push, tcp);
    const body = payload(10_000);
    let sent = 0;
    await until(() => {
      for (let index = 0; index < 100; index += 1) if (push.trySend(body)) sent += 1;
      return push.stats.queuedOut > 100;
    }, 'a queue');
    const waiting = push.stats.queuedOut;
    const drained = push.drain({ timeout: Number.POSITIVE_INFINITY });
    stalled.socket.destroy();
    assert.equal((await drained).undelivered, waiting);
    assert.ok(sent >= waiting);
  });

  it('refuses a time that is no number', async (t) => {
    const s = scope(t, tcp);
    await assert.rejects(s.open(zmq.Push).drain({ timeout: Number.NaN }), RangeError);
  });
});

describe('subscribers that ask for much', { timeout: 30_000 }, () => {
  it('more than maxSubscriptions: refused', async (t) => {
    const s = scope(t, tcp);
    const pub = s.open(zmq.Publisher, { maxSubscriptions: 3 });
    const log = watch(pub);
    const peer = s.use(await RawPeer.connect(await bindTo(pub, tcp)));
    await peer.handshake({ socketType: 'SUB', minor: 1 });
    for (const topic of ['a', 'b', 'c', 'd']) peer.write(command('SUBSCRIBE', Buffer.from(topic)));
    assert.equal((await log.next('peer:gone')).error?.code, 'ERR_TOO_MANY_SUBSCRIPTIONS');
  });

  it('a topic that no publisher behind a relay would take: refused here', async (t) => {
    const s = scope(t, tcp);
    assert.throws(() => s.open(zmq.Subscriber).subscribe('x'.repeat(70_000)), { code: 'EINVAL' });
    const pub = s.open(zmq.XPublisher);
    const log = watch(pub);
    const sub = s.open(zmq.XSubscriber);
    await link(tcp, pub, sub);
    await sub.send(['not one frame', '']);
    assert.equal(text(await pub.receive()).length, 2);
    const peer = s.use(await RawPeer.connect(pub.lastEndpoint as string));
    await peer.handshake({ socketType: 'SUB', minor: 0 });
    const body = Buffer.concat([Buffer.of(1), payload(70_000)]);
    const head = Buffer.alloc(9);
    head[0] = 2;
    head.writeBigUInt64BE(BigInt(body.length), 1);
    peer.write(Buffer.concat([head, body]));
    await log.next('peer:gone');
    assert.equal(pub.stats.peers, 1);
  });
});

describe('a subscriber that is parted from while it does not read', { timeout: 30_000 }, () => {
  it('subscribes to nothing any more', async (t) => {
    const s = scope(t, tcp);
    const pub = s.open(zmq.XPublisher, { sendHighWaterMark: 0, linger: -1 });
    const endpoint = await bindTo(pub, tcp);
    const peer = s.use(await RawPeer.connect(endpoint));
    await peer.handshake({ socketType: 'SUB', minor: 1 });
    peer.write(command('SUBSCRIBE', Buffer.from('a')));
    assert.deepEqual(text(await pub.receive()), ['\x01a']);
    peer.socket.pause();
    const body = Buffer.concat([Buffer.from('a'), payload(10_000)]);
    await until(() => {
      for (let index = 0; index < 100; index += 1) pub.trySend(body);
      return pub.stats.queuedOut > 100;
    }, 'a queue');
    await pub.unbind(endpoint);
    assert.deepEqual(text(await pub.receive()), ['\x00a']);
    const before = pub.stats.bytesIn;
    peer.write(command('SUBSCRIBE', Buffer.from('b')));
    peer.socket.resume();
    await until(() => pub.stats.peers === 0, 'the end of the peer');
    assert.equal(pub.stats.bytesIn, before);
    assert.equal(pub.tryReceive(), null);
    assert.ok(pub.trySend('b'));
    assert.equal(pub.stats.queuedOut, 0);
  });
});

describe('proxies of types that do not go together', () => {
  it('are refused before anything is lost', async (t) => {
    const s = scope(t, tcp);
    const [front, back] = [s.open(zmq.Pull), s.open(zmq.Subscriber)];
    await bindTo(front, tcp);
    await bindTo(back, tcp);
    await assert.rejects(new zmq.Proxy(front, back).run(), { code: 'ENOTSUP' });
  });
});

describe('a subscriber with 50,000 topics', { timeout: 30_000 }, () => {
  it('is let in, and gets what it asked for', async (t) => {
    const s = scope(t, tcp);
    const pub = s.open(zmq.XPublisher, { receiveHighWaterMark: 0 });
    const sub = s.open(zmq.Subscriber);
    const topic = (index: number): string => `${String(index).padStart(6, '0')}${'.'.repeat(100)}`;
    for (let index = 0; index < 50_000; index += 1) sub.subscribe(topic(index));
    sub.connect(await bindTo(pub, tcp));
    for (let index = 0; index < 50_000; index += 1) await pub.receive();
    await pub.send(`${topic(49_999)}!`);
    assert.deepEqual(text(await sub.receive()), [`${topic(49_999)}!`]);
  });
});

describe('generated routing ids', () => {
  it('do not begin with the same number in each ROUTER', async (t) => {
    const s = scope(t, tcp);
    const ids = new Set<string>();
    for (let round = 0; round < 4; round += 1) {
      const router = s.open(zmq.Router);
      const dealer = s.open(zmq.Dealer);
      await link(tcp, router, dealer);
      await dealer.send('who am I');
      const [id] = await router.receive();
      ids.add(String(id?.toString('hex')));
    }
    assert.ok(ids.size > 1, [...ids].join(' '));
  });
});
