import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Outbox } from '../../../src/patterns/outbox.ts';
import type { PeerEvents } from '../../../src/zmtp/peer.ts';
import { RawPeer } from '../../../src/zmtp/raw.ts';
import { KeepingSink } from '../../support/pipes.ts';
import { messagesIn } from '../../support/wire.ts';

function listen(): { peer: RawPeer; runs: Buffer[]; said: string[] } {
  const runs: Buffer[] = [];
  const said: string[] = [];
  const other = (name: string) => (): void => void said.push(name);
  const events: PeerEvents = {
    output: other('output'),
    authenticate: other('authenticate'),
    ready: ({ socketType, minor }) => void said.push(`ready ${socketType} ${minor}`),
    messages: (bytes, start, end) => void runs.push(Buffer.from(bytes.subarray(start, end))),
    subscription: other('subscription'),
    ping: other('ping'),
    failed: other('failed'),
  };
  return { peer: new RawPeer(events), runs, said };
}

describe('a raw peer', () => {
  it('is ready at once and says nothing', () => {
    const { peer, said } = listen();
    peer.open();
    assert.deepEqual(said, ['ready STREAM 0']);
  });

  it('makes one message of each chunk, whatever is in it', () => {
    const { peer, runs, said } = listen();
    const chunks = [1, 255, 256, 65_536].map((size) => Buffer.alloc(size, size & 7));
    for (const chunk of [...chunks, Buffer.alloc(0)]) peer.receive(chunk);
    assert.deepEqual(
      messagesIn(Buffer.concat(runs)),
      chunks.map((chunk) => [chunk]),
    );
    assert.deepEqual(said, []);
  });

  for (const takes of [true, false]) {
    it(`sends bodies of every size and nothing else, to a system that takes ${takes ? 'all' : 'nothing'} at once`, () => {
      const { peer } = listen();
      const sink = new KeepingSink(takes);
      const outbox = new Outbox(
        0,
        () => {},
        () => {},
      );
      outbox.open(peer.sink(sink));
      const bodies = [0, 1, 255, 256, 8191, 8192, 100_000, 3].map((size, index) =>
        Buffer.alloc(size, 0x61 + index),
      );
      for (const body of bodies) outbox.push(body);
      outbox.flush();
      if (!takes) {
        sink.drain(outbox);
        outbox.flush();
      }
      assert.ok(sink.bytes.equals(Buffer.concat(bodies)));
      assert.equal(outbox.queued, 0);
    });
  }
});
