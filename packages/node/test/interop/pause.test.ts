/** A paused node and real peers: libzmq, and @zeroth/client. It takes nothing in, delivers what it has, and loses nothing. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { describe, it } from 'node:test';
import { type Client, connect } from '@zeroth/client';
import { Dealer } from '@zeroth/zmq';
import * as zmq from 'zeromq';
import * as lib from '../support/libzmq.ts';
import { freePort } from '../support/port.ts';
import { type Bench, route, routes, running, until, words } from '../unit/flow/support.ts';

const DURABLE = { more: 'stream: { fsync: never }' };
const ANY = 'tcp://127.0.0.1:*';
const SESSIONS = `sessions: { bind: "${ANY}", heartbeatInterval: 100ms }\nstreams: { events: { fsync: never } }\n`;

async function clientOf(t: TestContext, { node }: Bench, name: string): Promise<Client> {
  const client = await connect(node.sessions[0] as string, { name });
  t.after(() => client.close({ timeout: 0 }));
  return client;
}

describe('a pipeline that is paused', () => {
  for (const [kind, options] of [
    ['without a stream', {}],
    ['with a stream', DURABLE],
  ] as const) {
    it(`${kind}: holds a PUSH of libzmq up, keeps its connection, and then takes everything in order`, async (t) => {
      const bench = await running(t, routes(route('jobs', options)));
      const push = lib.pushSocket(t);
      const pull = lib.pullSocket(t);
      await lib.connected(pull, bench.at('jobs', 'backend'));
      await lib.connected(push, bench.at('jobs', 'frontend'));
      await push.send('m1');
      assert.deepEqual(await lib.receiveTexts(pull, 1), ['m1']);
      await bench.node.pause();
      for (const word of words(2, 500)) await push.send(word);
      await until(() => bench.node.status()[0]?.frontend.messagesIn === 500, 'what the peer has sent');
      const [status] = bench.node.status();
      assert.equal(status?.frontend.queuedIn, 499, 'it waits where it came in');
      assert.equal(status?.toBack.messages, 1);
      assert.equal(status?.frontend.peers, 1);
      await bench.node.resume();
      assert.deepEqual(await lib.receiveTexts(pull, 499), words(2, 500));
    });
  }

  it('stops reading at the mark, also where there is none; a sender of libzmq with heartbeats waits, and stays', async (t) => {
    for (const mark of [0, 10]) {
      const more = `receiveHighWaterMark: ${mark}, heartbeatInterval: 50ms, heartbeatTimeout: 1s`;
      const bench = await running(t, routes(route('jobs', { more })));
      const push = lib.closing(
        t,
        // It gives up who says nothing for so long: reading stops, the node's own pings do not.
        new zmq.Push({
          sendHighWaterMark: 10,
          sendTimeout: 2500,
          heartbeatInterval: 50,
          heartbeatTimeout: 1000,
        }),
      );
      const pull = lib.pullSocket(t);
      await lib.connected(pull, bench.at('jobs', 'backend'));
      await lib.connected(push, bench.at('jobs', 'frontend'));
      await bench.node.pause();
      const body = Buffer.alloc(100_000);
      let sent = 0;
      const waits = async (): Promise<void> => {
        for (;;) {
          await push.send([String(sent), body]);
          sent++;
        }
      };
      await assert.rejects(waits(), { code: 'EAGAIN' });
      const [status] = bench.node.status();
      assert.ok((status?.frontend.queuedIn ?? 0) < 1200, 'memory is bounded');
      const [peer] = bench.node.peers();
      assert.equal(peer?.info.paused, true);
      await bench.node.resume();
      for (let number = 0; number < sent; number++)
        assert.equal(String((await pull.receive())[0]), String(number));
      assert.equal(bench.node.status()[0]?.frontend.reconnects, 0);
      assert.equal(bench.node.status()[0]?.frontend.connections, 1, 'nobody was cut off');
    }
  });

  it('goes on delivering its stream, and takes what waits in it to who comes meanwhile', async (t) => {
    const bench = await running(t, routes(route('jobs', DURABLE)));
    const push = lib.pushSocket(t);
    await lib.connected(push, bench.at('jobs', 'frontend'));
    for (const word of words(1, 50)) await push.send(word);
    await until(() => bench.node.status()[0]?.stream?.waiting === 50, 'the stream to have them');
    await bench.node.pause();
    const pull = lib.pullSocket(t);
    pull.connect(bench.at('jobs', 'backend'));
    assert.deepEqual(await lib.receiveTexts(pull, 50), words(1, 50));
  });

  it('delivers what it held when it stops', async (t) => {
    for (const options of [{}, DURABLE]) {
      const bench = await running(t, routes(route('jobs', options)));
      const push = lib.pushSocket(t);
      const pull = lib.pullSocket(t);
      await lib.connected(pull, bench.at('jobs', 'backend'));
      await lib.connected(push, bench.at('jobs', 'frontend'));
      await bench.node.pause();
      for (const word of words(1, 200)) await push.send(word);
      await until(() => bench.node.status()[0]?.frontend.messagesIn === 200, 'what the peer has sent');
      const stopped = bench.node.stop();
      assert.deepEqual(await lib.receiveTexts(pull, 200), words(1, 200));
      assert.equal((await stopped).undelivered, 0);
    }
  });

  it('stops in good order when it is paused and resumed again and again meanwhile', async (t) => {
    for (const options of [{}, DURABLE]) {
      const bench = await running(t, routes(route('jobs', options)));
      const push = lib.pushSocket(t);
      const pull = lib.pullSocket(t);
      await lib.connected(pull, bench.at('jobs', 'backend'));
      await lib.connected(push, bench.at('jobs', 'frontend'));
      await bench.node.pause();
      for (const word of words(1, 500)) await push.send(word);
      await until(() => bench.node.status()[0]?.frontend.messagesIn === 500, 'what the peer has sent');
      let over = false;
      const stopped = bench.node.stop().finally(() => {
        over = true;
      });
      const received = lib.receiveTexts(pull, 500);
      while (!over) {
        await bench.node.resume();
        await bench.node.pause();
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.deepEqual(await received, words(1, 500));
      assert.equal((await stopped).undelivered, 0);
    }
  });
});

describe('a route of requests that is paused', () => {
  it('answers what it had taken, and asks nobody anything new', async (t) => {
    const bench = await running(t, routes(route('ask', { pattern: 'reqrep' })));
    const rep = lib.replySocket(t);
    await lib.connected(rep, bench.at('ask', 'backend'));
    const first = lib.requestSocket(t);
    await lib.connected(first, bench.at('ask', 'frontend'));
    const second = lib.requestSocket(t);
    await lib.connected(second, bench.at('ask', 'frontend'));
    await first.send('taken');
    assert.equal(String((await rep.receive())[0]), 'taken');
    await bench.node.pause();
    await second.send('held');
    await until(() => bench.node.status()[0]?.frontend.queuedIn === 1, 'the request to come');
    await rep.send('answered');
    assert.equal(String((await first.receive())[0]), 'answered');
    assert.equal(bench.node.status()[0]?.toBack.messages, 1);
    await bench.node.resume();
    assert.equal(String((await rep.receive())[0]), 'held');
    await rep.send('answered, too');
    assert.equal(String((await second.receive())[0]), 'answered, too');
  });
});

describe('a pubsub route that is paused', () => {
  it('still passes subscriptions on, and goes on with what the publisher could send', async (t) => {
    const bench = await running(t, routes(route('news', { pattern: 'pubsub' })));
    const pub = lib.publisherSocket(t);
    await lib.connected(pub, bench.at('news', 'frontend'));
    await bench.node.pause();
    const sub = lib.subscriberSocket(t, 'm');
    await lib.connected(sub, bench.at('news', 'backend'));
    await lib.subscribed(pub, 'm');
    for (const word of words(1, 20)) await pub.send(word);
    await until(() => bench.node.status()[0]?.frontend.messagesIn === 20, 'the messages to come');
    assert.equal(bench.node.status()[0]?.toBack.messages, 0);
    await bench.node.resume();
    assert.deepEqual(await lib.receiveTexts(sub, 20), words(1, 20));
  });
});

describe('sessions of a node that is paused', () => {
  it('a publisher waits, hears why, keeps its session, and goes on where it was', async (t) => {
    const bench = await running(t, SESSIONS);
    const client = await clientOf(t, bench, 'press-4');
    const states: string[] = [];
    void (async () => {
      for await (const state of client.states()) states.push(state.type);
    })();
    const events = client.stream('events');
    assert.deepEqual(await events.publish('m1'), { sequence: 1 });
    await bench.node.pause();
    const waiting = words(2, 100).map((word) => events.publish(word));
    await until(() => states.includes('blocked'), 'the client to hear of it');
    // Longer than the client or the node would wait for a sign of the other.
    const beats = bench.node.sessionStatus()?.connected;
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.equal(beats, 1);
    assert.equal(bench.node.sessionStatus()?.connected, 1);
    assert.equal(bench.node.streams()[0]?.next, 2, 'nothing was taken');
    await bench.node.resume();
    const stored = await Promise.all(waiting);
    assert.deepEqual(
      stored.map(({ sequence }) => sequence),
      stored.map((_, i) => i + 2),
    );
    await until(() => states.includes('unblocked'), 'the client to hear that it goes on');
    assert.ok(!states.includes('reconnecting'), states.join(' '));
  });

  it('consumers go on, and their acknowledgements count', async (t) => {
    const bench = await running(t, SESSIONS);
    const client = await clientOf(t, bench, 'press-4');
    const events = client.stream('events');
    await Promise.all(words(1, 100).map((word) => events.publish(word)));
    await bench.node.pause();
    const heard: string[] = [];
    for await (const record of events.consume({ group: 'g', from: 'first' })) {
      heard.push(String(record.body));
      record.ack();
      if (heard.length === 100) break;
    }
    assert.deepEqual(heard, words(1, 100));
    await until(() => (bench.node.sessionStatus()?.groups[0]?.lag ?? 0) === 0, 'the acknowledgements');
  });

  it('who comes while it is paused, or loses its connection, goes on as well', async (t) => {
    const port = await freePort();
    const at = (more: string): string =>
      `sessions: { bind: [${more}] }\nstreams: { events: { fsync: never } }\n`;
    const fixed = `"tcp://127.0.0.1:${port}"`;
    const bench = await running(t, at(fixed));
    const old = await clientOf(t, bench, 'old');
    await old.stream('events').publish('m1');
    await bench.node.pause();
    const kept = old.stream('events').publish('m2');
    const newcomer = await clientOf(t, bench, 'new');
    const held = newcomer.stream('events').publish('m3');
    // Both lose their connections, and find the node again.
    await bench.apply(at(`"${ANY}"`));
    await bench.apply(at(fixed));
    await until(() => bench.node.sessionStatus()?.connected === 2, 'both to be back');
    assert.equal(bench.node.streams()[0]?.next, 2);
    await bench.node.resume();
    await Promise.all([kept, held]);
    assert.equal(bench.node.streams()[0]?.next, 4);
  });

  it('who opens a stream again and again is answered once', async (t) => {
    const bench = await running(t, SESSIONS);
    const dealer = new Dealer();
    t.after(() => dealer.close());
    dealer.connect(bench.node.sessions[0] as string);
    await dealer.send([
      'HELLO',
      JSON.stringify({ protocol: 1, name: 'raw', instance: '1', heartbeat: 5000 }),
    ]);
    assert.equal(String((await dealer.receive())[0]), 'WELCOME');
    await bench.node.pause();
    for (let i = 0; i < 100; i++) await dealer.send(['OPEN', 'events']);
    await dealer.send(['INFO', Buffer.alloc(4), 'events']);
    assert.equal(String((await dealer.receive())[0]), 'INFO', 'all that came before is served');
    await bench.node.resume();
    await dealer.send(['PING', '']);
    const answers = [String((await dealer.receive())[0]), String((await dealer.receive())[0])];
    assert.deepEqual(answers, ['OPENED', 'PONG']);
  });
});

describe('a change of a node that is paused', () => {
  it('new routes and sessions are paused, and what goes is emptied first', async (t) => {
    const bench = await running(t, routes(route('old'), route('kept', DURABLE)));
    const push = lib.pushSocket(t);
    const pull = lib.pullSocket(t);
    await lib.connected(pull, bench.at('old', 'backend'));
    await lib.connected(push, bench.at('old', 'frontend'));
    await bench.node.pause();
    for (const word of words(1, 100)) await push.send(word);
    const applied = bench.apply(`${SESSIONS}${routes(route('new'), route('kept', DURABLE))}`);
    assert.deepEqual(await lib.receiveTexts(pull, 100), words(1, 100));
    await applied;
    const other = lib.pushSocket(t);
    await lib.connected(other, bench.at('new', 'frontend'));
    await other.send('m1');
    await until(() => bench.node.status()[0]?.frontend.messagesIn === 1, 'the message to come');
    assert.equal(bench.node.status()[0]?.frontend.queuedIn, 1);
    const client = await clientOf(t, bench, 'press-4');
    const published = client.stream('events').publish('m1');
    await bench.node.resume();
    await published;
    const last = lib.pullSocket(t);
    last.connect(bench.at('new', 'backend'));
    assert.deepEqual(await lib.receiveTexts(last, 1), ['m1']);
  });
});
