import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runOf } from '../../support/session-client.ts';
import { sessions } from '../../support/session-server.ts';

const one = [['x']];

describe('publishing', () => {
  it('tells of what is committed, and not before', async (t) => {
    const { client, stream } = await sessions(t);
    const a = await client('a');
    assert.equal(await a.open('t'), 0);
    stream.held = true;
    await a.publish('t', 1, [['k', '1'], ['2'], ['3']]);
    await a.publish('t', 4, one);
    await a.publish('t', 5, one);
    assert.deepEqual(await a.settled(), []);
    stream.commit(5);
    assert.deepEqual((await a.next('STORED')).receipts, [{ first: 1, last: 4, sequence: 1 }]);
    assert.deepEqual(await a.settled(), []);
    stream.commit();
    assert.deepEqual((await a.next('STORED')).receipts, [{ first: 5, last: 5, sequence: 5 }]);
  });

  it('keeps the receipts of producers and streams apart', async (t) => {
    const { client, stream } = await sessions(t);
    const [a, b] = [await client('a'), await client('b')];
    for (const each of [a, b]) await each.open('t');
    await a.open('u');
    stream.held = true;
    await a.publish('t', 1, one);
    await a.settled();
    await b.publish('t', 1, [['y'], ['z']]);
    await b.settled();
    await a.publish('t', 2, one);
    await a.publish('u', 1, one);
    assert.deepEqual(await a.next('STORED'), {
      type: 'STORED',
      stream: 'u',
      receipts: [{ first: 1, last: 1, sequence: 1 }],
    });
    stream.commit();
    assert.deepEqual((await a.next('STORED')).receipts, [
      { first: 1, last: 1, sequence: 1 },
      { first: 2, last: 2, sequence: 4 },
    ]);
    assert.deepEqual((await b.next('STORED')).receipts, [{ first: 1, last: 2, sequence: 2 }]);
  });

  it('drops repetitions, and says which part of a run was one', async (t) => {
    const { client, stream } = await sessions(t);
    const a = await client('a');
    await a.open('t');
    await a.publish('t', 1, [['1'], ['2']]);
    await a.next('STORED');
    await a.publish('t', 1, [['1'], ['2']]);
    assert.deepEqual((await a.next('STORED')).receipts, [{ first: 1, last: 2, sequence: 0 }]);
    await a.publish('t', 2, [['2'], ['3'], ['4']]);
    assert.deepEqual((await a.next('STORED')).receipts, [
      { first: 2, last: 2, sequence: 0 },
      { first: 3, last: 4, sequence: 3 },
    ]);
    assert.equal(stream.next, 5);
  });

  it('does not call a repetition stored before the record is committed', async (t) => {
    const { client, stream } = await sessions(t);
    const a = await client('a');
    await a.open('t');
    stream.held = true;
    await a.publish('t', 1, one);
    await a.settled();
    a.reconnect();
    assert.equal((await a.hello()).resumed, true);
    await a.publish('t', 1, one);
    assert.deepEqual(await a.settled(), []);
    stream.commit();
    assert.deepEqual((await a.next('STORED')).receipts, [{ first: 1, last: 1, sequence: 0 }]);
  });

  it('goes on from the number that the stream knows, also with a new instance', async (t) => {
    const { client, stranger } = await sessions(t);
    const a = await client('a');
    await a.open('t');
    await a.publish('t', 1, [['1'], ['2'], ['3']]);
    await a.next('STORED');
    const again = stranger('a');
    again.instance = 'two';
    assert.equal((await again.hello()).resumed, false);
    assert.equal((await a.next('ERROR')).trouble.code, 'REPLACED');
    assert.equal(await again.open('t'), 3);
    await again.publish('t', 4, one);
    assert.deepEqual((await again.next('STORED')).receipts, [{ first: 4, last: 4, sequence: 4 }]);
  });

  it('refuses what is not the expected number, and all that follows until it comes', async (t) => {
    const { client, stream } = await sessions(t);
    const a = await client('a');
    await a.open('t');
    for (const first of [2, 3]) {
      await a.publish('t', first, one);
      const { expected, refusal } = await a.next('REFUSED');
      assert.deepEqual([expected, refusal.code, refusal.retry], [1, 'OUT_OF_ORDER', true]);
    }
    assert.equal(await a.open('t'), 0, 'OPEN again says where it is');
    await a.publish('t', 1, one);
    await a.next('STORED');
    assert.equal(stream.next, 2);
  });

  it('refuses runs that are not whole records; the number is free', async (t) => {
    const { client, stream } = await sessions(t);
    const a = await client('a');
    await a.open('t');
    const whole = runOf([['k', '1']]);
    for (const run of [
      Buffer.alloc(0),
      whole.subarray(0, whole.length - 1),
      whole.subarray(0, 3),
      Buffer.from([9, 0]),
    ]) {
      await a.send({ type: 'PUBLISH', stream: 't', first: 1, run });
      const { expected, refusal } = await a.next('REFUSED');
      assert.deepEqual([expected, refusal.code, refusal.retry], [1, 'RUN_INVALID', false]);
    }
    await a.send({ type: 'PUBLISH', stream: 't', first: 1, run: whole });
    await a.next('STORED');
    assert.equal(stream.next, 2);
  });

  it('asks for OPEN first, and knows which streams there are', async (t) => {
    const { client } = await sessions(t);
    const a = await client('a');
    await a.publish('t', 1, one);
    assert.deepEqual((await a.next('REFUSED')).refusal.code, 'NOT_OPEN');
    await a.publish('nothing', 1, one);
    const { refusal } = await a.next('REFUSED');
    assert.deepEqual([refusal.code, refusal.retry], ['STREAM_UNKNOWN', false]);
    await a.send({ type: 'OPEN', stream: 'nothing' });
    assert.equal((await a.next('REFUSED')).refusal.code, 'STREAM_UNKNOWN');
  });

  it('says that a stream is busy or broken, and takes the records when it is not any more', async (t) => {
    const { client, stream } = await sessions(t);
    const a = await client('a');
    await a.open('t');
    stream.hasRoom = false;
    await a.publish('t', 1, one);
    const busy = await a.next('REFUSED');
    assert.deepEqual([busy.expected, busy.refusal.code, busy.refusal.retry], [1, 'STREAM_BUSY', true]);
    assert.ok(busy.refusal.delay > 0);
    stream.hasRoom = true;
    stream.fail('the disk is full');
    await a.publish('t', 1, one);
    const failed = await a.next('REFUSED');
    assert.deepEqual(failed.refusal.code, 'STREAM_FAILED');
    assert.match(failed.refusal.message, /the disk is full/);
    stream.trouble = null;
    await a.publish('t', 1, one);
    await a.next('STORED');
  });

  it('tells of records that were committed after trouble', async (t) => {
    const { client, stream } = await sessions(t);
    const a = await client('a');
    await a.open('t');
    stream.held = true;
    await a.publish('t', 1, one);
    await a.settled();
    stream.fail('the disk is full');
    assert.deepEqual(await a.settled(), []);
    stream.trouble = null;
    stream.commit();
    assert.deepEqual((await a.next('STORED')).receipts, [{ first: 1, last: 1, sequence: 1 }]);
  });

  it('holds no more than twice the window of a client that does not wait', async (t) => {
    const { client, stream } = await sessions(t);
    const a = await client('a');
    await a.open('t');
    stream.held = true;
    const large = runOf([['x'.repeat(3 * 1024 * 1024)]]);
    for (let first = 1; first <= 6; first++)
      await a.send({ type: 'PUBLISH', stream: 't', first, run: large });
    const { expected, refusal } = await a.next('REFUSED');
    assert.deepEqual([expected, refusal.code], [6, 'STREAM_BUSY']);
    stream.commit();
    assert.deepEqual((await a.next('STORED')).receipts, [{ first: 1, last: 5, sequence: 1 }]);
    await a.send({ type: 'PUBLISH', stream: 't', first: 6, run: large });
    stream.held = false;
    await a.settled();
    stream.commit();
    await a.next('STORED');
  });

  it('takes a single record that is larger than the window', async (t) => {
    const { client } = await sessions(t);
    const a = await client('a');
    await a.open('t');
    await a.publish('t', 1, [['x'.repeat(20 * 1024 * 1024)]]);
    assert.deepEqual((await a.next('STORED')).receipts, [{ first: 1, last: 1, sequence: 1 }]);
  });

  it('tells publishers before a stop what became of their records', async (t) => {
    const { client, server, stream } = await sessions(t);
    const a = await client('a');
    await a.open('t');
    stream.held = true;
    await a.publish('t', 1, one);
    await a.settled();
    const stopped = server.stop({ timeout: 10_000 });
    stream.commit();
    await stopped;
    const first = await a.next('STORED', 'BYE');
    assert.equal(first.type, 'STORED');
    await a.next('BYE');
    assert.equal(stream.listeners, 0);
  });

  it('stops in time though a stream does not commit', async (t) => {
    const { client, server, stream } = await sessions(t);
    const a = await client('a');
    await a.open('t');
    stream.held = true;
    await a.publish('t', 1, one);
    await a.settled();
    await server.stop({ timeout: 50 });
    assert.equal((await a.next('STORED', 'BYE')).type, 'BYE');
  });
});
