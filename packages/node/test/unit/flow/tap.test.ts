import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import type { Run } from '@zeroth/zmq/run';
import { messageLength, writeMessage } from '@zeroth/zmq/run';
import type { Tap, TapLine, TapOptions, Tapped } from '../../../src/flow/tap.ts';
import { openTap } from '../../../src/flow/tap.ts';
import { MemoryStream } from '../../support/memory-stream.ts';

const TICK = 50;

function runOf(...messages: (readonly string[])[]): Run {
  const all = messages.map((frames) => frames.map((frame) => Buffer.from(frame)));
  const bytes = Buffer.alloc(all.reduce((sum, frames) => sum + messageLength(frames), 0));
  let end = 0;
  for (const frames of all) end = writeMessage(bytes, end, frames);
  return { bytes, start: 0, end, count: messages.length };
}

class FakeNode implements Tapped {
  readonly routes: Map<string, unknown> = new Map([['orders', null]]);
  readonly all: MemoryStream[] = [];
  readonly listeners = new Set<(way: 'toBack' | 'toFront', run: Run) => void>();

  streams(): readonly MemoryStream[] {
    return this.all;
  }

  observe(_route: string, listener: (way: 'toBack' | 'toFront', run: Run) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  pass(...messages: (readonly string[])[]): void {
    for (const listener of this.listeners) listener('toBack', runOf(...messages));
  }
}

interface Open {
  readonly node: FakeNode;
  readonly tap: Tap;
  next(): Promise<TapLine>;
}

async function open(options: TapOptions = {}, name = 'orders', node = new FakeNode()): Promise<Open> {
  const tap = openTap(node, name, options);
  const iterator = tap[Symbol.asyncIterator]();
  const next = async (): Promise<TapLine> => {
    const { value, done } = await iterator.next();
    assert.ok(done !== true, 'the tap has ended');
    return value;
  };
  const { passed, skipped, frames } = await next();
  assert.deepEqual([passed, skipped, frames], [0, 0, undefined]);
  return { node, tap, next };
}

const textOf = ({ frames = [] }: TapLine): string[] =>
  frames.map((frame) => Buffer.from(frame, 'base64').toString());

beforeEach(() => mock.timers.enable({ apis: ['setInterval'] }));
afterEach(() => mock.timers.reset());

describe('a tap of a route', () => {
  it('shows messages with their frames, sizes and direction', async () => {
    const { node, tap, next } = await open({ rate: 10_000 });
    node.pass(['topic', 'body'], ['alone']);
    const first = await next();
    assert.deepEqual(textOf(first), ['topic', 'body']);
    assert.deepEqual(
      [first.name, first.direction, first.sizes, first.skipped],
      ['orders', 'toBack', [5, 4], 1],
    );
    const second = await next();
    assert.deepEqual([textOf(second), second.passed, second.skipped], [['alone'], 2, 0]);
    tap.close();
  });

  it('shows no more than its rate, and says what it left out', async () => {
    const { node, tap, next } = await open({ rate: 100 });
    const many = Array.from({ length: 1000 }, (_, i) => [String(i)]);
    const seen: string[] = [];
    for (let tick = 0; tick < 20; tick++) {
      node.pass(...many);
      for (let i = 0; i < 5; i++) seen.push(...textOf(await next()));
      mock.timers.tick(TICK);
    }
    // 5 in each of the 20 stretches of 50 ms.
    assert.deepEqual(seen.slice(0, 10), ['0', '1', '2', '3', '4', '0', '1', '2', '3', '4']);
    node.pass(...many);
    for (let i = 0; i < 5; i++) await next();
    node.pass(...many);
    for (let i = 0; i < 20; i++) mock.timers.tick(TICK);
    const counts = await next();
    assert.deepEqual([counts.passed, counts.skipped, counts.frames], [22_000, 21_895, undefined]);
    tap.close();
  });

  it('takes one a second when asked to', async () => {
    const { node, tap, next } = await open({ rate: 1 });
    node.pass(['a'], ['b']);
    assert.deepEqual(textOf(await next()), ['a']);
    for (let i = 0; i < 19; i++) mock.timers.tick(TICK);
    node.pass(['c']);
    mock.timers.tick(TICK);
    assert.deepEqual([(await next()).passed, node.listeners.size], [3, 1]);
    node.pass(['d']);
    assert.deepEqual(textOf(await next()), ['d']);
    tap.close();
  });

  it('copies no more than asked for, and what it has stays as it was', async () => {
    const { node, tap, next } = await open({ bytes: 6 });
    const run = runOf(['abcd', 'efgh', 'ijkl']);
    for (const listener of node.listeners) listener('toFront', run);
    run.bytes.fill(0);
    const line = await next();
    assert.deepEqual([textOf(line), line.sizes, line.direction], [['abcd', 'ef', ''], [4, 4, 4], 'toFront']);
    tap.close();
  });

  it('lists so many frames and counts the rest', async () => {
    const { node, tap, next } = await open();
    node.pass(Array.from({ length: 100 }, () => 'f'));
    const { frames, sizes, more } = await next();
    assert.deepEqual([frames?.length, sizes?.length, more], [32, 32, 68]);
    tap.close();
  });

  it('compares with a prefix of the first frame, so many at once', async () => {
    const { node, tap, next } = await open({ match: Buffer.from('b/') });
    node.pass(['a/', 'b/'], ['b/1', 'x'], ['b'], ['b/2']);
    assert.deepEqual(textOf(await next()), ['b/1', 'x']);
    assert.deepEqual(textOf(await next()), ['b/2']);
    node.pass(...Array.from({ length: 2000 }, () => ['a']), ['b/3']);
    mock.timers.tick(TICK);
    node.pass(['b/4']);
    assert.deepEqual(textOf(await next()), ['b/4']);
    tap.close();
  });

  it('misses samples, and holds so many, while nobody reads', async () => {
    const { node, tap, next } = await open({ rate: 10_000, bytes: 65_536 });
    const large = ['x'.repeat(65_536)];
    for (let tick = 0; tick < 10; tick++) {
      node.pass(...Array.from({ length: 100 }, () => large));
      mock.timers.tick(TICK);
    }
    const room = (4 * 1024 * 1024) / 65_536;
    for (let i = 0; i < room; i++) assert.equal((await next()).sizes?.[0], 65_536);
    for (let i = 0; i < 20; i++) mock.timers.tick(TICK);
    const { passed, skipped, frames } = await next();
    assert.deepEqual([passed, skipped, frames], [1000, 1000 - room, undefined]);
    tap.close();
  });

  it('ends when it is closed, and leaves nobody listening', async () => {
    const { node, tap, next } = await open();
    const waiting = assert.rejects(next(), /the tap has ended/);
    tap.close();
    await waiting;
    assert.equal(node.listeners.size, 0);
  });

  it('ends when a configuration has taken the route away, and says so', async () => {
    const { node, tap } = await open();
    node.pass(['last']);
    node.routes.delete('orders');
    for (let i = 0; i < 19; i++) mock.timers.tick(TICK);
    // A change that was taken back.
    node.routes.set('orders', null);
    mock.timers.tick(TICK);
    node.routes.delete('orders');
    for (let i = 0; i < 20; i++) mock.timers.tick(TICK);
    const rest: TapLine[] = [];
    for await (const line of tap) rest.push(line);
    assert.deepEqual(textOf(rest[0] as TapLine), ['last']);
    assert.match(rest.at(-1)?.ended ?? '', /no route orders any more/);
    assert.equal(node.listeners.size, 0);
  });

  it('refuses one more than there may be', async () => {
    const node = new FakeNode();
    const all = Array.from({ length: 32 }, () => openTap(node, 'orders'));
    assert.throws(() => openTap(node, 'orders'), { code: 'TAPS_FULL' });
    all[0]?.close();
    all[0]?.close();
    all[0] = openTap(node, 'orders');
    assert.throws(() => openTap(node, 'orders'), { code: 'TAPS_FULL' });
    for (const tap of all) tap.close();
    assert.equal(node.listeners.size, 0);
  });

  it('refuses a name that is nothing', () => {
    assert.throws(() => openTap(new FakeNode(), 'order'), {
      code: 'STREAM_UNKNOWN',
      message: /there are orders/,
    });
  });
});

describe('a tap of a stream', () => {
  for (const slow of [false, true]) {
    it(`shows what is committed${slow ? ', read from the disk' : ''}`, async () => {
      const node = new FakeNode();
      const stream = new MemoryStream();
      stream.slow = slow;
      node.all.push(stream);
      stream.append(runOf(['before']));
      const { tap, next } = await open({}, 'memory', node);
      stream.append(runOf(['k', 'one'], ['two']));
      const line = await next();
      assert.deepEqual([textOf(line), line.sequence, line.direction], [['k', 'one'], 2, 'stored']);
      assert.equal((await next()).sequence, 3);
      tap.close();
    });
  }

  it('reads nothing while it has enough', async () => {
    const node = new FakeNode();
    const stream = new MemoryStream();
    node.all.push(stream);
    const { tap, next } = await open({ rate: 1 }, 'memory', node);
    for (let i = 0; i < 10; i++) stream.append(runOf([String(i)]));
    assert.deepEqual(textOf(await next()), ['0']);
    assert.equal(stream.reads, 1);
    for (let i = 0; i < 20; i++) mock.timers.tick(TICK);
    const { passed, skipped } = await next();
    assert.deepEqual([passed, skipped], [10, 9]);
    tap.close();
  });

  it('ends when the stream is gone', async () => {
    const node = new FakeNode();
    node.all.push(new MemoryStream());
    const { next } = await open({}, 'memory', node);
    node.all.length = 0;
    for (let i = 0; i < 20; i++) mock.timers.tick(TICK);
    assert.match((await next()).ended ?? '', /no stream memory any more/);
    await assert.rejects(next(), /the tap has ended/);
  });

  it('goes on with the stream that has the name after a reload', async () => {
    const node = new FakeNode();
    node.all.push(new MemoryStream());
    const { tap, next } = await open({}, 'memory', node);
    const other = new MemoryStream();
    node.all[0] = other;
    mock.timers.tick(TICK);
    other.append(runOf(['new']));
    assert.deepEqual(textOf(await next()), ['new']);
    tap.close();
  });
});
