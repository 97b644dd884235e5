/** A route with a stream in memory, and real peers. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { describe, it } from 'node:test';
import { Publisher, Pull, Push, Subscriber } from '@zeroth/zmq';
import { loadConfig } from '../../../src/config/load.ts';
import type { RouteConfig } from '../../../src/config/types.ts';
import { Route } from '../../../src/flow/route.ts';
import { testLog } from '../../support/log.ts';
import { MemoryStream } from '../../support/memory-stream.ts';

const LIMIT = 10_000;

async function until(done: () => boolean, what: string): Promise<void> {
  const end = performance.now() + LIMIT;
  while (!done()) {
    if (performance.now() > end) throw new Error(`waited ${LIMIT} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

const ANY = 'bind: tcp://127.0.0.1:0';

function routeConfig(pattern: 'pipeline' | 'pubsub', more: string, back: string): RouteConfig {
  const text = `routes: { r: { pattern: ${pattern}, frontend: { ${ANY} }, backend: { ${back} }, stream: {} ${more} } }`;
  const { config, problems } = loadConfig({ text, source: 'test' });
  assert.deepEqual(problems, []);
  return config?.routes[0] as RouteConfig;
}

interface Bench {
  readonly route: Route;
  readonly stream: MemoryStream;
  readonly lines: { level: string; event: string }[];
  readonly front: string;
  readonly back: string;
}

async function start(
  t: TestContext,
  pattern: 'pipeline' | 'pubsub',
  { stream = new MemoryStream(), more = '', backend = ANY } = {},
): Promise<Bench> {
  const lines: { level: string; event: string }[] = [];
  const log = testLog((level, { event }) => lines.push({ level, event: String(event) }));
  const route = new Route(routeConfig(pattern, more, backend), stream, log);
  t.after(() => route.close());
  await route.bind();
  route.start();
  const status = route.status();
  const [front, back] = [status.frontend, status.backend].map(
    ({ endpoints }) => endpoints[0]?.address as string,
  );
  return { route, stream, lines, front: front as string, back: back as string };
}

function open<S extends { close(): void; connect(address: string): void }>(
  t: TestContext,
  socket: S,
  address: string,
): S {
  t.after(() => socket.close());
  socket.connect(address);
  return socket;
}

const opened = {
  push: (t: TestContext, { front }: Bench): Push =>
    open(t, new Push({ sendTimeout: LIMIT, linger: 0 }), front),
  pull: (t: TestContext, { back }: Bench, options = {}): Pull =>
    open(t, new Pull({ receiveTimeout: LIMIT, ...options }), back),
};

async function receive(pull: Pull | Subscriber, count: number): Promise<string[]> {
  const all: string[] = [];
  while (all.length < count) all.push((await pull.receive()).map(String).join(' '));
  return all;
}

const words = (first: number, last: number): string[] =>
  Array.from({ length: last - first + 1 }, (_, i) => `m${first + i}`);

const place = (stream: MemoryStream): unknown => {
  const saved = stream.places.get('route:r');
  return saved === null ? null : JSON.parse(Buffer.from(saved).toString());
};

describe('a pipeline with a stream', { timeout: 30_000 }, () => {
  it('forwards what is committed, and nothing else', async (t) => {
    const stream = new MemoryStream();
    stream.atOnce = false;
    const bench = await start(t, 'pipeline', { stream });
    const push = opened.push(t, bench);
    const pull = opened.pull(t, bench);
    for (const word of words(1, 5)) await push.send(word);
    await until(() => stream.next === 6, 'all is appended');
    stream.commit(3);
    assert.deepEqual(await receive(pull, 2), words(1, 2));
    assert.equal(bench.route.status().toBack.messages, 2);
    stream.commit();
    assert.deepEqual(await receive(pull, 3), words(3, 5));
    await until(() => bench.route.status().stream?.waiting === 0, 'all is delivered');
  });

  it('keeps what comes while no consumer is there, and says how much waits', async (t) => {
    const bench = await start(t, 'pipeline');
    const push = opened.push(t, bench);
    for (const word of words(1, 50)) await push.send(word);
    await until(() => bench.route.status().stream?.waiting === 50, '50 wait');
    const { stream } = bench.route.status();
    assert.deepEqual(stream, {
      first: 1,
      next: 51,
      bytes: 0,
      waiting: 50,
      waitingSince: null,
      trouble: null,
    });
    assert.deepEqual(await receive(opened.pull(t, bench), 50), words(1, 50));
  });

  it('goes on where it stood after a stop, and repeats nothing', async (t) => {
    const stream = new MemoryStream();
    const first = await start(t, 'pipeline', { stream });
    const push = opened.push(t, first);
    const pull = opened.pull(t, first);
    for (const word of words(1, 20)) await push.send(word);
    assert.deepEqual(await receive(pull, 20), words(1, 20));
    pull.close();
    await until(() => first.route.status().backend.peers === 0, 'the consumer is gone');
    for (const word of words(21, 30)) await push.send(word);
    await until(() => stream.committed === 31, 'the rest is stored');
    const begun = performance.now();
    assert.deepEqual(await first.route.drain({ timeout: 60_000 }), { undelivered: 0, kept: 10 });
    assert.ok(performance.now() - begun < 30_000, 'without a consumer there is nothing to wait for');
    assert.equal(stream.listeners, 0);
    assert.deepEqual(place(stream), { acknowledged: 21, next: 21, outstanding: [] });

    const second = await start(t, 'pipeline', { stream });
    assert.deepEqual(await receive(opened.pull(t, second), 10), words(21, 30));
  });

  it('begins with the oldest record where nothing is known, or nothing that makes sense', async (t) => {
    for (const saved of [null, '{', '{"next":0}', '{"next":3,"outstanding":[[5]]}', '[]', '{"next":1e99}']) {
      const stream = new MemoryStream();
      const bytes = Buffer.from([0, 1, 97, 0, 1, 98]);
      stream.append({ bytes, start: 0, end: bytes.length, count: 2 });
      if (saved !== null) stream.places.save('route:r', Buffer.from(saved));
      const bench = await start(t, 'pipeline', { stream });
      assert.deepEqual(await receive(opened.pull(t, bench), 2), ['a', 'b'], String(saved));
      bench.route.close();
    }
  });

  it('sends what was outstanding first, and takes a place beyond the end for the end', async (t) => {
    const stream = new MemoryStream();
    const bytes = Buffer.concat(words(1, 9).map((word) => Buffer.from([0, 2, ...Buffer.from(word)])));
    stream.append({ bytes, start: 0, end: bytes.length, count: 9 });
    const saved = {
      acknowledged: 2,
      next: 50,
      outstanding: [
        [2, 3],
        [6, 6],
        [9, 40],
      ],
    };
    stream.places.save('route:r', Buffer.from(JSON.stringify(saved)));
    const bench = await start(t, 'pipeline', { stream });
    assert.equal(stream.protected, 2);
    assert.equal(bench.route.status().stream?.waiting, 4);
    const pull = opened.pull(t, bench);
    assert.deepEqual(await receive(pull, 4), ['m2', 'm3', 'm6', 'm9']);
    await opened.push(t, bench).send('m10');
    assert.deepEqual(await receive(pull, 1), ['m10']);
    await until(() => stream.protected === 11, 'the place is saved');
    assert.deepEqual(place(stream), { acknowledged: 11, next: 11, outstanding: [] });
  });

  it('gives what a consumer that vanished did not have to the next one, in order', async (t) => {
    const bench = await start(t, 'pipeline', { more: ', sendHighWaterMark: 50' });
    const { route, stream } = bench;
    const push = opened.push(t, bench);
    const stalled = opened.pull(t, bench, { receiveHighWaterMark: 1 });
    await until(() => route.status().backend.peers === 1, 'the consumer');
    const pad = ' '.repeat(100_000);
    let sent = 0;
    while (route.status().backend.queuedOut < 50) {
      await push.send(`m${++sent}${pad}`);
      await until(() => stream.committed === sent + 1, 'it is stored');
    }
    const { toBack } = route.status();
    assert.ok(toBack.messages < sent + 1);
    stalled.close();
    await until(() => route.status().backend.peers === 0, 'the consumer is gone');
    const waiting = route.status().stream?.waiting as number;
    assert.ok(waiting >= 50, `${waiting} wait`);
    assert.equal(route.totals().dropped, 0);
    const got = await receive(opened.pull(t, bench), waiting);
    assert.deepEqual(
      got.map((text) => text.trimEnd()),
      words(sent + 1 - waiting, sent),
    );
    await until(() => stream.protected === sent + 1, 'the place is saved');
  });

  it('holds its producers up while the stream takes nothing, and loses nothing', async (t) => {
    const stream = new MemoryStream();
    stream.room = 10;
    stream.atOnce = false;
    const bench = await start(t, 'pipeline', { stream, more: ', receiveHighWaterMark: 10' });
    const push = opened.push(t, bench);
    const pad = ' '.repeat(10_000);
    const sending = (async () => {
      for (const word of words(1, 500)) await push.send(word + pad);
    })();
    await until(() => bench.route.status().frontend.queuedIn > 0, 'what has no room stays in the inbox');
    // A read of 64 KiB at a time, and no more once the room is used up.
    assert.ok(stream.next <= 20 && bench.route.status().frontend.queuedIn <= 20);
    const got = receive(opened.pull(t, bench), 500);
    await until(() => {
      stream.commit();
      return stream.committed === 501;
    }, 'all is stored');
    await sending;
    assert.deepEqual(
      (await got).map((text) => text.trimEnd()),
      words(1, 500),
    );
  });

  it('holds its producers up while the stream is in trouble, says so once, and goes on', async (t) => {
    const bench = await start(t, 'pipeline');
    const { route, stream, lines } = bench;
    const push = opened.push(t, bench);
    const pull = opened.pull(t, bench);
    await push.send('m1');
    assert.deepEqual(await receive(pull, 1), ['m1']);
    stream.fail('no space left on the disk');
    stream.tell();
    await push.send('m2');
    await until(() => route.status().frontend.queuedIn === 1, 'the message is here');
    assert.equal(route.status().stream?.trouble, 'no space left on the disk');
    assert.deepEqual(
      lines.filter(({ event }) => event === 'route:held'),
      [{ level: 'error', event: 'route:held' }],
    );
    stream.recover();
    assert.deepEqual(await receive(pull, 1), ['m2']);
    assert.equal(route.status().stream?.trouble, null);
    assert.ok(lines.some(({ event }) => event === 'route:goes-on'));
  });

  it('reports what could not be stored at a stop, and does not wait for it', async (t) => {
    const bench = await start(t, 'pipeline');
    bench.stream.fail('no space left on the disk');
    await opened.push(t, bench).send('m1');
    await until(() => bench.route.status().frontend.queuedIn === 1, 'the message is here');
    assert.deepEqual(await bench.route.drain({ timeout: 60_000 }), { undelivered: 1, kept: 0 });
  });

  it('passes over what is damaged, and says which', async (t) => {
    const stream = new MemoryStream();
    const bytes = Buffer.from([0, 1, 97, 0, 1, 98, 0, 1, 99]);
    stream.append({ bytes, start: 0, end: bytes.length, count: 3 });
    stream.damage(1, 2);
    const bench = await start(t, 'pipeline', { stream });
    assert.deepEqual(await receive(opened.pull(t, bench), 1), ['c']);
    assert.ok(bench.lines.some(({ level, event }) => level === 'warn' && event === 'route:gap'));
    await until(() => stream.protected === 4, 'the place is saved');
  });

  it('reads a long stream from a slow disk, in large pieces', async (t) => {
    const stream = new MemoryStream();
    stream.slow = true;
    const bytes = Buffer.concat(Array.from({ length: 5000 }, () => Buffer.from([0, 1, 97])));
    for (let i = 0; i < 4; i++) stream.append({ bytes, start: 0, end: bytes.length, count: 5000 });
    const bench = await start(t, 'pipeline', { stream });
    const got = await receive(opened.pull(t, bench), 20_000);
    assert.ok(got.every((text) => text === 'a'));
    await until(() => bench.route.status().stream?.waiting === 0, 'all is delivered');
    assert.ok(stream.reads <= 8, `${stream.reads} reads`);
  });

  it('gives a consumer that it connects to nothing before it is there, and all in order when it is', async (t) => {
    const pull = new Pull({ receiveTimeout: LIMIT });
    t.after(() => pull.close());
    await pull.bind('tcp://127.0.0.1:0');
    const endpoint = pull.lastEndpoint as string;
    const bench = await start(t, 'pipeline', {
      backend: `connect: "${endpoint}"`,
      more: ', reconnectInterval: 5ms',
    });
    const push = opened.push(t, bench);
    for (const word of words(1, 10)) await push.send(word);
    assert.deepEqual(await receive(pull, 10), words(1, 10));
    pull.close();
    await until(() => bench.route.status().backend.peers === 0, 'the consumer is gone');
    for (const word of words(11, 30)) await push.send(word);
    await until(() => bench.route.status().stream?.waiting === 20, 'the rest waits');
    assert.equal(bench.route.status().backend.queuedOut, 0);
    const next = new Pull({ receiveTimeout: LIMIT });
    t.after(() => next.close());
    await next.bind(endpoint);
    assert.deepEqual(await receive(next, 20), words(11, 30));
  });

  it('shares a stream between consumers, each record to one of them', async (t) => {
    const bench = await start(t, 'pipeline');
    const pulls = [opened.pull(t, bench), opened.pull(t, bench)];
    await until(() => bench.route.status().backend.peers === 2, 'two consumers');
    const push = opened.push(t, bench);
    for (const word of words(1, 1000)) await push.send(word);
    const got: string[] = [];
    const work = pulls.map(async (pull) => {
      for await (const [body] of pull) {
        got.push(String(body));
        if (got.length === 1000) for (const each of pulls) each.close();
      }
    });
    await Promise.all(work);
    assert.deepEqual(new Set(got), new Set(words(1, 1000)));
    assert.equal(got.length, 1000);
  });
});

describe('a pubsub with a stream', { timeout: 30_000 }, () => {
  it('keeps everything, whether or not anybody listens, and forwards from now on', async (t) => {
    const stream = new MemoryStream();
    const bytes = Buffer.from([0, 3, ...Buffer.from('old')]);
    stream.append({ bytes, start: 0, end: bytes.length, count: 1 });
    const bench = await start(t, 'pubsub', { stream });
    const pub = open(t, new Publisher(), bench.front);
    await until(() => {
      pub.trySend('probe');
      return stream.next > 2;
    }, 'the node subscribes to everything');
    const sub = open(t, new Subscriber({ receiveTimeout: LIMIT }), bench.back);
    sub.subscribe('new');
    await until(() => bench.route.status().toFront.messages > 0, 'the subscription');
    pub.trySend('other');
    pub.trySend('new1');
    assert.deepEqual(await receive(sub, 1), ['new1']);
    assert.equal(stream.bodies.at(-2), 'other');
    assert.equal(stream.bodies.at(-1), 'new1');
    assert.equal(stream.protected, null);
    assert.deepEqual(await bench.route.drain({ timeout: 10_000 }), { undelivered: 0, kept: 0 });
    assert.deepEqual(stream.places.names(), []);
  });
});
