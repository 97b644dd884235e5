/** A run that is gathered and forwarded brings each peer what the same messages bring one by one. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { PublisherPattern } from '../../src/patterns/publish.ts';
import { FakeHost, type FarSide, join } from '../support/pipes.ts';
import { runs } from '../support/property.ts';
import { message } from '../support/wire.ts';

const anyTopic = fc
  .array(fc.constantFrom('a', 'b', '\x00'), { maxLength: 3 })
  .map((letters) => letters.join(''));
const anyMessage = fc
  .tuple(
    fc.array(fc.constantFrom('a', 'b', 'c', '\x00'), { maxLength: 5 }),
    fc.array(fc.constantFrom('', 'x', 'y'.repeat(300)), { maxLength: 2 }),
  )
  .map(([topic, rest]) => [topic.join(''), ...rest]);
const anyPeer = fc.record({
  topics: fc.array(anyTopic, { maxLength: 4 }),
  cancels: fc.array(anyTopic, { maxLength: 2 }),
  sendMark: fc.constantFrom(0, 1, 3, 1000),
  takes: fc.boolean(),
});
const anyRun = fc.array(anyMessage, { minLength: 1, maxLength: 15 });

interface Side {
  readonly host: FakeHost;
  readonly pattern: PublisherPattern;
  readonly peers: readonly FarSide[];
}

function build(
  peers: readonly { topics: string[]; cancels: string[]; sendMark: number; takes: boolean }[],
  options: { noDrop: boolean; invertMatching: boolean },
): Side {
  const host = new FakeHost(options);
  const pattern = new PublisherPattern(host);
  const sides = peers.map(({ topics, cancels, sendMark, takes }) => {
    const far = join(pattern, { sendMark, takes });
    for (const topic of topics) pattern.subscription(far.pipe, Buffer.from(topic), true);
    for (const topic of cancels) pattern.subscription(far.pipe, Buffer.from(topic), false);
    return far;
  });
  return { host, pattern, peers: sides };
}

/** What each peer got in the end, and how many messages it missed. */
function result({ host, peers }: Side): unknown {
  return peers.map((far) => {
    far.drain();
    const lost = host.drops
      .filter(({ pipe }) => pipe === far.pipe)
      .reduce((sum, { count }) => sum + count, 0);
    return { got: far.messages, lost };
  });
}

describe('publishing a run', () => {
  for (const invertMatching of [false, true]) {
    it(`is publishing its messages${invertMatching ? ', inverted' : ''}`, () => {
      const property = fc.property(
        fc.array(anyPeer, { maxLength: 5 }),
        fc.array(anyRun, { maxLength: 3 }),
        (peers, all) => {
          const one = build(peers, { noDrop: false, invertMatching });
          const other = build(peers, { noDrop: false, invertMatching });
          for (const run of all) {
            const bytes = Buffer.concat(run.map((parts) => message(...parts)));
            assert.equal(one.pattern.sendRun(null, bytes, 0, bytes.length, run.length), run.length);
            for (const parts of run) assert.ok(other.pattern.send(parts));
          }
          assert.deepEqual(result(one), result(other));
        },
      );
      fc.assert(property, runs(300));
    });

    it(`stops where the messages stop with noDrop${invertMatching ? ', inverted' : ''}`, () => {
      const property = fc.property(fc.array(anyPeer, { maxLength: 4 }), anyRun, (peers, run) => {
        const one = build(peers, { noDrop: true, invertMatching });
        const other = build(peers, { noDrop: true, invertMatching });
        const bytes = Buffer.concat(run.map((parts) => message(...parts)));
        const refused = run.findIndex((parts) => !other.pattern.send(parts));
        const sent = one.pattern.sendRun(null, bytes, 0, bytes.length, run.length);
        assert.equal(sent, refused < 0 ? run.length : refused);
        assert.deepEqual(result(one), result(other));
        assert.equal(one.host.drops.length, 0);
      });
      fc.assert(property, runs(200));
    });
  }

  it('brings each peer what begins with one of its topics, nothing else', () => {
    const property = fc.property(fc.array(anyPeer, { maxLength: 5 }), anyRun, (peers, run) => {
      const roomy = peers.map((peer) => ({ ...peer, sendMark: 0 }));
      const side = build(roomy, { noDrop: false, invertMatching: false });
      const bytes = Buffer.concat(run.map((parts) => message(...parts)));
      side.pattern.sendRun(null, bytes, 0, bytes.length, run.length);
      for (const [index, { topics, cancels }] of roomy.entries()) {
        const wanted = topics.filter((topic) => !cancels.includes(topic));
        const count = run.filter(([first]) => wanted.some((topic) => first!.startsWith(topic))).length;
        side.peers[index]!.drain();
        assert.equal(side.peers[index]!.messages.length, count);
      }
    });
    fc.assert(property, runs(200));
  });
});
