/** Streams and sessions of a running node: those that come, those that go, those that get other settings. */
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { describe, it } from 'node:test';
import { Publisher, Pull, Push } from '@zeroth/zmq';
import { freePort } from '../../support/port.ts';
import { RawClient } from '../../support/session-client.ts';
import {
  type Bench,
  connected,
  HOST,
  LIMIT,
  route,
  routes,
  running,
  texts,
  until,
  words,
} from './support.ts';

const SESSIONS = 'sessions: { bind: "tcp://127.0.0.1:*" }\n';

async function client(t: TestContext, { node }: Bench, name: string, index = 0): Promise<RawClient> {
  const made = new RawClient(node.sessions[index]!, name);
  t.after(() => made.close());
  await made.hello();
  return made;
}

describe('streams of a running node', { timeout: 60_000 }, () => {
  it('come, and clients that are there use them', async (t) => {
    const bench = await running(t, `streams: { one: }\n${SESSIONS}`);
    const a = await client(t, bench, 'a');
    await a.send({ type: 'OPEN', stream: 'two' });
    assert.equal((await a.next('REFUSED')).refusal.code, 'STREAM_UNKNOWN');
    const applied = await bench.apply(`streams: { one: , two: }\n${SESSIONS}`);
    assert.deepEqual([applied.added, applied.kept], [['streams.two'], ['streams.one', 'sessions']]);
    await a.open('two');
    await a.publish('two', 1, [['x']]);
    assert.equal((await a.next('STORED')).stream, 'two');
    assert.deepEqual(
      bench.node.streams().map(({ name }) => name),
      ['one', 'two'],
    );
  });

  it('go: consumers and publishers are told, what was published is stored, and it is there when they come again', async (t) => {
    const bench = await running(t, `streams: { one: , two: }\n${SESSIONS}`);
    const a = await client(t, bench, 'a');
    await a.open('two');
    await a.publish('two', 1, [['x'], ['y']]);
    await a.next('STORED');
    await a.consume(1, { stream: 'two', strategy: 'group', group: 'g' });
    await a.records(2);
    await a.ack(1, 1);
    await a.settled();
    const applied = await bench.apply(`streams: { one: }\n${SESSIONS}`);
    assert.deepEqual(applied.removed, ['streams.two']);
    const ended = await a.next('ENDED');
    assert.deepEqual([ended.consumer, ended.trouble.code], [1, 'STREAM_UNKNOWN']);
    await a.publish('two', 3, [['z']]);
    const { refusal } = await a.next('REFUSED');
    assert.deepEqual([refusal.code, refusal.retry], ['STREAM_UNKNOWN', false]);
    assert.deepEqual(
      bench.node.streams().map(({ name }) => name),
      ['one'],
    );
    assert.deepEqual((await readdir(join(bench.dir, 'streams'))).sort(), ['one', 'two']);
    await bench.apply(`streams: { one: , two: }\n${SESSIONS}`);
    await a.consume(1, { stream: 'two', strategy: 'group', group: 'g' });
    assert.deepEqual(
      (await a.records(1)).map(({ sequence, frames }) => [sequence, frames]),
      [[2, ['y']]],
    );
  });

  it('go while a publisher waits for what it sent: it gets the answer', async (t) => {
    const bench = await running(t, `streams: { one: , two: }\n${SESSIONS}`);
    const a = await client(t, bench, 'a');
    await a.open('two');
    for (let i = 1; i <= 200; i++) await a.publish('two', i, [[`${i}`]]);
    await until(() => (bench.node.streams()[1]?.next ?? 0) > 1, 'something is appended');
    const next = (): number => bench.node.streams().find(({ name }) => name === 'two')!.next;
    const stream = bench.node.streams()[1]!;
    assert.ok(next() > 1);
    await bench.apply(`streams: { one: }\n${SESSIONS}`);
    // Each of them was stored or refused, and stored are those that the stream has.
    let stored = 0;
    let refused = 0;
    while (stored + refused < 200) {
      const answer = await a.next('STORED', 'REFUSED');
      if (answer.type === 'REFUSED') refused++;
      else for (const { first, last } of answer.receipts) stored += last - first + 1;
    }
    assert.equal(stream.committed, stored + 1);
  });

  it('take their dead letters with them', async (t) => {
    const bench = await running(t, `streams: { one: , two: }\n${SESSIONS}`);
    const a = await client(t, bench, 'a');
    await a.open('two');
    await a.publish('two', 1, [['x']]);
    await a.next('STORED');
    await a.consume(1, { stream: 'two', strategy: 'group', group: 'g', maxDeliveries: 1 });
    await a.records(1);
    await a.nack(1, 1);
    await until(
      () => bench.node.streams().some(({ name }) => name === 'two.dead'),
      'a stream of dead letters',
    );
    await bench.apply(`streams: { two: { fsync: never } }\n${SESSIONS}`);
    const settings = bench.node.streams().map(({ name, settings: { fsync } }) => [name, fsync]);
    assert.deepEqual(settings, [
      ['two', 'never'],
      ['two.dead', 'never'],
    ]);
    await bench.apply(`streams: { one: }\n${SESSIONS}`);
    assert.deepEqual(
      bench.node.streams().map(({ name }) => name),
      ['one'],
    );
    await bench.apply(`streams: { two: }\n${SESSIONS}`);
    assert.deepEqual(
      bench.node.streams().map(({ name }) => name),
      ['two', 'two.dead'],
    );
  });

  it('take other settings while records come', async (t) => {
    const text = (stream: string): string => routes(route('r', { more: `stream: ${stream}` }));
    const bench = await running(t, text('{}'));
    const producer = connected(t, new Push({ sendTimeout: LIMIT, linger: 0 }), bench.at('r', 'frontend'));
    const consumer = connected(t, new Pull({ receiveTimeout: LIMIT }), bench.at('r', 'backend'));
    const stream = bench.node.streams()[0]!;
    let sent = 0;
    const settings = [
      '{ fsync: interval, fsyncInterval: 5ms }',
      '{ fsync: never, retain: { bytes: 1MiB } }',
      '{ fsync: always, retain: { count: 10 } }',
      '{ fsync: interval }',
      '{}',
    ];
    for (const each of settings) {
      for (let i = 0; i < 20; i++) await producer.socket.send(`m${++sent}`);
      const { changed } = await bench.apply(text(each));
      assert.deepEqual(changed, ['routes.r']);
    }
    assert.deepEqual(await texts(consumer.socket, sent), words(1, sent));
    assert.equal(bench.node.streams()[0], stream);
    assert.deepEqual(stream.settings, bench.node.config.routes[0]!.stream);
    assert.deepEqual(
      [producer.counts, consumer.counts],
      [
        { ready: 1, gone: 0 },
        { ready: 1, gone: 0 },
      ],
    );
  });

  it('of a route that gets none any more keep what was not delivered; one that gets it again goes on there', async (t) => {
    const kept = routes(route('r', { more: 'stream: {}' }));
    const bench = await running(t, kept);
    const producer = connected(t, new Push({ sendTimeout: LIMIT, linger: 0 }), bench.at('r', 'frontend'));
    for (const word of words(1, 40)) await producer.socket.send(word);
    await until(() => bench.node.status()[0]!.stream!.waiting === 40, 'all wait');
    assert.ok(bench.node.status()[0]!.stream!.waitingSince! <= Date.now());
    const { drained } = await bench.apply(routes(route('r')));
    assert.equal(drained[0]?.kept, 40);
    assert.deepEqual(bench.node.streams(), []);
    await producer.socket.send('m41');
    const consumer = connected(t, new Pull({ receiveTimeout: LIMIT }), bench.at('r', 'backend'));
    assert.deepEqual(await texts(consumer.socket, 1), ['m41']);
    await bench.apply(kept);
    assert.deepEqual(await texts(consumer.socket, 40), words(1, 40));
  });

  it('go from a route to clients, and retention waits for nobody then', async (t) => {
    const settings = 'retain: { count: 8 }';
    const bench = await running(t, routes(route('r', { more: `stream: { ${settings} }` })));
    const producer = connected(t, new Push({ sendTimeout: LIMIT, linger: 0 }), bench.at('r', 'frontend'));
    for (const word of words(1, 4)) await producer.socket.send(word);
    const stream = bench.node.streams()[0]!;
    await until(() => stream.committed === 5, 'all is stored');
    await bench.apply(`streams: { r: { ${settings} } }\n${SESSIONS}`);
    assert.equal(bench.node.streams()[0], stream);
    const a = await client(t, bench, 'a');
    await a.open('r');
    for (let i = 1; i <= 50; i++) {
      await a.publish('r', i, [[`${i}`]]);
      await a.next('STORED');
    }
    await until(() => stream.first > 4, 'what the route had not delivered is gone');
  });

  it('of a pipeline that is to be pubsub are kept for nobody any more', async (t) => {
    const more = 'stream: { retain: { count: 8 } }';
    const bench = await running(t, routes(route('r', { more })));
    const producer = connected(t, new Push({ sendTimeout: LIMIT, linger: 0 }), bench.at('r', 'frontend'));
    for (const word of words(1, 4)) await producer.socket.send(word);
    const stream = bench.node.streams()[0]!;
    await until(() => stream.committed === 5, 'all is stored');
    await bench.apply(routes(route('r', { pattern: 'pubsub', more })));
    assert.equal(bench.node.streams()[0], stream);
    const publisher = connected(t, new Publisher({ linger: 0 }), bench.at('r', 'frontend'));
    await until(() => publisher.counts.ready === 1, 'the node is there');
    // What comes before the subscription is dropped by the publisher.
    const publish = (): boolean => {
      void publisher.socket.send('x');
      return stream.committed >= 40;
    };
    await until(publish, 'more is stored than there is room for');
    await until(() => stream.first > 4, 'what the route had not delivered is gone');
  });
});

