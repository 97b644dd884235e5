import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Centre, State } from '../../../src/source/follow.ts';
import { MAX_PAUSE, pauseBefore, sourceOf } from '../../../src/source/follow.ts';
import { keyMissing } from '../../../src/source/source.ts';
import { Follower } from '../../support/centre.ts';

const { signal: never } = new AbortController();
const GONE = keyMissing('test', 'put one there');

/** What a server says: states one after the other, an error that ends it, or `wait` until the end. */
type Script = readonly (State | Error | 'wait')[];

class Scripted implements Centre {
  readonly name = 'test';
  readonly servers: readonly string[];
  readonly asked: string[] = [];
  readonly #scripts: Map<string, Script[]>;

  /** The last script of a server goes on for ever. */
  constructor(scripts: Readonly<Record<string, readonly Script[]>>) {
    this.servers = Object.keys(scripts);
    this.#scripts = new Map(Object.entries(scripts).map(([server, list]) => [server, [...list]]));
  }

  async *states(
    server: string,
    _timeout: number,
    signal: AbortSignal,
  ): AsyncGenerator<State, void, undefined> {
    this.asked.push(server);
    const scripts = this.#scripts.get(server) ?? [];
    const script = scripts.length > 1 ? scripts.shift() : scripts[0];
    for (const entry of script ?? []) {
      if (entry === 'wait') await delay(60_000, undefined, { signal });
      else if ('text' in entry || 'code' in entry) yield entry;
      else throw entry;
    }
    throw new Error('the script is over');
  }
}

const text = (value: string, revision: string = value): State => ({ text: value, revision });

function follow(t: TestContext, centre: Centre): Follower {
  return new Follower(t, sourceOf(centre, 1000));
}

suite('follow', () => {
  test('tells each outage once, and nothing twice', async (t) => {
    const centre = new Scripted({
      one: [
        [text('a'), text('a'), GONE, GONE, new Error('off')],
        [GONE, text('a'), text('b'), 'wait'],
      ],
    });
    const follower = follow(t, centre);
    await follower.until('b');
    deepEqual(follower.story, ['a', 'SOURCE_KEY_MISSING', 'up', 'b']);
  });

  test('another text with the same revision is told, and so is the same with another', async (t) => {
    const follower = follow(
      t,
      new Scripted({ one: [[text('a', '7'), text('b', '7'), text('b', '8'), 'wait']] }),
    );
    await follower.until('b', 'b');
    deepEqual(follower.story, ['a', 'b', 'b']);
  });

  test('is not down while one of the servers answers, and stays with that one', async (t) => {
    const centre = new Scripted({
      one: [[new Error('off')]],
      two: [
        [text('a'), new Error('a hiccup')],
        [text('b'), 'wait'],
      ],
    });
    const follower = follow(t, centre);
    await follower.until('a', 'b');
    deepEqual(follower.story, ['a', 'b']);
    deepEqual(centre.asked, ['one', 'two', 'two']);
  });

  test('says which of several servers failed last', async (t) => {
    const follower = follow(t, new Scripted({ one: [[new Error('off')]], two: [[new Error('far')]] }));
    await follower.until('SOURCE_FAILED');
    const [report] = follower.reports;
    equal(report?.type === 'down' && report.error.message, 'test: two: far');
  });

  test('ends in the middle of a pause', async (t) => {
    const follower = follow(t, new Scripted({ one: [[new Error('off')]] }));
    await follower.until('SOURCE_FAILED');
    await follower.stop();
  });

  test('an aborted signal asks nobody', async () => {
    const centre = new Scripted({ one: [[text('a')]] });
    const events = { changed: () => {}, down: () => {}, up: () => {} };
    await sourceOf(centre, 1000).follow(events, AbortSignal.abort());
    deepEqual(centre.asked, []);
  });
});

suite('read', () => {
  test('asks the servers in turn, and takes the first answer', async () => {
    const centre = new Scripted({ one: [[new Error('off')]], two: [[text('a')]], three: [[text('b')]] });
    deepEqual(await sourceOf(centre, 1000).read(never), text('a'));
    deepEqual(centre.asked, ['one', 'two']);
  });

  test('a server that says nothing costs its share of the time', async () => {
    const centre = new Scripted({ one: [['wait']], two: [['wait']] });
    const error = await sourceOf(centre, 100)
      .read(never)
      .catch((thrown: Error) => thrown);
    match(String(error), /two: no answer within 50 ms \(source\.timeout\)/);
  });

  test('a key that is not there is the answer of all', async () => {
    const centre = new Scripted({ one: [[GONE]], two: [[text('a')]] });
    await rejects(sourceOf(centre, 1000).read(never), { code: 'SOURCE_KEY_MISSING' });
    deepEqual(centre.asked, ['one']);
  });

  test('rejects with the reason of its signal', async () => {
    const controller = new AbortController();
    const reading = sourceOf(new Scripted({ one: [['wait']] }), 60_000).read(controller.signal);
    controller.abort(new Error('enough'));
    await rejects(reading, { message: 'enough' });
  });
});

test('pauses double up to the longest, with a random part of half', () => {
  deepEqual(
    [1, 2, 3, 4].map((round) => pauseBefore(round, 1)),
    [500, 1000, 2000, 4000],
  );
  equal(pauseBefore(2, 0), 500);
  equal(pauseBefore(1_000_000, 1), MAX_PAUSE);
  ok(pauseBefore(1_000_000, 0) >= MAX_PAUSE / 2);
});
