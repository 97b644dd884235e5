/** RFC 41, 48, 49: client and server, radio and dish, scatter and gather. */
import assert from 'node:assert/strict';
import { until } from '../support/deadline.ts';
import { command } from '../support/rawpeer.ts';
import {
  discardsMultipart,
  discardsOfWhoLeft,
  doesNotSend,
  keepsMark,
  queuesEarly,
  receivesInTurns,
  receivesOctetsInTurns,
  sendsInTurns,
  waitsForRoom,
} from './common.ts';
import { type CellSocket, holds, octets } from './matrix.ts';
import { addressed, BODIES, passesOne } from './oneframe.ts';

async function grouped(socket: CellSocket): Promise<string[]> {
  const [body, { group }] = (await socket.receive()) as unknown as [Buffer, { group: Buffer }];
  return [String(group), String(body)];
}

const CLIENT = { tested: 'Client', peer: 'Server', wireName: 'SERVER', single: true } as const;
const SERVER = { tested: 'Server', peer: 'Client', wireName: 'CLIENT', single: true } as const;
const SCATTER = { tested: 'Scatter', peer: 'Gather', wireName: 'GATHER', single: true } as const;
const GATHER = { tested: 'Gather', peer: 'Scatter', wireName: 'SCATTER', single: true } as const;

holds('RFC 41 CLIENT: passes messages as they are', 'everywhere', async ({ tested, peer, join }) => {
  const [client, server] = [tested('Client'), peer('Server')];
  await join(client, server);
  await passesOne(client, server);
  await client.send('hi');
  const { routingId } = await addressed(server);
  await passesOne(server, client, { routingId });
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
  await passesOne(client, server);
  await client.send('hi');
  await passesOne(server, client, { routingId: (await addressed(server)).routingId });
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
    await passesOne(scatter, gather);
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
    await passesOne(scatter, gather);
    await doesNotSend(gather);
  },
);
receivesInTurns({ clause: 'RFC 49 GATHER: receives from its peers in fair turns', ...GATHER });
discardsMultipart({ clause: 'RFC 49 GATHER: discards messages of several frames', ...GATHER });
