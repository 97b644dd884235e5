/** `zeroth tap` on a real node with real peers. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { describe, it } from 'node:test';
import { connect } from '@zeroth/client';
import { json, msgpack, protobuf } from '@zeroth/client/codec';
import { Dealer, Publisher, Pull, Push, Router, Subscriber } from '@zeroth/zmq';
import type { Running } from '../support/cli.ts';
import { cli, folder, jsonLines, start } from '../support/cli.ts';

const ANY = 'tcp://127.0.0.1:0';
const PROTO = 'syntax = "proto3"; package shop; message Order { int64 id = 1; string note = 2; }';
const CONFIG = `node: { name: tapped }
routes:
  jobs: { pattern: pipeline, frontend: { bind: "${ANY}" }, backend: { bind: "${ANY}" } }
  telemetry: { pattern: pubsub, frontend: { bind: "${ANY}" }, backend: { bind: "${ANY}" } }
  orders: { pattern: reqrep, frontend: { bind: "${ANY}" }, backend: { bind: "${ANY}" } }
  kept: { pattern: pipeline, stream: {}, frontend: { bind: "${ANY}" }, backend: { bind: "${ANY}" } }
sessions: { bind: "${ANY}" }
streams: { events: {} }
`;

interface Tapped {
  readonly dir: string;
  readonly node: Running;
  address(route: string, side: 'frontend' | 'backend'): string;
  readonly sessions: string;
  /** Runs `zeroth tap` and waits until it is attached. */
  tap(...args: string[]): Promise<Running>;
}

async function tapped(t: TestContext): Promise<Tapped> {
  const dir = await folder(t);
  const env = { ZEROTH_RUNTIME_DIR: dir };
  await writeFile(join(dir, 'shop.proto'), PROTO);
  await writeFile(join(dir, 'zeroth.yaml'), CONFIG);
  const node = start(t, ['run', join(dir, 'zeroth.yaml')], { env, cwd: dir });
  await node.waitFor('stderr', /"event":"ready"/);
  const lines = jsonLines(node.stderr);
  const { sessions } = lines.find(({ event }) => event === 'ready') as { sessions: string[] };
  return {
    dir,
    node,
    sessions: sessions[0] as string,
    address: (route, side) => {
      const line = lines.find((each) => each.event === 'route:ready' && each.route === route);
      return (line as Record<string, string[]>)[side]?.[0] as string;
    },
    tap: async (...args) => {
      const running = start(t, ['tap', ...args, '--node', 'tapped'], { env, cwd: dir });
      await running.waitFor('stderr', /tapping/);
      return running;
    },
  };
}

async function closing<T extends { close(): void }>(t: TestContext, socket: T): Promise<T> {
  t.after(() => socket.close());
  return socket;
}

