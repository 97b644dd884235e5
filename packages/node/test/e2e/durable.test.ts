/** Routes with a stream, between libzmq programs: nothing is lost when consumers, or the node, are away. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { describe, it } from 'node:test';
import { decodeMessage, skipMessages } from '@zeroth/zmq/run';
import { inspectStore } from '../../src/store/inspect.ts';
import type { LogLine, RunningNode } from '../support/cli.ts';
import { cli, folder, startNode } from '../support/cli.ts';
import * as lib from '../support/libzmq.ts';
import { unusedEndpoint } from '../support/port.ts';

const noSignals = process.platform === 'win32' ? 'Windows has no signals between processes' : false;

interface Place {
  readonly dataDir: string;
  readonly front: string;
  readonly back: string;
  /** The same node again, with the same endpoints and the same data. */
  start(): Promise<RunningNode>;
}

async function durable(t: TestContext, pattern: string, stream = '{}', more = ''): Promise<Place> {
  const dataDir = await folder(t);
  const [front, back] = [await unusedEndpoint(), await unusedEndpoint()];
  const route = `{ pattern: ${pattern}, frontend: { bind: "${front}" }, backend: { bind: "${back}" }, stream: ${stream} }`;
  const yaml = `node: { dataDir: ${JSON.stringify(dataDir)} }\nroutes:\n  jobs: ${route}\n${more}`;
  return { dataDir, front, back, start: () => startNode(t, yaml) };
}

function lineOf(node: RunningNode, event: string): LogLine {
  const line = node.log().find((each) => each.event === event);
  assert.ok(line, `no ${event} in the log: ${node.process.stderr}`);
  return line;
}

/** The next sequence on the disk: all before it is committed. */
async function stored({ dataDir }: Place): Promise<number> {
  return (await (await inspectStore(dataDir)).info('jobs')).next;
}

