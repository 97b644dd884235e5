/** RFC 51, 52: peer and channel. */
import assert from 'node:assert/strict';
import { discardsMultipart, discardsOfWhoLeft, receivesOctetsInTurns } from './common.ts';
import { type CellSocket, holds, octets } from './matrix.ts';
import { addressed, passesOne } from './oneframe.ts';

const PEER = { tested: 'Peer', wireName: 'PEER', single: true } as const;
const CHANNEL = { tested: 'Channel', wireName: 'CHANNEL', single: true } as const;

/** Two that know each other's numbers. */
async function met(one: CellSocket, two: CellSocket, numberOfTwo: number): Promise<[number, number]> {
  await one.send('hello', { routingId: numberOfTwo });
  return [numberOfTwo, (await addressed(two)).routingId];
}

holds(
  'RFC 51 PEER: connects and tells the number of that peer in one step',
  'oursConnected',
  async ({ tested, peer, transport }) => {
    const one = tested('Peer') as ReturnType<typeof tested> & { connectPeer(address: string): number };
    const endpoint = await transport.fixed();
    const number = one.connectPeer(endpoint);
    assert.ok(Number.isInteger(number) && number > 0);
    await one.send('early', { routingId: number });
    const two = peer('Peer');
    await two.bind(endpoint);
    const { body, routingId } = await addressed(two);
    assert.equal(String(body), 'early');
    await two.send('answer', { routingId });
    assert.deepEqual(await addressed(one), { body: Buffer.from('answer'), routingId: number });
  },
);

holds(
  'RFC 51 PEER: has any number of PEER peers, sends and receives in any order',
  'oursConnected',
  async ({ tested, peer, transport }) => {
    const one = tested('Peer') as ReturnType<typeof tested> & { connectPeer(address: string): number };
    const others = [peer('Peer'), peer('Peer')];
    for (const [index, other] of others.entries()) {
      await other.bind(transport.endpoint());
      const number = one.connectPeer(other.lastEndpoint as string);
      const [, back] = await met(one, other, number);
      for (let count = 0; count < 3; count += 1) await one.send(`${count}`, { routingId: number });
      for (let count = 0; count < 3; count += 1) await other.send(`${index} ${count}`, { routingId: back });
    }
    for (const other of others) {
      for (let count = 0; count < 3; count += 1)
        assert.equal(String((await addressed(other)).body), `${count}`);
    }
    const seen = new Set<string>();
    while (seen.size < 6) seen.add(String((await addressed(one)).body));
  },
);

holds('RFC 51 PEER: passes messages as they are', 'oursConnected', async ({ tested, peer, transport }) => {
  const one = tested('Peer') as ReturnType<typeof tested> & { connectPeer(address: string): number };
  const two = peer('Peer');
  await two.bind(transport.endpoint());
  const [there, back] = await met(one, two, one.connectPeer(two.lastEndpoint as string));
  await passesOne(one, two, { routingId: there });
  await passesOne(two, one, { routingId: back });
});

octets('RFC 51 PEER: knows each peer by a number of its own that is not 0', async ({ tested, meet }) => {
  const socket = tested('Peer');
  const numbers = new Set<number>();
  for (let count = 0; count < 3; count += 1) {
    const peer = await meet(socket, 'PEER', 'all the same');
    peer.send('hello');
    const { routingId } = await addressed(socket);
    assert.ok(routingId > 0 && routingId < 2 ** 32);
    numbers.add(routingId);
    await socket.send('back', { routingId });
    assert.deepEqual((await peer.readMessage()).map(String), ['back']);
  }
  assert.equal(numbers.size, 3);
});
receivesOctetsInTurns({ clause: 'RFC 51 PEER: receives from its peers in fair turns', ...PEER });
discardsMultipart({ clause: 'RFC 51 PEER: discards messages of several frames', ...PEER });

octets('RFC 51 PEER: fails for a number that nobody has', async ({ tested, meet }) => {
  const socket = tested('Peer');
  const peer = await meet(socket, 'PEER');
  peer.send('hello');
  const { routingId } = await addressed(socket);
  await assert.rejects(socket.send('lost', { routingId: routingId === 77 ? 78 : 77 }), {
    code: 'EHOSTUNREACH',
  });
});

holds('RFC 52 CHANNEL: sends and receives in any order', 'ours', async ({ tested, peer, join }) => {
  const [one, two] = [tested('Channel'), peer('Channel')];
  await join(one, two);
  for (let count = 0; count < 20; count += 1) {
    await one.send(`there ${count}`);
    await two.send(`back ${count}`);
  }
  for (let count = 0; count < 20; count += 1) {
    assert.equal(String((await two.receive())[0]), `there ${count}`);
    assert.equal(String((await one.receive())[0]), `back ${count}`);
  }
});

holds('RFC 52 CHANNEL: passes messages as they are', 'ours', async ({ tested, peer, join }) => {
  const [one, two] = [tested('Channel'), peer('Channel')];
  await join(one, two);
  await passesOne(one, two);
  await passesOne(two, one);
});
discardsOfWhoLeft({
  clause: 'RFC 52 CHANNEL: discards what is queued for a peer that had connected and leaves',
  ...CHANNEL,
});
discardsMultipart({ clause: 'RFC 52 CHANNEL: discards messages of several frames', ...CHANNEL });

holds(
  'RFC 52 CHANNEL: queues for an endpoint that it connects to before anybody is there',
  'oursConnected',
  async ({ tested, peer, transport }) => {
    const one = tested('Channel');
    const endpoint = await transport.fixed();
    one.connect(endpoint);
    await one.send('early');
    const two = peer('Channel');
    await two.bind(endpoint);
    assert.equal(String((await two.receive())[0]), 'early');
  },
);

holds('RFC 52 CHANNEL: limits its queues by options', 'oursConnected', async ({ tested, transport }) => {
  const channel = tested('Channel', { sendHighWaterMark: 7, sendTimeout: 0 });
  channel.connect(await transport.fixed());
  for (let count = 0; count < 7; count += 1) await channel.send(String(count));
  await assert.rejects(channel.send('one too many'), { code: 'EAGAIN' });
});

holds(
  'RFC 52 CHANNEL: waits, or fails, when it has no peer, and takes no more messages',
  'ours',
  async ({ tested, peer, join }) => {
    const channel = tested('Channel', { sendTimeout: 1 });
    await assert.rejects(channel.send('refused'), { code: 'EAGAIN' });
    const other = peer('Channel');
    await join(channel, other);
    await channel.send('taken');
    assert.equal(String((await other.receive())[0]), 'taken');
  },
);
