import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Outbox } from '../../../src/patterns/outbox.ts';
import { flushSoon, nextTurn } from '../../../src/socket/flusher.ts';
import { KeepingSink } from '../../support/pipes.ts';
import { messagesIn } from '../../support/wire.ts';

function make(): { outbox: Outbox; sink: KeepingSink } {
  const sink = new KeepingSink();
  const outbox = new Outbox(0, flushSoon, () => {});
  outbox.open(sink);
  return { outbox, sink };
}

describe('flusher', () => {
  it('writes once for all that was queued in one go, promises that settled included', async () => {
    const { outbox, sink } = make();
    outbox.push(Buffer.from('1'));
    for (let i = 0; i < 50; i++) {
      await Promise.resolve();
      outbox.push(Buffer.from('x'));
    }
    assert.equal(sink.writes.length, 0);
    await nextTurn();
    assert.equal(sink.writes.length, 1);
    assert.equal(messagesIn(sink.bytes).length, 51);
  });

  it('writes a single message without waiting for the next turn', async () => {
    const { outbox, sink } = make();
    await nextTurn();
    outbox.push(Buffer.from('1'));
    const turn = nextTurn();
    await new Promise<void>((resolve) => process.nextTick(resolve));
    assert.equal(sink.writes.length, 1);
    await turn;
  });

  it('writes to every outbox that has something', async () => {
    const all = [make(), make(), make()];
    for (const { outbox } of all) outbox.push(Buffer.from('a'));
    await nextTurn();
    for (const { outbox, sink } of all) {
      assert.equal(sink.writes.length, 1);
      outbox.push(Buffer.from('b'));
    }
    await nextTurn();
    for (const { sink } of all) assert.equal(sink.writes.length, 2);
  });

  it('takes up what is queued while it writes', async () => {
    const { outbox, sink } = make();
    const other = make();
    const write = sink.write.bind(sink);
    sink.write = (parts) => {
      other.outbox.push(Buffer.from('caused'));
      return write(parts);
    };
    outbox.push(Buffer.from('cause'));
    await nextTurn();
    await nextTurn();
    assert.equal(messagesIn(other.sink.bytes).length, 1);
  });

  it('gives everyone who asks in one turn the same promise', async () => {
    const first = nextTurn();
    assert.equal(nextTurn(), first);
    await first;
    assert.notEqual(nextTurn(), first);
    await nextTurn();
  });
});

describe('a flush that throws', () => {
  it('keeps nobody from being written', (t) => {
    const ticks: (() => void)[] = [];
    t.mock.method(process, 'nextTick', (run: () => void) => void ticks.push(run));
    const written: string[] = [];
    const outbox = (name: string, fault: Error | null): Outbox =>
      ({
        flush: () => {
          if (fault !== null) throw fault;
          written.push(name);
        },
      }) as unknown as Outbox;
    const fault = new Error('a mistake');
    for (const each of [outbox('a', null), outbox('b', fault), outbox('c', null), outbox('d', null)])
      flushSoon(each);
    assert.throws(() => ticks.shift()!(), fault);
    for (let run = ticks.shift(); run !== undefined; run = ticks.shift()) run();
    assert.deepEqual(written, ['a', 'c', 'd']);
  });
});
