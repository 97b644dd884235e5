/** RFC 41, 48, 49, 51, 52: the draft sockets. */
import assert from 'node:assert/strict';
import { until } from '../support/deadline.ts';
import { KIB, payload } from '../support/payload.ts';
import { command } from '../support/rawpeer.ts';
import {
  discardsMultipart,
  discardsOfWhoLeft,
  doesNotSend,
  fresh,
  keepsMark,
  queuesEarly,
  receivesInTurns,
  receivesOctetsInTurns,
  sendsInTurns,
  waitsForRoom,
} from './common.ts';
import { type CellSocket, holds, octets } from './matrix.ts';

const BODIES = [0, 1, 255, 256, 8 * KIB, 64 * KIB].map((size) => payload(size, size));

interface Addressed {
  readonly body: Buffer;
  readonly routingId: number;
}

async function addressed(socket: CellSocket): Promise<Addressed> {
  const [body, { routingId }] = (await socket.receive()) as unknown as [Buffer, { routingId: number }];
  return { body, routingId };
}

async function grouped(socket: CellSocket): Promise<string[]> {
  const [body, { group }] = (await socket.receive()) as unknown as [Buffer, { group: Buffer }];
  return [String(group), String(body)];
}

/** One way; nothing else comes. */
async function passes(from: CellSocket, to: CellSocket, beside?: { routingId: number }): Promise<void> {
  for (const body of BODIES) {
    const [copy] = fresh([body]) as [Buffer];
    // libzmq's binding counts its arguments.
    await (beside === undefined ? from.send(copy) : from.send(copy, beside));
    const [got] = (await to.receive()) as [Buffer];
    assert.ok(got.equals(body), `${body.length} octets`);
  }
}

const CLIENT = { tested: 'Client', peer: 'Server', wireName: 'SERVER', single: true } as const;
const SERVER = { tested: 'Server', peer: 'Client', wireName: 'CLIENT', single: true } as const;
const SCATTER = { tested: 'Scatter', peer: 'Gather', wireName: 'GATHER', single: true } as const;
const GATHER = { tested: 'Gather', peer: 'Scatter', wireName: 'SCATTER', single: true } as const;
const PEER = { tested: 'Peer', wireName: 'PEER', single: true } as const;
const CHANNEL = { tested: 'Channel', wireName: 'CHANNEL', single: true } as const;

holds('RFC 41 CLIENT: passes messages as they are', 'everywhere', async ({ tested, peer, join }) => {
  const [client, server] = [tested('Client'), peer('Server')];
  await join(client, server);
  await passes(client, server);
  await client.send('hi');
  const { routingId } = await addressed(server);
  await passes(server, client, { routingId });
});
queuesEarly({
  clause: 'RFC 41 CLIENT: queues for an endpoint that it connects to before anybody is there',
  ...CLIENT,
});
discardsOfWhoLeft({
  clause: 'RFC 41 CLIENT: discards what is queued for a peer that had connected and leaves',
  ...CLIENT,
});
keepsMark({ clause: 'RFC 41 CLIENT: limits its queues by options', ...CLIENT });
sendsInTurns({ clause: 'RFC 41 CLIENT: deals messages out round robin', ...CLIENT });
waitsForRoom({
  clause: 'RFC 41 CLIENT: waits, or fails, when no peer has room, and takes no more messages',
  ...CLIENT,
});
receivesOctetsInTurns({ clause: 'RFC 41 CLIENT: receives from its peers in fair turns', ...CLIENT });
discardsMultipart({ clause: 'RFC 41 CLIENT: discards messages of several frames', ...CLIENT });

holds('RFC 41 SERVER: passes messages as they are', 'everywhere', async ({ tested, peer, join }) => {
  const [server, client] = [tested('Server'), peer('Client')];
  await join(server, client);
  await passes(client, server);
  await client.send('hi');
  await passes(server, client, { routingId: (await addressed(server)).routingId });
});

holds(
  'RFC 41 SERVER: knows each peer by a number of its own that is not 0',
  'everywhere',
  async ({ tested, peer, join }) => {
    const server = tested('Server');
    const clients = [peer('Client'), peer('Client'), peer('Client')];
    await join(server, ...clients);
    const numbers = new Map<string, number>();
    for (let round = 0; round < 2; round += 1) {
      for (const [index, client] of clients.entries()) await client.send(String(index));
      for (let count = 0; count < 3; count += 1) {
        const { body, routingId } = await addressed(server);
        assert.ok(Number.isInteger(routingId) && routingId > 0 && routingId < 2 ** 32);
        assert.equal(numbers.get(String(body)) ?? routingId, routingId, 'the same number each time');
        numbers.set(String(body), routingId);
      }
    }
    assert.equal(new Set(numbers.values()).size, 3);
  },
);
receivesInTurns({
  clause: 'RFC 41 SERVER: receives from its peers in fair turns',
  ...SERVER,
  receive: async (server) => String((await addressed(server)).body),
});
discardsMultipart({ clause: 'RFC 41 SERVER: discards messages of several frames', ...SERVER });

