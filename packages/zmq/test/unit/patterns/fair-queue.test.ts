import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FairQueue } from '../../../src/patterns/fair-queue.ts';
import type { Pipe } from '../../../src/patterns/pipe.ts';
import { PullPattern } from '../../../src/patterns/pipeline.ts';
import { FakeHost, FarSide, runOf } from '../../support/pipes.ts';
import { show } from '../../support/wire.ts';

function pipes(count: number, receiveMark = 1000): FarSide[] {
  const pattern = new PullPattern(new FakeHost());
  return Array.from({ length: count }, () => new FarSide(pattern, { receiveMark }));
}

function push(queue: FairQueue, pipe: Pipe, ...texts: string[]): void {
  const { bytes, count } = runOf(texts.map((text) => [text]));
  queue.push(pipe, bytes, 0, bytes.length, count);
}

function drain(queue: FairQueue, most = 1000): string[] {
  const all: string[] = [];
  for (let i = 0; i < most; i++) {
    const frames = queue.next();
    if (frames === null) break;
    all.push(frames.map((part) => part.toString()).join(' '));
  }
  return all;
}

describe('fair queue', () => {
  it('takes out what is not wanted, and goes on with the rest in turn', () => {
    const queue = new FairQueue();
    const [a, b, c] = pipes(3);
    push(queue, a!.pipe, 'a1', 'a2');
    push(queue, a!.pipe, 'a3', 'a4');
    push(queue, b!.pipe, 'b1');
    push(queue, c!.pipe, 'c1', 'c2', 'c3');
    assert.equal(queue.next()?.join(), 'a1');
    queue.filter((bytes, _at, next) => bytes[next - 1] !== 0x31 && bytes[next - 1] !== 0x32);
    assert.equal(b!.pipe.inbox.queued, 0);
    assert.equal(a!.pipe.inbox.queued, 2);
    assert.deepEqual(drain(queue), ['a3', 'c3', 'a4']);
    for (const far of [a, b, c]) assert.equal(far!.pipe.inbox.bytes, 0);
    push(queue, b!.pipe, 'b2');
    queue.filter(() => false);
    assert.ok(queue.empty);
  });

  it('takes from each peer in turn, and in order from each', () => {
    const queue = new FairQueue();
    const [a, b, c] = pipes(3);
    push(queue, a!.pipe, 'a1', 'a2', 'a3', 'a4');
    push(queue, b!.pipe, 'b1', 'b2');
    push(queue, c!.pipe, 'c1');
    assert.deepEqual(drain(queue), ['a1', 'b1', 'c1', 'a2', 'b2', 'a3', 'a4']);
    assert.ok(queue.empty);
    assert.equal(queue.next(), null);
  });

  it('lets nobody wait for more than one message of each other peer', () => {
    const queue = new FairQueue();
    const sides = pipes(5);
    const turn = new Map<Pipe, number>();
    for (const { pipe } of sides) push(queue, pipe, ...Array.from({ length: 20 }, String));
    for (let i = 0; i < 100; i++) {
      queue.next();
      const last = queue.last!;
      assert.ok(i - (turn.get(last) ?? -1) <= sides.length || !turn.has(last));
      turn.set(last, i);
    }
    assert.ok(queue.empty);
  });

  it('gives who comes later its turn', () => {
    const queue = new FairQueue();
    const [a, b] = pipes(2);
    push(queue, a!.pipe, 'a1', 'a2', 'a3');
    assert.deepEqual(drain(queue, 1), ['a1']);
    push(queue, b!.pipe, 'b1');
    assert.deepEqual(drain(queue).sort(), ['a2', 'a3', 'b1']);
    push(queue, b!.pipe, 'b2');
    push(queue, a!.pipe, 'a4');
    assert.deepEqual(drain(queue), ['b2', 'a4']);
  });

  it('says whom the last message came from', () => {
    const queue = new FairQueue();
    const [a, b] = pipes(2);
    assert.equal(queue.last, null);
    push(queue, a!.pipe, 'a');
    push(queue, b!.pipe, 'b');
    queue.next();
    assert.equal(queue.last, a!.pipe);
    queue.next();
    assert.equal(queue.last, b!.pipe);
    queue.next();
    assert.equal(queue.last, b!.pipe, 'until there is another');
  });

  it('adds messages to what the caller begins', () => {
    const queue = new FairQueue();
    const [a] = pipes(1);
    push(queue, a!.pipe, 'x');
    const frames = queue.nextAfter((pipe) => [Buffer.from(`from ${pipe === a!.pipe}`)]);
    assert.deepEqual(show(frames!), ["'from true'", "'x'"]);
    assert.equal(
      queue.nextAfter(() => assert.fail('nothing there')),
      null,
    );
  });

  it('hands out runs by turns as well', () => {
    const queue = new FairQueue();
    const [a, b] = pipes(2);
    push(queue, a!.pipe, 'a1', 'a2');
    push(queue, b!.pipe, 'b1');
    assert.equal(queue.peek(), a!.pipe);
    const run = a!.pipe.inbox.peekRun()!;
    a!.pipe.inbox.advance(run.end, run.count);
    queue.tookRun(a!.pipe);
    assert.equal(queue.peek(), b!.pipe);
    assert.deepEqual(drain(queue), ['b1']);
    assert.equal(queue.peek(), null);
  });

  it('keeps only the last message of a peer when told so', () => {
    const queue = new FairQueue();
    const [a] = pipes(1);
    const { bytes } = runOf([['1'], ['2']]);
    assert.equal(queue.keepLast(a!.pipe, bytes, 0, bytes.length, 2), 1);
    assert.equal(queue.keepLast(a!.pipe, bytes, 0, bytes.length, 2), 2);
    assert.deepEqual(drain(queue), ['2']);
    assert.ok(queue.empty);
  });

  it('goes on reading from a peer when half of its mark is free', () => {
    const queue = new FairQueue();
    const [a] = pipes(1, 4);
    push(queue, a!.pipe, '1', '2', '3', '4', '5');
    a!.pipe.checkMark();
    assert.ok(a!.paused && a!.pipe.paused);
    drain(queue, 2);
    assert.ok(a!.paused, 'three left');
    drain(queue, 1);
    assert.ok(!a!.paused, 'two left');
  });
});

