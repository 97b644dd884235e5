/** However late the application of an XPUB receives, and whatever was forgotten meanwhile, it believes in the end what is true. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { PatternOptions } from '../../src/patterns/pattern.ts';
import { XPublisherPattern } from '../../src/patterns/xpublish.ts';
import { FakeHost, type FarSide, join } from '../support/pipes.ts';
import { runs } from '../support/property.ts';

const TOPICS = ['a', 'b', 'c', 'd'];
const anyStep = fc.oneof(
  { weight: 3, arbitrary: fc.record({ does: fc.constant('joins' as const) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      does: fc.constantFrom('asks' as const, 'cancels' as const),
      who: fc.nat(5),
      topic: fc.constantFrom(...TOPICS),
    }),
  },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('says' as const), who: fc.nat(5) }) },
  {
    weight: 3,
    arbitrary: fc.record({ does: fc.constantFrom('leaves' as const, 'loses' as const), who: fc.nat(5) }),
  },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('receives' as const), count: fc.nat(4) }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('relays' as const), count: fc.nat(4) }) },
);

type Step = typeof anyStep extends fc.Arbitrary<infer Value> ? Value : never;

/** What an application makes of what it is told: of each topic, whether it is wanted; and by how many. */
class Listener {
  readonly wanted = new Set<string>();
  readonly count = new Map<string, number>();

  hears(body: Uint8Array): void {
    const [kind] = body;
    if (kind !== 0 && kind !== 1) return;
    const topic = Buffer.from(body.subarray(1)).toString();
    if (kind === 1) this.wanted.add(topic);
    else this.wanted.delete(topic);
    this.count.set(topic, (this.count.get(topic) ?? 0) + (kind === 1 ? 1 : -1));
  }
}

interface Peer {
  readonly far: FarSide;
  readonly topics: Set<string>;
}

function relay(pattern: XPublisherPattern, listener: Listener): boolean {
  const pipe = pattern.peek();
  if (pipe === null) return false;
  const { bytes, start, end, count } = pipe.inbox.peekRun()!;
  assert.equal(count, 1);
  listener.hears(bytes.subarray(start + 2, end));
  pipe.inbox.advance(end, count);
  pattern.took(pipe);
  return true;
}

function receive(pattern: XPublisherPattern, listener: Listener): boolean {
  const frames = pattern.next();
  if (frames !== null) listener.hears(frames[0]!);
  return frames !== null;
}

/** Each peer asks once for a topic that it has not: what is announced of each peer can then be counted. */
function play(options: Partial<PatternOptions>, steps: readonly Step[]): void {
  const pattern = new XPublisherPattern(new FakeHost(options));
  const listener = new Listener();
  let peers: Peer[] = [];
  for (const step of steps) {
    const peer = 'who' in step ? peers[step.who % Math.max(1, peers.length)] : undefined;
    if (step.does === 'joins') peers.push({ far: join(pattern, { receiveMark: 2 }), topics: new Set() });
    else if (step.does === 'receives' || step.does === 'relays') {
      const take = step.does === 'receives' ? receive : relay;
      for (let i = 0; i < step.count; i++) take(pattern, listener);
    } else if (peer === undefined) continue;
    else if (step.does === 'asks' && !peer.topics.has(step.topic)) {
      peer.topics.add(step.topic);
      pattern.subscription(peer.far.pipe, Buffer.from(step.topic), true);
    } else if (step.does === 'cancels' && peer.topics.delete(step.topic))
      pattern.subscription(peer.far.pipe, Buffer.from(step.topic), false);
    else if (step.does === 'says') peer.far.says('word');
    else if (step.does === 'loses') {
      peer.topics.clear();
      peer.far.lose().open();
    } else if (step.does === 'leaves') {
      peer.far.lose().leave();
      peers = peers.filter((each) => each !== peer);
    }
  }
  while (receive(pattern, listener));
  for (const topic of TOPICS) {
    const by = peers.filter(({ topics }) => topics.has(topic)).length;
    if (options.manual || options.verbosity === 'allSubsUnsubs')
      assert.equal(listener.count.get(topic) ?? 0, by, topic);
    else assert.equal(listener.wanted.has(topic), by > 0, topic);
    if (options.verbosity === null) assert.equal(listener.count.get(topic) ?? 0, by > 0 ? 1 : 0, topic);
  }
}

describe('what an XPUB announces', () => {
  const modes: readonly Partial<PatternOptions>[] = [
    { verbosity: null },
    { verbosity: 'allSubs' },
    { verbosity: 'allSubsUnsubs' },
    { manual: true },
  ];
  for (const options of modes) {
    it(`is true in the end: ${JSON.stringify(options)}`, () => {
      const steps = fc.array(anyStep, { minLength: 5, maxLength: 80 });
      fc.assert(
        fc.property(steps, (all) => play(options, all)),
        runs(500),
      );
    });
  }
});