holds(
  'RFC 41 SERVER: sends to the peer whose number is given',
  'everywhere',
  async ({ tested, peer, join }) => {
    const server = tested('Server');
    const clients = [peer('Client'), peer('Client')];
    await join(server, ...clients);
    for (const [index, client] of clients.entries()) await client.send(`client ${index}`);
    for (let count = 0; count < 2; count += 1) {
      const { body, routingId } = await addressed(server);
      await server.send(`to ${body}`, { routingId });
    }
    for (const [index, client] of clients.entries()) {
      assert.equal(String((await client.receive())[0]), `to client ${index}`);
    }
  },
);

holds('RFC 41 SERVER: fails for a number that nobody has', 'everywhere', async ({ tested, peer, join }) => {
  const [server, client] = [tested('Server'), peer('Client')];
  await join(server, client);
  await client.send('hi');
  const { routingId } = await addressed(server);
  const nobody = routingId === 77 ? 78 : 77;
  await assert.rejects(server.send('lost', { routingId: nobody }), { code: 'EHOSTUNREACH' });
  await server.send('found', { routingId });
  assert.equal(String((await client.receive())[0]), 'found');
});

/** What is sent to `group` from now on arrives, in order. */
async function joined(radio: CellSocket, dish: CellSocket, group: string): Promise<void> {
  let here = false;
  const arrival = (async () => {
    assert.deepEqual(await grouped(dish), [group, 'probe']);
    here = true;
  })();
  await until(() => {
    if (!here) void radio.send('probe', { group });
    return here;
  }, `the dish to have joined ${group}`);
  await arrival;
  await radio.send('end of probes', { group });
  while ((await grouped(dish))[1] !== 'end of probes');
}

holds(
  'RFC 48 RADIO: sends to all DISH sockets that joined exactly the group',
  'everywhere',
  async ({ tested, peer, join }) => {
    const radio = tested('Radio');
    const [one, two] = [peer('Dish'), peer('Dish')];
    one.join('news', 'news and more');
    two.join('news');
    await join(radio, one, two);
    await joined(radio, one, 'news and more');
    await joined(radio, two, 'news');
    for (const group of ['new', 'News', 'news', 'news and more', 'news and more of it']) {
      await radio.send(`for ${group}`, { group });
    }
    await radio.send('end', { group: 'news' });
    let got = await grouped(one);
    while (got[1] === 'probe' || got[1] === 'end of probes') got = await grouped(one);
    assert.deepEqual(got, ['news', 'for news']);
    assert.deepEqual(await grouped(one), ['news and more', 'for news and more']);
    assert.deepEqual(await grouped(one), ['news', 'end']);
    assert.deepEqual(await grouped(two), ['news', 'for news']);
    assert.deepEqual(await grouped(two), ['news', 'end']);
  },
);

holds('RFC 48 RADIO: only sends', 'alone', async ({ tested }) => {
  assert.equal('receive' in tested('Radio'), false);
});

holds('RFC 48 RADIO: passes messages as they are', 'everywhere', async ({ tested, peer, join }) => {
  const [radio, dish] = [tested('Radio'), peer('Dish')];
  dish.join('g');
  await join(radio, dish);
  await joined(radio, dish, 'g');
  for (const body of BODIES) {
    await radio.send(body, { group: 'g' });
    assert.ok(((await dish.receive())[0] as Buffer).equals(body), `${body.length} octets`);
  }
});

octets(
  'RFC 48 RADIO: follows JOIN and LEAVE commands of dishes, and does not deliver them',
  async ({ tested, meet }) => {
    const radio = tested('Radio');
    const dish = await meet(radio, 'DISH');
    dish.write(command('JOIN', Buffer.from('a')));
    dish.write(command('JOIN', Buffer.from('b')));
    const send = (): void => {
      void radio.send('for b', { group: 'b' });
    };
    await until(() => {
      send();
      return dish.available > 0;
    }, 'the dish to have joined');
    assert.deepEqual((await dish.readMessage()).map(String), ['b', 'for b']);
    dish.write(command('LEAVE', Buffer.from('b')));
    dish.write(command('PING', Buffer.of(0, 0)));
    for (;;) {
      const frame = await dish.readFrame();
      if (frame.command) break;
    }
    await radio.send('too late', { group: 'b' });
    await radio.send('for a', { group: 'a' });
    assert.deepEqual((await dish.readMessage()).map(String), ['a', 'for a']);
  },
);

