import assert from 'node:assert/strict';
import { createServer, type Server as NetServer, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { ZmqError } from '../../../src/errors.ts';
import { tcpTransport } from '../../../src/transport/tcp.ts';
import type { Connection } from '../../../src/transport/transport.ts';
import { freePort } from '../../support/port.ts';
import { dial, HAS_IPV6, OPTIONS, Recorder, Server } from './harness.ts';

const LIMIT = { timeout: 20_000 };
const NO_IPV6 = HAS_IPV6 ? false : 'no IPv6 here';

const loopback: string | undefined = Object.entries(networkInterfaces()).find(([, list]) =>
  list?.some((each) => each.address === '127.0.0.1'),
)?.[0];

function port(endpoint: string): string {
  return endpoint.slice(endpoint.lastIndexOf(':') + 1);
}

/** Dials and accepts, and gives both, or closes everything. */
async function meet(
  server: Server,
  endpoint: string,
  ipv6 = false,
): Promise<{ near: Connection; far: Connection }> {
  const [near, far] = await Promise.all([dial(tcpTransport, endpoint, { ipv6 }), server.accept()]);
  near.destroy();
  far.destroy();
  return { near, far };
}

/** A plain server: what a connection does when the other side is not ours. */
async function plainServer(
  onSocket: (socket: Socket) => void,
): Promise<{ server: NetServer; endpoint: string }> {
  const server = createServer(onSocket);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return { server, endpoint: `tcp://127.0.0.1:${address.port}` };
}

describe('tcp listen', () => {
  it('binds every IPv4 address with *', LIMIT, async () => {
    const server = new Server(tcpTransport, 'tcp://*:*');
    assert.match(server.endpoint, /^tcp:\/\/0\.0\.0\.0:[1-9]\d*$/);
    const { near, far } = await meet(server, `tcp://127.0.0.1:${port(server.endpoint)}`);
    assert.equal(far.remote, near.local);
    await server.close();
  });

  it('binds both families with * and ipv6', { ...LIMIT, skip: NO_IPV6 }, async () => {
    const server = new Server(tcpTransport, 'tcp://*:*', { ipv6: true });
    assert.match(server.endpoint, /^tcp:\/\/\[::\]:[1-9]\d*$/);
    const v6 = await meet(server, `tcp://[::1]:${port(server.endpoint)}`, true);
    assert.match(v6.far.remote, /^tcp:\/\/\[::1\]:\d+$/);
    const v4 = await meet(server, `tcp://127.0.0.1:${port(server.endpoint)}`);
    assert.match(v4.far.remote, /^tcp:\/\/127\.0\.0\.1:\d+$/);
    await server.close();
  });

  it('writes IPv6 addresses in their short form', { ...LIMIT, skip: NO_IPV6 }, async () => {
    const server = new Server(tcpTransport, 'tcp://[0:0:0:0:0:0:0:1]:0');
    assert.match(server.endpoint, /^tcp:\/\/\[::1\]:[1-9]\d*$/);
    await server.close();
  });

  it('binds an interface by its name, at once', { ...LIMIT, skip: loopback === undefined }, async () => {
    const server = new Server(tcpTransport, `tcp://${loopback}:*`);
    assert.match(server.endpoint, /^tcp:\/\/127\.0\.0\.1:[1-9]\d*$/);
    await server.close();
  });

  it('binds a host name, after a lookup', LIMIT, async () => {
    const server = new Server(tcpTransport, 'tcp://localhost:*');
    assert.equal(server.listener.endpoint, null);
    assert.equal(server.listener.error, null);
    await server.listener.ready;
    assert.match(server.endpoint, /^tcp:\/\/127\.0\.0\.1:[1-9]\d*$/);
    await meet(server, `tcp://localhost:${port(server.endpoint)}`);
    await server.close();
  });

  it('fails with ENODEV for a name that nothing has', LIMIT, async () => {
    const server = new Server(tcpTransport, 'tcp://no-such-interface.invalid:5555');
    await assert.rejects(server.listener.ready, (error) => {
      assert.ok(error instanceof ZmqError);
      assert.equal(error.code, 'ENODEV');
      assert.equal(error.address, 'no-such-interface.invalid:5555');
      assert.match(error.detail ?? '', /not an address or interface/);
      return true;
    });
    await server.close();
  });

  it('fails at once for an address of another machine', LIMIT, async () => {
    // TEST-NET-1, which nobody has.
    const server = new Server(tcpTransport, 'tcp://192.0.2.1:*');
    assert.equal((server.listener.error as ZmqError).code, 'EADDRNOTAVAIL');
    await assert.rejects(server.listener.ready, { code: 'EADDRNOTAVAIL' });
    await server.close();
  });

  it('can be closed before the lookup ends', LIMIT, async () => {
    const server = new Server(tcpTransport, 'tcp://localhost:*');
    await server.close();
    await assert.rejects(server.listener.ready, { code: 'EBADF' });
    assert.equal(server.listener.endpoint, null);
  });

  it('refuses what is not for bind', () => {
    assert.throws(() => new Server(tcpTransport, 'tcp://127.0.0.1:0;127.0.0.1:1'), { code: 'EINVAL' });
    assert.throws(() => new Server(tcpTransport, 'inproc://x'), { code: 'EPROTONOSUPPORT' });
  });
});

describe('tcp dial', () => {
  it('looks names up', LIMIT, async () => {
    const server = new Server(tcpTransport, 'tcp://127.0.0.1:*');
    const { near } = await meet(server, `tcp://localhost:${port(server.endpoint)}`);
    assert.equal(near.remote, server.endpoint);
    await meet(server, `tcp://localhost:${port(server.endpoint)}`, true);
    await server.close();
  });

  it('connects from a source address', LIMIT, async () => {
    const server = new Server(tcpTransport, 'tcp://127.0.0.1:*');
    for (const source of [
      '127.0.0.1:0',
      '127.0.0.1:*',
      '*:*',
      ...(loopback === undefined ? [] : [`${loopback}:0`]),
    ]) {
      const { far } = await meet(server, `tcp://${source};127.0.0.1:${port(server.endpoint)}`);
      assert.match(far.remote, /^tcp:\/\/127\.0\.0\.1:\d+$/);
    }
    await server.close();
  });

  it('connects from a source port', LIMIT, async () => {
    const server = new Server(tcpTransport, 'tcp://127.0.0.1:*');
    const source = await freePort('127.0.0.1');
    const { near, far } = await meet(server, `tcp://127.0.0.1:${source};127.0.0.1:${port(server.endpoint)}`);
    assert.equal(near.local, `tcp://127.0.0.1:${source}`);
    assert.equal(far.remote, near.local);
    await server.close();
  });

  it('says what is wrong with a source address', LIMIT, async () => {
    await assert.rejects(dial(tcpTransport, 'tcp://192.0.2.1:0;127.0.0.1:9'), { code: 'EADDRNOTAVAIL' });
    await assert.rejects(dial(tcpTransport, 'tcp://no-such-if0:0;127.0.0.1:9'), { code: 'ENODEV' });
    const cancel = tcpTransport.dial('tcp://no-such-if0:0;127.0.0.1:9', OPTIONS, () =>
      assert.fail('cancelled'),
    );
    cancel();
    await new Promise((resolve) => setImmediate(resolve));
  });

  it('says that a name is not known', LIMIT, async () => {
    await assert.rejects(dial(tcpTransport, 'tcp://no-such-host.invalid:5555'), {
      code: 'EHOSTUNREACH',
      address: 'no-such-host.invalid:5555',
    });
  });

  it('refuses what is not for connect', () => {
    assert.throws(() => tcpTransport.dial('tcp://*:5555', OPTIONS, () => {}), { code: 'EINVAL' });
    assert.throws(() => tcpTransport.dial('ipc://x', OPTIONS, () => {}), { code: 'EPROTONOSUPPORT' });
  });

  it('gives up after connectTimeout', {
    ...LIMIT,
    skip: process.platform !== 'linux' && 'Linux drops, others refuse',
  }, async () => {
    // A listener that never accepts: its thread sleeps. When its queue is full, the system ignores further attempts.
    const worker = new Worker(
      `const { createServer } = require('node:net');
       const { parentPort } = require('node:worker_threads');
       const server = createServer().listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => {
         parentPort.postMessage(server.address().port);
         setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
       });`,
      { eval: true },
    );
    const bound = await new Promise<number>((resolve) => worker.once('message', resolve));
    const open: Connection[] = [];
    let failure: unknown = null;
    for (let i = 0; i < 20 && failure === null; i++) {
      try {
        open.push(await dial(tcpTransport, `tcp://127.0.0.1:${bound}`, { connectTimeout: 100 }));
      } catch (error) {
        failure = error;
      }
    }
    assert.ok(failure instanceof ZmqError, 'every attempt was accepted');
    assert.equal(failure.code, 'ETIMEDOUT');
    assert.match(failure.detail ?? '', /100 ms/);
    for (const connection of open) connection.destroy();
    await worker.terminate();
  });
});

describe('tcp connections', () => {
  it('report a reset as ECONNRESET', LIMIT, async () => {
    const { server, endpoint } = await plainServer((socket) => {
      socket.once('data', () => socket.resetAndDestroy());
    });
    const near = await dial(tcpTransport, endpoint);
    const side = new Recorder();
    near.start(side);
    near.write([Buffer.from('x')]);
    await side.closed();
    assert.ok(side.error instanceof ZmqError);
    assert.equal(side.error.code, 'ECONNRESET');
    assert.equal(side.error.address, endpoint);
    assert.equal(side.closes, 1);
    server.close();
  });

  it('a write that the system refuses is not taken', LIMIT, async () => {
    for (const parts of [['one'], ['one', 'two']]) {
      const sockets: Socket[] = [];
      const { server, endpoint } = await plainServer((socket) => void sockets.push(socket));
      const near = await dial(tcpTransport, endpoint);
      const side = new Recorder();
      near.start(side);
      while (sockets.length === 0) await new Promise((resolve) => setImmediate(resolve));
      assert.equal(near.write([Buffer.from('zero')]), true);
      // The system knows of the reset, this side does not yet.
      sockets[0]?.resetAndDestroy();
      assert.equal(near.write(parts.map((part) => Buffer.from(part))), false);
      await side.closed();
      assert.equal(side.drains, 0);
      assert.equal((side.error as ZmqError | null)?.code, 'ECONNRESET');
      server.close();
    }
  });

  it('report a reset while bytes are queued, also after end', LIMIT, async () => {
    for (const end of [false, true]) {
      const sockets: Socket[] = [];
      const { server, endpoint } = await plainServer((socket) => {
        sockets.push(socket);
        socket.pause();
      });
      const near = await dial(tcpTransport, endpoint);
      const side = new Recorder();
      near.start(side);
      assert.equal(near.write([Buffer.alloc(32 * 1024 * 1024)]), false);
      if (end) near.end();
      while (sockets.length === 0) await new Promise((resolve) => setImmediate(resolve));
      sockets[0]?.resetAndDestroy();
      await side.closed();
      assert.equal((side.error as ZmqError | null)?.code, 'ECONNRESET');
      assert.equal(side.drains, 0);
      server.close();
    }
  });

  it('close when the peer ends its half, in good order', LIMIT, async () => {
    const { server, endpoint } = await plainServer((socket) => socket.end('bye'));
    const near = await dial(tcpTransport, endpoint);
    const side = new Recorder();
    near.start(side);
    await side.closed();
    assert.equal(side.text, 'bye');
    assert.equal(side.error, null);
    server.close();
  });

  it('end after half a minute although the peer never does', LIMIT, async (t) => {
    let peer: Socket | undefined;
    let heard: () => void = () => {};
    const told = new Promise<void>((resolve) => {
      heard = resolve;
    });
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      peer = socket
        .resume()
        .on('error', () => {})
        .on('end', heard);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    assert.ok(address !== null && typeof address === 'object');
    const near = await dial(tcpTransport, `tcp://127.0.0.1:${address.port}`);
    const side = new Recorder();
    near.start(side);
    near.write([Buffer.from('last')]);
    t.mock.timers.enable({ apis: ['setTimeout'] });
    near.end();
    await told;
    t.mock.timers.tick(1000);
    t.mock.timers.tick(28_999);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(side.closes, 0);
    t.mock.timers.tick(1);
    await side.closed();
    assert.equal(side.error, null);
    peer?.destroy();
    server.close();
  });

  it('accept the keep-alive options', LIMIT, async () => {
    for (const [tcpKeepalive, tcpKeepaliveIdle] of [
      [0, -1],
      [1, -1],
      [1, 60],
    ] as const) {
      const options = { tcpKeepalive, tcpKeepaliveIdle };
      const server = new Server(tcpTransport, 'tcp://127.0.0.1:*', options);
      const [near, far] = await Promise.all([dial(tcpTransport, server.endpoint, options), server.accept()]);
      const side = new Recorder();
      far.start(side);
      near.write([Buffer.from('x')]);
      await side.received(1);
      near.destroy();
      await side.closed();
      await server.close();
    }
  });
});