describe('pipe', () => {
  it('has no mark when it is 0', () => {
    const [a] = pipes(1, 0);
    const queue = new FairQueue();
    push(queue, a!.pipe, ...Array.from({ length: 5000 }, () => 'x'));
    a!.pipe.checkMark();
    assert.ok(!a!.paused);
  });

  it('stays held whatever is taken', () => {
    const [a] = pipes(1, 2);
    const queue = new FairQueue();
    push(queue, a!.pipe, '1', '2', '3');
    a!.pipe.hold();
    assert.ok(a!.paused);
    drain(queue);
    assert.ok(a!.paused);
    a!.paused = false;
    a!.pipe.reopened();
    assert.ok(a!.paused, 'on a new connection too');
  });

  it('counts as heard when it is read from again: in between nobody listened', () => {
    const [a] = pipes(1, 2);
    const queue = new FairQueue();
    push(queue, a!.pipe, '1', '2');
    a!.pipe.checkMark();
    const { heard } = a!.pipe;
    drain(queue);
    assert.ok(!a!.paused);
    assert.notEqual(a!.pipe.heard, heard);
  });

  it('looks at the mark again on a new connection', () => {
    const [a] = pipes(1, 2);
    const queue = new FairQueue();
    push(queue, a!.pipe, '1', '2');
    a!.pipe.checkMark();
    a!.paused = false;
    a!.pipe.reopened();
    assert.ok(a!.paused);
    drain(queue);
    assert.ok(!a!.paused);
    a!.pipe.reopened();
    assert.ok(!a!.paused);
  });

  it('has an id of its own', () => {
    const ids = pipes(10).map(({ pipe }) => pipe.id);
    assert.equal(new Set(ids).size, 10);
  });
});
