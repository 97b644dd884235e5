/** A stream that is given up while clients use it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sessions } from '../../support/session-server.ts';

async function until(done: () => boolean, what: string): Promise<void> {
  for (const end = performance.now() + 10_000; !done(); ) {
    if (performance.now() > end) throw new Error(`waited 10 s until ${what}`);
    await new Promise(setImmediate);
  }
}

describe('a stream that goes', () => {
  it('is told to consumers, those on their way into a group included, and to publishers', async (t) => {
    const { client, server, store, stream } = await sessions(t);
    const a = await client('a');
    await a.open('t');
    await a.publish('t', 1, [['1'], ['2']]);
    await a.next('STORED');
    await a.consume(1, { stream: 't', strategy: 'group', group: 'g' });
    await a.records(2);
    let found: (sequence: number) => void = () => {};
    stream.find = () =>
      new Promise((resolve) => {
        found = resolve;
      });
    await a.ask(2, { stream: 't', from: { time: 5 } });
    await a.settled();
    const stop = server.release('t');
    await store.release('t');
    stop();
    assert.deepEqual([(await a.next('ENDED')).consumer, stream.listeners], [1, 0]);
    found(1);
    const { consumer, trouble } = await a.next('ENDED');
    assert.deepEqual([consumer, trouble.code], [2, 'STREAM_UNKNOWN']);
    await a.publish('t', 3, [['3']]);
    assert.equal((await a.next('REFUSED')).refusal.code, 'STREAM_UNKNOWN');
    await a.ask(3, { stream: 't' });
    assert.equal((await a.next('ENDED')).trouble.code, 'STREAM_UNKNOWN');
    const status = server.status();
    assert.deepEqual([status.consumers, status.groups], [0, []]);
    // Others go on.
    await a.open('u');
    await a.publish('u', 1, [['x']]);
    assert.equal((await a.next('STORED')).stream, 'u');
  });

  it('leaves the place of a group where it stood', async (t) => {
    const { client, server, store, stream } = await sessions(t);
    const a = await client('a');
    await a.open('t');
    await a.publish('t', 1, [['1'], ['2'], ['3']]);
    await a.consume(1, { stream: 't', strategy: 'group', group: 'g' });
    await a.records(3);
    await a.ack(1, 1, 2);
    await a.settled();
    server.release('t')();
    await store.release('t');
    await a.next('ENDED');
    store.streams.set('t', stream);
    await a.consume(4, { stream: 't', strategy: 'group', group: 'g' });
    const [again] = await a.records(1);
    assert.equal(again?.sequence, 3);
  });

  it('is told to publishers of whom it could not store all, who have their window back', async (t) => {
    const { client, server, store, stream } = await sessions(t);
    const a = await client('a');
    await a.open('t');
    await a.open('u');
    await a.publish('t', 1, [['1']]);
    await a.next('STORED');
    stream.held = true;
    const large = 'x'.repeat(4 * 1024 * 1024);
    for (let i = 2; i <= 4; i++) await a.publish('t', i, [[large]]);
    await until(() => stream.next === 5, 'all is appended');
    const stop = server.release('t');
    await store.release('t');
    stop();
    const { expected, refusal, stream: name } = await a.next('REFUSED');
    assert.deepEqual([name, expected, refusal.code, refusal.retry], ['t', 2, 'STREAM_UNKNOWN', false]);
    await a.publish('u', 1, [[large]]);
    assert.equal((await a.next('STORED')).stream, 'u');
  });

  it('does not hold up a stop for longer than the signal says', async (t) => {
    const { client, server, stream } = await sessions(t);
    const a = await client('a');
    await a.open('t');
    stream.held = true;
    await a.publish('t', 1, [['1']]);
    await until(() => stream.next === 2, 'it is appended');
    const hurry = new AbortController();
    const stopped = server.stop({ timeout: 3_600_000, signal: hurry.signal });
    hurry.abort();
    await stopped;
    assert.equal((await a.next('BYE')).type, 'BYE');
  });

  it('makes no stream for its dead letters any more', async (t) => {
    const { client, server, store, stream } = await sessions(t);
    const a = await client('a');
    await a.open('t');
    await a.publish('t', 1, [['1']]);
    await a.next('STORED');
    await a.ask(1, { stream: 't', strategy: 'group', group: 'g', maxDeliveries: 1 });
    await a.records(1);
    let found: () => void = () => {};
    const read = stream.read.bind(stream);
    stream.read = async (from, maxBytes) => {
      await new Promise<void>((resolve) => {
        found = resolve;
      });
      return read(from, maxBytes);
    };
    const asked = found;
    await a.nack(1, 1, 1);
    await until(() => found !== asked, 'the dead one is read');
    server.release('t')();
    await store.release('t');
    found();
    await a.next('ENDED');
    await a.settled();
    assert.deepEqual([...store.streams.keys()], ['u']);
  });
});