describe('zeroth tap', () => {
  it('shows what passes a pipeline, in each codec, filtered', async (t) => {
    const { address, tap, dir } = await tapped(t);
    const push = await closing(t, new Push());
    const pull = await closing(t, new Pull());
    push.connect(address('jobs', 'frontend'));
    pull.connect(address('jobs', 'backend'));
    const file = join(dir, 'shop.proto');
    const codecs = {
      json: json(),
      msgpack: await msgpack(),
      'protobuf:shop.proto#shop.Order': await protobuf(file, 'shop.Order'),
    };
    for (const [name, codec] of Object.entries(codecs)) {
      const running = await tap(
        'jobs',
        '--decode',
        name,
        '--filter',
        'id>10',
        '--filter',
        'topic=a/',
        '-n',
        '1',
      );
      for (const [topic, id] of [
        ['a/1', 10],
        ['b/1', 11],
        ['a/2', 12],
      ] as const)
        await push.send([topic, codec.encode({ id, note: 'ä' })]);
      const { code, stdout, stderr } = await running.ended;
      assert.equal(code, 0, stderr);
      assert.match(stdout, /^[\d:.]{12} jobs -> a\/2\t\{"id":"?12"?,"note":"ä"\}\n$/);
      assert.match(stderr, /\d messages passed, \d sampled, 1 shown/);
      for (let i = 0; i < 3; i++) await pull.receive();
    }
  });

  it('shows requests and replies, and counts when it ends', {
    skip: process.platform === 'win32',
  }, async (t) => {
    const { address, tap } = await tapped(t);
    const client = await closing(t, new Dealer());
    const worker = await closing(t, new Router());
    client.connect(address('orders', 'frontend'));
    worker.connect(address('orders', 'backend'));
    const running = await tap('orders', '--json');
    await client.send(['', 'question']);
    const request = await worker.receive();
    await worker.send([...request.slice(0, -1), 'answer']);
    assert.deepEqual((await client.receive()).map(String), ['', 'answer']);
    await running.waitFor('stdout', /answer/);
    const { code, stdout, stderr } = await running.stop();
    assert.equal(code, 0);
    const lines = jsonLines(stdout);
    assert.deepEqual(
      lines.map(({ direction }) => direction),
      ['toBack', 'toFront'],
    );
    assert.equal((lines[0] as { frames: string[] }).frames.at(-1), 'question');
    assert.match(stderr, /\{"summary":\{"passed":2,"sampled":2,"shown":2\}\}/);
  });

  it('shows topics of a pubsub route, cut where asked', async (t) => {
    const { address, tap } = await tapped(t);
    const publisher = await closing(t, new Publisher());
    const subscriber = await closing(t, new Subscriber());
    const running = await tap('telemetry', '--bytes', '8', '--filter', 'topic=t/', '-n', '1');
    subscriber.subscribe('t/');
    subscriber.connect(address('telemetry', 'backend'));
    publisher.connect(address('telemetry', 'frontend'));
    const arrived = subscriber.receive();
    let done = false;
    void arrived.then(() => {
      done = true;
    });
    // The subscription is on its way.
    while (!done) {
      await publisher.send(['t/1', 'a long value']);
      await new Promise(setImmediate);
    }
    assert.match((await running.ended).stdout, / telemetry -> t\/1\ta lon… \(12 octets\)\n$/);
  });

  it('shows what a stream keeps, with its sequence', async (t) => {
    const { sessions, address, tap, dir } = await tapped(t);
    const client = await connect(sessions);
    t.after(() => client.close());
    const running = await tap('events', '--decode', 'json', '-n', '2');
    const events = client.stream('events', { codec: json() });
    await events.publish({ id: 1 }, { key: 'k' });
    await events.publish({ id: 2 });
    assert.match((await running.ended).stdout, / events #1 k\t\{"id":1\}\n.* events #2 \{"id":2\}\n$/);

    // The tool for a stream at rest decodes alike.
    const { stdout } = await cli(['stream', 'read', 'events', '--decode', 'json'], { cwd: dir });
    assert.equal(stdout, 'k\t{"id":1}\n{"id":2}\n');

    const push = await closing(t, new Push());
    const pull = await closing(t, new Pull());
    push.connect(address('kept', 'frontend'));
    pull.connect(address('kept', 'backend'));
    const durable = await tap('kept', '-n', '1');
    await push.send('stored first');
    assert.match((await durable.ended).stdout, / kept -> stored first\n$/);
  });

  it('refuses what it can not do, and ends with the node', {
    skip: process.platform === 'win32',
  }, async (t) => {
    const { dir, node, tap } = await tapped(t);
    const running = await tap('jobs');
    const env = { ZEROTH_RUNTIME_DIR: dir };
    for (const [args, words] of [
      [['order'], /STREAM_UNKNOWN.*no route and no stream order; there are jobs/],
      [[], /tap needs one route or stream/],
      [['jobs', '--filter', 'id=1'], /--filter looks at fields of what is decoded/],
      [['jobs', '--rate', '0'], /--rate takes a whole number from 1 to 10000/],
      [['jobs', '--bytes', '70000'], /--bytes takes a whole number from 1 to 65536/],
      [['jobs', '--bytes', '5', '--filter', 'topic=plant/'], /--bytes 5 cuts topic=plant\//],
      [['jobs', '--decode', 'xml'], /a codec is json, msgpack or protobuf/],
    ] as const) {
      const { code, stderr } = await start(t, ['tap', ...args], { env, cwd: dir }).ended;
      assert.equal(code, 2, stderr);
      assert.match(stderr, words);
    }
    const events = start(t, ['tap', 'events', '--node', 'tapped'], { env, cwd: dir });
    await events.waitFor('stderr', /tapping/);
    await writeFile(join(dir, 'zeroth.yaml'), CONFIG.replace('events:', 'other:'));
    const gone = await events.ended;
    assert.equal(gone.code, 4);
    assert.match(gone.stderr, /STREAM_UNKNOWN.*no stream events any more/);
    await node.stop('SIGTERM');
    const { code, stderr } = await running.ended;
    assert.equal(code, 4);
    assert.match(stderr, /node tapped has ended the (?:tap|connection)/);
  });
});
