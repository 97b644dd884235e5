import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BY_REFERENCE, Outbox } from '../../../src/patterns/outbox.ts';
import { KeepingSink } from '../../support/pipes.ts';
import { command, message, messagesIn, show } from '../../support/wire.ts';

interface Bench {
  readonly outbox: Outbox;
  readonly sink: KeepingSink;
  scheduled: number;
  rooms: number;
}

function make(mark = 0, takes = true, keepsBuffers = false): Bench {
  const bench: Bench = {
    outbox: new Outbox(
      mark,
      () => bench.scheduled++,
      () => bench.rooms++,
    ),
    sink: new KeepingSink(takes, keepsBuffers),
    scheduled: 0,
    rooms: 0,
  };
  bench.outbox.open(bench.sink);
  return bench;
}

const text = (sink: KeepingSink): string[] => messagesIn(sink.bytes).map((frames) => show(frames).join(' '));
const large = (octet: string, size = BY_REFERENCE): Buffer => Buffer.alloc(size, octet);

describe('outbox', () => {
  it('tells of room where the end of a connection was what filled it', () => {
    const HELD = 256 * 1024 * 1024;
    const bench = make(1000);
    const { outbox, sink } = bench;
    outbox.closed();
    const quarter = Buffer.alloc(HELD / 4);
    for (const size of [HELD / 4, HELD / 4, HELD / 4, HELD / 4 - 100]) outbox.push(quarter.subarray(0, size));
    // Waits in the batch, and is not counted before the batch is closed.
    outbox.push(Buffer.alloc(100));
    assert.equal(outbox.full, false);
    outbox.closed();
    assert.equal(outbox.full, true);
    sink.takes = false;
    outbox.open(sink);
    outbox.flush();
    assert.equal(outbox.full, false);
    assert.equal(bench.rooms, 1);
  });

  it('counts how often it became full, not what came while it was', () => {
    const bench = make(2, false);
    const { outbox, sink } = bench;
    for (let round = 1; round <= 3; round++) {
      sink.takes = false;
      outbox.push(Buffer.from('a'));
      assert.equal(outbox.fullCount, round - 1);
      outbox.push(Buffer.from('b'));
      outbox.push(Buffer.from('c'));
      assert.equal(outbox.fullCount, round);
      sink.drain(outbox);
      outbox.flush();
      assert.equal(bench.rooms, round);
    }
    sink.takes = false;
    outbox.push(Buffer.from('a'));
    outbox.setMark(1);
    outbox.setMark(1);
    assert.equal(outbox.fullCount, 4);
  });

  it('sealed, it hands over no more, and keeps it for the next transport', () => {
    const { outbox, sink } = make(0, false);
    outbox.push(Buffer.from('in flight'));
    outbox.flush();
    outbox.push(Buffer.from('waits'));
    outbox.seal();
    sink.drain(outbox);
    assert.equal(outbox.sentMessages, 1);
    outbox.flush();
    assert.deepEqual(text(sink), ["'in flight'"]);
    assert.equal(outbox.closed(), 0);
    const next = new KeepingSink();
    outbox.open(next);
    outbox.flush();
    assert.deepEqual(text(next), ["'waits'"]);
  });

  it('asks once to be flushed, and writes once', () => {
    const { outbox, sink, ...bench } = make();
    outbox.push(Buffer.from('a'));
    outbox.push(Buffer.from('b'));
    assert.equal(sink.writes.length, 0);
    assert.equal(outbox.queued, 2);
    outbox.flush();
    assert.equal(sink.writes.length, 1);
    assert.deepEqual(sink.bytes, Buffer.concat([message('a'), message('b')]));
    assert.equal(outbox.queued, 0);
    assert.ok(outbox.idle);
    assert.equal(bench.rooms, 0);
  });

  it('asks again after each flush, and not in between', () => {
    const bench = make();
    for (let round = 1; round <= 3; round++) {
      bench.outbox.push(Buffer.from('a'));
      bench.outbox.pushControl(command('PONG'));
      bench.outbox.push(Buffer.from('b'));
      assert.equal(bench.scheduled, round);
      bench.outbox.flush();
    }
    bench.outbox.flush();
    assert.equal(bench.sink.writes.length, 3);
  });

  for (const size of [0, 1, 255, 256, BY_REFERENCE - 1, BY_REFERENCE, 200_000]) {
    it(`frames bodies of ${size} octets as the RFC says`, () => {
      const { outbox, sink } = make();
      const body = Buffer.alloc(size, 'q');
      outbox.push(body);
      outbox.pushAll([body, Buffer.alloc(0), body]);
      outbox.flush();
      assert.deepEqual(sink.bytes, Buffer.concat([message(body), message(body, '', body)]));
      assert.deepEqual([outbox.sentMessages, outbox.sentBytes], [2, sink.bytes.length]);
    });
  }

  for (const value of [
    '',
    'a',
    'ü€😀',
    'x'.repeat(85),
    'x'.repeat(86),
    '€'.repeat(85),
    '€'.repeat(86),
    '\ud800',
    'y'.repeat(9000),
  ]) {
    it(`pushText writes UTF-8: ${value.slice(0, 10)}, ${value.length}`, () => {
      const { outbox, sink } = make();
      outbox.pushText(value);
      outbox.push(Buffer.from('next'));
      outbox.flush();
      assert.deepEqual(sink.bytes, Buffer.concat([message(Buffer.from(value)), message('next')]));
    });
  }

  it('copies small bodies, and takes large ones from where they are', () => {
    const { outbox, sink } = make(0, false);
    const small = Buffer.from('small');
    const big = large('b');
    outbox.pushAll([small, big]);
    small.fill(0);
    outbox.flush();
    assert.ok(
      sink.writes[0]!.some((part) => part.buffer === big.buffer),
      'no copy of the large body',
    );
    assert.deepEqual(sink.bytes, message('small', big));
  });

  it('counts what the system does not have yet', () => {
    const { outbox, sink } = make(0, false);
    outbox.push(Buffer.from('a'));
    outbox.push(Buffer.from('b'));
    outbox.flush();
    assert.equal(outbox.queued, 2);
    assert.ok(outbox.stalled && !outbox.idle);
    outbox.push(Buffer.from('c'));
    outbox.flush();
    assert.equal(sink.writes.length, 1, 'one write at a time');
    assert.equal(outbox.queued, 3);
    sink.drain(outbox);
    assert.equal(outbox.queued, 0);
    assert.deepEqual(text(sink), ["'a'", "'b'", "'c'"]);
  });

  it('is full at its mark, and says when it is not any more', () => {
    const bench = make(2, false);
    const { outbox, sink } = bench;
    outbox.push(Buffer.from('a'));
    assert.ok(!outbox.full);
    outbox.push(Buffer.from('b'));
    assert.ok(outbox.full);
    assert.equal(sink.writes.length, 1, 'tried to write before it called itself full');
    assert.equal(bench.rooms, 0);
    sink.drain(outbox);
    assert.ok(!outbox.full);
    assert.equal(bench.rooms, 1);
    outbox.drained();
    assert.equal(bench.rooms, 1, 'once');
  });

  it('is never full as long as the system takes it all', () => {
    const { outbox, sink } = make(2);
    for (let i = 0; i < 10; i++) {
      assert.ok(!outbox.full);
      outbox.push(Buffer.from(String(i)));
    }
    outbox.flush();
    assert.equal(text(sink).length, 10);
  });

  it('has no mark when it is 0', () => {
    const { outbox } = make(0, false);
    for (let i = 0; i < 5000; i++) outbox.push(Buffer.from('x'));
    assert.ok(!outbox.full);
    assert.equal(outbox.queued, 5000);
  });

  it('takes as much of a run as there is room for', () => {
    const { outbox, sink } = make(3, false);
    const run = Buffer.concat(['a', 'b', 'c', 'd'].map((each) => message(each, '!')));
    outbox.push(Buffer.from('0'));
    assert.equal(outbox.pushRun(run, 0, run.length, 4), 2);
    assert.equal(outbox.queued, 3);
    assert.equal(outbox.pushRun(run, 0, run.length, 4), 0);
    sink.drain(outbox);
    assert.deepEqual(text(sink), ["'0'", "'a' '!'", "'b' '!'"]);
  });

  it('takes a long run as it is', () => {
    const { outbox, sink } = make();
    const run = Buffer.concat(Array.from({ length: 5000 }, (_, i) => message(`message ${i}`)));
    assert.equal(outbox.pushRun(run, 0, run.length, 5000), 5000);
    outbox.flush();
    assert.deepEqual(sink.bytes, run);
  });

  it('puts commands before the messages that wait, in their order, and does not count them', () => {
    const { outbox, sink } = make(2, false);
    outbox.push(Buffer.from('in flight'));
    outbox.flush();
    outbox.pushControl(command('PING', 'x'));
    assert.equal(outbox.queued, 1);
    assert.ok(!outbox.full && !outbox.idle);
    outbox.push(Buffer.from('a'));
    outbox.pushControl(command('PONG', 'y'));
    assert.equal(outbox.queued, 2);
    sink.drain(outbox);
    const controls = [command('PING', 'x'), command('PONG', 'y')];
    assert.deepEqual(sink.bytes, Buffer.concat([message('in flight'), ...controls, message('a')]));
    assert.deepEqual([outbox.sentMessages, outbox.sentBytes], [2, sink.bytes.length]);
    assert.ok(outbox.idle);
  });

  it('puts other bytes in line with the messages, and does not count them', () => {
    const { outbox, sink } = make(1, false);
    outbox.pushInLine(command('SUBSCRIBE', 'a'));
    outbox.push(Buffer.from('1'));
    outbox.pushInLine(command('CANCEL', 'a'));
    outbox.pushInLine(command('SUBSCRIBE', Buffer.alloc(20_000, 'b')));
    assert.equal(outbox.queued, 1);
    sink.drain(outbox);
    const late = [command('CANCEL', 'a'), command('SUBSCRIBE', Buffer.alloc(20_000, 'b'))];
    assert.deepEqual(sink.bytes, Buffer.concat([command('SUBSCRIBE', 'a'), message('1'), ...late]));
    assert.deepEqual([outbox.queued, outbox.sentMessages], [0, 1]);
  });

  it('forgets commands with the connection that they were for', () => {
    const { outbox } = make(0, false);
    outbox.push(Buffer.from('a'));
    outbox.pushControl(command('PONG'));
    outbox.closed();
    const next = new KeepingSink();
    outbox.open(next);
    outbox.flush();
    assert.deepEqual(next.bytes, message('a'));
  });

  it('keeps what was not handed over when the transport goes, and counts what was', () => {
    const { outbox } = make(0, false);
    outbox.push(Buffer.from('in flight'));
    outbox.flush();
    outbox.push(Buffer.from('open'));
    assert.equal(outbox.closed(), 1);
    assert.equal(outbox.queued, 1);
    outbox.push(Buffer.from('later'));
    outbox.flush();
    const next = new KeepingSink();
    outbox.open(next);
    outbox.flush();
    assert.deepEqual(text(next), ["'open'", "'later'"]);
    assert.equal(outbox.queued, 0);
  });

  it('has room again when what was in flight is given up', () => {
    const bench = make(1, false);
    bench.outbox.push(Buffer.from('a'));
    assert.ok(bench.outbox.full);
    assert.equal(bench.outbox.closed(), 1);
    assert.equal(bench.rooms, 1);
    bench.outbox.drained();
    assert.equal(bench.rooms, 1);
  });

  it('drops everything with clear', () => {
    const { outbox, sink } = make(0, false);
    outbox.push(Buffer.from('a'));
    outbox.flush();
    outbox.pushAll([Buffer.from('b'), large('l')]);
    assert.equal(outbox.clear(), 2);
    assert.equal(outbox.queued, 0);
    sink.drain(outbox);
    outbox.push(Buffer.from('c'));
    outbox.flush();
    assert.deepEqual(text(sink), ["'a'", "'c'"]);
  });

  it('drops with discardOpen what was not handed over, heartbeats excepted', () => {
    const { outbox, sink } = make(0, false);
    outbox.push(Buffer.from('in flight'));
    outbox.flush();
    outbox.push(Buffer.from('old'));
    outbox.pushControl(command('PONG', 'x'));
    outbox.pushAll([Buffer.from('old'), large('l')]);
    assert.equal(outbox.discardOpen(), 2);
    outbox.push(Buffer.from('new'));
    assert.equal(outbox.queued, 2);
    sink.drain(outbox);
    assert.deepEqual(sink.bytes, Buffer.concat([message('in flight'), command('PONG', 'x'), message('new')]));
  });

  it('writes nothing where there is nothing', () => {
    const { outbox, sink } = make();
    outbox.flush();
    outbox.drained();
    outbox.closed();
    outbox.flush();
    assert.equal(sink.writes.length, 0);
  });
});

