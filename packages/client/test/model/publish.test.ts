/**
 * Whatever happens to the connection and the node: a record whose `publish` resolved is in the stream once, where it was
 * said to be; no record is there twice; the order of publishing is kept.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { connectThrough } from '../../src/client.ts';
import { ClientError } from '../../src/errors.ts';
import type { Published } from '../../src/produce/batch.ts';
import type { Refusal } from '../../src/wire/messages.ts';
import { Network, settle } from '../support/memory-link.ts';
import { ModelNode } from '../support/model-node.ts';

const STREAMS = ['a', 'b'] as const;

type Step =
  | { readonly type: 'publish'; readonly stream: 'a' | 'b'; readonly count: number; readonly size: number }
  /** The connection breaks when so many more messages were delivered. */
  | { readonly type: 'cut'; readonly after: number }
  | { readonly type: 'crash' }
  | { readonly type: 'commit' }
  /** So many runs are refused, for now or for good. */
  | { readonly type: 'refuse'; readonly runs: number; readonly retry: boolean; readonly delay: number }
  | { readonly type: 'turns'; readonly count: number }
  /** Until it is connected again. */
  | { readonly type: 'settle' }
  /** The program starts again, with the same name. */
  | { readonly type: 'restart' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant('publish' as const),
      stream: fc.constantFrom(...STREAMS),
      count: fc.integer({ min: 1, max: 20 }),
      size: fc.constantFrom(1, 10, 300, 3000),
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('cut' as const), after: fc.nat(8) }) },
  { weight: 1, arbitrary: fc.constant({ type: 'crash' as const }) },
  { weight: 2, arbitrary: fc.constant({ type: 'commit' as const }) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('refuse' as const),
      runs: fc.integer({ min: 1, max: 3 }),
      retry: fc.boolean(),
      delay: fc.nat(2),
    }),
  },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('turns' as const), count: fc.nat(6) }) },
  { weight: 2, arbitrary: fc.constant({ type: 'settle' as const }) },
  { weight: 1, arbitrary: fc.constant({ type: 'restart' as const }) },
);

interface Sent {
  readonly stream: 'a' | 'b';
  readonly text: string;
  readonly life: number;
  result: Published | ClientError | null;
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise(setImmediate);
}

async function run(steps: readonly Step[], window: number): Promise<void> {
  const node = new ModelNode(...STREAMS);
  node.commitsAtOnce = false;
  node.welcome = { ...node.welcome, window };
  const network = new Network(node);
  const options = { name: 'p', reconnect: { initial: 1, max: 1 } };
  let client = await connectThrough(network.dial, 'tcp://model', options);
  const sent: Sent[] = [];
  let life = 0;
  let countdown = Number.POSITIVE_INFINITY;
  network.cuts = () => {
    if (countdown-- > 0) return false;
    countdown = Number.POSITIVE_INFINITY;
    return true;
  };
  let refusing = 0;
  let refusal: Refusal = { code: 'STREAM_BUSY', message: '', retry: true, delay: 0 };
  let forGood = 0;
  node.refuse = () => {
    if (refusing === 0) return null;
    refusing--;
    if (!refusal.retry) forGood++;
    return refusal;
  };
  for (const action of steps) {
    switch (action.type) {
      case 'publish':
        for (let i = 0; i < action.count; i++) {
          const entry: Sent = {
            stream: action.stream,
            text: `${sent.length}:`.padEnd(action.size, 'x'),
            life,
            result: null,
          };
          sent.push(entry);
          void client
            .stream(action.stream)
            .publish(entry.text)
            .then(
              (published) => {
                entry.result = published;
              },
              (error: unknown) => {
                assert.ok(error instanceof ClientError);
                entry.result = error;
              },
            );
        }
        break;
      case 'cut':
        countdown = action.after;
        break;
      case 'crash':
        network.crash();
        break;
      case 'commit':
        node.commit();
        break;
      case 'refuse': {
        const code = action.retry ? 'STREAM_FAILED' : 'RUN_INVALID';
        refusal = { code, message: '', retry: action.retry, delay: action.retry ? action.delay : 0 };
        refusing = action.runs;
        break;
      }
      case 'turns':
        await turns(action.count);
        break;
      case 'settle':
        await settle([client]);
        break;
      case 'restart': {
        life++;
        countdown = Number.POSITIVE_INFINITY;
        await client.close({ timeout: 0 });
        client = await connectThrough(network.dial, 'tcp://model', options);
      }
    }
  }
  countdown = Number.POSITIVE_INFINITY;
  refusing = 0;
  node.commitsAtOnce = true;
  node.commit();
  await Promise.all(
    STREAMS.map((stream) =>
      client
        .stream(stream)
        .flush()
        .catch(() => {}),
    ),
  );
  await turns(1);
  await client.close();
  assert.equal(network.connections, 0);

  for (const stream of STREAMS) {
    const bodies = node.bodies(stream);
    const places = new Map(bodies.map((text, at) => [text, at + 1]));
    assert.equal(places.size, bodies.length, 'nothing is there twice');
    const mine = sent.filter((entry) => entry.stream === stream);
    const order = new Map(mine.map(({ text }, at) => [text, at]));
    const numbers = bodies.map((text) => order.get(text)!);
    assert.deepEqual(
      numbers,
      [...numbers].sort((a, b) => a - b),
      'the order is kept',
    );
    for (const entry of mine) {
      assert.ok(entry.result !== null, 'every promise is settled');
      const at = places.get(entry.text);
      if (entry.result instanceof ClientError) {
        const { code } = entry.result;
        if (entry.life === life) assert.equal(code, 'ERR_REFUSED');
        else assert.ok(code === 'ERR_CLOSED' || code === 'ERR_REFUSED', code);
        if (code === 'ERR_REFUSED') assert.equal(at, undefined, 'what was refused for good is not there');
      } else {
        assert.ok(at !== undefined, 'what was acknowledged is there');
        if (entry.result.sequence !== null) assert.equal(entry.result.sequence, at);
      }
    }
  }
  if (forGood === 0) {
    const refused = sent.filter(
      ({ result }) => result instanceof ClientError && result.code === 'ERR_REFUSED',
    );
    assert.equal(refused.length, 0);
  }
}

describe('publish', () => {
  it('loses and repeats nothing, and keeps the order', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 40, size: 'max' }),
        fc.constantFrom(100, 1000, 8_388_608),
        run,
      ),
      { numRuns: 300 },
    );
  });
});
