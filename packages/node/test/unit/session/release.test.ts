/** A stream that is given up while clients use it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sessions } from '../../support/session-server.ts';

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
});
