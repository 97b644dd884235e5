import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PushPattern } from '../../../src/patterns/pipeline.ts';
import { Receipts } from '../../../src/patterns/receipts.ts';
import { FakeHost, type FarOptions, type FarSide, join, KeepingSink, runOf } from '../../support/pipes.ts';

interface Bench {
  readonly pattern: PushPattern;
  readonly host: FakeHost;
  readonly receipts: Receipts;
  taken: number;
  returned: number;
}

function make(): Bench {
  const host = new FakeHost();
  const pattern = new PushPattern(host);
  const receipts = new Receipts({ taken: () => bench.taken++, returned: () => bench.returned++ });
  const bench: Bench = { pattern, host, receipts, taken: 0, returned: 0 };
  pattern.receipts = receipts;
  return bench;
}

/** Sends the messages `first` to `last`, each with its number as text; returns how many found room. */
function send({ pattern, receipts }: Bench, first: number, last: number): number {
  const messages = Array.from({ length: last - first + 1 }, (_, i) => [String(first + i)]);
  const { bytes, count } = runOf(messages);
  receipts.next = first;
  return pattern.sendRun(null, bytes, 0, bytes.length, count);
}

const ranges = (list: readonly { first: number; last: number }[]): number[][] =>
  list.map(({ first, last }) => [first, last]);
const outstanding = ({ receipts }: Bench): number[][] => ranges(receipts.outstanding());

const heard = (far: FarSide): string[] => far.messages.map((shown) => shown.slice(1, -1));

/** A peer whose system takes nothing until it is told to. */
const slow = (bench: Bench, options: FarOptions = {}): FarSide =>
  join(bench.pattern, { takes: false, ...options });

/** The connection breaks: as a session does it for a peer that came in through a bound endpoint. */
function breaks({ pattern, host }: Bench, far: FarSide): void {
  pattern.detach(far.pipe);
  host.dropped(far.pipe, 'disconnected', far.pipe.outbox.closed());
  host.dropped(far.pipe, 'disconnected', far.pipe.outbox.clear());
}

