/** What a program that operates a socket sees of its peers, and does to one of them: figures, and isolation. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as zmq from '../../src/index.ts';
import { isolate } from '../../src/run.ts';
import { until } from '../support/deadline.ts';
import { payload, text } from '../support/payload.ts';
import { command, RawPeer } from '../support/rawpeer.ts';
import { arrived, bindTo, left, link, ready, scope } from '../support/scope.ts';
import { tcp, transports } from '../support/transports.ts';

const only = (socket: zmq.Socket): zmq.PeerInfo => {
  const peers = socket.peers();
  assert.equal(peers.length, 1);
  return peers[0] as zmq.PeerInfo;
};

for (const transport of transports) {
  describe(`isolation over ${transport.name}`, { timeout: 30_000 }, () => {
    it('takes one peer out of the turns of a PUSH, and lets it in again', async (t) => {
      const s = scope(t, transport);
      const push = s.open(zmq.Push);
      const pulls = [s.open(zmq.Pull), s.open(zmq.Pull)] as const;
      const ids: number[] = [];
      for (const [index, pull] of pulls.entries()) {
        pull.connect(index === 0 ? await bindTo(push, transport) : (push.lastEndpoint as string));
        await ready(push, transport, index + 1);
        const fresh = push.peers().find(({ id }) => !ids.includes(id)) as zmq.PeerInfo;
        ids.push(fresh.id);
      }
      const [first] = ids as [number];
      assert.equal(isolate(push, first, true), true);
      assert.equal(isolate(push, first, true), true);
      assert.deepEqual(
        push.peers().map(({ id, isolated }) => isolated === (id === first)),
        [true, true],
      );
      for (let index = 0; index < 10; index += 1) await push.send(String(index));
      for (let index = 0; index < 10; index += 1)
        assert.deepEqual(text(await pulls[1].receive()), [String(index)]);
      assert.equal(pulls[0].readable, false);
      isolate(push, first, false);
      for (let index = 0; index < 10; index += 1) await push.send(String(index));
      await Promise.all(pulls.map((pull) => arrived(pull, 5)));
    });

    it('of all peers makes messages wait', async (t) => {
      const s = scope(t, transport);
      const dealer = s.open(zmq.Dealer);
      const worker = s.open(zmq.Reply);
      await link(transport, dealer, worker);
      const { id } = only(dealer);
      await dealer.send(['', 'before']);
      isolate(dealer, id, true);
      assert.equal(dealer.writable, false);
      let sent = false;
      const sending = dealer.send(['', 'after']).then(() => {
        sent = true;
      });
      // What it has still counts, and its reply comes.
      assert.deepEqual(text(await worker.receive()), ['before']);
      await worker.send('re');
      assert.deepEqual(text(await dealer.receive()), ['', 're']);
      assert.equal(sent, false);
      isolate(dealer, id, false);
      await sending;
      assert.deepEqual(text(await worker.receive()), ['after']);
    });

    it('is not undone by room in a full outbox', async (t) => {
      const s = scope(t, transport);
      const push = s.open(zmq.Push, { sendHighWaterMark: 2 });
      const pull = s.open(zmq.Pull, { receiveHighWaterMark: 1 });
      await link(transport, push, pull);
      const body = payload(1024 * 1024);
      let sent = 0;
      while (push.trySend(body)) sent += 1;
      isolate(push, only(push).id, true);
      for (let index = 0; index < sent; index += 1) await pull.receive();
      await until(() => push.stats.queuedOut === 0, 'room');
      assert.equal(push.writable, false);
      isolate(push, only(push).id, false);
      assert.equal(push.writable, true);
    });

    it('ends with the connection', async (t) => {
      const s = scope(t, transport);
      const push = s.open(zmq.Push, { reconnectInterval: 1 });
      const endpoint = await transport.fixed();
      const first = s.open(zmq.Pull);
      await first.bind(endpoint);
      push.connect(endpoint);
      await ready(push, transport);
      const { id } = only(push);
      isolate(push, id, true);
      first.close();
      await left(push, transport, 0);
      const second = s.open(zmq.Pull);
      await until(() => {
        try {
          second.bindSync(endpoint);
          return true;
        } catch {
          return false;
        }
      }, 'the endpoint to be free');
      await push.send('on');
      assert.deepEqual(text(await second.receive()), ['on']);
      assert.equal(only(push).isolated, false);
      assert.equal(only(push).id, id);
      assert.equal(only(push).reconnects, 1);
      assert.equal(push.stats.connections, 2);
      assert.equal(push.stats.reconnects, 1);
    });

    it('that ends with the connection costs nothing of what waited for it', async (t) => {
      const s = scope(t, transport);
      const push = s.open(zmq.Push, { reconnectInterval: 1 });
      const endpoint = await transport.fixed();
      const first = s.open(zmq.Pull);
      await first.bind(endpoint);
      push.connect(endpoint);
      await ready(push, transport);
      isolate(push, only(push).id, true);
      // More than is written without waiting for the end of the turn.
      const sending = Array.from({ length: 5 }, (_, index) => push.send([String(index), payload(100_000)]));
      first.close();
      await Promise.all(sending);
      const second = s.open(zmq.Pull);
      await until(() => {
        try {
          second.bindSync(endpoint);
          return true;
        } catch {
          return false;
        }
      }, 'the endpoint to be free');
      for (let index = 0; index < 5; index += 1)
        assert.equal(String((await second.receive())[0]), String(index));
      assert.equal(push.stats.dropped, 0);
    });

    it('is refused where a socket does not choose, and for nobody', async (t) => {
      const s = scope(t, transport);
      const router = s.open(zmq.Router);
      const req = s.open(zmq.Request);
      await link(transport, router, req);
      assert.equal(isolate(router, only(router).id, true), false);
      assert.equal(isolate(req, -1, true), false);
      assert.equal(isolate(req, only(req).id, true), true);
      assert.equal(req.writable, false);
    });
  });

  describe(`figures over ${transport.name}`, { timeout: 30_000 }, () => {
    it('requests that a worker has not answered', async (t) => {
      const s = scope(t, transport);
      const dealer = s.open(zmq.Dealer);
      const worker = s.open(zmq.Reply);
      await link(transport, dealer, worker);
      for (let index = 0; index < 3; index += 1) await dealer.send(['', String(index)]);
      assert.equal(only(dealer).unanswered, 3);
      await worker.receive();
      await worker.send('re');
      await dealer.receive();
      assert.equal(only(dealer).unanswered, 2);
      // Who sent more than it got has answered all.
      assert.equal(only(worker).unanswered, 0);
    });

    it('a mark that is reached counts once until there is room again', async (t) => {
      const s = scope(t, transport);
      const push = s.open(zmq.Push, { sendHighWaterMark: 2 });
      const pull = s.open(zmq.Pull, { receiveHighWaterMark: 2 });
      await link(transport, push, pull);
      assert.equal(push.stats.highWaterMarkHits, 0);
      const body = payload(1024 * 1024);
      let sent = 0;
      const fill = (): void => {
        while (push.trySend(body)) sent += 1;
        for (let index = 0; index < 10; index += 1) assert.equal(push.trySend(body), false);
      };
      fill();
      await until(() => only(pull).paused, 'the inbox at its mark');
      await until(() => {
        const { queuedOut } = push.stats;
        fill();
        return queuedOut === push.stats.queuedOut && only(push).stalled;
      }, 'nothing to move');
      const { highWaterMarkHits } = only(push);
      assert.ok(highWaterMarkHits >= 1);
      assert.equal(push.stats.highWaterMarkHits, highWaterMarkHits);
      assert.equal(only(pull).highWaterMarkHits, 1);
      for (let index = 0; index < sent; index += 1) await pull.receive();
      await until(() => push.stats.queuedOut === 0, 'room');
      assert.equal(push.stats.highWaterMarkHits, highWaterMarkHits);
      assert.equal(only(push).stalled, false);
      assert.equal(only(pull).paused, false);
      fill();
      assert.equal(only(push).highWaterMarkHits, highWaterMarkHits + 1);
      const before = push.stats;
      push.close();
      assert.equal(push.stats.highWaterMarkHits, before.highWaterMarkHits);
      assert.equal(push.stats.connections, 1);
      assert.equal(push.stats.reconnects, 0);
    });
  });
}

describe('figures', { timeout: 30_000 }, () => {
  it('anything that comes is heard, heartbeats included', async (t) => {
    const s = scope(t, tcp);
    const pull = s.open(zmq.Pull);
    const peer = s.use(await RawPeer.connect(await bindTo(pull, tcp)));
    await peer.handshake({ socketType: 'PUSH' });
    await ready(pull, tcp);
    const { heard, heartbeats, local } = only(pull);
    assert.ok(heard > 0);
    assert.equal(heartbeats, false);
    assert.equal(local, pull.lastEndpoint);
    pull.heartbeatTimeout = 60_000;
    pull.heartbeatInterval = 5;
    assert.equal(only(pull).heartbeats, true);
    const { name, data } = await peer.readCommand();
    assert.equal(name, 'PING');
    peer.write(command('PONG', data.subarray(2)));
    await until(() => only(pull).heard > heard, 'the answer');
    assert.equal(only(pull).messagesIn, 0);
  });
});
