/** Other configurations for a running node: what each kind of change does to routes, connections and messages. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Dealer, Publisher, Pull, Push, Reply, Request, Proxy as SocketProxy, Subscriber } from '@zeroth/zmq';
import { freePort } from '../../support/port.ts';
import { connected, HOST, LIMIT, route, routes, running, texts, until, words } from './support.ts';

const pull = (): Pull => new Pull({ receiveTimeout: LIMIT });
const push = (): Push => new Push({ sendTimeout: LIMIT, linger: 0 });

describe('a change of routes', { timeout: 60_000 }, () => {
  it('leaves alone what did not change: its sockets, connections and messages on their way', async (t) => {
    const { node, apply, at } = await running(t, routes(route('kept'), route('gone')));
    const before = node.routes.get('kept');
    const producer = connected(t, push(), at('kept', 'frontend'));
    const consumer = connected(t, pull(), at('kept', 'backend'));
    await producer.socket.send('m1');
    assert.deepEqual(await texts(consumer.socket, 1), ['m1']);
    for (const word of words(2, 400)) await producer.socket.send(word);
    const applied = await apply(routes(route('fresh'), route('kept')));
    assert.deepEqual(applied.kept, ['routes.kept']);
    assert.deepEqual(applied.added, ['routes.fresh']);
    assert.deepEqual(applied.removed, ['routes.gone']);
    assert.deepEqual(applied.changed, []);
    assert.deepEqual([...node.routes.keys()], ['fresh', 'kept']);
    assert.equal(node.routes.get('kept'), before);
    await producer.socket.send('m401');
    assert.deepEqual(await texts(consumer.socket, 400), words(2, 401));
    assert.deepEqual(producer.counts, { ready: 1, gone: 0 });
    assert.deepEqual(consumer.counts, { ready: 1, gone: 0 });
  });

  it('forwards on a route that was added, and delivers what one that goes has accepted', async (t) => {
    const { node, apply, at } = await running(t, routes(route('old')));
    const producer = connected(t, push(), at('old', 'frontend'));
    const consumer = connected(t, pull(), at('old', 'backend'));
    await until(() => consumer.counts.ready === 1, 'the consumer is there');
    for (const word of words(1, 500)) await producer.socket.send(word);
    const applying = apply(routes(route('new')));
    assert.deepEqual(await texts(consumer.socket, 500), words(1, 500));
    const { drained } = await applying;
    assert.deepEqual(drained, [{ route: 'old', undelivered: 0, kept: 0, forwarded: 500, dropped: 0 }]);
    assert.equal(node.config.routes[0]?.name, 'new');
    const next = connected(t, push(), at('new', 'frontend'));
    await next.socket.send('here');
    assert.deepEqual(await texts(connected(t, pull(), at('new', 'backend')).socket, 1), ['here']);
  });

  it('sets options on the sockets that are there', async (t) => {
    const { node, apply, at } = await running(t, routes(route('r', { pattern: 'reqrep' })));
    const worker = connected(t, new Reply(), at('r', 'backend'));
    await until(() => worker.counts.ready === 1, 'the worker is there');
    const before = node.routes.get('r');
    const more = 'maxPeers: 1, maxMessageSize: 1KiB, heartbeatInterval: 3s, timeout: 9s';
    const { changed, drained } = await apply(routes(route('r', { pattern: 'reqrep', more })));
    assert.deepEqual([changed, drained], [['routes.r'], []]);
    assert.equal(node.routes.get('r'), before);
    const { heartbeatInterval, timeout } = node.peers()[0]!;
    assert.deepEqual([heartbeatInterval, timeout], [3000, 9000]);
    // One peer is there already, so a second one is refused; and a message may be so large for who was there before.
    const refused: string[] = [];
    node.watch(({ type, error }) => refused.push(`${type} ${error?.code}`));
    connected(t, new Reply(), at('r', 'backend'));
    await until(() => refused.includes('refused ERR_TOO_MANY_PEERS'), 'the second one is refused');
    assert.deepEqual(worker.counts, { ready: 1, gone: 0 });
    const large = connected(t, new Dealer({ linger: 0 }), at('r', 'frontend'));
    await large.socket.send(Buffer.alloc(2000));
    await until(() => large.counts.gone === 1, 'a peer that sends too much is parted from');
  });

  it('binds an endpoint more, and lets one go, while the others keep their peers', async (t) => {
    const port = await freePort();
    const old = `tcp://${HOST}:${port}`;
    const { apply, at } = await running(t, routes(route('r', { front: `tcp://127.0.0.1:* ${old}` })));
    const stays = at('r', 'frontend', 0);
    const kept = connected(t, push(), stays);
    const moved = connected(t, push(), old);
    const consumer = connected(t, pull(), at('r', 'backend'));
    await until(() => kept.counts.ready + moved.counts.ready + consumer.counts.ready === 3, 'all are there');
    for (const word of words(1, 300)) await moved.socket.send(word);
    const applying = apply(routes(route('r', { front: `tcp://127.0.0.1:* tcp://127.0.0.1:0` })));
    assert.deepEqual((await texts(consumer.socket, 300)).sort(), words(1, 300).sort());
    await applying;
    // A wildcard that did not change keeps its port.
    assert.equal(at('r', 'frontend', 0), stays);
    const added = at('r', 'frontend', 1);
    assert.notEqual(added, old);
    await connected(t, push(), added).socket.send('by the new one');
    assert.deepEqual(await texts(consumer.socket, 1), ['by the new one']);
    assert.deepEqual(kept.counts, { ready: 1, gone: 0 });
    assert.equal(moved.counts.gone, 1);
  });

  it('connects to an endpoint more, and parts from one', async (t) => {
    const [one, two] = [pull(), pull()];
    t.after(() => {
      one.close();
      two.close();
    });
    await one.bind('tcp://127.0.0.1:*');
    await two.bind('tcp://127.0.0.1:*');
    const { node, apply, at } = await running(t, routes(route('r', { back: `>${one.lastEndpoint}` })));
    const producer = connected(t, push(), at('r', 'frontend'));
    for (const word of words(1, 100)) await producer.socket.send(word);
    await until(() => node.status()[0]!.toBack.messages === 100, 'all went through');
    await apply(routes(route('r', { back: `>${two.lastEndpoint}` })));
    assert.deepEqual(await texts(one, 100), words(1, 100));
    assert.deepEqual(
      node.status()[0]!.backend.endpoints.map(({ address }) => address),
      [two.lastEndpoint],
    );
    for (const word of words(101, 120)) await producer.socket.send(word);
    assert.deepEqual(await texts(two, 20), words(101, 120));
    assert.deepEqual(producer.counts, { ready: 1, gone: 0 });
  });

  it('gives a route of another pattern other sockets at the same addresses', async (t) => {
    const { node, apply, at } = await running(t, routes(route('r', { pattern: 'reqrep' })));
    const [front, back] = [at('r', 'frontend'), at('r', 'backend')];
    const answer = connected(t, new Reply(), back);
    const ask = connected(t, new Request({ receiveTimeout: LIMIT }), front);
    await ask.socket.send('a');
    await answer.socket.receive();
    await answer.socket.send('b');
    assert.deepEqual(await texts(ask.socket, 1), ['b']);
    answer.socket.close();
    ask.socket.close();
    const { changed, drained } = await apply(routes(route('r', { pattern: 'pubsub' })));
    assert.deepEqual(changed, ['routes.r']);
    assert.equal(drained[0]?.undelivered, 0);
    assert.deepEqual([at('r', 'frontend'), at('r', 'backend')], [front, back]);
    assert.equal(node.status()[0]?.pattern, 'pubsub');
    const subscriber = connected(t, new Subscriber({ receiveTimeout: LIMIT }), back);
    subscriber.socket.subscribe();
    const publisher = connected(t, new Publisher(), front);
    const sending = setInterval(() => void publisher.socket.send('news'), 5);
    try {
      assert.deepEqual(await texts(subscriber.socket, 1), ['news']);
    } finally {
      clearInterval(sending);
    }
  });

  it('takes IPv6 on and off at the same port', async (t) => {
    const { apply, at } = await running(t, routes(route('r', { front: 'tcp://*:*' })));
    const port = at('r', 'frontend').split(':').at(-1);
    await apply(routes(route('r', { front: 'tcp://*:*', more: 'ipv6: true' })));
    assert.equal(at('r', 'frontend').split(':').at(-1), port);
    await connected(t, push(), `tcp://${HOST}:${port}`).socket.send('hello');
    assert.deepEqual(await texts(connected(t, pull(), at('r', 'backend')).socket, 1), ['hello']);
  });

  it('lets two routes change their addresses, and one take that of one that goes', async (t) => {
    const [a, b, c] = [await freePort(), await freePort(), await freePort()].map(
      (port) => `tcp://${HOST}:${port}`,
    );
    const { node, apply, at } = await running(
      t,
      routes(route('one', { front: a! }), route('two', { front: b! }), route('three', { front: c! })),
    );
    await apply(
      routes(route('one', { front: b! }), route('two', { front: c! }), route('four', { front: a! })),
    );
    assert.deepEqual([at('one', 'frontend'), at('two', 'frontend'), at('four', 'frontend')], [b, c, a]);
    for (const [name, address] of [
      ['one', b],
      ['two', c],
      ['four', a],
    ] as const) {
      await connected(t, push(), address!).socket.send(name);
      assert.deepEqual(await texts(connected(t, pull(), at(name, 'backend')).socket, 1), [name]);
    }
    assert.deepEqual(
      node.status().map(({ state }) => state),
      ['running', 'running', 'running'],
    );
  });

  it('does nothing for the same configuration', async (t) => {
    const text = `${routes(route('a', { more: 'stream: {}' }), route('b'))}sessions: { bind: "tcp://127.0.0.1:*" }\nstreams: { s: }\n`;
    const { node, apply } = await running(t, text);
    const before = [...node.routes.values()];
    const applied = await apply(text);
    assert.deepEqual(applied.kept, ['routes.a', 'routes.b', 'streams.s', 'sessions']);
    assert.deepEqual(
      [applied.added, applied.removed, applied.changed, applied.restart, applied.drained],
      [[], [], [], [], []],
    );
    assert.deepEqual([...node.routes.values()], before);
  });

  it('keeps keys that need a restart, and names them', async (t) => {
    const { node, dir, config } = await running(t, `node: { name: one }\n${routes(route('r'))}`);
    const wanted = config(
      `node: { name: two, dataDir: ${JSON.stringify(dir)}, stopTimeout: 7s }\nlog: { format: json }\n${routes(route('q'))}`,
    );
    const { restart, added } = await node.apply(wanted);
    assert.deepEqual(restart, ['node.name', 'node.dataDir', 'log.format']);
    assert.deepEqual(added, ['routes.q']);
    assert.equal(node.name, 'one');
    assert.equal(node.config.node.name, 'one');
    assert.equal(node.config.node.stopTimeout, 7000);
    assert.equal(node.config.log.format, 'auto');
  });

  it('takes one change after the other, in order', async (t) => {
    const { node, apply } = await running(t, routes(route('a')));
    await Promise.all([
      apply(routes(route('b'))),
      apply(routes(route('c'))),
      apply(routes(route('d'), route('c'))),
    ]);
    assert.deepEqual([...node.routes.keys()], ['d', 'c']);
  });
});

describe('a running node', { timeout: 60_000 }, () => {
  it('tells of peers, and isolates one', async (t) => {
    const { node, at } = await running(t, routes(route('r')));
    const [one, two] = [connected(t, pull(), at('r', 'backend')), connected(t, pull(), at('r', 'backend'))];
    await until(() => node.status()[0]!.backend.peers === 2, 'both are there');
    const peers = node.peers().filter(({ side }) => side === 'backend');
    assert.equal(peers.length, 2);
    assert.equal(node.isolate('r', 'backend', peers[0]!.info.id, true), true);
    assert.equal(node.isolate('nothing', 'backend', peers[0]!.info.id, true), false);
    const producer = connected(t, push(), at('r', 'frontend'));
    for (const word of words(1, 10)) await producer.socket.send(word);
    await until(() => node.status()[0]!.backend.messagesOut === 10, 'all are sent');
    const counts = node
      .peers()
      .filter(({ side }) => side === 'backend')
      .map(({ info }) => info.messagesOut);
    assert.deepEqual(counts, [0, 10]);
    assert.equal(one.counts.gone + two.counts.gone, 0);
  });

  it('shows what passes to whoever looks, also over a change of sockets', async (t) => {
    const { node, apply, at } = await running(t, routes(route('r')));
    const seen: string[] = [];
    const other: number[] = [];
    const stop = node.observe('r', (direction, run) => seen.push(`${direction} ${run.count}`));
    const stopOther = node.observe('r', (_direction, run) => other.push(run.count));
    const consumer = connected(t, pull(), at('r', 'backend'));
    const producer = connected(t, push(), at('r', 'frontend'));
    await producer.socket.send('1');
    await texts(consumer.socket, 1);
    assert.deepEqual(seen, ['toBack 1']);
    stopOther();
    await apply(routes(route('r', { more: 'stream: {}' })));
    await producer.socket.send('2');
    await texts(consumer.socket, 1);
    assert.deepEqual(seen, ['toBack 1', 'toBack 1']);
    assert.deepEqual(other, [1]);
    stop();
    await producer.socket.send('3');
    await texts(consumer.socket, 1);
    assert.equal(seen.length, 2);
  });

  it('measures round trips and commits', async (t) => {
    const answered: string[] = [];
    const commits: string[] = [];
    const { at } = await running(
      t,
      routes(route('q', { pattern: 'reqrep' }), route('p', { more: 'stream: {}' })),
      {
        measures: {
          answered: (name, time) => void (time >= 0 && answered.push(name)),
          committed: (name, time) => void (time >= 0 && commits.push(name)),
        },
      },
    );
    const worker = connected(t, new Reply(), at('q', 'backend'));
    const ask = connected(t, new Dealer({ receiveTimeout: LIMIT }), at('q', 'frontend'));
    const served = (async () => {
      for await (const frames of worker.socket) await worker.socket.send(frames);
    })();
    for (let i = 0; i < 100; i++) {
      await ask.socket.send(['', 'x']);
      await ask.socket.receive();
    }
    assert.ok(answered.length > 0 && answered.every((name) => name === 'q'));
    await connected(t, push(), at('p', 'frontend')).socket.send('x');
    await until(() => commits.length > 0, 'a commit');
    assert.deepEqual([...new Set(commits)], ['p']);
    worker.socket.close();
    await served;
  });

  it('tells when a peer is lost', async (t) => {
    const { node, at } = await running(t, routes(route('r')));
    const seen: string[] = [];
    const stop = node.watch(({ route: name, side, type }) => seen.push(`${name} ${side} ${type}`));
    const consumer = connected(t, pull(), at('r', 'backend'));
    await until(() => consumer.counts.ready === 1, 'the consumer is there');
    consumer.socket.close();
    await until(() => seen.length > 0, 'it is told');
    assert.deepEqual(seen, ['r backend gone']);
    stop();
  });

  it('says which route failed, also one that came later', async (t) => {
    const { node, apply } = await running(t, routes(route('a')));
    const failed = node.failed();
    let fail: (error: Error) => void = () => {};
    t.mock.method(SocketProxy.prototype, 'run', () => new Promise((_resolve, reject) => (fail = reject)));
    // One that goes in good order is no failure.
    await apply(routes(route('b')));
    fail(new Error('for a test'));
    const failure = await failed;
    assert.deepEqual([failure?.route, failure?.error.message], ['b', 'for a test']);
    assert.equal(node.status()[0]?.state, 'failed');
  });

  it('says null when it was stopped', async (t) => {
    const { node, apply } = await running(t, routes(route('a')));
    const failed = node.failed();
    await apply('streams: { s: }\nsessions: { bind: "tcp://127.0.0.1:*" }\n');
    await node.stop();
    assert.equal(await failed, null);
  });
});