octets('RFC 48 RADIO: discards messages that dishes send', async ({ tested, meet }) => {
  const radio = tested('Radio');
  const dish = await meet(radio, 'DISH');
  dish.send('a', 'hello, radio');
  dish.send('hello');
  dish.write(command('JOIN', Buffer.from('a')));
  await until(() => {
    void radio.send('hello, dish', { group: 'a' });
    return dish.available > 0;
  }, 'the dish to have joined');
  assert.deepEqual((await dish.readMessage()).map(String), ['a', 'hello, dish']);
});

holds(
  'RFC 48 DISH: has any number of RADIO peers, and only receives',
  'everywhere',
  async ({ tested, peer, join }) => {
    const dish = tested('Dish');
    const radios = [peer('Radio'), peer('Radio')];
    dish.join('a');
    await join(dish, ...radios);
    for (const [index, radio] of radios.entries()) {
      await joined(radio, dish, 'a');
      await radio.send(`radio ${index}`, { group: 'a' });
      assert.deepEqual(await grouped(dish), ['a', `radio ${index}`]);
    }
    await doesNotSend(dish);
  },
);

octets('RFC 48 DISH: joins and leaves by JOIN and LEAVE commands', async ({ tested, meet }) => {
  const dish = tested('Dish');
  dish.join('early');
  const radio = await meet(dish, 'RADIO');
  dish.join('late', 'x'.repeat(255));
  dish.leave('early');
  for (const [name, group] of [
    ['JOIN', 'early'],
    ['JOIN', 'late'],
    ['JOIN', 'x'.repeat(255)],
    ['LEAVE', 'early'],
  ]) {
    const said = await radio.readCommand();
    assert.deepEqual([said.name, String(said.data)], [name, group]);
  }
});

octets(
  'RFC 48 DISH: takes messages of a group frame and a body, and gives the group with the body',
  async ({ tested, meet }) => {
    const dish = tested('Dish');
    dish.join('a', '');
    const radio = await meet(dish, 'RADIO');
    radio.send('a', 'one');
    radio.send('', 'two');
    assert.deepEqual(await grouped(dish), ['a', 'one']);
    assert.deepEqual(await grouped(dish), ['', 'two']);
  },
);

receivesOctetsInTurns({
  clause: 'RFC 48 DISH: receives from its radios in fair turns',
  tested: 'Dish',
  wireName: 'RADIO',
  envelope: ['g'],
  early: (dish) => dish.join('g'),
});

octets('RFC 48 DISH: filters what it receives by group', async ({ tested, meet }) => {
  const dish = tested('Dish');
  dish.join('a');
  const radio = await meet(dish, 'RADIO');
  for (const group of ['b', 'aa', '', 'a']) radio.send(group, 'body');
  assert.deepEqual(await grouped(dish), ['a', 'body']);
});

holds(
  'RFC 49 SCATTER: passes messages as they are, and only sends',
  'everywhere',
  async ({ tested, peer, join }) => {
    const [scatter, gather] = [tested('Scatter'), peer('Gather')];
    await join(scatter, gather);
    await passes(scatter, gather);
    assert.equal('receive' in scatter, false);
  },
);
queuesEarly({
  clause: 'RFC 49 SCATTER: queues for an endpoint that it connects to before anybody is there',
  ...SCATTER,
});
discardsOfWhoLeft({
  clause: 'RFC 49 SCATTER: discards what is queued for a peer that had connected and leaves',
  ...SCATTER,
});
keepsMark({ clause: 'RFC 49 SCATTER: limits its queues by options', ...SCATTER });
sendsInTurns({ clause: 'RFC 49 SCATTER: deals messages out round robin', ...SCATTER });
waitsForRoom({
  clause: 'RFC 49 SCATTER: waits, or fails, when no peer has room, and takes no more messages',
  ...SCATTER,
});

holds(
  'RFC 49 GATHER: passes messages as they are, and only receives',
  'everywhere',
  async ({ tested, peer, join }) => {
    const [gather, scatter] = [tested('Gather'), peer('Scatter')];
    await join(gather, scatter);
    await passes(scatter, gather);
    await doesNotSend(gather);
  },
);
receivesInTurns({ clause: 'RFC 49 GATHER: receives from its peers in fair turns', ...GATHER });
discardsMultipart({ clause: 'RFC 49 GATHER: discards messages of several frames', ...GATHER });

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
  await passes(one, two, { routingId: there });
  await passes(two, one, { routingId: back });
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
  await passes(one, two);
  await passes(two, one);
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
