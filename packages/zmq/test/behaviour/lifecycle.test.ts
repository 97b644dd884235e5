/** Closing: what becomes of pending calls and of queued messages (linger). What becomes of the process: exit.test.ts. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as zmq from '../../src/index.ts';
import { LIMIT, turn, until, within } from '../support/deadline.ts';
import { payload, text } from '../support/payload.ts';
import { bindTo, link, scope } from '../support/scope.ts';
import { transports, wires } from '../support/transports.ts';

const CLOSED = { code: 'EBADF', message: 'Socket is closed' };
const GIVEN_UP = { code: 'EAGAIN', message: 'Operation was not possible or timed out' };

for (const transport of transports) {
  describe(`closing over ${transport.name}`, { timeout: 30_000 }, () => {
    it('is immediate and may be repeated', async (t) => {
      const s = scope(t, transport);
      const socket = s.open(zmq.Dealer);
      await bindTo(socket, transport);
      assert.equal(socket.closed, false);
      socket.close();
      assert.equal(socket.closed, true);
      socket.close();
      assert.equal(socket.readable, false);
      assert.equal(socket.writable, false);
    });

    it('makes every later call fail with EBADF', async (t) => {
      const s = scope(t, transport);
      const socket = s.open(zmq.Dealer);
      socket.close();
      const endpoint = await transport.fixed();
      await assert.rejects(async () => socket.send('x'), CLOSED);
      await assert.rejects(async () => socket.receive(), CLOSED);
      await assert.rejects(async () => socket.bind(endpoint), CLOSED);
      await assert.rejects(async () => socket.unbind(endpoint), CLOSED);
      assert.throws(() => socket.connect(endpoint), CLOSED);
      assert.throws(() => socket.disconnect(endpoint), CLOSED);
    });

    it('ends what is waiting: receive and send with EAGAIN', async (t) => {
      const s = scope(t, transport);
      const socket = s.open(zmq.Dealer, { receiveTimeout: -1, sendTimeout: -1 });
      const receiving = assert.rejects(socket.receive(), GIVEN_UP);
      const sending = assert.rejects(socket.send('nobody there'), GIVEN_UP);
      socket.close();
      await within(Promise.all([receiving, sending]), 'both to end');
    });

    it('waits for a bind or unbind that is under way', async (t) => {
      const s = scope(t, transport);
      const [one, two] = [s.open(zmq.Dealer), s.open(zmq.Dealer)];
      const binding = one.bind(transport.endpoint());
      const busy = assert.rejects(async () => one.bind(transport.endpoint()), {
        code: 'EBUSY',
        message: 'Socket is blocked by a bind or unbind operation',
      });
      one.close();
      assert.equal(one.closed, false);
      await busy;
      await binding;
      assert.equal(one.closed, true);
      const endpoint = await bindTo(two, transport);
      const unbinding = two.unbind(endpoint);
      two.close();
      assert.equal(two.closed, false);
      await unbinding;
      assert.equal(two.closed, true);
    });

    it('ends an iteration without an error', async (t) => {
      const s = scope(t, transport);
      const [one, two] = [s.open(zmq.Pair), s.open(zmq.Pair)];
      await link(transport, one, two);
      const got: string[] = [];
      const reading = (async () => {
        for await (const message of one) {
          got.push(...text(message));
          if (got.length === 3) setImmediate(() => one.close());
        }
      })();
      for (const word of ['a', 'b', 'c']) await two.send(word);
      await within(reading, 'the iteration to end');
      assert.deepEqual(got, ['a', 'b', 'c']);
      assert.equal((await one[Symbol.asyncIterator]().next()).done, true);
    });

    it('an iteration that is left leaves the socket open', async (t) => {
      const s = scope(t, transport);
      const [one, two] = [s.open(zmq.Pair), s.open(zmq.Pair)];
      await link(transport, one, two);
      await two.send('first');
      for await (const message of one) {
        assert.deepEqual(text(message), ['first']);
        break;
      }
      await two.send('second');
      assert.deepEqual(text(await one.receive()), ['second']);
    });
  });
}

for (const transport of wires) {
  describe(`linger over ${transport.name}`, { timeout: 30_000 }, () => {
    it('sends the rest in the background, to a peer that comes after close', async (t) => {
      const s = scope(t, transport);
      const push = s.use(new zmq.Push({ ...transport.options, linger: LIMIT, reconnectInterval: 5 }));
      const pull = s.open(zmq.Pull);
      const endpoint = await transport.fixed();
      push.connect(endpoint);
      for (let index = 0; index < 200; index += 1) await push.send(String(index));
      push.close();
      await pull.bind(endpoint);
      for (let index = 0; index < 200; index += 1)
        assert.deepEqual(text(await pull.receive()), [String(index)]);
    });

    it('finishes a large message after close', async (t) => {
      const s = scope(t, transport);
      const push = s.use(new zmq.Push({ ...transport.options, linger: LIMIT }));
      const pull = s.open(zmq.Pull);
      const endpoint = await bindTo(pull, transport);
      push.connect(endpoint);
      const body = payload(8 * 1024 * 1024);
      await push.send(body);
      push.close();
      const [got] = await pull.receive();
      assert.ok(got?.equals(body));
    });
  });
}

describe('a socket that was forgotten', { timeout: 30_000 }, () => {
  it('makes room for others when it is collected, if it has no endpoint', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const context = new zmq.Context({ maxSockets: 2 });
    const make = (): void => void new zmq.Push({ context });
    make();
    make();
    assert.throws(make, { code: 'EMFILE' });
    await until(() => {
      collect();
      try {
        make();
        return true;
      } catch {
        return false;
      }
    }, 'room for another socket');
  });

  it('does not count twice when it was closed', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const context = new zmq.Context({ maxSockets: 1 });
    for (let round = 0; round < 3; round += 1) {
      await new zmq.Push({ context }).drain();
      collect();
      await turn();
    }
    const last = new zmq.Push({ context });
    assert.throws(() => new zmq.Push({ context }), { code: 'EMFILE' });
    last.close();
  });
});
