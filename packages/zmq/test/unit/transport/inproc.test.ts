import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseEndpoint } from '../../../src/transport/endpoint.ts';
import { createInproc } from '../../../src/transport/inproc.ts';
import { ipcTransport } from '../../../src/transport/ipc.ts';
import { transportFor } from '../../../src/transport/registry.ts';
import { tcpTransport } from '../../../src/transport/tcp.ts';
import { dial, OPTIONS, Recorder, Server } from './harness.ts';

const LIMIT = { timeout: 20_000 };

/** After everything that microtasks lead to. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe('inproc', () => {
  it('connects before the name is bound', LIMIT, async () => {
    const transport = createInproc();
    const dials = [dial(transport, 'inproc://later'), dial(transport, 'inproc://later')];
    await turn();
    const server = new Server(transport, 'inproc://later');
    const near = await Promise.all(dials);
    assert.equal(near.length, 2);
    for (const connection of near) {
      const side = new Recorder();
      connection.start(side);
      const far = await server.accept();
      far.start(new Recorder());
      far.end();
      await side.closed();
    }
    await server.close();
  });

  it('waits for the next bind when the name was unbound in between', LIMIT, async () => {
    const transport = createInproc();
    const first = new Server(transport, 'inproc://name');
    const dialled = dial(transport, 'inproc://name');
    await first.close();
    await turn();
    assert.equal(first.accepted, 0);
    const second = new Server(transport, 'inproc://name');
    const [near, far] = await Promise.all([dialled, second.accept()]);
    assert.equal(near.remote, 'inproc://name');
    far.destroy();
    await second.close();
  });

  it('does not connect what was cancelled while it waited', LIMIT, async () => {
    const transport = createInproc();
    const cancel = transport.dial('inproc://name', OPTIONS, () => assert.fail('cancelled'));
    const stays = dial(transport, 'inproc://name');
    cancel();
    cancel();
    const server = new Server(transport, 'inproc://name');
    (await stays).destroy();
    await turn();
    assert.equal(server.accepted, 1);
    await server.close();
  });

  it('keeps the names of two contexts apart', LIMIT, async () => {
    const [one, two] = [createInproc(), createInproc()];
    const server = new Server(one, 'inproc://name');
    const cancel = two.dial('inproc://name', OPTIONS, () => assert.fail('another context'));
    const other = new Server(two, 'inproc://name2');
    (await dial(one, 'inproc://name')).destroy();
    await turn();
    cancel();
    await Promise.all([server.close(), other.close()]);
  });

  it('passes the very buffers', LIMIT, async () => {
    const transport = createInproc();
    const server = new Server(transport, 'inproc://name');
    const [near, far] = await Promise.all([dial(transport, 'inproc://name'), server.accept()]);
    const side = new Recorder();
    far.start(side);
    const buffer = Buffer.from('mine');
    near.write([buffer]);
    await side.received(4);
    assert.equal(side.chunks[0], buffer);
    assert.equal(near.keepsBuffers, true);
    near.destroy();
    await server.close();
  });

  it(
    'gives sockets and timers their turn, however busy two connections are with each other',
    LIMIT,
    async () => {
      const transport = createInproc();
      const server = new Server(transport, 'inproc://name');
      const [near, far] = await Promise.all([dial(transport, 'inproc://name'), server.accept()]);
      const [nearSide, farSide] = [new Recorder(), new Recorder()];
      const ball = Buffer.from('x');
      let rounds = 0;
      nearSide.onChunk = () => {
        rounds++;
        if (rounds < 1_000_000) near.write([ball]);
      };
      farSide.onChunk = () => far.write([ball]);
      near.start(nearSide);
      far.start(farSide);
      near.write([ball]);
      await new Promise((resolve) => setTimeout(resolve, 0));
      assert.ok(rounds > 0);
      assert.ok(rounds < 1_000_000, 'the timer had to wait for the end');
      near.destroy();
      await Promise.all([nearSide.closed(), farSide.closed()]);
      await server.close();
    },
  );

  it('goes on after a handler that throws', LIMIT, async (t) => {
    const transport = createInproc();
    const server = new Server(transport, 'inproc://name');
    const [near, far] = await Promise.all([dial(transport, 'inproc://name'), server.accept()]);
    const side = new Recorder();
    side.onChunk = (chunk) => {
      if (chunk[0] === 1) throw new Error('from a handler');
    };
    far.start(side);
    const thrown: unknown[] = [];
    const others = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    t.after(() => {
      process.removeAllListeners('uncaughtException');
      for (const each of others) process.on('uncaughtException', each);
    });
    process.on('uncaughtException', (error) => thrown.push(error));
    near.write([Uint8Array.of(1), Uint8Array.of(2), Uint8Array.of(3)]);
    await side.received(3);
    assert.deepEqual(Buffer.concat(side.chunks), Buffer.of(1, 2, 3));
    assert.equal((thrown[0] as Error).message, 'from a handler');
    near.destroy();
    await server.close();
  });

  it('writes and ends from inside onDrain without losing the last bytes', LIMIT, async () => {
    const transport = createInproc();
    const server = new Server(transport, 'inproc://name');
    const [near, far] = await Promise.all([dial(transport, 'inproc://name'), server.accept()]);
    const [nearSide, farSide] = [new Recorder(), new Recorder()];
    const drained = nearSide.onDrain.bind(nearSide);
    nearSide.onDrain = () => {
      drained();
      near.write([Buffer.from(' last')]);
      near.end();
    };
    near.start(nearSide);
    far.start(farSide);
    near.write([Buffer.from('first')]);
    await Promise.all([nearSide.closed(), farSide.closed()]);
    assert.equal(farSide.text, 'first last');
    await server.close();
  });

  it('is what its endpoints lead to', () => {
    const inproc = createInproc();
    assert.equal(transportFor(parseEndpoint('inproc://x'), inproc), inproc);
    assert.equal(transportFor(parseEndpoint('tcp://*:*'), inproc), tcpTransport);
    assert.equal(transportFor(parseEndpoint('ipc://*'), inproc), ipcTransport);
    assert.throws(() => inproc.dial('tcp://h:1', OPTIONS, () => {}), { code: 'EPROTONOSUPPORT' });
  });
});
