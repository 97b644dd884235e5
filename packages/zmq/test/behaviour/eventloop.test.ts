/** Loops of `await send` and `await receive` leave room for everything else in the process; many sockets do as well. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as zmq from '../../src/index.ts';
import { text } from '../support/payload.ts';
import { bindTo, link, ready, scope } from '../support/scope.ts';
import { transports } from '../support/transports.ts';

const COUNT = 10_000;

/** Turns of the event loop while `work` runs. */
async function turns(work: () => Promise<void>): Promise<number> {
  let count = 0;
  let running = true;
  const next = (): void => {
    count += 1;
    if (running) setImmediate(next);
  };
  setImmediate(next);
  await work();
  running = false;
  return count;
}

for (const transport of transports) {
  describe(`the event loop over ${transport.name}`, { timeout: 60_000 }, () => {
    it('turns while messages go through', async (t) => {
      const s = scope(t, transport);
      const [push, pull] = [s.open(zmq.Push), s.open(zmq.Pull)];
      await link(transport, pull, push);
      const sending = async (): Promise<void> => {
        for (let index = 0; index < COUNT; index += 1) await push.send('x');
      };
      const receiving = async (): Promise<void> => {
        for (let index = 0; index < COUNT; index += 1) await pull.receive();
      };
      const count = await turns(async () => {
        await Promise.all([sending(), receiving()]);
      });
      assert.ok(count >= 5, `${count} turns for ${COUNT} messages`);
    });

    it('turns while a publisher sends to nobody', async (t) => {
      const s = scope(t, transport);
      const pub = s.open(zmq.Publisher);
      await bindTo(pub, transport);
      const count = await turns(async () => {
        for (let index = 0; index < COUNT; index += 1) await pub.send('x');
      });
      assert.ok(count >= 5, `${count} turns for ${COUNT} messages`);
    });

    it('turns while an iteration keeps up with a sender', async (t) => {
      const s = scope(t, transport);
      const [push, pull] = [s.open(zmq.Push), s.open(zmq.Pull)];
      await link(transport, pull, push);
      const iterating = async (): Promise<void> => {
        let expected = 0;
        for await (const message of pull) {
          assert.equal(text(message)[0], String(expected));
          expected += 1;
          if (expected === COUNT) return;
        }
      };
      const sending = async (): Promise<void> => {
        for (let index = 0; index < COUNT; index += 1) await push.send(String(index));
      };
      const count = await turns(async () => {
        await Promise.all([iterating(), sending()]);
      });
      assert.ok(count >= 5, `${count} turns for ${COUNT} messages`);
    });

    it('a mark of 0 is no mark', async (t) => {
      const s = scope(t, transport);
      const push = s.open(zmq.Push, { sendHighWaterMark: 0, sendTimeout: 0 });
      const pull = s.open(zmq.Pull, { receiveHighWaterMark: 0 });
      const endpoint = await transport.fixed();
      push.connect(endpoint);
      for (let index = 0; index < 5000; index += 1) await push.send(String(index));
      await pull.bind(endpoint);
      for (let index = 0; index < 5000; index += 1)
        assert.deepEqual(text(await pull.receive()), [String(index)]);
    });

    // Each handshake of TLS takes milliseconds of a processor, and all are waited for within one limit.
    const crowd = transport.name === 'wss' ? 30 : 100;
    it(`${crowd} clients of one server`, async (t) => {
      const s = scope(t, transport);
      const router = s.open(zmq.Router);
      const endpoint = await bindTo(router, transport);
      const clients = Array.from({ length: crowd }, () => s.open(zmq.Request));
      for (const client of clients) client.connect(endpoint);
      await ready(router, transport, clients.length);
      const serving = (async () => {
        for (let count = 0; count < 5 * crowd; count += 1) await router.send(await router.receive());
      })();
      await Promise.all(
        clients.map(async (client, who) => {
          for (let round = 0; round < 5; round += 1) {
            await client.send([String(who), String(round)]);
            assert.deepEqual(text(await client.receive()), [String(who), String(round)]);
          }
        }),
      );
      await serving;
    });
  });
}
