/** udp: RADIO to DISH without connections, and datagrams from and to anybody. Between ours and libzmq's. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { Datagram, Dish, Radio } from '../../src/draft.ts';
import * as zmq from '../../src/index.ts';
import { within } from '../support/deadline.ts';
import { type LooseDraft, ourDrafts, theirDrafts, untilJoined } from '../support/drafts.ts';
import { freeUdpPort } from '../support/port.ts';
import { scope } from '../support/scope.ts';

const udp = {
  name: 'tcp',
  wire: true,
  options: {},
  endpoint: () => 'udp://127.0.0.1:*',
  fixed: async () => '',
} as const;

describe('RADIO and DISH over udp', { timeout: 30_000 }, () => {
  for (const [from, to] of [
    [ourDrafts, ourDrafts],
    [ourDrafts, theirDrafts],
    [theirDrafts, ourDrafts],
  ] as const) {
    it(`from ${from.name} to ${to.name}: whole groups, filtered where they arrive`, async (t) => {
      const s = scope(t, udp);
      const endpoint = `udp://127.0.0.1:${await freeUdpPort()}`;
      const dish = s.open<LooseDraft, object>(to.sockets.Dish as never);
      const radio = s.open<LooseDraft, object>(from.sockets.Radio as never);
      dish.join('g', 'group');
      await dish.bind(endpoint);
      radio.connect(endpoint);
      await within(untilJoined(radio, dish, 'g'), 'a datagram');
      await radio.send('unheard', { group: 'grou' });
      await radio.send(Buffer.alloc(1000, 7), { group: 'group' });
      const [body, { group }] = await dish.receive();
      assert.deepEqual([body, String(group)], [Buffer.alloc(1000, 7), 'group']);
    });
  }

  for (const [type, make, octets] of [
    ['DISH', () => new Dish({ receiveHighWaterMark: 5 }), '\x01gx'],
    ['DGRAM', () => new Datagram({ receiveHighWaterMark: 5 }), 'x'],
  ] as const) {
    it(`${type}: what there is no room for is lost, and counted`, async (t) => {
      const s = scope(t, udp);
      const socket = s.use(make());
      if (socket instanceof Dish) socket.join('g');
      await socket.bind(udp.endpoint());
      const port = Number(socket.lastEndpoint!.split(':').pop());
      const stranger = s.use(createSocket('udp4'));
      for (let i = 0; i < 20; i++) stranger.send(octets, port, '127.0.0.1');
      const all = async (): Promise<void> => {
        while (socket.stats.queuedIn + socket.stats.dropped < 20) await new Promise(setImmediate);
      };
      await within(all(), 'twenty datagrams');
      assert.equal(socket.stats.queuedIn, 5);
      assert.deepEqual(socket.stats.droppedBy, { highWaterMark: 15 });
      for (let i = 0; i < 5; i++)
        assert.equal(String((await socket.receive()).at(type === 'DISH' ? 0 : 1)), 'x');
      stranger.send(octets, port, '127.0.0.1');
      await within<unknown>(socket.receive(), 'one more');
    });
  }

  it('a datagram that no RADIO sent is nothing', async (t) => {
    const s = scope(t, udp);
    const dish = s.open(Dish);
    dish.join('', 'ab');
    await dish.bind(udp.endpoint());
    const socket = s.use(createSocket('udp4'));
    const port = Number(dish.lastEndpoint!.split(':').pop());
    for (const octets of [[], [3, 0x61], [255], [2, 0x61, 0x62, 1], [0]])
      socket.send(Buffer.from(octets), port, '127.0.0.1');
    assert.deepEqual(await dish.receive(), [Buffer.of(1), { group: Buffer.from('ab') }]);
    assert.deepEqual(await dish.receive(), [Buffer.alloc(0), { group: Buffer.alloc(0) }]);
    assert.equal(dish.tryReceive(), null);
  });
});

describe('DGRAM', { timeout: 30_000 }, () => {
  it('receives from anybody, with the address to answer to', async (t) => {
    const s = scope(t, udp);
    const datagram = s.open(Datagram);
    assert.equal(datagram.type, 18);
    await datagram.bind(udp.endpoint());
    const port = Number(datagram.lastEndpoint!.split(':').pop());
    for (let index = 0; index < 3; index += 1) {
      const socket = s.use(createSocket('udp4'));
      socket.send(`hello ${index}`, port, '127.0.0.1');
      const [address, octets] = await datagram.receive();
      assert.equal(String(address), `127.0.0.1:${socket.address().port}`);
      const answer = once(socket, 'message');
      await datagram.send([`${address}\0`, `re: ${octets}`]);
      assert.equal(String((await within(answer, 'the answer'))[0]), `re: hello ${index}`);
    }
  });

  it('loses what has no address, and what is too large; the rest goes on', async (t) => {
    const s = scope(t, udp);
    const [one, two] = [s.open(Datagram), s.open(Datagram)];
    await one.bind(udp.endpoint());
    await two.bind(udp.endpoint());
    const address = two.lastEndpoint!.slice('udp://'.length);
    for (const wrong of ['', 'nowhere', '127.0.0.1:0', '127.0.0.1:70000']) await one.send([wrong, 'x']);
    await one.send([address, Buffer.alloc(70_000)]);
    await one.send([address, 'fits']);
    assert.equal(String((await two.receive())[1]), 'fits');
    for (const message of ['x', ['x'], ['x', 'y', 'z']]) {
      await assert.rejects(one.send(message as never), { code: 'EINVAL' });
    }
  });

  it('sends what is queued before it closes', async (t) => {
    const s = scope(t, udp);
    const [one, two] = [s.open(Datagram), s.open(Datagram)];
    await one.bind(udp.endpoint());
    await two.bind(udp.endpoint());
    await one.send([two.lastEndpoint!.slice('udp://'.length), 'last words']);
    assert.deepEqual(await one.drain({ timeout: 5000 }), { undelivered: 0 });
    assert.equal(String((await two.receive())[1]), 'last words');
    two.close();
  });

  it('refuses an address of another machine', async (t) => {
    const s = scope(t, udp);
    await assert.rejects(s.open(Datagram).bind('udp://192.0.2.1:0'), { code: 'EADDRNOTAVAIL' });
  });

  it('gives its port back', async (t) => {
    const s = scope(t, udp);
    const one = s.open(Datagram);
    await one.bind(udp.endpoint());
    const endpoint = one.lastEndpoint!;
    await assert.rejects(s.open(Datagram).bind(endpoint), { code: 'EADDRINUSE' });
    assert.throws(() => s.open(Datagram).bindSync(udp.endpoint()), { code: 'EINVAL' });
    await one.unbind(endpoint);
    await s.open(Datagram).bind(endpoint);
  });
});

describe('udp is refused', () => {
  it('by types and for uses that it is not for', async (t) => {
    const s = scope(t, udp);
    const endpoint = 'udp://127.0.0.1:5555';
    for (const Type of [zmq.Push, zmq.Stream, Radio] as const) {
      const socket = s.open<zmq.Push, object>(Type as never);
      await assert.rejects(socket.bind(endpoint), { code: 'EPROTONOSUPPORT' });
    }
    for (const Type of [zmq.Pull, zmq.Stream, Dish, Datagram] as const) {
      const socket = s.open<zmq.Pull, object>(Type as never);
      assert.throws(() => socket.connect(endpoint), { code: 'EPROTONOSUPPORT' });
    }
    await assert.rejects(s.open(Datagram).bind('tcp://127.0.0.1:0'), { code: 'EPROTONOSUPPORT' });
    assert.throws(() => s.open(Radio).connect('udp://127.0.0.1:0'), { code: 'EINVAL' });
  });

  it('where a security mechanism was asked for: there is none, and it would go out in the clear', (t) => {
    const s = scope(t, udp);
    const keys = zmq.curveKeyPair();
    const curve = {
      curveServerKey: keys.publicKey,
      curvePublicKey: keys.publicKey,
      curveSecretKey: keys.secretKey,
    };
    for (const options of [curve, { plainUsername: 'u', plainPassword: 'p' }]) {
      const radio = s.open(Radio, options);
      assert.throws(() => radio.connect('udp://127.0.0.1:5555'), { code: 'EINVAL' });
      assert.throws(() => s.open(zmq.Stream, options).connect('tcp://127.0.0.1:5555'), { code: 'EINVAL' });
    }
  });
});

describe('a bind to udp', { timeout: 30_000 }, () => {
  it('that is overtaken by the end of the socket fails', async () => {
    const dish = new Dish();
    const bound = dish.bind('udp://127.0.0.1:*');
    const drained = dish.drain({ timeout: 0 });
    await within(assert.rejects(bound, { code: 'EBADF' }), 'the end of the bind');
    await within(drained, 'the end of the socket');
  });
});
