/** Configurations that can't be taken over: the node runs as before, whatever was done by then. */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { describe, it } from 'node:test';
import { Pull, Push } from '@zeroth/zmq';
import type { Config, RouteConfig } from '../../../src/config/types.ts';
import { ReloadError, RouteError } from '../../../src/flow/errors.ts';
import type { Node } from '../../../src/flow/topology.ts';
import type { Stream } from '../../../src/store/store.ts';
import { freePort } from '../../support/port.ts';
import { runOf } from '../../support/streams.ts';
import type { Bench } from './support.ts';
import { connected, HOST, LIMIT, route, routes, running, takenPort, texts, until, words } from './support.ts';

const pull = (): Pull => new Pull({ receiveTimeout: LIMIT });
const push = (): Push => new Push({ sendTimeout: LIMIT, linger: 0 });

async function refused(applying: Promise<unknown>): Promise<ReloadError> {
  const error = await applying.then(
    () => null,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof ReloadError, String(error));
  assert.equal(error.code, 'RELOAD_FAILED');
  return error;
}

/** What must not change. */
function facts(node: Node): unknown {
  return {
    config: node.config,
    routes: [...node.routes.keys()],
    states: node.status().map(({ state }) => state),
    endpoints: node.status().map(({ frontend, backend }) => [frontend.endpoints, backend.endpoints]),
    sessions: node.sessions,
    streams: node.streams().map(({ name, settings }) => [name, settings]),
  };
}

/** One record more. */
async function stored(stream: Stream, word: string): Promise<void> {
  const outcome = stream.append(runOf(word), null);
  assert.ok(outcome !== null, 'the stream has room');
  await until(() => stream.committed >= outcome.durableAt, 'it is committed');
}

/** A route with a producer, a consumer, and messages on the way, that an attempt must not touch. */
async function witness(t: TestContext, bench: Bench): Promise<() => Promise<void>> {
  const producer = connected(t, push(), bench.at('w', 'frontend'));
  const consumer = connected(t, pull(), bench.at('w', 'backend'));
  await until(() => producer.counts.ready + consumer.counts.ready === 2, 'both are there');
  for (const word of words(1, 50)) await producer.socket.send(word);
  return async () => {
    await producer.socket.send('m51');
    assert.deepEqual(await texts(consumer.socket, 51), words(1, 51));
    assert.deepEqual(
      [producer.counts, consumer.counts],
      [
        { ready: 1, gone: 0 },
        { ready: 1, gone: 0 },
      ],
    );
  };
}

const W = route('w');

/** A configuration of which one route can't connect, which is known when all is bound. */
function wrong(bench: Bench, name: string, text: string): Config {
  const config = bench.config(text);
  const bad = (each: RouteConfig): RouteConfig => ({
    ...each,
    backend: { ...each.backend, connect: ['pgm://127.0.0.1:9'] },
  });
  return { ...config, routes: config.routes.map((each) => (each.name === name ? bad(each) : each)) };
}

