/** Trace contexts from a publisher to consumers, and who is told of them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { connect } from '@zeroth/client';
import { Traces } from '../../../src/session/traces.ts';
import { runOf } from '../../support/session-client.ts';
import { sessions } from '../../support/session-server.ts';

function traceparent(span: number): string {
  return `00-0af7651916cd43dd8448eb211c80319c-${span.toString(16).padStart(16, '0')}-01`;
}

const one = traceparent(1);
const two = traceparent(2);

function found(traces: Traces, stream: string, first: number, last: number): number[] {
  const contexts = new Map<number, string>();
  traces.find(stream, first, last, contexts);
  return [...contexts.keys()];
}

describe('the trace contexts that a node keeps', () => {
  it('are found by sequence', () => {
    const traces = new Traces(null);
    assert.ok(!traces.has('t', 1));
    for (const sequence of [3, 5, 9]) traces.add('t', sequence, one);
    assert.deepEqual(found(traces, 't', 1, 10), [3, 5, 9]);
    assert.deepEqual(found(traces, 't', 4, 8), [5]);
    assert.deepEqual(found(traces, 't', 6, 8), []);
    assert.deepEqual(found(traces, 'u', 1, 10), []);
    assert.ok(traces.has('t', 9));
    assert.ok(!traces.has('t', 10));
  });

  it('are the last 10,000, of all streams together', () => {
    const traces = new Traces(null);
    for (let sequence = 1; sequence <= 5000; sequence++) {
      traces.add('t', sequence, one);
      traces.add('u', sequence, one);
    }
    assert.deepEqual(found(traces, 't', 1, 2), [1, 2]);
    for (let sequence = 5001; sequence <= 5010; sequence++) traces.add('t', sequence, one);
    assert.deepEqual(found(traces, 't', 1, 8), [6, 7, 8]);
    assert.deepEqual(found(traces, 'u', 1, 8), [6, 7, 8]);
    for (let sequence = 5001; sequence <= 15_000; sequence++) traces.add('u', sequence, one);
    assert.ok(!traces.has('t', 1) || found(traces, 't', 1, 6000).length === 0);
    assert.deepEqual(found(traces, 'u', 4990, 5002), [5001, 5002]);
  });

  it('are forgotten with their stream', () => {
    const traces = new Traces(null);
    traces.add('t', 7, one);
    traces.forget('t');
    assert.deepEqual(found(traces, 't', 1, 10), []);
    for (let sequence = 1; sequence <= 10_001; sequence++) traces.add('t', sequence, one);
    assert.deepEqual(found(traces, 't', 1, 3), [2, 3]);
  });
});

describe('a record with a trace context', () => {
  it('has it at the consumer of a client', async (t) => {
    const { server } = await sessions(t);
    const client = await connect(server.endpoints[0]!, { name: 'a' });
    t.after(() => client.close());
    const stream = client.stream('t');
    const consumer = stream.consume({ group: 'db', from: 'first' });
    await consumer.ready();
    await Promise.all([
      stream.publish('x', { traceparent: one }),
      stream.publish('y'),
      stream.publish('z', { traceparent: two }),
    ]);
    const contexts: (string | null)[] = [];
    for await (const record of consumer) {
      contexts.push(record.traceparent);
      record.ack();
      if (contexts.length === 3) break;
    }
    assert.deepEqual(contexts, [one, null, two]);
  });

  it('is told of, and goes on with what the answer says', async (t) => {
    const told: unknown[] = [];
    const { client } = await sessions(t, {
      spans: {
        published: (...what) => {
          told.push(['published', ...what]);
          return two;
        },
        delivered: (...what) => told.push(['delivered', ...what]),
      },
    });
    const peer = await client('a');
    assert.equal((await peer.hello()).trace, true);
    await peer.open('t');
    await peer.consume(1, { stream: 't', strategy: 'group', group: 'db', trace: true });
    await peer.consume(2, { stream: 't' });
    const run = runOf([['x'], ['y'], ['z']]);
    await peer.send({
      type: 'PUBLISH',
      stream: 't',
      first: 1,
      run,
      trace: new Map([
        [2, one],
        [9, one],
      ]),
    });
    const byConsumer = new Map<number, unknown>();
    while (byConsumer.size < 2) {
      const { consumer, trace } = await peer.next('RECORDS');
      byConsumer.set(consumer, trace);
    }
    assert.deepEqual(byConsumer.get(1), new Map([[2, two]]));
    assert.equal(byConsumer.get(2), undefined);
    assert.deepEqual(told, [
      ['published', 't', 2, one],
      ['delivered', 't', 'db', 2, two],
      ['delivered', 't', null, 2, two],
    ]);
  });

  it('that comes again is not published again', async (t) => {
    const told: number[] = [];
    const spans = {
      published: (_: string, sequence: number, context: string) => {
        told.push(sequence);
        return context;
      },
      delivered: () => {},
    };
    const { client } = await sessions(t, { spans });
    const peer = await client('a');
    await peer.open('t');
    await peer.publish('t', 1, [['x'], ['y']]);
    const trace = new Map([
      [1, one],
      [2, one],
      [3, one],
    ]);
    await peer.send({ type: 'PUBLISH', stream: 't', first: 1, run: runOf([['x'], ['y'], ['z']]), trace });
    await peer.next('STORED');
    await peer.settled();
    assert.deepEqual(told, [3]);
  });
});
