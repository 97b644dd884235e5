/**
 * Pauses, their ends and reloads in any order, while a pipeline, a durable pipeline and a session publisher send: nothing
 * is lost, nothing comes twice, everything in order; and while it is paused nothing more is taken.
 */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { it } from 'node:test';
import { connect } from '@zeroth/client';
import { Pull, Push } from '@zeroth/zmq';
import fc from 'fast-check';
import { freePort } from '../support/port.ts';
import { HOST, route, routes, running, until } from '../unit/flow/support.ts';

type Step = 'pause' | 'resume' | 'send' | 'burst' | 'route' | 'endpoint' | 'mark' | 'settle';

const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.constantFrom<Step>('pause', 'resume', 'send', 'burst', 'route', 'endpoint', 'mark', 'settle'),
  { minLength: 3, maxLength: 16 },
);

const NAMES = ['plain', 'kept'] as const;

/** What one receives, in order. */
class Arrivals {
  readonly all: number[] = [];

  constructor(t: { after(done: () => void): void }, to: string) {
    const pull = new Pull();
    t.after(() => pull.close());
    pull.connect(to);
    void (async () => {
      for await (const [message] of pull) this.all.push(Number(String(message)));
    })();
  }
}

async function play(t: TestContext, all: readonly Step[]): Promise<void> {
  const ports = await Promise.all(Array.from({ length: 6 }, freePort));
  const at = (index: number): string => `tcp://${HOST}:${ports[index]}`;
  /** How often what can change did. */
  const turns = { route: 0, endpoint: 0, mark: 0 };
  const text = (): string => {
    const more = `receiveHighWaterMark: ${[20, 0, 1000][turns.mark % 3]}`;
    const extra = turns.endpoint % 2 === 0 ? '' : ' tcp://127.0.0.1:*';
    const plain = route('plain', { front: at(0) + extra, back: at(1), more });
    // `ipv6` is for new sockets only: the route is replaced.
    const kept = `stream: { fsync: never }, ipv6: ${turns.route % 2 === 1}`;
    return `sessions: { bind: "${at(4)}" }\nstreams: { events: { fsync: never } }\n${routes(plain, route('kept', { front: at(2), back: at(3), more: kept }))}`;
  };
  const bench = await running(t, text());
  const { node } = bench;
  const arrivals = { plain: new Arrivals(t, at(1)), kept: new Arrivals(t, at(3)) };
  const pushes = Object.fromEntries(
    NAMES.map((name, i) => {
      const push = new Push({ reconnectInterval: 5, reconnectMaxInterval: 20 });
      t.after(() => push.close());
      push.connect(at(i * 2));
      return [name, push];
    }),
  ) as Record<(typeof NAMES)[number], Push>;
  const client = await connect(at(4), { name: 'model' });
  t.after(() => client.close({ timeout: 0 }));
  const events = client.stream('events');
  const published: Promise<unknown>[] = [];
  let sent = 0;
  /** Changes that were begun, and how many of them are under way. */
  const changes: Promise<unknown>[] = [];
  let changing = 0;
  // Who can't send waits; the order is that of the calls.
  const sending: Promise<void>[] = [];
  const send = (count: number): void => {
    for (let i = 0; i < count; i++) {
      const text = String(++sent);
      for (const name of NAMES) sending.push(pushes[name].send(text));
      published.push(events.publish(text));
    }
  };
  const next = (): number => node.streams().reduce((sum, stream) => sum + stream.next, 0);
  for (const step of all) {
    switch (step) {
      case 'pause':
        await node.pause();
        break;
      case 'resume':
        await node.resume();
        break;
      case 'settle':
        await Promise.all(changes);
        break;
      case 'send':
        send(1);
        break;
      case 'burst':
        send(60);
        break;
      default:
        turns[step]++;
        changing++;
        changes.push(bench.apply(text()).finally(() => changing--));
    }
    // What a change takes away is emptied, also while it is paused.
    if (node.pausedSince === null || changing > 0) continue;
    const { messages } = node.status()[0]!.toBack;
    const before = next();
    send(1);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(node.status()[0]!.toBack.messages, messages, 'a pipeline takes nothing while it is paused');
    assert.equal(next(), before, 'nor does a stream');
  }
  await node.resume();
  await Promise.all(changes);
  await Promise.all(sending);
  await Promise.all(published);
  const wanted = Array.from({ length: sent }, (_, i) => i + 1);
  await until(() => NAMES.every((name) => arrivals[name].all.length >= sent), 'everything to arrive');
  for (const name of NAMES) assert.deepEqual(arrivals[name].all, wanted, name);
  const consumed: number[] = [];
  if (sent > 0)
    for await (const record of events.consume({ group: 'g', from: 'first' })) {
      consumed.push(Number(String(record.body)));
      record.ack();
      if (consumed.length === sent) break;
    }
  assert.deepEqual(consumed, wanted, 'events');
  assert.equal(node.streams().find(({ name }) => name === 'events')?.next, sent + 1);
}

it('pauses lose and repeat nothing, whatever happens meanwhile', { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (all) => {
      const cleanups: (() => unknown)[] = [];
      const own = { after: (done: () => unknown) => void cleanups.push(done) } as unknown as TestContext;
      try {
        await play(own, all);
      } finally {
        for (const done of cleanups.reverse()) await done();
      }
    }),
    { numRuns: 40, endOnFailure: true },
  );
});