describe('a change that fails', { timeout: 60_000 }, () => {
  it('at a port that is taken, of a new route', async (t) => {
    const bench = await running(t, routes(W, route('gone')));
    const check = await witness(t, bench);
    const before = facts(bench.node);
    const port = await takenPort(t);
    const more = [route('one'), route('two', { front: `tcp://${HOST}:${port}` }), route('three')];
    const error = await refused(bench.apply(routes(W, ...more)));
    const { cause } = error;
    assert.ok(cause instanceof RouteError);
    assert.deepEqual([cause.code, cause.route, cause.side], ['BIND_FAILED', 'two', 'frontend']);
    assert.match(error.message, /the node runs as before$/);
    assert.match(error.hint ?? '', /another process has it/);
    assert.deepEqual(facts(bench.node), before);
    await check();
  });

  it('at a port that is taken, of a route that has other options by then, and an endpoint more', async (t) => {
    const bench = await running(t, routes(W, route('r')));
    const check = await witness(t, bench);
    const before = facts(bench.node);
    const [free, port] = [await freePort(), await takenPort(t)];
    const front = `tcp://${HOST}:${free} tcp://${HOST}:${port}`;
    const peer = connected(t, push(), bench.at('r', 'frontend'));
    await until(() => peer.counts.ready === 1, 'a peer');
    await refused(bench.apply(routes(W, route('r', { front, more: 'heartbeatInterval: 77s' }))));
    assert.deepEqual(facts(bench.node), before);
    assert.equal(bench.node.peers().find(({ route: name }) => name === 'r')?.heartbeatInterval, 10_000);
    assert.deepEqual(peer.counts, { ready: 1, gone: 0 });
    // The port that was bound meanwhile is free again.
    await bench.apply(routes(W, route('r', { front: `tcp://127.0.0.1:* tcp://${HOST}:${free}` })));
    await check();
  });

  it('before a route has to go for it, where that can be known', async (t) => {
    const bench = await running(t, routes(W, route('r', { more: 'stream: {}' })));
    const check = await witness(t, bench);
    const before = facts(bench.node);
    const producer = connected(t, push(), bench.at('r', 'frontend'));
    await until(() => producer.counts.ready === 1, 'a producer');
    const back = `tcp://127.0.0.1:* tcp://${HOST}:${await takenPort(t)}`;
    const error = await refused(bench.apply(routes(W, route('r', { back, more: 'stream: {}, ipv6: true' }))));
    assert.match(error.message, /cannot bind to .*; the node runs as before$/);
    assert.deepEqual(facts(bench.node), before);
    assert.deepEqual(producer.counts, { ready: 1, gone: 0 });
    await check();
  });

  it('after a route had to go for it: the route is there again, at its address', async (t) => {
    const bench = await running(t, routes(W, route('r', { more: 'stream: {}' })));
    const check = await witness(t, bench);
    const before = facts(bench.node);
    const producer = connected(t, push(), bench.at('r', 'frontend'));
    for (const word of words(1, 30)) await producer.socket.send(word);
    const error = await refused(
      bench.node.apply(wrong(bench, 'r', routes(W, route('r', { more: 'ipv6: true' })))),
    );
    assert.match(error.message, /cannot connect to .*; the node runs as before$/);
    assert.deepEqual(facts(bench.node), before);
    await producer.socket.send('m31');
    assert.deepEqual(await texts(connected(t, pull(), bench.at('r', 'backend')).socket, 31), words(1, 31));
    await check();
  });

  it('after two routes had to exchange their addresses', async (t) => {
    const [a, b] = [await freePort(), await freePort()].map((port) => `tcp://${HOST}:${port}`);
    const bench = await running(t, routes(W, route('one', { front: a! }), route('two', { front: b! })));
    const check = await witness(t, bench);
    const before = facts(bench.node);
    const text = routes(W, route('one', { front: b! }), route('two', { front: a! }), route('three'));
    await refused(bench.node.apply(wrong(bench, 'three', text)));
    assert.deepEqual(facts(bench.node), before);
    await check();
  });

  it('when the old one can not come back either: that is said, and the node has failed', async (t) => {
    const short = (text: string): string => `node: { name: n, stopTimeout: 500ms }\n${text}`;
    const bench = await running(t, short(routes(route('r'))));
    const failed = bench.node.failed();
    const address = bench.at('r', 'frontend');
    // Nobody takes it: the old one goes for as long as it may, and somebody takes its address.
    await connected(t, push(), address).socket.send('x');
    await until(() => bench.node.status()[0]!.frontend.messagesIn === 1, 'it is accepted');
    const text = short(routes(route('r', { pattern: 'reqrep' })));
    const applying = refused(bench.node.apply(wrong(bench, 'r', text)));
    const thief = pull();
    t.after(() => thief.close());
    for (let bound = false; !bound; ) {
      bound = await thief.bind(address).then(
        () => true,
        () => false,
      );
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    assert.match((await applying).message, /not all could be put back: r: /);
    assert.equal((await failed)?.route, 'r');
  });

  it('after something came to a route that was made for it: it is delivered all the same', async (t) => {
    const [front, back] = [await freePort(), await freePort()].map((port) => `tcp://${HOST}:${port}`);
    const short = (text: string): string => `node: { name: n, stopTimeout: 1500ms }\n${text}`;
    const bench = await running(t, short(routes(W, route('r'))));
    const fast = { reconnectInterval: 1, reconnectMaxInterval: 1 };
    const producer = connected(t, new Push({ sendTimeout: LIMIT, linger: 0, ...fast }), front!);
    const consumer = connected(t, new Pull({ receiveTimeout: LIMIT, ...fast }), back!);
    for (const word of words(1, 20)) await producer.socket.send(word);
    // It lasts until this one is gone, because nobody takes what it has.
    await connected(t, push(), bench.at('r', 'frontend')).socket.send('x');
    await until(() => bench.node.status()[1]!.frontend.messagesIn === 1, 'it is accepted');
    const text = short(
      routes(W, route('fresh', { front: front!, back: back! }), route('r', { pattern: 'reqrep' })),
    );
    await refused(bench.node.apply(wrong(bench, 'r', text)));
    assert.deepEqual([...bench.node.routes.keys()], ['w', 'r']);
    assert.deepEqual(await texts(consumer.socket, 20), words(1, 20));
  });

  it('at an endpoint of a transport that is not there', async (t) => {
    const bench = await running(t, routes(W, route('r')));
    const check = await witness(t, bench);
    const before = facts(bench.node);
    const text = routes(W, route('r'), route('q'));
    for (const name of ['r', 'q']) {
      const { cause } = await refused(bench.node.apply(wrong(bench, name, text)));
      assert.ok(cause instanceof RouteError);
      assert.deepEqual([cause.code, cause.route, cause.side], ['CONNECT_FAILED', name, 'backend']);
      assert.deepEqual(facts(bench.node), before);
    }
    await check();
  });

  it('at a stream that can not be opened', async (t) => {
    const bench = await running(t, routes(W, route('s', { more: 'stream: {}' })));
    const check = await witness(t, bench);
    const before = facts(bench.node);
    await mkdir(join(bench.dir, 'streams'), { recursive: true });
    await writeFile(join(bench.dir, 'streams', 'broken'), 'this is a file');
    const text = `${routes(W, route('fine', { more: 'stream: {}' }), route('broken', { more: 'stream: {}' }))}`;
    const error = await refused(bench.apply(text));
    assert.equal((error.cause as { code?: string }).code, 'STORE_FAILED');
    assert.deepEqual(facts(bench.node), before);
    await check();
  });

  it('at sessions that can not be bound, new or changed', async (t) => {
    const streams = 'streams: { s: }\n';
    const bench = await running(t, routes(W) + streams.replace('streams', 'streams'));
    const check = await witness(t, bench);
    const taken = `tcp://${HOST}:${await takenPort(t)}`;
    let before = facts(bench.node);
    const error = await refused(bench.apply(`${routes(W)}${streams}sessions: { bind: "${taken}" }\n`));
    assert.equal((error.cause as { code?: string }).code, 'BIND_FAILED');
    assert.match(error.hint ?? '', /another process has it/);
    assert.deepEqual(facts(bench.node), before);
    await bench.apply(`${routes(W)}${streams}sessions: { bind: "tcp://127.0.0.1:*" }\n`);
    before = facts(bench.node);
    await refused(
      bench.apply(`${routes(W)}${streams}sessions: { bind: ["tcp://127.0.0.1:*", "${taken}"] }\n`),
    );
    assert.deepEqual(facts(bench.node), before);
    await check();
  });

  it('leaves options alone, and connects to nobody, until all the rest is sure', async (t) => {
    const short = (text: string): string => `node: { name: n, stopTimeout: 1h }\n${text}`;
    const bench = await running(t, short(routes(route('r'), route('slow'))));
    const producer = connected(t, push(), bench.at('r', 'frontend'));
    const consumer = connected(t, pull(), bench.at('r', 'backend'));
    await until(() => producer.counts.ready + consumer.counts.ready === 2, 'both are there');
    await connected(t, push(), bench.at('slow', 'frontend')).socket.send('x');
    await until(() => bench.node.status()[1]!.frontend.messagesIn === 1, 'it is accepted');
    const back = `tcp://127.0.0.1:* >tcp://${HOST}:${await freePort()}`;
    const changed = route('r', { back, more: 'maxMessageSize: 10' });
    const text = short(routes(changed, route('slow', { pattern: 'reqrep' })));
    const applying = refused(bench.node.apply(wrong(bench, 'slow', text)));
    await until(() => bench.node.status()[1]!.state === 'stopping', 'the old one goes');
    for (const word of words(1, 10)) await producer.socket.send(word.repeat(100));
    const long = words(1, 10).map((word) => word.repeat(100));
    assert.deepEqual(await texts(consumer.socket, 10), long);
    assert.deepEqual(producer.counts, { ready: 1, gone: 0 });
    // Somebody takes what it has, so that it is gone.
    connected(t, pull(), bench.at('slow', 'backend'));
    await bench.node.stop({ timeout: 0 });
    await applying;
  });

  it('of a route on a stream that is there: retention waits for nobody', async (t) => {
    const settings = 'retain: { count: 8 }';
    const bench = await running(t, `${routes(W)}streams: { s: { ${settings} } }\n`);
    const stream = bench.node.streams()[0]!;
    const text = routes(W, route('s', { more: `stream: { ${settings} }` }));
    await refused(bench.node.apply(wrong(bench, 's', text)));
    await refused(
      bench.apply(
        routes(
          W,
          route('s', { front: `tcp://${HOST}:${await takenPort(t)}`, more: `stream: { ${settings} }` }),
        ),
      ),
    );
    assert.equal(bench.node.streams()[0], stream);
    for (let i = 0; i < 50; i++) await stored(stream, `${i}`);
    await until(() => stream.first > 1, 'the first records are gone');
  });

  it('is still seen by who looks at a route that had to make room for it', async (t) => {
    const [front, back] = [new Push({ sendTimeout: LIMIT, linger: 0 }), pull()];
    t.after(() => front.close());
    t.after(() => back.close());
    await Promise.all([front.bind(`tcp://${HOST}:0`), back.bind(`tcp://${HOST}:0`)]);
    const ends = { front: `>${front.lastEndpoint}`, back: `>${back.lastEndpoint}` };
    const bench = await running(t, routes(route('r', ends)));
    const port = await takenPort(t);
    const text = routes(
      route('r', { ...ends, more: 'ipv6: true' }),
      route('q', { front: `tcp://${HOST}:${port}` }),
    );
    let early = 0;
    const stop = bench.node.observe('r', (_, { count }) => (early += count));
    await refused(bench.apply(text));
    let seen = 0;
    bench.node.observe('r', (_, { count }) => (seen += count));
    await front.send('1');
    await texts(back, 1);
    stop();
    await front.send('2');
    await texts(back, 1);
    assert.deepEqual([early, seen], [1, 2]);
  });

  it('when the node stops', async (t) => {
    const bench = await running(t, routes(W));
    const stopped = bench.node.stop();
    const error = await refused(bench.apply(routes(route('r'))));
    assert.match(error.message, /the node stops/);
    const report = await stopped;
    assert.deepEqual(
      report.routes.map(({ route: name }) => name),
      ['w'],
    );
  });

  it('waits for nobody when the node stops while something is drained', async (t) => {
    const long = (text: string): string => `node: { name: n, stopTimeout: 1h }\n${text}`;
    // Such a configuration keeps nothing, so it needs no folder of its own.
    const bench = await running(t, long(routes(W, route('r'))));
    const producer = connected(t, push(), bench.at('r', 'frontend'));
    for (const word of words(1, 20)) await producer.socket.send(word);
    await until(() => bench.node.status()[1]!.frontend.messagesIn === 20, 'all are accepted');
    // Nobody takes them: this would last for an hour.
    const applying = bench.apply(long(routes(W)));
    await until(() => bench.node.routes.size === 1, 'the new one runs');
    const { routes: stopped } = await bench.node.stop({ timeout: 300 });
    const { drained } = await applying;
    assert.deepEqual(
      drained.map(({ route: name, undelivered }) => [name, undelivered]),
      [['r', 20]],
    );
    assert.deepEqual(
      stopped.map(({ route: name }) => name),
      ['w'],
    );
  });

  it('waits for nobody when the node stops while something is built', async (t) => {
    const long = (text: string): string => `node: { name: n, stopTimeout: 1h }\n${text}`;
    const bench = await running(t, long(routes(W, route('r'))));
    const producer = connected(t, push(), bench.at('r', 'frontend'));
    for (const word of words(1, 20)) await producer.socket.send(word);
    await until(() => bench.node.status()[1]!.frontend.messagesIn === 20, 'all are accepted');
    // The route has to go before there is one of another pattern.
    const applying = refused(bench.apply(long(routes(W, route('r', { pattern: 'reqrep' })))));
    await until(() => bench.node.status()[1]!.state === 'stopping', 'the old one goes');
    await bench.node.stop({ timeout: 300 });
    assert.match((await applying).message, /the node stops/);
    assert.equal(await bench.node.failed(), null);
  });

  it('and one that succeeds follow each other', async (t) => {
    const bench = await running(t, routes(W));
    const taken = `tcp://${HOST}:${await takenPort(t)}`;
    const [bad, good] = await Promise.allSettled([
      bench.apply(routes(W, route('r', { front: taken }))),
      bench.apply(routes(W, route('q'))),
    ]);
    assert.deepEqual([bad.status, good.status], ['rejected', 'fulfilled']);
    assert.deepEqual([...bench.node.routes.keys()], ['w', 'q']);
  });
});