describe('sessions of a running node', { timeout: 60_000 }, () => {
  it('come and go', async (t) => {
    const streams = 'streams: { one: }\n';
    const bench = await running(t, `${streams}${routes(route('r'))}`);
    assert.deepEqual([bench.node.sessions, bench.node.sessionStatus()], [[], null]);
    assert.deepEqual((await bench.apply(`${streams}${SESSIONS}${routes(route('r'))}`)).added, ['sessions']);
    const a = await client(t, bench, 'a');
    await a.open('one');
    await a.publish('one', 1, [['x']]);
    await a.next('STORED');
    assert.equal(bench.node.sessionStatus()?.sessions, 1);
    assert.deepEqual((await bench.apply(`${streams}${routes(route('r'))}`)).removed, ['sessions']);
    assert.equal((await a.next('BYE')).type, 'BYE');
    assert.deepEqual([bench.node.sessions, bench.node.sessionStatus()], [[], null]);
  });

  it('take other limits, and other endpoints, while sessions go on', async (t) => {
    const port = await freePort();
    const text = (bind: string, more: string): string =>
      `streams: { one: }\nsessions: { bind: [${bind}]${more} }\n`;
    const any = '"tcp://127.0.0.1:*"';
    const bench = await running(t, text(`${any}, "tcp://${HOST}:${port}"`, ''));
    const stays = bench.node.sessions[0];
    const a = await client(t, bench, 'a');
    const b = await client(t, bench, 'b', 1);
    await b.open('one');
    await b.publish('one', 1, [['x']]);
    await b.next('STORED');
    const more = ', maxSessions: 2, maxMessageSize: 64KiB, heartbeatInterval: 1s';
    await bench.apply(text(`${any}, "tcp://127.0.0.1:0"`, more));
    assert.equal(bench.node.sessions[0], stays);
    assert.equal(bench.node.sessions.length, 2);
    assert.ok(!bench.node.sessions.includes(`tcp://${HOST}:${port}`));
    await a.settled();
    const c = new RawClient(bench.node.sessions[1]!, 'c');
    t.after(() => c.close());
    await c.send({ type: 'HELLO', hello: { protocol: 1, name: 'c', instance: 'i', heartbeat: 5000 } });
    assert.equal((await c.next('ERROR')).trouble.code, 'TOO_MANY_SESSIONS');
    // The one whose endpoint is gone finds its session again at another.
    const again = new RawClient(bench.node.sessions[1]!, 'b');
    t.after(() => again.close());
    const welcome = await again.hello();
    assert.deepEqual([welcome.resumed, welcome.heartbeat, welcome.maxMessageSize], [true, 1000, 64 * 1024]);
    assert.equal(bench.node.sessionStatus()?.sessions, 2);
  });
});