/** Resolves when the stream has `count` records. */
async function holds(place: Place, count: number): Promise<void> {
  const end = performance.now() + 30_000;
  while ((await stored(place)) <= count) {
    assert.ok(performance.now() < end, `${count} records`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function send(t: TestContext, { front }: Place, first: number, last: number, pad = ''): Promise<void> {
  const push = lib.pushSocket(t);
  await lib.connected(push, front);
  for (let n = first; n <= last; n++) await push.send(`${n}${pad}`);
  push.close();
}

const range = (first: number, last: number): string[] =>
  Array.from({ length: last - first + 1 }, (_, i) => String(first + i));

describe('a pipeline with a stream', { skip: noSignals }, () => {
  it('keeps everything for a consumer that comes after a restart, and repeats nothing', async (t) => {
    const count = 5000;
    const place = await durable(t, 'pipeline');
    const first = await place.start();
    await first.process.waitFor('stdout', /jobs \(pipeline, kept\)/);
    await send(t, place, 1, count);
    await first.process.waitFor('stderr', new RegExp(`"event":"peer:gone".*"messagesIn":${count},`));
    assert.equal((await first.process.stop('SIGTERM')).code, 0);
    const stopped = lineOf(first, 'route:stopped');
    assert.deepEqual(
      [stopped.level, stopped.undelivered, stopped.kept, stopped.forwarded],
      ['info', 0, count, 0],
    );

    const second = await place.start();
    assert.equal(lineOf(second, 'stream:ready').next, count + 1);
    const pull = lib.pullSocket(t);
    await lib.connected(pull, place.back);
    assert.deepEqual(await lib.receiveTexts(pull, count), range(1, count));
    pull.close();
    await second.process.waitFor('stderr', /"event":"peer:gone"/);
    assert.equal((await second.process.stop('SIGTERM')).code, 0);
    assert.equal(lineOf(second, 'route:stopped').kept, 0);

    await place.start();
    const last = lib.pullSocket(t);
    await lib.connected(last, place.back);
    await send(t, place, count + 1, count + 1);
    assert.deepEqual(await lib.receiveTexts(last, 1), [`${count + 1}`]);
  });

  it('loses nothing that is stored when it is killed in the middle of delivery, three times', async (t) => {
    const count = 20_000;
    const place = await durable(t, 'pipeline');
    let node = await place.start();
    await send(t, place, 1, count, ' '.repeat(500));
    await holds(place, count);
    // What it does not read stays with the node: little fits into this queue and the kernel.
    const pull = lib.pullSocket(t, { receiveHighWaterMark: 100 });
    await lib.connected(pull, place.back);
    const got = new Set<string>();
    let received = 0;
    const take = async (least: number): Promise<void> => {
      for (; got.size < least; received++) got.add(String((await pull.receive())[0]).trimEnd());
    };
    for (const killAt of [1000, 4000, 8000]) {
      await take(killAt);
      await node.process.stop('SIGKILL');
      node = await place.start();
    }
    await take(count);
    assert.deepEqual(new Set(range(1, count)), got);
    assert.ok(received < 2 * count, `${received - count} were repeated`);
  });

  it('loses nothing that was stored when it is killed while producers send', async (t) => {
    const place = await durable(t, 'pipeline');
    const node = await place.start();
    const push = lib.pushSocket(t);
    await lib.connected(push, place.front);
    let sent = 0;
    const sending = (async () => {
      // Until it is closed.
      for (;;) await push.send(`${++sent}`);
    })().catch(() => {});
    await holds(place, 2000);
    await node.process.stop('SIGKILL');
    push.linger = 0;
    push.close();
    await sending;
    const kept = (await stored(place)) - 1;
    assert.ok(kept >= 2000);
    await place.start();
    const pull = lib.pullSocket(t);
    await lib.connected(pull, place.back);
    assert.deepEqual(await lib.receiveTexts(pull, kept), range(1, kept));
  });

  it('holds producers up when the stream is full of what no consumer has, and loses nothing', async (t) => {
    const count = 20_000;
    const place = await durable(t, 'pipeline', '{ retain: { bytes: 1MiB } }');
    const node = await place.start();
    const sending = send(t, place, 1, count, ' '.repeat(1000));
    await node.process.waitFor('stderr', /"event":"store:full"/);
    const { bytes, next } = await (await inspectStore(place.dataDir)).info('jobs');
    assert.ok(bytes < 10 * 1024 * 1024, `${bytes} octets`);
    assert.ok(next < count / 2, `${next} records`);
    const pull = lib.pullSocket(t);
    await lib.connected(pull, place.back);
    const got = await lib.receiveTexts(pull, count);
    await sending;
    assert.deepEqual(
      got.map((text) => text.trimEnd()),
      range(1, count),
    );
    assert.equal((await node.process.stop('SIGTERM')).code, 0);
    const { undelivered, kept, dropped } = lineOf(node, 'route:stopped');
    assert.deepEqual({ undelivered, kept, dropped }, { undelivered: 0, kept: 0, dropped: 0 });
  });

  it('gives what a consumer that is killed did not have to another', async (t) => {
    const count = 3000;
    const place = await durable(t, 'pipeline');
    const node = await place.start();
    // It takes what fits into its queue, and then nothing.
    const stalled = lib.pullSocket(t, { receiveHighWaterMark: 1 });
    await lib.connected(stalled, place.back);
    await node.process.waitFor('stderr', /"event":"peer:ready"/);
    await send(t, place, 1, count, ' '.repeat(5000));
    await holds(place, count);
    stalled.close();
    const line = await node.process.waitFor(
      'stderr',
      /"side":"backend","event":"peer:gone".*"messagesOut":(\d+),/,
    );
    const first = Number(line[1]) + 1;
    assert.ok(first < count);
    const pull = lib.pullSocket(t);
    await lib.connected(pull, place.back);
    const got = await lib.receiveTexts(pull, count - first + 1);
    assert.deepEqual(
      got.map((text) => text.trimEnd()),
      range(first, count),
    );
  });
});

describe('a pubsub with a stream', { skip: noSignals }, () => {
  it('keeps what passes, also what nobody subscribed to, and forwards to who did', async (t) => {
    const place = await durable(t, 'pubsub');
    const node = await place.start();
    const pub = lib.publisherSocket(t);
    await lib.connected(pub, place.front);
    await lib.subscribed(pub, '');
    const sub = lib.subscriberSocket(t, 'b');
    await lib.connected(sub, place.back);
    await lib.subscribed(pub, 'b');
    for (const topic of ['a', 'b', 'c', 'b']) await pub.send([topic, 'x']);
    assert.deepEqual(await lib.receiveTexts(sub, 2), ['b|x', 'b|x']);
    assert.equal((await node.process.stop('SIGTERM')).code, 0);
    const texts: string[] = [];
    for await (const span of (await inspectStore(place.dataDir)).read('jobs', 1)) {
      assert.equal(span.type, 'records');
      for (let at = span.start; at < span.end; ) {
        const end = skipMessages(span.bytes, at, 1);
        texts.push(decodeMessage(span.bytes, at, end).map(String).join('|'));
        at = end;
      }
    }
    assert.deepEqual(texts, ['a|x', 'b|x', 'c|x', 'b|x']);
  });
});

describe('streams in a configuration', () => {
  it('a reqrep route has none: said with file and line', async (t) => {
    const cwd = await folder(t);
    const side = (port: number): string => `{ bind: tcp://127.0.0.1:${port} }`;
    const yaml = `routes:\n  orders:\n    pattern: reqrep\n    frontend: ${side(1)}\n    backend: ${side(2)}\n    stream: { fsync: never }\n`;
    await writeFile(join(cwd, 'bad.yaml'), yaml);
    const { code, stdout } = await cli(['check', 'bad.yaml'], { cwd });
    assert.equal(code, 3);
    assert.match(stdout, /^bad\.yaml:6:13 {2}routes\.orders\.stream: a reqrep route has no stream/);
  });

  it('one node at a time: the second ends with 4, and says who has the folder', async (t) => {
    const place = await durable(t, 'pipeline');
    const node = await place.start();
    const cwd = await folder(t);
    const yaml = `node: { dataDir: ${JSON.stringify(place.dataDir)} }\nstreams: { a: }\nsessions: { bind: "tcp://127.0.0.1:*" }\n`;
    await writeFile(join(cwd, 'zeroth.yaml'), yaml);
    const { code, stderr } = await cli(['run', 'zeroth.yaml'], { cwd });
    assert.equal(code, 4);
    assert.match(stderr, /"code":"STORE_LOCKED"/);
    assert.match(stderr, new RegExp(`process ${node.process.child.pid}\\b`));
  });

  it('says who may have the endpoint of sessions', async (t) => {
    const taken = lib.pullSocket(t);
    const endpoint = await lib.bindFree(taken);
    const cwd = await folder(t);
    await writeFile(join(cwd, 'zeroth.yaml'), `streams: { a: }\nsessions: { bind: "${endpoint}" }\n`);
    const { code, stderr } = await cli(['run', 'zeroth.yaml'], { cwd });
    assert.equal(code, 4);
    assert.match(stderr, /"code":"BIND_FAILED".*"hint":"another process has it/);
  });

  it('says where clients of streams connect', async (t) => {
    const place = await durable(t, 'pipeline', '{}', 'sessions: { bind: "tcp://127.0.0.1:*" }\n');
    const node = await place.start();
    const [address] = lineOf(node, 'ready').sessions as string[];
    assert.match(String(address), /^tcp:\/\/127\.0\.0\.1:\d+$/);
    const row = await node.process.waitFor('stdout', /(\S+) {2}clients of streams connect here/);
    assert.equal(row[1], address);
  });
});
