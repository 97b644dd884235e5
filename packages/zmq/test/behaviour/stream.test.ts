/** STREAM: octets as they are, from and to programs that are no ZeroMQ. */
import assert from 'node:assert/strict';
import { get, createServer as httpServer } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import * as zmq from '../../src/index.ts';
import { until, within } from '../support/deadline.ts';
import { payload, text } from '../support/payload.ts';
import { RawPeer, RawServer } from '../support/rawpeer.ts';
import { bindTo, link, scope } from '../support/scope.ts';
import { tcp, transports } from '../support/transports.ts';

/** Octets from the peer until there are as many. */
async function readAll(stream: zmq.Stream, size: number): Promise<Buffer> {
  let all = Buffer.alloc(0);
  while (all.length < size) all = Buffer.concat([all, (await stream.receive())[1]]);
  return all;
}

// A WebSocket carries messages, not a stream of octets.
for (const transport of transports.filter(({ name }) => !name.startsWith('ws'))) {
  describe(`STREAM over ${transport.name}`, { timeout: 30_000 }, () => {
    it('carries octets of every amount both ways, between notices of coming and going', async (t) => {
      const s = scope(t, transport);
      const [server, client] = [s.open(zmq.Stream), s.open(zmq.Stream)];
      const endpoint = await bindTo(server, transport);
      client.connect(endpoint, { routingId: 'the server' });
      assert.deepEqual(text(await client.receive()), ['the server', '']);
      const [id, nothing] = await server.receive();
      assert.deepEqual([id.length, id[0], nothing.length], [5, 0, 0]);
      for (const size of [1, 255, 256, 8192, 300_000]) {
        const octets = payload(size, size);
        await client.send(['the server', octets]);
        assert.ok((await readAll(server, size)).equals(octets));
        await server.send([id, octets]);
        assert.ok((await readAll(client, size)).equals(octets));
      }
      client.disconnect(endpoint);
      assert.deepEqual(await server.receive(), [id, Buffer.alloc(0)]);
      await assert.rejects(server.send([id, 'x']), { code: 'EHOSTUNREACH' });
    });

    it('closes a peer by an empty message, when what was sent before is there', async (t) => {
      const s = scope(t, transport);
      const server = s.open(zmq.Stream);
      const client = s.open(zmq.Stream, { reconnectInterval: -1 });
      client.connect(await bindTo(server, transport), { routingId: 'a' });
      const [id] = await server.receive();
      const octets = payload(500_000, 1);
      await server.send([id, octets]);
      await server.send([id, '']);
      await assert.rejects(server.send([id, 'x']), { code: 'EHOSTUNREACH' });
      assert.ok((await readAll(client, octets.length)).equals(octets));
      assert.deepEqual(text(await client.receive()), ['a', '']);
      await until(() => server.peers().length === 0, 'the peer to be gone');
      assert.equal(server.tryReceive(), null);
    });

    it('without notify tells of nothing but octets', async (t) => {
      const s = scope(t, transport);
      const server = s.open(zmq.Stream, { notify: false });
      const client = s.open(zmq.Stream, { notify: false });
      assert.equal(server.notify, false);
      const endpoint = await bindTo(server, transport);
      client.connect(endpoint, { routingId: 'a' });
      await client.send(['a', 'x']);
      const [id, first] = await server.receive();
      assert.equal(String(first), 'x');
      client.disconnect(endpoint);
      await until(() => server.peers().length === 0, 'the peer to be gone');
      assert.equal(server.tryReceive(), null);
      await assert.rejects(server.send([id, 'y']), { code: 'EHOSTUNREACH' });
    });
  });
}

