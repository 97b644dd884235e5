/** PUSH and PULL, RFC 30. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as zmq from '../../src/index.ts';
import { text } from '../support/payload.ts';
import { arrived, bindTo, left, link, ready, scope } from '../support/scope.ts';
import { transports, wires } from '../support/transports.ts';

for (const transport of transports) {
  describe(`PUSH and PULL over ${transport.name}`, { timeout: 30_000 }, () => {
    it('delivers in order, whichever side binds', async (t) => {
      const s = scope(t, transport);
      for (const pushBinds of [true, false]) {
        const push = s.open(zmq.Push);
        const pull = s.open(zmq.Pull);
        await (pushBinds ? link(transport, push, pull) : link(transport, pull, push));
        for (let index = 0; index < 300; index += 1) await push.send(String(index));
        for (let index = 0; index < 300; index += 1)
          assert.deepEqual(text(await pull.receive()), [String(index)]);
      }
    });

    it('deals the messages out in turn', async (t) => {
      const s = scope(t, transport);
      const push = s.open(zmq.Push);
      const pulls = [s.open(zmq.Pull), s.open(zmq.Pull), s.open(zmq.Pull)];
      await link(transport, push, ...pulls);
      for (let index = 0; index < 30; index += 1) await push.send(String(index));
      const turns = new Set<number>();
      for (const pull of pulls) {
        const numbers: number[] = [];
        for (let index = 0; index < 10; index += 1) numbers.push(Number(text(await pull.receive())[0]));
        const place = (numbers[0] as number) % 3;
        turns.add(place);
        assert.deepEqual(
          numbers,
          Array.from({ length: 10 }, (_, index) => index * 3 + place),
        );
      }
      assert.equal(turns.size, 3);
    });

    it('takes from each sender in turn', async (t) => {
      const s = scope(t, transport);
      const pull = s.open(zmq.Pull);
      const pushes = [s.open(zmq.Push), s.open(zmq.Push), s.open(zmq.Push)];
      await link(transport, pull, ...pushes);
      for (const [sender, push] of pushes.entries()) {
        for (let index = 0; index < 20; index += 1) await push.send([String(sender), String(index)]);
      }
      await arrived(pull, 60);
      const next = [0, 0, 0];
      for (let round = 0; round < 20; round += 1) {
        const senders = new Set<string>();
        for (let index = 0; index < 3; index += 1) {
          const [sender, number] = text(await pull.receive()) as [string, string];
          senders.add(sender);
          assert.equal(Number(number), next[Number(sender)], `the order from sender ${sender}`);
          next[Number(sender)] = Number(number) + 1;
        }
        assert.equal(senders.size, 3, `round ${round} has a message from each sender`);
      }
    });

    it('waits for a peer, and fails with EAGAIN when the time is up', async (t) => {
      const s = scope(t, transport);
      const push = s.open(zmq.Push);
      const pull = s.open(zmq.Pull);
      const endpoint = await bindTo(push, transport);
      assert.equal(push.writable, false);
      push.sendTimeout = 0;
      await assert.rejects(push.send('nobody'), { code: 'EAGAIN' });
      push.sendTimeout = 5;
      await assert.rejects(push.send('nobody'), {
        code: 'EAGAIN',
        message: 'Operation was not possible or timed out',
      });
      push.sendTimeout = -1;
      const sent = push.send('first');
      pull.connect(endpoint);
      await sent;
      assert.deepEqual(text(await pull.receive()), ['first']);
    });

    it('keeps what was sent between connect and bind', async (t) => {
      const s = scope(t, transport);
      const push = s.open(zmq.Push);
      const pull = s.open(zmq.Pull);
      const endpoint = await transport.fixed();
      push.connect(endpoint);
      for (let index = 0; index < 100; index += 1) await push.send(String(index));
      await pull.bind(endpoint);
      for (let index = 0; index < 100; index += 1)
        assert.deepEqual(text(await pull.receive()), [String(index)]);
    });

    it('binds and connects at the same time', async (t) => {
      const s = scope(t, transport);
      const middle = s.open(zmq.Pull);
      const near = s.open(zmq.Push);
      const far = s.open(zmq.Push);
      const farEndpoint = await bindTo(far, transport);
      await link(transport, middle, near);
      middle.connect(farEndpoint);
      await ready(far, transport);
      await near.send('near');
      await far.send('far');
      const got = [...text(await middle.receive()), ...text(await middle.receive())];
      assert.deepEqual(got.sort(), ['far', 'near']);
    });

    it('has only one direction', (t) => {
      const s = scope(t, transport);
      assert.equal(s.open(zmq.Push).readable, false);
      assert.equal(s.open(zmq.Pull).writable, false);
    });
  });
}

for (const transport of wires) {
  describe(`PUSH and PULL over ${transport.name}, peers that go`, { timeout: 30_000 }, () => {
    it('leaves out a peer that is gone', async (t) => {
      const s = scope(t, transport);
      const push = s.open(zmq.Push);
      const [stays, goes] = [s.open(zmq.Pull), s.open(zmq.Pull)];
      await link(transport, push, stays, goes);
      goes.close();
      await left(push, transport, 1);
      for (let index = 0; index < 50; index += 1) await push.send(String(index));
      for (let index = 0; index < 50; index += 1)
        assert.deepEqual(text(await stays.receive()), [String(index)]);
    });

    it('delivers what a closed peer had sent', async (t) => {
      const s = scope(t, transport);
      const pull = s.open(zmq.Pull);
      const push = s.open(zmq.Push, { linger: 5000 });
      const endpoint = await bindTo(pull, transport);
      push.connect(endpoint);
      for (let index = 0; index < 100; index += 1) await push.send(String(index));
      push.close();
      for (let index = 0; index < 100; index += 1)
        assert.deepEqual(text(await pull.receive()), [String(index)]);
    });
  });
}
