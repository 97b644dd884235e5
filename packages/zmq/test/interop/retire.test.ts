/** Endpoints that are retired under peers of libzmq: they learn of the end, flush, and go on elsewhere. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as libzmq from 'zeromq';
import * as zmq from '../../src/index.ts';
import { retire } from '../../src/run.ts';
import { turn, until, within } from '../support/deadline.ts';
import { text } from '../support/payload.ts';
import { bindTo, ready, scope } from '../support/scope.ts';
import { basicWires } from '../support/transports.ts';

for (const transport of basicWires) {
  describe(`retire with peers of libzmq over ${transport.name}`, { timeout: 60_000 }, () => {
    it('everything that a producer sent arrives, here or at the next endpoint', async (t) => {
      const s = scope(t, transport);
      const pull = s.open(zmq.Pull, { receiveTimeout: -1 });
      const address = await transport.fixed();
      await pull.bind(address);
      const numbers: number[] = [];
      void (async () => {
        for await (const [number] of pull) numbers.push(Number(String(number)));
      })().catch(() => {});
      const push = s.open(libzmq.Push, { reconnectInterval: 1 });
      push.connect(address);
      await ready(pull, transport);
      let sent = 0;
      let over = false;
      const sending = (async () => {
        // With room for libzmq to write: when it is cut off while it writes, the message in its hands is lost there.
        for (; !over; sent += 1) {
          await push.send(String(sent));
          if (sent % 10 === 9) await turn();
        }
      })();
      for (let round = 0; round < 5; round += 1) {
        const before = numbers.length;
        await until(() => numbers.length > before + 20, 'messages');
        const retired = retire(pull, address, { timeout: 20_000 });
        await until(() => !bindFails(pull, address), 'the address to be free');
        assert.deepEqual(await within(retired, 'the end'), { undelivered: 0, cut: 0 });
      }
      over = true;
      await sending;
      await until(() => numbers.length === sent, 'all that was sent', {
        seen: () => [sent, numbers.length],
      });
      assert.deepEqual(
        numbers.sort((a, b) => a - b),
        Array.from({ length: sent }, (_, index) => index),
      );
      assert.ok(pull.stats.connections > 1);
    });

    it('what is queued for a consumer arrives', async (t) => {
      const s = scope(t, transport);
      const push = s.open(zmq.Push);
      const pull = s.open(libzmq.Pull, { receiveHighWaterMark: 10 });
      const address = await bindTo(push, transport);
      pull.connect(address);
      await ready(push, transport);
      const body = 'x'.repeat(20_000);
      let sent = 0;
      while (push.trySend([String(sent), body])) sent += 1;
      assert.ok(push.stats.queuedOut > 0);
      const retired = retire(push, address, { timeout: 20_000 });
      for (let index = 0; index < sent; index += 1)
        assert.equal(String((await pull.receive())[0]), String(index));
      assert.deepEqual(await within(retired, 'the end'), { undelivered: 0, cut: 0 });
    });

    it('a worker gives its replies before it learns of the end', async (t) => {
      const s = scope(t, transport);
      const dealer = s.open(zmq.Dealer);
      const worker = s.open(libzmq.Reply);
      const address = await bindTo(dealer, transport);
      worker.connect(address);
      await ready(dealer, transport);
      for (let index = 0; index < 20; index += 1) await dealer.send(['', String(index)]);
      const retired = retire(dealer, address, { timeout: 20_000 });
      assert.equal(dealer.writable, false);
      for (let index = 0; index < 20; index += 1) await worker.send(await worker.receive());
      assert.deepEqual(await within(retired, 'the end'), { undelivered: 0, cut: 0 });
      for (let index = 0; index < 20; index += 1)
        assert.deepEqual(text(await dealer.receive()), ['', String(index)]);
    });
  });
}

function bindFails(socket: zmq.Socket, address: string): boolean {
  try {
    socket.bindSync(address);
    return false;
  } catch {
    return true;
  }
}
