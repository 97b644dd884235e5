/** Trace contexts of what is published: which numbers they go with, and when they are left out. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Port } from '../../../src/connection/port.ts';
import { ClientError } from '../../../src/errors.ts';
import { Producer } from '../../../src/produce/producer.ts';
import { Window } from '../../../src/produce/window.ts';
import type { ClientMessage, Welcome } from '../../../src/wire/messages.ts';
import { MAX_CONTEXTS } from '../../../src/wire/trace.ts';

type Publish = Extract<ClientMessage, { type: 'PUBLISH' }>;

function traceparent(span: number): string {
  return `00-0af7651916cd43dd8448eb211c80319c-${span.toString(16).padStart(16, '0')}-01`;
}

function producer(session: Partial<Welcome> = {}): { producer: Producer; sent: Publish[] } {
  const welcome: Welcome = {
    protocol: 1,
    node: 'n',
    heartbeat: 5000,
    window: 1_000_000,
    maxMessageSize: 1_000_000,
    resumed: false,
    trace: true,
    ...session,
  };
  const sent: Publish[] = [];
  const port: Port = {
    session: welcome,
    send: (message) => {
      if (message.type === 'PUBLISH') sent.push(message);
    },
    fail: (reason) => assert.fail(reason),
  };
  const window = new Window(64 * 1024 * 1024);
  window.open(welcome);
  return { producer: new Producer('t', port, window, 0, () => {}), sent };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('trace contexts that are published', () => {
  it('go with the numbers of their records', async () => {
    const { producer: one, sent } = producer();
    void one.publish('a', undefined);
    void one.publish('b', undefined, traceparent(2));
    void one.publish('c', undefined);
    void one.publish('d', undefined, traceparent(4));
    await turn();
    one.opened(10);
    assert.deepEqual(
      sent.map(({ first, trace }) => [first, trace]),
      [
        [
          11,
          new Map([
            [12, traceparent(2)],
            [14, traceparent(4)],
          ]),
        ],
      ],
    );
    void one.publish('e', undefined);
    await turn();
    assert.ok(!('trace' in sent[1]!));
  });

  it('are sent again with the records that are, under the same numbers', async () => {
    const { producer: one, sent } = producer();
    for (let at = 1; at <= 4; at++) void one.publish(`${at}`, undefined, traceparent(at));
    await turn();
    one.opened(0);
    one.stored([{ first: 1, last: 2, sequence: 1 }]);
    one.lost();
    one.joined();
    one.opened(2);
    assert.deepEqual(
      sent[1]?.trace,
      new Map([
        [3, traceparent(3)],
        [4, traceparent(4)],
      ]),
    );
  });

  it('are left out for a node that does not know them', async () => {
    const { producer: one, sent } = producer({ trace: false });
    void one.publish('a', undefined, traceparent(1));
    await turn();
    one.opened(0);
    assert.equal(sent.length, 1);
    assert.ok(!('trace' in sent[0]!));
  });

  it('are left out where they would make a message too large', async () => {
    const { producer: one, sent } = producer({ maxMessageSize: 1000 });
    void one.publish('x'.repeat(700), undefined, traceparent(1));
    await turn();
    one.opened(0);
    assert.equal(sent.length, 1);
    assert.ok(!('trace' in sent[0]!));
    void one.publish('x', undefined, traceparent(2));
    await turn();
    assert.equal(sent[1]?.trace?.size, 1);
  });

  it('are so many in a message at most, and none is lost', async () => {
    const { producer: one, sent } = producer();
    for (let at = 1; at <= MAX_CONTEXTS + 1; at++) void one.publish('', undefined, traceparent(at));
    await turn();
    one.opened(0);
    assert.deepEqual(
      sent.map(({ trace }) => trace?.size),
      [MAX_CONTEXTS, 1],
    );
    assert.equal(sent[1]?.trace?.get(MAX_CONTEXTS + 1), traceparent(MAX_CONTEXTS + 1));
  });

  it('are refused when they are none', async () => {
    const { producer: one } = producer();
    const wrong = (error: unknown): boolean => error instanceof ClientError && error.code === 'ERR_OPTION';
    await assert.rejects(one.publish('a', undefined, 'no context'), wrong);
  });
});