describe('receipts', () => {
  it('tell what the system has taken', () => {
    const bench = make();
    const far = join(bench.pattern);
    send(bench, 1, 3);
    assert.deepEqual(outstanding(bench), [[1, 3]]);
    assert.equal(bench.taken, 0);
    far.pipe.outbox.flush();
    assert.deepEqual(outstanding(bench), []);
    assert.equal(bench.taken, 1);
  });

  it('tell apart what a write holds and what came after it', () => {
    const bench = make();
    const far = slow(bench);
    send(bench, 1, 3);
    far.pipe.outbox.flush();
    send(bench, 4, 9);
    assert.deepEqual(outstanding(bench), [[1, 9]]);
    far.pipe.outbox.drained();
    // The second write is on its way.
    assert.deepEqual(outstanding(bench), [[4, 9]]);
    far.pipe.outbox.drained();
    assert.deepEqual(outstanding(bench), []);
  });

  it('keep numbers apart that do not follow each other', () => {
    const bench = make();
    const far = slow(bench);
    send(bench, 1, 2);
    send(bench, 10, 12);
    send(bench, 13, 13);
    assert.deepEqual(outstanding(bench), [
      [1, 2],
      [10, 13],
    ]);
    far.drain();
    assert.deepEqual(outstanding(bench), []);
  });

  it('give back all that a peer had when it goes away, and nothing counts as dropped', () => {
    const bench = make();
    const far = slow(bench);
    send(bench, 1, 3);
    far.pipe.outbox.flush();
    send(bench, 4, 5);
    breaks(bench, far);
    assert.equal(bench.returned, 1);
    assert.deepEqual(bench.receipts.back, { first: 1, last: 5 });
    assert.deepEqual(outstanding(bench), [[1, 5]]);
    assert.deepEqual(bench.host.drops, []);
    assert.equal(far.pipe.outbox.sentMessages, 0);

    const next = join(bench.pattern);
    send(bench, 1, 5);
    bench.receipts.settle(5);
    assert.deepEqual(heard(next), ['1', '2', '3', '4', '5']);
    assert.equal(bench.receipts.back, null);
    assert.deepEqual(outstanding(bench), []);
  });

  it('give back what waits for an endpoint that is connected again, in order', () => {
    const bench = make();
    const far = slow(bench);
    send(bench, 1, 2);
    far.pipe.outbox.flush();
    send(bench, 3, 4);
    far.lose();
    assert.deepEqual(bench.receipts.back, { first: 1, last: 4 });
    far.open(new KeepingSink());
    send(bench, 1, 4);
    bench.receipts.settle(4);
    assert.deepEqual(heard(far), ['1', '2', '3', '4']);
    assert.deepEqual(outstanding(bench), []);
  });

  it('of several peers: one stalls, one goes away, one takes all', () => {
    const bench = make();
    const stalled = slow(bench, { sendMark: 2 });
    const gone = slow(bench, { sendMark: 3 });
    const good = join(bench.pattern, { sendMark: 100 });
    // Each gets an equal stretch, as far as its mark allows: 2 to the first, 3 to the second, the rest to the third.
    assert.equal(send(bench, 1, 9), 9);
    assert.deepEqual(heard(good), ['6', '7', '8', '9']);
    assert.deepEqual(outstanding(bench), [[1, 5]]);
    breaks(bench, gone);
    assert.deepEqual(bench.receipts.back, { first: 3, last: 5 });
    assert.equal(send(bench, 3, 5), 3);
    bench.receipts.settle(5);
    assert.deepEqual(heard(good), ['6', '7', '8', '9', '3', '4', '5']);
    assert.deepEqual(outstanding(bench), [[1, 2]]);
    stalled.drain();
    assert.deepEqual(outstanding(bench), []);
    assert.deepEqual(bench.host.drops, []);
  });

  it('of a run over the mark: what found no room is not numbered', () => {
    const bench = make();
    const far = slow(bench, { sendMark: 4 });
    assert.equal(send(bench, 1, 10), 4);
    assert.deepEqual(outstanding(bench), [[1, 4]]);
    assert.equal(send(bench, 5, 10), 0);
    far.pipe.outbox.drained();
    assert.equal(send(bench, 5, 10), 4);
    assert.deepEqual(outstanding(bench), [[5, 8]]);
  });

  it('of a run over the mark of a peer whose system takes it at once', () => {
    const bench = make();
    const far = join(bench.pattern, { sendMark: 4 });
    assert.equal(send(bench, 1, 10), 10);
    assert.deepEqual(heard(far).length, 10);
    assert.deepEqual(outstanding(bench), []);
  });

  it('join what came back from several peers, and settle it bit by bit', () => {
    const bench = make();
    const peers = [slow(bench), slow(bench), slow(bench)];
    send(bench, 1, 6);
    send(bench, 11, 13);
    for (const far of peers.reverse()) breaks(bench, far);
    assert.deepEqual(outstanding(bench), [
      [1, 6],
      [11, 13],
    ]);
    bench.receipts.settle(2);
    assert.deepEqual(bench.receipts.back, { first: 3, last: 6 });
    bench.receipts.settle(6);
    assert.deepEqual(bench.receipts.back, { first: 11, last: 13 });
    bench.receipts.settle(20);
    assert.equal(bench.receipts.back, null);
  });

  it('give back what the caller knows of from before', () => {
    const bench = make();
    bench.receipts.giveBack([
      { first: 7, last: 8 },
      { first: 2, last: 2 },
    ]);
    assert.deepEqual(bench.receipts.back, { first: 2, last: 2 });
    assert.equal(bench.returned, 0);
    bench.receipts.giveBack([]);
    assert.deepEqual(outstanding(bench), [
      [2, 2],
      [7, 8],
    ]);
  });

  it('a long row of stretches leaves nothing behind', () => {
    const bench = make();
    const far = slow(bench, { sendMark: 0 });
    for (let i = 0; i < 5000; i++) send(bench, 1 + 2 * i, 1 + 2 * i);
    assert.equal(outstanding(bench).length, 5000);
    far.drain();
    assert.deepEqual(outstanding(bench), []);
    send(bench, 20_000, 20_001);
    assert.deepEqual(outstanding(bench), [[20_000, 20_001]]);
  });
});
