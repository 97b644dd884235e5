/** What goes over the wire, octet by octet, seen by a peer made by hand (RFC 23, RFC 37, and what libzmq does). */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as zmq from '../../src/index.ts';
import { until } from '../support/deadline.ts';
import { text } from '../support/payload.ts';
import { command, frame, greeting, metadata, RawPeer, RawServer } from '../support/rawpeer.ts';
import { type AnySocket, bindTo, ready, type Scope, scope } from '../support/scope.ts';
import { tcp } from '../support/transports.ts';

/** Properties of a READY command, names in small letters. */
function properties(data: Buffer): Map<string, string> {
  const found = new Map<string, string>();
  for (let at = 0; at < data.length; ) {
    const name = data.subarray(at + 1, at + 1 + data.readUInt8(at)).toString('latin1');
    at += 1 + name.length;
    const size = data.readUInt32BE(at);
    found.set(name.toLowerCase(), data.subarray(at + 4, at + 4 + size).toString('latin1'));
    at += 4 + size;
  }
  return found;
}

/** A raw peer that has shaken hands with a socket of ours, which connects. */
async function join(s: Scope, socket: AnySocket, socketType: string, minor: number = 1): Promise<RawPeer> {
  const server = s.use(await RawServer.listen());
  socket.connect(server.endpoint);
  const peer = await server.accept();
  await peer.handshake({ socketType, minor });
  await ready(socket, tcp);
  return peer;
}

describe('the handshake on the wire', { timeout: 30_000 }, () => {
  it('a greeting of ZMTP 3.1 and NULL, as client', async (t) => {
    const s = scope(t, tcp);
    const server = s.use(await RawServer.listen());
    s.open(zmq.Push).connect(server.endpoint);
    const peer = await server.accept();
    peer.write(greeting());
    const bytes = await peer.read(64);
    assert.equal(bytes[0], 0xff);
    assert.equal(bytes[9], 0x7f);
    assert.deepEqual([...bytes.subarray(10, 12)], [3, 1]);
    assert.equal(bytes.toString('latin1', 12, 32), `NULL${'\0'.repeat(16)}`);
    assert.ok(bytes.subarray(32).every((octet) => octet === 0));
  });

  it('the two sides need not wait for each other: the version comes unasked', async (t) => {
    const s = scope(t, tcp);
    const endpoint = await bindTo(s.open(zmq.Pull), tcp);
    const peer = s.use(await RawPeer.connect(endpoint));
    const bytes = await peer.read(11);
    assert.equal(bytes[0], 0xff);
    assert.equal(bytes[10], 3);
  });

  for (const [name, Socket, partner, identity] of [
    ['PAIR', zmq.Pair, 'PAIR', false],
    ['PUB', zmq.Publisher, 'SUB', false],
    ['SUB', zmq.Subscriber, 'PUB', false],
    ['XPUB', zmq.XPublisher, 'XSUB', false],
    ['XSUB', zmq.XSubscriber, 'XPUB', false],
    ['REQ', zmq.Request, 'REP', true],
    ['REP', zmq.Reply, 'REQ', false],
    ['DEALER', zmq.Dealer, 'ROUTER', true],
    ['ROUTER', zmq.Router, 'DEALER', true],
    ['PUSH', zmq.Push, 'PULL', false],
    ['PULL', zmq.Pull, 'PUSH', false],
  ] as const) {
    it(`${name} says its type${identity ? ' and its identity' : ''}`, async (t) => {
      const s = scope(t, tcp);
      const endpoint = await bindTo(s.open<AnySocket, object>(Socket), tcp);
      const peer = s.use(await RawPeer.connect(endpoint));
      const { ready: said } = await peer.handshake({ socketType: partner });
      assert.equal(said.name, 'READY');
      const found = properties(said.data);
      assert.equal(found.get('socket-type'), name);
      assert.ok(said.data.includes('Socket-Type'), 'in the canonical case: libzmq compares exactly');
      if (identity) assert.equal(found.get('identity'), '');
    });
  }

  it('a routing id is announced as the identity', async (t) => {
    const s = scope(t, tcp);
    const endpoint = await bindTo(s.open(zmq.Dealer, { routingId: 'my name' }), tcp);
    const peer = s.use(await RawPeer.connect(endpoint));
    const { ready: said } = await peer.handshake({ socketType: 'ROUTER' });
    assert.equal(properties(said.data).get('identity'), 'my name');
  });

  it('names of properties are taken in any case, unknown ones ignored', async (t) => {
    const s = scope(t, tcp);
    const router = s.open(zmq.Router, { mandatory: true });
    const peer = s.use(await RawPeer.connect(await bindTo(router, tcp)));
    peer.write(greeting());
    const data = metadata([
      ['X-Whatever', 'yes'],
      ['socket-TYPE', 'DEALER'],
      ['IDENTITY', 'loud'],
    ]);
    peer.write(command('READY', data));
    await ready(router, tcp);
    await router.send(['loud', 'hello']);
    await peer.read(64);
    await peer.readCommand();
    assert.deepEqual(text(await peer.readMessage()), ['hello']);
  });

  it('a higher minor version is a peer like any other', async (t) => {
    const s = scope(t, tcp);
    const pull = s.open(zmq.Pull);
    const peer = s.use(await RawPeer.connect(await bindTo(pull, tcp)));
    await peer.handshake({ socketType: 'PUSH', minor: 9 });
    peer.send('from the future');
    assert.deepEqual(text(await pull.receive()), ['from the future']);
  });
});

