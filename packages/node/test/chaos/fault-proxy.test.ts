/** The tool itself: what it cuts, splits and holds back, and that a seed repeats it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { FaultProxy, portOf } from '../support/fault-proxy.ts';
import { CALM, type Faults, ROUGH } from '../support/faults.ts';
import { Random } from '../support/random.ts';

interface Arrived {
  readonly socket: Socket;
  readonly chunks: Buffer[];
  readonly closed: Promise<void>;
}

/** A server that keeps what arrives on each connection. */
async function target(t: TestContext, answer = false): Promise<{ server: Server; arrived: Arrived[] }> {
  const arrived: Arrived[] = [];
  const server = createServer((socket) => {
    const chunks: Buffer[] = [];
    socket.on('error', () => undefined);
    const closed = new Promise<void>((resolve) => void socket.once('close', () => resolve()));
    arrived.push({ socket, chunks, closed });
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      if (answer) socket.write(chunk);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const { socket } of arrived) socket.destroy();
    server.close();
  });
  return { server, arrived };
}

async function proxied(t: TestContext, server: Server, faults: Faults, seed = 1): Promise<FaultProxy> {
  const { port } = server.address() as AddressInfo;
  const proxy = await FaultProxy.start(`tcp://127.0.0.1:${port}`, seed, faults);
  t.after(() => proxy.close());
  return proxy;
}

async function client(t: TestContext, proxy: FaultProxy): Promise<Socket> {
  const socket = connect(portOf(proxy.endpoint), '127.0.0.1');
  socket.on('error', () => undefined);
  t.after(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

/** Resolves when the socket is closed, however that came. */
function gone(socket: Socket): Promise<void> {
  return new Promise((resolve) => void socket.once('close', () => resolve()));
}

function pattern(length: number, seed: number): Buffer {
  const random = new Random(seed);
  return Buffer.from(Array.from({ length }, () => random.between(0, 255)));
}

describe('the fault proxy', { timeout: 30_000 }, () => {
  it('delivers every octet in order through splits, waits and single octets, both ways', async (t) => {
    const { server } = await target(t, true);
    const delay = { share: 0.2, ms: [0, 3] } as const;
    const proxy = await proxied(t, server, { ...ROUGH, life: null, stall: delay, delay, octets: 0.1 });
    const socket = await client(t, proxy);
    const sent = pattern(300_000, 7);
    const back: Buffer[] = [];
    let size = 0;
    const whole = new Promise<void>((resolve) => {
      socket.on('data', (chunk: Buffer) => {
        back.push(chunk);
        size += chunk.length;
        if (size >= sent.length) resolve();
      });
    });
    socket.write(sent);
    await whole;
    assert.ok(Buffer.concat(back).equals(sent));
    assert.equal(proxy.counts.octets, 2 * sent.length);
  });

  it('splits what is written at once', async (t) => {
    const { server, arrived } = await target(t);
    const proxy = await proxied(t, server, { ...CALM, piece: [1, 20] });
    const socket = await client(t, proxy);
    const sent = pattern(2000, 3);
    socket.end(sent);
    await gone(socket);
    await arrived[0]?.closed;
    assert.ok(Buffer.concat(arrived[0]?.chunks ?? []).equals(sent));
    assert.ok((arrived[0]?.chunks.length ?? 0) > 5);
  });

  it('cuts at an octet that follows from the seed and the place of the connection', async (t) => {
    const lives = async (seed: number): Promise<number[]> => {
      const { server, arrived } = await target(t);
      const proxy = await proxied(
        t,
        server,
        { ...ROUGH, cuts: ['end'], life: [1000, 40_000], stall: CALM.stall },
        seed,
      );
      for (let index = 0; index < 4; index += 1) {
        const socket = await client(t, proxy);
        socket.resume();
        socket.write(pattern(50_000, 1));
        await gone(socket);
        await arrived[index]?.closed;
      }
      assert.equal(proxy.counts.cuts, 4);
      return arrived.map(({ chunks }) => Buffer.concat(chunks).length);
    };
    const first = await lives(11);
    assert.deepEqual(await lives(11), first);
    assert.notDeepEqual(await lives(12), first);
    assert.equal(new Set(first).size, 4);
  });

  it('resets both sides', async (t) => {
    const { server, arrived } = await target(t);
    const proxy = await proxied(t, server, { ...CALM, life: [10, 10], cuts: ['reset'] });
    const socket = await client(t, proxy);
    const closed = gone(socket);
    const failed = once(socket, 'error');
    socket.write(Buffer.alloc(100));
    const [error] = (await failed) as [NodeJS.ErrnoException];
    assert.equal(error.code, 'ECONNRESET');
    await Promise.all([closed, arrived[0]?.closed]);
    assert.equal(proxy.open, 0);
  });

  it('delivers the last octets of a connection after the next one has begun', async (t) => {
    const { server, arrived } = await target(t);
    const faults: Faults = { ...CALM, life: [10, 10], cuts: ['late'], afterwards: [1500, 1500] };
    const proxy = await proxied(t, server, faults);
    const first = await client(t, proxy);
    const cut = gone(first);
    first.write(Buffer.alloc(50, 'a'));
    await cut;
    proxy.calm();
    const second = await client(t, proxy);
    second.write('second');
    while (arrived[1] === undefined) await once(server, 'connection');
    await once(arrived[1].socket, 'data');
    assert.equal(Buffer.concat(arrived[0]?.chunks ?? []).length, 10);
    await arrived[0]?.closed;
    assert.equal(Buffer.concat(arrived[0]?.chunks ?? []).toString(), 'a'.repeat(50));
    assert.equal(proxy.counts.late, 1);
  });

  it('lets a client wait for a connection whose other side is gone', async (t) => {
    const { server, arrived } = await target(t);
    const proxy = await proxied(t, server, {
      ...CALM,
      life: [10, 10],
      cuts: ['deaf'],
      afterwards: [1500, 1500],
    });
    const socket = await client(t, proxy);
    let closed = false;
    const told = gone(socket).then(() => {
      closed = true;
    });
    socket.write(Buffer.alloc(20));
    while (arrived[0] === undefined) await once(server, 'connection');
    await arrived[0].closed;
    assert.equal(closed, false);
    await told;
  });

  it('passes an end and a missing target on', async (t) => {
    const { server, arrived } = await target(t);
    const proxy = await proxied(t, server, CALM);
    const socket = await client(t, proxy);
    socket.end('bye');
    await once(socket, 'close');
    assert.equal(Buffer.concat(arrived[0]?.chunks ?? []).toString(), 'bye');
    server.close();
    await once(server, 'close');
    const orphan = await client(t, proxy);
    await gone(orphan);
    assert.equal(proxy.open, 0);
  });

  it('is calm when it is told to', async (t) => {
    const { server } = await target(t, true);
    const proxy = await proxied(t, server, { ...ROUGH, life: [100_000, 100_000], stall: ROUGH.delay });
    const socket = await client(t, proxy);
    socket.write('one');
    await once(socket, 'data');
    proxy.calm();
    let size = 0;
    const whole = new Promise<void>((resolve) => {
      socket.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size >= 200_000) resolve();
      });
    });
    socket.write(pattern(200_000, 2));
    await whole;
    assert.equal(proxy.counts.cuts, 0);
  });
});
