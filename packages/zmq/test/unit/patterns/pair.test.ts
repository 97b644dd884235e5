import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PairPattern } from '../../../src/patterns/pair.ts';
import { FakeHost, FarSide, join, receiveAll, runOf } from '../../support/pipes.ts';

describe('PAIR', () => {
  it('has one peer', () => {
    const pair = new PairPattern(new FakeHost());
    assert.ok(!pair.writable && !pair.readable);
    assert.equal(pair.send('nobody'), false);
    const first = join(pair);
    const second = new FarSide(pair);
    assert.equal(pair.attach(second.pipe), false);
    pair.detach(second.pipe);
    assert.ok(pair.send('x'), 'the first stays');
    assert.deepEqual(first.messages, ["'x'"]);
  });

  it('takes another when the first is gone', () => {
    const host = new FakeHost();
    const pair = new PairPattern(host);
    join(pair).leave();
    assert.ok(!pair.writable);
    const calls = host.writableCalls;
    const next = join(pair);
    assert.ok(host.writableCalls > calls);
    assert.ok(pair.send('x'));
    assert.deepEqual(next.messages, ["'x'"]);
  });

  it('waits at the mark', () => {
    const host = new FakeHost();
    const pair = new PairPattern(host);
    const far = join(pair, { sendMark: 1, takes: false });
    assert.ok(pair.send('1'));
    assert.ok(!pair.send('2') && !pair.writable);
    const calls = host.writableCalls;
    far.drain();
    assert.ok(host.writableCalls > calls && pair.writable);
  });

  it('receives from the peer before first', () => {
    const pair = new PairPattern(new FakeHost());
    join(pair)
      .run([['old 1'], ['old 2']])
      .leave();
    join(pair).says('new');
    assert.deepEqual(receiveAll(pair), ["'old 1'", "'old 2'", "'new'"]);
    assert.ok(!pair.readable);
  });

  it('receives from the present peer when one that came and went twice is empty', () => {
    const pair = new PairPattern(new FakeHost());
    const far = join(pair).says('1');
    pair.detach(far.pipe);
    pair.attach(far.pipe);
    far.says('2');
    pair.detach(far.pipe);
    assert.deepEqual(receiveAll(pair), ["'1'", "'2'"]);
    join(pair).says('3');
    assert.ok(pair.readable);
    assert.deepEqual(receiveAll(pair), ["'3'"]);
  });

  it('moves runs as far as there is room', () => {
    const pair = new PairPattern(new FakeHost());
    const { bytes } = runOf([['1'], ['2'], ['3']]);
    assert.equal(pair.sendRun(null, bytes, 0, bytes.length, 3), 0);
    const far = join(pair, { sendMark: 2, takes: false });
    assert.equal(pair.sendRun(null, bytes, 0, bytes.length, 3), 2);
    far.drain();
    assert.deepEqual(far.messages, ["'1'", "'2'"]);
    far.says('a').says('b');
    assert.equal(pair.peek(), far.pipe);
    const run = far.pipe.inbox.peekRun()!;
    far.pipe.inbox.advance(run.end, run.count);
    pair.took(far.pipe);
    assert.deepEqual(receiveAll(pair), ["'b'"]);
  });

  it('moves a run to a peer that keeps up, however long it is', () => {
    const pair = new PairPattern(new FakeHost());
    const far = join(pair, { sendMark: 2 });
    const { bytes } = runOf([['1'], ['2'], ['3'], ['4'], ['5']]);
    assert.equal(pair.sendRun(null, bytes, 0, bytes.length, 5), 5);
    assert.equal(far.messages.length, 5);
  });

  it('stops a peer at the mark', () => {
    const pair = new PairPattern(new FakeHost());
    const far = join(pair, { receiveMark: 2 }).run([['1'], ['2']]);
    assert.ok(far.paused);
    pair.next();
    assert.ok(!far.paused);
  });
});
