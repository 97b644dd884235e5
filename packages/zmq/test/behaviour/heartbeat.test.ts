/** Heartbeats, RFC 37: a peer that went silent without closing is noticed, one that answers is left alone. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as zmq from '../../src/index.ts';
import { turn, until } from '../support/deadline.ts';
import { watch } from '../support/events.ts';
import { FaultProxy } from '../support/faultproxy.ts';
import { text } from '../support/payload.ts';
import { command, RawPeer, RawServer } from '../support/rawpeer.ts';
import { bindTo, ready, scope } from '../support/scope.ts';
import { tcp } from '../support/transports.ts';

/** TTL (deciseconds), then the context. */
function ping(ttl: number, context: string): Buffer {
  const data = Buffer.alloc(2);
  data.writeUInt16BE(ttl);
  return command('PING', Buffer.concat([data, Buffer.from(context)]));
}

describe('heartbeats', { timeout: 60_000 }, () => {
  it('a client drops a silent server and connects again', async (t) => {
    const s = scope(t, tcp);
    const server = s.open(zmq.Dealer);
    const client = s.use(
      new zmq.Dealer({ heartbeatInterval: 20, heartbeatTimeout: 500, reconnectInterval: 5, linger: 0 }),
    );
    const log = watch(client);
    const proxy = s.use(await FaultProxy.start(await bindTo(server, tcp)));
    client.connect(proxy.endpoint);
    await log.next('handshake');
    await client.send('before');
    assert.deepEqual(text(await server.receive()), ['before']);
    proxy.pause();
    await log.next('disconnect');
    proxy.resume();
    await log.next('handshake');
    await client.send('after');
    assert.deepEqual(text(await server.receive()), ['after']);
  });

  it('a server drops a silent client', async (t) => {
    const s = scope(t, tcp);
    const server = s.use(new zmq.Router({ heartbeatInterval: 20, heartbeatTimeout: 500, linger: 0 }));
    const log = watch(server);
    await server.bind(tcp.endpoint());
    const client = s.open(zmq.Dealer);
    const proxy = s.use(await FaultProxy.start(server.lastEndpoint as string));
    client.connect(proxy.endpoint);
    await log.next('handshake');
    proxy.pause();
    await log.next('disconnect');
  });

  it('a peer that answers is left alone', async (t) => {
    const s = scope(t, tcp);
    const server = s.use(await RawServer.listen());
    const client = s.use(new zmq.Dealer({ heartbeatInterval: 10, heartbeatTimeout: 2000, linger: 0 }));
    const log = watch(client);
    client.connect(server.endpoint);
    const peer = await server.accept();
    await peer.handshake({ socketType: 'DEALER' });
    for (let count = 0; count < 15; count += 1) {
      const { name, data } = await peer.readCommand();
      assert.equal(name, 'PING');
      assert.ok(data.length >= 2);
      peer.write(command('PONG', data.subarray(2)));
    }
    assert.equal(log.count('disconnect'), 0);
    assert.equal(server.peers.length, 1);
  });

  it('a peer that answers is left alone also by a program that was busy itself', async (t) => {
    const s = scope(t, tcp);
    // One of ours waits for the answer to its ping, the other for what was announced by a ping of the peer.
    const server = s.use(await RawServer.listen());
    const client = s.open(zmq.Dealer, { heartbeatInterval: 20, heartbeatTimeout: 500 });
    const bound = s.open(zmq.Dealer);
    const logs = [watch(client), watch(bound)];
    const announcing = s.use(await RawPeer.connect(await bindTo(bound, tcp)));
    await announcing.handshake({ socketType: 'DEALER' });
    client.connect(server.endpoint);
    const answering = await server.accept();
    await answering.handshake({ socketType: 'DEALER' });
    announcing.write(ping(5, ''));
    assert.equal((await announcing.readCommand()).name, 'PONG');
    assert.equal((await answering.readCommand()).name, 'PING');
    // The system has it, and nobody reads until both times are over.
    answering.write(command('PONG'));
    announcing.write(ping(600, ''));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 700);
    assert.equal((await announcing.readCommand()).name, 'PONG');
    await new Promise(setImmediate);
    assert.deepEqual(
      logs.map((log) => log.count('disconnect')),
      [0, 0],
    );
  });

  it('a peer that only talks is left alone too, until it stops', async (t) => {
    const s = scope(t, tcp);
    const server = s.use(await RawServer.listen());
    const client = s.use(
      new zmq.Pull({ heartbeatInterval: 20, heartbeatTimeout: 500, reconnectInterval: 5 }),
    );
    const log = watch(client);
    client.connect(server.endpoint);
    for (let talked = 0; talked < 800; ) {
      const peer = await server.accept();
      await peer.handshake({ socketType: 'PUSH' });
      const start = performance.now();
      let last = start;
      // Who did not get to talk for so long, because the machine was busy, begins again.
      for (let sent = 0; talked < 800 && performance.now() - last < 250; sent += 1) {
        last = performance.now();
        assert.equal(log.count('disconnect'), server.peers.length - 1);
        peer.send(String(sent));
        assert.equal((await client.receive())[0]?.toString(), String(sent));
        await turn(10);
        talked = performance.now() - start;
      }
      if (talked < 800) peer.close();
    }
    const before = log.count('disconnect');
    await until(() => log.count('disconnect') > before, 'the end of the silent one');
  });

  it('answers PING with its context, without heartbeats of its own', async (t) => {
    const s = scope(t, tcp);
    const server = s.open(zmq.Pull);
    const peer = s.use(await RawPeer.connect(await bindTo(server, tcp)));
    await peer.handshake({ socketType: 'PUSH' });
    for (const context of ['', 'x', 'sixteen octets!!']) {
      peer.write(ping(0, context));
      const { name, data } = await peer.readCommand();
      assert.equal(name, 'PONG');
      assert.equal(data.toString(), context);
    }
    peer.send('a message between');
    peer.write(ping(0, 'again'));
    assert.equal((await peer.readCommand()).data.toString(), 'again');
    assert.deepEqual(text(await server.receive()), ['a message between']);
  });

  it('answers PING in the middle of a message of several frames', async (t) => {
    const s = scope(t, tcp);
    const server = s.open(zmq.Pull);
    const peer = s.use(await RawPeer.connect(await bindTo(server, tcp)));
    await peer.handshake({ socketType: 'PUSH' });
    peer.write(Buffer.from([1, 1, 0x61]));
    peer.write(ping(0, 'ctx'));
    peer.write(Buffer.from([0, 1, 0x62]));
    assert.equal((await peer.readCommand()).data.toString(), 'ctx');
    assert.deepEqual(text(await server.receive()), ['a', 'b']);
  });

  it('drops a peer that promised in its PING to speak again, and did not', async (t) => {
    const s = scope(t, tcp);
    const server = s.use(new zmq.Pull());
    const log = watch(server);
    await server.bind(tcp.endpoint());
    const peer = s.use(await RawPeer.connect(server.lastEndpoint as string));
    await peer.handshake({ socketType: 'PUSH' });
    await log.next('handshake');
    peer.write(ping(1, ''));
    assert.equal((await peer.readCommand()).name, 'PONG');
    await peer.gone();
    await log.next('disconnect');
  });

  it('announces heartbeatTimeToLive in deciseconds', async (t) => {
    const s = scope(t, tcp);
    const server = s.use(await RawServer.listen());
    const client = s.open(zmq.Dealer, {
      heartbeatInterval: 10,
      heartbeatTimeToLive: 2500,
      heartbeatTimeout: 5000,
    });
    client.connect(server.endpoint);
    const peer = await server.accept();
    await peer.handshake({ socketType: 'DEALER' });
    const { name, data } = await peer.readCommand();
    assert.equal(name, 'PING');
    assert.equal(data.readUInt16BE(0), 25);
  });

  it('two sockets with heartbeats on both sides stay connected while idle', async (t) => {
    const s = scope(t, tcp);
    const options = { heartbeatInterval: 10, heartbeatTimeout: 5000, heartbeatTimeToLive: 5000, linger: 0 };
    const [server, client] = [s.use(new zmq.Pair(options)), s.use(new zmq.Pair(options))];
    const log = watch(server);
    await server.bind(tcp.endpoint());
    const proxy = s.use(await FaultProxy.start(server.lastEndpoint as string));
    client.connect(proxy.endpoint);
    await log.next('handshake');
    // Some dozens of PINGs, told from the bytes that went by.
    const start = proxy.forwarded;
    await until(() => proxy.forwarded - start > 30 * 9, 'heartbeats through the proxy');
    assert.equal(log.count('disconnect'), 0);
    await client.send('still here');
    assert.deepEqual(text(await server.receive()), ['still here']);
  });

  it('options that change hold for peers that are connected', async (t) => {
    const s = scope(t, tcp);
    const server = s.use(await RawServer.listen());
    const client = s.open(zmq.Dealer, { reconnectInterval: -1 });
    const log = watch(client);
    const warnings: string[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning.message);
    process.on('warning', onWarning);
    s.after(() => process.off('warning', onWarning));
    client.connect(server.endpoint);
    const peer = await server.accept();
    await peer.handshake({ socketType: 'DEALER' });
    await ready(client, tcp);
    client.heartbeatTimeout = 60_000;
    client.heartbeatInterval = 5;
    for (let count = 0; count < 3; count += 1) assert.equal((await peer.readCommand()).name, 'PING');
    client.heartbeatTimeToLive = 1200;
    await until(() => peer.available >= 30, 'pings');
    let ttl = 0;
    while (ttl !== 12) ttl = (await peer.readCommand()).data.readUInt16BE(0);
    client.heartbeatInterval = 0;
    assert.equal(client.peers()[0]?.heartbeats, false);
    assert.equal(log.count('disconnect'), 0);
    client.heartbeatTimeout = 20;
    client.heartbeatInterval = 10;
    await log.next('disconnect');
    await turn();
    assert.deepEqual(warnings, []);
  });

  it('the heartbeat does not count as a message', async (t) => {
    const s = scope(t, tcp);
    const [server, client] = [s.open(zmq.Pull, { heartbeatInterval: 5 }), s.open(zmq.Push)];
    const proxy = s.use(await FaultProxy.start(await bindTo(server, tcp)));
    client.connect(proxy.endpoint);
    await ready(server, tcp);
    const start = proxy.forwarded;
    await until(() => proxy.forwarded - start > 50, 'PONGs through the proxy');
    assert.equal(server.readable, false);
  });
});
