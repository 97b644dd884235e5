/** RFC 30 and 31: pipeline and exclusive pair. */
import assert from 'node:assert/strict';
import { text } from '../support/payload.ts';
import {
  discardsOfWhoLeft,
  doesNotSend,
  keepsMark,
  passes,
  queuesEarly,
  receivesInTurns,
  sendsInTurns,
  waitsForRoom,
} from './common.ts';
import { holds } from './matrix.ts';

const PUSH = { tested: 'Push', peer: 'Pull' } as const;
const PAIR = { tested: 'Pair' } as const;

holds(
  'RFC 30 PUSH: has any number of PULL peers, and only sends',
  'everywhere',
  async ({ tested, peer, join }) => {
    const push = tested('Push');
    const pulls = [peer('Pull'), peer('Pull')];
    await join(push, ...pulls);
    for (let count = 0; count < 4; count += 1) await push.send('work');
    for (const pull of pulls) {
      assert.deepEqual(text(await pull.receive()), ['work']);
      assert.deepEqual(text(await pull.receive()), ['work']);
    }
    assert.equal('receive' in push, false);
  },
);

holds('RFC 30 PUSH: passes messages as they are', 'everywhere', async ({ tested, peer, join }) => {
  const [push, pull] = [tested('Push'), peer('Pull')];
  await join(push, pull);
  await passes(push, pull);
});

queuesEarly({
  clause: 'RFC 30 PUSH: queues for an endpoint that it connects to before anybody is there',
  ...PUSH,
});
discardsOfWhoLeft({
  clause: 'RFC 30 PUSH: discards what is queued for a peer that had connected and leaves',
  ...PUSH,
});
keepsMark({ clause: 'RFC 30 PUSH: limits its queues by options', ...PUSH });
sendsInTurns({ clause: 'RFC 30 PUSH: deals messages out round robin', ...PUSH });
waitsForRoom({
  clause: 'RFC 30 PUSH: waits, or fails, when no peer has room, and takes no more messages',
  ...PUSH,
});

holds(
  'RFC 30 PULL: has any number of PUSH peers, and only receives',
  'everywhere',
  async ({ tested, peer, join }) => {
    const pull = tested('Pull');
    const pushes = [peer('Push'), peer('Push')];
    await join(pull, ...pushes);
    for (const [index, push] of pushes.entries()) await push.send(String(index));
    const seen = [String(await pull.receive()), String(await pull.receive())];
    assert.deepEqual(seen.toSorted(), ['0', '1']);
    await doesNotSend(pull);
  },
);

holds('RFC 30 PULL: passes messages as they are', 'everywhere', async ({ tested, peer, join }) => {
  const [pull, push] = [tested('Pull'), peer('Push')];
  await join(pull, push);
  await passes(push, pull);
});

holds(
  'RFC 30 PULL: receives from an endpoint that it connected to before anybody was there',
  'connected',
  async ({ tested, peer, transport }) => {
    const pull = tested('Pull');
    const endpoint = await transport.fixed();
    pull.connect(endpoint);
    const push = peer('Push');
    await push.bind(endpoint);
    await push.send('at last');
    assert.deepEqual(text(await pull.receive()), ['at last']);
  },
);

receivesInTurns({
  clause: 'RFC 30 PULL: receives from its peers in fair turns',
  tested: 'Pull',
  peer: 'Push',
});

holds('RFC 31 PAIR: sends and receives at will', 'everywhere', async ({ tested, peer, join }) => {
  const [one, two] = [tested('Pair'), peer('Pair')];
  await join(one, two);
  for (let count = 0; count < 50; count += 1) {
    await one.send(`there ${count}`);
    await two.send(`back ${count}`);
  }
  for (let count = 0; count < 50; count += 1) {
    assert.deepEqual(text(await two.receive()), [`there ${count}`]);
    assert.deepEqual(text(await one.receive()), [`back ${count}`]);
  }
});

holds('RFC 31 PAIR: passes messages as they are', 'everywhere', async ({ tested, peer, join }) => {
  const [one, two] = [tested('Pair'), peer('Pair')];
  await join(one, two);
  await passes(one, two);
  await passes(two, one);
});

queuesEarly({
  clause: 'RFC 31 PAIR: queues for an endpoint that it connects to before anybody is there',
  ...PAIR,
});
discardsOfWhoLeft({
  clause: 'RFC 31 PAIR: discards what is queued for a peer that had connected and leaves',
  ...PAIR,
});
keepsMark({ clause: 'RFC 31 PAIR: limits its queues by options', ...PAIR });
waitsForRoom({
  clause: 'RFC 31 PAIR: waits, or fails, when it has no peer, and takes no more messages',
  ...PAIR,
});