describe('messages on the wire', { timeout: 30_000 }, () => {
  it('frames: short up to 255 octets, long from 256', async (t) => {
    const s = scope(t, tcp);
    const push = s.open(zmq.Push);
    const peer = await join(s, push, 'PULL');
    for (const size of [0, 1, 255, 256, 70_000]) {
      const body = Buffer.alloc(size, 'b');
      await push.send(body);
      await push.send(['', body, 'x']);
      const expected = Buffer.concat([
        frame(body),
        frame('', { more: true }),
        frame(body, { more: true }),
        frame('x'),
      ]);
      assert.ok((await peer.read(expected.length)).equals(expected), `${size} octets`);
    }
  });

  it('a request: delimiter, or number and delimiter', async (t) => {
    const s = scope(t, tcp);
    const plain = s.open(zmq.Request);
    const peer = await join(s, plain, 'REP');
    await plain.send('hi');
    assert.deepEqual([...(await peer.read(6))], [1, 0, 0, 2, 0x68, 0x69]);
    peer.write(Buffer.from([1, 0, 0, 2, 0x68, 0x6f]));
    assert.deepEqual(text(await plain.receive()), ['ho']);
    const numbered = s.open(zmq.Request, { correlate: true });
    const other = await join(s, numbered, 'REP');
    await numbered.send('hi');
    const bytes = await other.read(12);
    assert.deepEqual([...bytes.subarray(0, 2)], [1, 4]);
    assert.deepEqual([...bytes.subarray(6)], [1, 0, 0, 2, 0x68, 0x69]);
    other.write(bytes);
    assert.deepEqual(text(await numbered.receive()), ['hi']);
  });

  it('subscriptions: a command for ZMTP 3.1, a message for 3.0', async (t) => {
    const s = scope(t, tcp);
    const sub = s.open(zmq.Subscriber);
    sub.subscribe('early');
    const modern = await join(s, sub, 'PUB', 1);
    assert.deepEqual(await modern.readCommand(), { name: 'SUBSCRIBE', data: Buffer.from('early') });
    sub.subscribe('');
    assert.deepEqual(await modern.readCommand(), { name: 'SUBSCRIBE', data: Buffer.alloc(0) });
    sub.unsubscribe('');
    assert.deepEqual(await modern.readCommand(), { name: 'CANCEL', data: Buffer.alloc(0) });
    const old = await join(s, sub, 'PUB', 0);
    assert.deepEqual(text(await old.readMessage()), ['\u0001early']);
    sub.unsubscribe('early');
    assert.deepEqual(text(await old.readMessage()), ['\u0000early']);
    assert.deepEqual(await modern.readCommand(), { name: 'CANCEL', data: Buffer.from('early') });
  });

  it('a publisher takes subscriptions in either form', async (t) => {
    const s = scope(t, tcp);
    const xpub = s.open(zmq.XPublisher);
    const endpoint = await bindTo(xpub, tcp);
    const peers: RawPeer[] = [];
    for (const [minor, bytes] of [
      [0, frame('\u0001old')],
      [1, frame('\u0001older form')],
      [1, command('SUBSCRIBE', Buffer.from('new'))],
    ] as const) {
      const peer = s.use(await RawPeer.connect(endpoint));
      await peer.handshake({ socketType: 'SUB', minor });
      peer.write(bytes);
      assert.equal((await xpub.receive())[0]?.[0], 1);
      peers.push(peer);
    }
    for (const topic of ['new!', 'older form!', 'old!']) await xpub.send(topic);
    const [old, older, modern] = peers as [RawPeer, RawPeer, RawPeer];
    assert.deepEqual(text(await old.readMessage()), ['older form!']);
    assert.deepEqual(text(await old.readMessage()), ['old!']);
    assert.deepEqual(text(await older.readMessage()), ['older form!']);
    assert.deepEqual(text(await modern.readMessage()), ['new!']);
    modern.write(command('CANCEL', Buffer.from('new')));
    assert.deepEqual(text(await xpub.receive()), ['\u0000new']);
    modern.write(command('SUBSCRIBE', Buffer.from('other')));
    assert.deepEqual(text(await xpub.receive()), ['\u0001other']);
    for (const topic of ['new again', 'other']) await xpub.send(topic);
    assert.deepEqual(text(await modern.readMessage()), ['other'], 'nothing that was cancelled');
  });

  it('no PING for a peer of ZMTP 3.0', async (t) => {
    const s = scope(t, tcp);
    const options = { heartbeatInterval: 5, heartbeatTimeout: 5000 };
    const [modern, old] = [s.open(zmq.Push, options), s.open(zmq.Push, options)];
    const modernPeer = await join(s, modern, 'PULL', 1);
    const oldPeer = await join(s, old, 'PULL', 0);
    // By the time that one peer has had several, the other would have had some.
    for (let count = 0; count < 5; count += 1) assert.equal((await modernPeer.readCommand()).name, 'PING');
    await old.send('first of all');
    assert.deepEqual(text(await oldPeer.readMessage()), ['first of all']);
  });

  it('a socket that does not receive survives messages all the same', async (t) => {
    const s = scope(t, tcp);
    const push = s.open(zmq.Push);
    const peer = await join(s, push, 'PULL');
    peer.send('uncalled for', 'really');
    await until(() => push.stats.messagesIn > 0, 'the message to be noticed');
    await push.send('still here');
    assert.deepEqual(text(await peer.readMessage()), ['still here']);
  });
});