describe('batch memory', () => {
  /** Fills the memory that the pool hands out next. */
  function intrude(): void {
    for (let i = 0; i < 4; i++) {
      const other = make(0, true).outbox;
      for (let n = 0; n < 100; n++) other.push(Buffer.from('INTRUDER-INTRUDER-INTRUDER'));
      other.flush();
    }
  }

  it('is not used again while a write is in flight', () => {
    const { outbox, sink } = make(0, false);
    outbox.push(Buffer.from('first'));
    outbox.flush();
    intrude();
    assert.deepEqual(text(sink), ["'first'"]);
    outbox.push(Buffer.from('second'));
    sink.drain(outbox);
    intrude();
    assert.deepEqual(text(sink), ["'first'", "'second'"]);
  });

  it('is not used again while parts before a large body wait', () => {
    const { outbox, sink } = make(0, false);
    outbox.push(Buffer.from('first'));
    outbox.flush();
    outbox.pushAll([Buffer.from('small'), large('l')]);
    outbox.drained();
    intrude();
    assert.deepEqual(sink.writes[1]!.length > 0, true);
    assert.deepEqual(sink.bytes, Buffer.concat([message('first'), message('small', large('l'))]));
  });

  for (const end of ['clear', 'closed and clear'] as const) {
    it(`is not used again when the sink passed it on, after ${end}`, () => {
      const { outbox, sink } = make(0, false, true);
      outbox.push(Buffer.from('precious'));
      outbox.flush();
      outbox.drained();
      if (end === 'closed and clear') outbox.closed();
      outbox.clear();
      intrude();
      assert.deepEqual(text(sink), ["'precious'"]);
    });

    it(`is not used again when a write is in flight, after ${end}`, () => {
      const { outbox, sink } = make(0, false);
      outbox.push(Buffer.from('precious'));
      outbox.flush();
      if (end === 'closed and clear') outbox.closed();
      outbox.clear();
      intrude();
      assert.deepEqual(text(sink), ["'precious'"]);
    });
  }
});
