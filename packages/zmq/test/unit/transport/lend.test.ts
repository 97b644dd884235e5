/** Memory that reads share. What else a connection does is checked over it in connection.test.ts. */
import assert from 'node:assert/strict';
import { createServer, type Socket, connect as tcpConnect } from 'node:net';
import { it } from 'node:test';
import { lendReads } from '../../../src/transport/lend.ts';
import { connectPair, subjects } from './harness.ts';

const tcp = subjects().find(({ name }) => name === 'tcp')!;
const LIMIT = {
  timeout: 20_000,
  skip: process.platform === 'win32' ? 'the system may fill memory later' : false,
};

it('all reads of all connections are in the same memory, once it is lent', LIMIT, async () => {
  await using one = await connectPair(tcp);
  await using two = await connectPair(tcp);
  // One that was accepted, and one that was dialled.
  for (const [from, connection, recorder] of [
    [one.near, one.far, one.farSide],
    [two.far, two.near, two.nearSide],
  ] as const) {
    from.write([Buffer.from('a')]);
    await recorder.received(1);
    connection.lend?.();
    for (const size of [2, 3]) {
      from.write([Buffer.from('a')]);
      await recorder.received(size);
    }
  }
  const lent = [...one.farSide.chunks.slice(1), ...two.nearSide.chunks.slice(1)];
  assert.equal(lent.length, 4);
  assert.equal(new Set(lent.map(({ buffer }) => buffer)).size, 1);
  assert.notEqual(one.farSide.chunks[0]!.buffer, lent[0]!.buffer);
});

it(
  'a connection that is paused when its reads are lent delivers nothing until it is resumed',
  LIMIT,
  async () => {
    await using held = await connectPair(tcp);
    await using other = await connectPair(tcp);
    held.far.pause();
    held.far.lend?.();
    held.near.write([Buffer.from('waits')]);
    // Sent later, and over there and back: by then the first would be here, too.
    other.near.write([Buffer.from('there')]);
    await other.farSide.received(5);
    other.far.write([Buffer.from('back')]);
    await other.nearSide.received(4);
    assert.equal(held.farSide.text, '');
    held.far.resume();
    await held.farSide.received(5);
    assert.equal(held.farSide.text, 'waits');
  },
);

const unread = (): void => assert.fail('of what was delivered otherwise');

it('what was read and not delivered is not overtaken', LIMIT, async () => {
  const server = createServer();
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const near = tcpConnect(port, '127.0.0.1');
  const far = await accepted;
  near.write('waits');
  await new Promise((resolve) => far.once('readable', resolve));
  assert.equal(lendReads(far, unread), false);
  assert.equal(String(far.read()), 'waits');
  assert.equal(
    lendReads(far, () => {}),
    true,
  );
  assert.equal(lendReads(far, unread), false, 'once');
  near.destroy();
  far.destroy();
  server.close();
});
