/** A run that is spread over peers: everything once, equal shares, in order for each. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { DealerPattern, PullPattern, PushPattern } from '../../src/patterns/pipeline.ts';
import { FakeHost, join, receiveAll } from '../support/pipes.ts';
import { runs } from '../support/property.ts';
import { frame, message } from '../support/wire.ts';

const anyPeers = fc.array(fc.record({ sendMark: fc.constantFrom(0, 1, 3, 10, 1000), takes: fc.boolean() }), {
  maxLength: 6,
});
const anyCounts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 });

let serial = 0;

function runOf(count: number): { bytes: Buffer; texts: string[] } {
  const texts = Array.from({ length: count }, () => String(serial++));
  const bytes = Buffer.concat(
    texts.map((text) => message(text, text.length % 2 === 0 ? Buffer.alloc(300) : '')),
  );
  return { bytes, texts };
}

/** The number in front of a message, after the frames of a prefix. */
const numberOf = (shown: string): number => Number(/'(\d+)'/.exec(shown)?.[1]);

describe('spreading runs', () => {
  it('loses nothing, doubles nothing and keeps the order of each peer', () => {
    const property = fc.property(anyPeers, anyCounts, fc.boolean(), (peers, counts, prefixed) => {
      const host = new FakeHost();
      const dealer = new DealerPattern(host);
      const sides = peers.map((peer) => join(dealer, peer));
      const prefix = prefixed ? frame('id', { more: true }) : null;
      const sent: number[] = [];
      for (const count of counts) {
        const { bytes, texts } = runOf(count);
        const taken = dealer.sendRun(prefix, bytes, 0, bytes.length, count);
        sent.push(...texts.slice(0, taken).map(Number));
        if (taken < count) assert.ok(!dealer.writable, 'refused, and there is room');
      }
      const got = sides.map((far) => far.drain().messages);
      for (const list of got) {
        const numbers = list.map(numberOf);
        assert.deepEqual(
          numbers,
          [...numbers].sort((a, b) => a - b),
        );
        assert.ok(list.every((shown) => shown.startsWith("'id'") === prefixed));
      }
      assert.deepEqual(
        got
          .flat()
          .map(numberOf)
          .sort((a, b) => a - b),
        sent,
      );
      assert.equal(host.drops.length, 0);
    });
    fc.assert(property, runs(300));
  });

  it('gives equal shares of each run to peers with room, and over many runs too', () => {
    const property = fc.property(fc.integer({ min: 1, max: 9 }), anyCounts, (peers, counts) => {
      const push = new PushPattern(new FakeHost());
      const sides = Array.from({ length: peers }, () => join(push));
      const before = sides.map(() => 0);
      for (const count of counts) {
        const { bytes } = runOf(count);
        assert.equal(push.sendRun(null, bytes, 0, bytes.length, count), count);
        const now = sides.map((far) => far.messages.length);
        const shares = now.map((total, i) => total - before[i]!);
        assert.ok(Math.max(...shares) - Math.min(...shares) <= 1, `shares ${shares.join()}`);
        before.splice(0, peers, ...now);
      }
    });
    fc.assert(property, runs(200));
  });
});

describe('fair queueing', () => {
  it('takes everything once, in order from each, and never twice from one while another waits', () => {
    const anyArrivals = fc.array(
      fc.record({ peer: fc.nat(4), count: fc.integer({ min: 1, max: 6 }), take: fc.nat(8) }),
      { maxLength: 40 },
    );
    const property = fc.property(anyArrivals, (arrivals) => {
      const pull = new PullPattern(new FakeHost());
      const sides = Array.from({ length: 5 }, () => join(pull, { receiveMark: 7 }));
      const said = sides.map((): string[] => []);
      const heard = sides.map((): string[] => []);
      const note = (shown: string): void => {
        const [peer, text] = shown.slice(1, -1).split('/');
        heard[Number(peer)]!.push(text!);
      };
      for (const { peer, count, take } of arrivals) {
        const texts = Array.from({ length: count }, () => String(serial++));
        said[peer]!.push(...texts);
        sides[peer]!.run(texts.map((text) => [`${peer}/${text}`]));
        for (let i = 0, last: unknown = null; i < take && pull.readable; i++) {
          const turn = pull.peek();
          const others = sides.filter((far) => far.pipe !== turn && far.pipe.inbox.queued > 0);
          if (i > 0 && others.length > 0) assert.notEqual(turn, last, 'twice in a row while others wait');
          note(`'${pull.next()![0]!.toString()}'`);
          last = turn;
        }
        for (const far of sides) {
          if (far.pipe.inbox.queued >= 7) assert.ok(far.paused);
          if (far.pipe.inbox.queued <= 3) assert.ok(!far.paused);
        }
      }
      receiveAll(pull).forEach(note);
      assert.deepEqual(heard, said);
    });
    fc.assert(property, runs(200));
  });
});