describe('STREAM and programs that are no ZeroMQ', { timeout: 30_000 }, () => {
  it('is an HTTP server for the client of Node.js', async (t) => {
    const s = scope(t, tcp);
    const server = s.open(zmq.Stream);
    const endpoint = await bindTo(server, tcp);
    const serving = (async () => {
      for (let served = 0; served < 3; ) {
        const [id, request] = await server.receive();
        if (request.length === 0) continue;
        const [line] = String(request).split('\r\n');
        await server.send([id, `HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nyou asked: ${line}`]);
        await server.send([id, '']);
        served += 1;
      }
    })();
    for (const path of ['/a', '/b', '/c']) {
      const answer = await within(
        new Promise<string>((resolve, reject) => {
          get(`${endpoint.replace('tcp:', 'http:')}${path}`, { agent: false }, (response) => {
            let body = '';
            response.on('data', (chunk) => {
              body += chunk;
            });
            response.on('end', () => resolve(body));
          }).on('error', reject);
        }),
        'the answer',
      );
      assert.equal(answer, `you asked: GET ${path} HTTP/1.1`);
    }
    await within(serving, 'the server');
  });

  it('is an HTTP client for the server of Node.js', async (t) => {
    const s = scope(t, tcp);
    const server = httpServer((request, response) => response.end(`you asked for ${request.url}`));
    server.listen(0, '127.0.0.1');
    s.after(() => void server.close());
    await until(() => server.listening, 'the server to listen');
    const client = s.open(zmq.Stream);
    const { port } = server.address() as { port: number };
    client.connect(`tcp://127.0.0.1:${port}`, { routingId: 'shop' });
    // There before the connection is: who connects may send at once.
    await client.send(['shop', 'GET /x HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n']);
    assert.deepEqual(text(await client.receive()), ['shop', '']);
    let answer = '';
    for await (const [id, octets] of client) {
      assert.equal(String(id), 'shop');
      if (octets.length === 0) break;
      answer += octets;
    }
    assert.match(answer, /^HTTP\/1\.1 200 OK\r\n[\s\S]*you asked for \/x/);
  });

  it('says nothing unasked, heartbeats included', async (t) => {
    const s = scope(t, tcp);
    const server = s.open(zmq.Stream, { heartbeatInterval: 5, heartbeatTimeout: 5 });
    const peer = s.use(await RawPeer.connect(await bindTo(server, tcp)));
    const [id] = await server.receive();
    await new Promise((resolve) => setTimeout(resolve, 30));
    await server.send([id, 'hi']);
    assert.equal(String(await peer.read(2)), 'hi');
    assert.equal(peer.available, 0);
  });

  it('gets no greeting right, and needs none: the handshake has no time limit', async (t) => {
    const s = scope(t, tcp);
    const server = s.open(zmq.Stream, { handshakeInterval: 5 });
    const peer = s.use(await RawPeer.connect(await bindTo(server, tcp)));
    await server.receive();
    await new Promise((resolve) => setTimeout(resolve, 30));
    peer.write(Buffer.alloc(64, 0xff));
    assert.equal((await server.receive())[1].length, 64);
    assert.equal(server.peers()[0]!.state, 'ready');
  });

  it('waits for a peer that does not read, and holds up one that it does not read from', async (t) => {
    const s = scope(t, tcp);
    const server = s.open(zmq.Stream, { sendHighWaterMark: 2, sendTimeout: 50, receiveHighWaterMark: 2 });
    const endpoint = await bindTo(server, tcp);
    let far: Socket | undefined;
    s.after(() => void far?.destroy());
    far = connect(Number(endpoint.split(':').pop()), '127.0.0.1');
    far.pause();
    far.on('error', () => {});
    const [id] = await server.receive();
    const octets = Buffer.alloc(1 << 20);
    const fill = async (): Promise<void> => {
      for (let count = 0; count < 1000; count += 1) await server.send([id, octets]);
    };
    await assert.rejects(fill(), { code: 'EAGAIN' });
    assert.equal(server.stats.dropped, 0);
    for (let count = 0; count < 200; count += 1) far.write(octets);
    await until(() => server.stats.queuedIn >= 2, 'octets to arrive');
    await until(() => far!.writableLength > 0 && server.peers()[0] !== undefined, 'the sender to be held up');
    assert.ok(server.stats.queuedIn < 100);
  });

  it('connects again, and tells of both, under the same name', async (t) => {
    const s = scope(t, tcp);
    const raw = s.use(await RawServer.listen());
    const client = s.open(zmq.Stream, { reconnectInterval: 1 });
    client.connect(raw.endpoint);
    const [id, first] = await client.receive();
    assert.equal(first.length, 0);
    (await raw.accept()).close();
    for (let count = 0; count < 2; count += 1)
      assert.deepEqual(await client.receive(), [id, Buffer.alloc(0)]);
    const peer = await raw.accept();
    await client.send([id, 'again']);
    assert.equal(String(await peer.read(5)), 'again');
  });

  it('refuses names that are in use, and endpoints that carry messages', async (t) => {
    const s = scope(t, tcp);
    const stream = s.open(zmq.Stream);
    stream.connect('tcp://127.0.0.1:1', { routingId: 'a' });
    assert.throws(() => stream.connect('tcp://127.0.0.1:2', { routingId: 'a' }), { code: 'EINVAL' });
    assert.throws(() => stream.connect('ws://127.0.0.1:1'), { code: 'EPROTONOSUPPORT' });
    await assert.rejects(stream.bind('ws://127.0.0.1:0'), { code: 'EPROTONOSUPPORT' });
    for (const message of ['x', ['x'], ['a', 'b', 'c']]) {
      await assert.rejects(stream.send(message as never), { code: 'EINVAL' });
    }
    await assert.rejects(stream.send(['nobody', 'x']), { code: 'EHOSTUNREACH' });
    assert.equal(stream.type, 11);
  });

  it('as one side of a proxy puts the name in front, and takes it', async (t) => {
    const s = scope(t, tcp);
    const [front, back, worker] = [s.open(zmq.Stream), s.open(zmq.Dealer), s.open(zmq.Dealer)];
    const endpoint = await bindTo(front, tcp);
    await link(tcp, back, worker);
    const proxy = new zmq.Proxy(front, back);
    const done = proxy.run();
    const peer = s.use(await RawPeer.connect(endpoint));
    const [id, notice] = await worker.receive();
    assert.equal(notice!.length, 0);
    peer.write(Buffer.from('ask'));
    assert.deepEqual(await worker.receive(), [id, Buffer.from('ask')]);
    await worker.send([id!, 'answer']);
    await worker.send([id!, '']);
    assert.equal(String(await peer.read(6)), 'answer');
    await peer.gone();
    proxy.terminate();
    await done;
  });
});

it('a listener that closes at once leaves no trace in a STREAM that connects', {
  timeout: 30_000,
}, async (t) => {
  const s = scope(t, tcp);
  const server = createServer((socket) => socket.destroy());
  server.listen(0, '127.0.0.1');
  s.after(() => void server.close());
  await until(() => server.listening, 'the server to listen');
  const client = s.open(zmq.Stream, { reconnectInterval: -1 });
  client.connect(`tcp://127.0.0.1:${(server.address() as { port: number }).port}`);
  const [id] = await client.receive();
  assert.deepEqual(await client.receive(), [id, Buffer.alloc(0)]);
  await assert.rejects(client.send([id, 'x']), { code: 'EHOSTUNREACH' });
});
