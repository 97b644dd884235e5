/** Connections between ours and libzmq that break in the middle of a stream. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { turn } from '../support/deadline.ts';
import { FaultProxy } from '../support/faultproxy.ts';
import { assignments, type LooseSocket } from '../support/libs.ts';
import { payload, sameParts, text } from '../support/payload.ts';
import { collect, subscribed } from '../support/pubsync.ts';
import { bindTo, left, ready, scope } from '../support/scope.ts';
import { basicWires, tcp } from '../support/transports.ts';

function parts(index: number): Buffer[] {
  const size = index % 9 === 0 ? 70_000 : (index * 31) % 1000;
  return [Buffer.from(String(index)), payload(size, index), payload(index % 50, index + 1)];
}

function numberOf(message: readonly Buffer[]): number {
  const index = Number((message[0] as Buffer).toString());
  sameParts(message, parts(index), `message ${index}`);
  return index;
}

/** Until the endpoint that another socket has just left is free. */
async function bindAgain(socket: LooseSocket, endpoint: string): Promise<void> {
  for (let bound = false; !bound; await turn()) {
    bound = await socket.bind(endpoint).then(
      () => true,
      () => false,
    );
  }
}

for (const [first, second] of assignments) {
  for (const transport of basicWires) {
    const title = `${second.name} restarts, ${first.name} connects again, over ${transport.name}`;
    describe(title, { timeout: 30_000 }, () => {
      it('PUSH to PULL in the middle of a stream', async (t) => {
        const s = scope(t, transport);
        const push = s.open(first.sockets.Push, { reconnectInterval: 5, sendHighWaterMark: 50 });
        const endpoint = await transport.fixed();
        push.connect(endpoint);
        let sent = 0;
        let stop = false;
        const sending = (async () => {
          for (; !stop; sent += 1) await push.send(parts(sent));
          await push.send('end');
        })();
        let last = -1;
        for (let round = 0; round < 4; round += 1) {
          const pull = s.open(second.sockets.Pull, { receiveHighWaterMark: 50 });
          await bindAgain(pull, endpoint);
          for (let count = 0; count < 200; count += 1) {
            const index = numberOf(await pull.receive());
            assert.ok(index > last, `${index} after ${last}`);
            last = index;
          }
          if (round === 3) {
            stop = true;
            for (;;) {
              const message = await pull.receive();
              if (message.length === 1) break;
              const index = numberOf(message);
              assert.equal(index, last + 1);
              last = index;
            }
          }
          pull.close();
        }
        await sending;
        assert.equal(last, sent - 1);
      });

      it('PULL from PUSH: the stream goes on with what the next server sends', async (t) => {
        const s = scope(t, transport);
        const pull = s.open(first.sockets.Pull, { reconnectInterval: 5 });
        const endpoint = await transport.fixed();
        pull.connect(endpoint);
        for (let round = 0; round < 3; round += 1) {
          const push = s.open(second.sockets.Push, { linger: 10_000 });
          await bindAgain(push, endpoint);
          for (let index = 0; index < 100; index += 1) await push.send([`${round}`, ...parts(index)]);
          for (let index = 0; index < 100; index += 1) {
            const [number, ...rest] = await pull.receive();
            assert.equal(String(number), String(round));
            assert.equal(numberOf(rest), index);
          }
          push.close();
        }
      });

      it('SUB subscribes again, to what it wants by then', async (t) => {
        const s = scope(t, transport);
        const sub = s.open(first.sockets.Subscriber, { reconnectInterval: 5 });
        const endpoint = await transport.fixed();
        sub.subscribe('kept', 'dropped', 'twice', 'twice');
        sub.connect(endpoint);
        const one = s.open(second.sockets.Publisher);
        await one.bind(endpoint);
        await subscribed(one, sub);
        one.close();
        await left(sub, transport, 0);
        sub.subscribe('added');
        sub.unsubscribe('dropped', 'twice');
        const two = s.open(second.sockets.Publisher);
        await bindAgain(two, endpoint);
        await subscribed(two, sub);
        for (const topic of ['dropped', 'kept', 'twice', 'added', 'other']) await two.send(topic);
        assert.deepEqual((await collect(two, sub)).map(text), [['kept'], ['twice'], ['added']]);
        sub.unsubscribe('twice');
        await subscribed(two, sub);
        await two.send('twice');
        assert.deepEqual(await collect(two, sub), []);
      });

      it('REQ asks the next server', async (t) => {
        const s = scope(t, transport);
        const req = s.open(first.sockets.Request, { reconnectInterval: 5, relaxed: true, correlate: true });
        const endpoint = await transport.fixed();
        req.connect(endpoint);
        for (let round = 0; round < 3; round += 1) {
          const rep = s.open(second.sockets.Reply);
          await bindAgain(rep, endpoint);
          await ready(rep, transport);
          await req.send(`round ${round}`);
          assert.deepEqual(text(await rep.receive()), [`round ${round}`]);
          await rep.send('answer');
          assert.deepEqual(text(await req.receive()), ['answer']);
          await req.send('never answered');
          assert.deepEqual(text(await rep.receive()), ['never answered']);
          rep.close();
          await left(req, transport, 0);
        }
      });

      it('clients of the other library come and go', async (t) => {
        const s = scope(t, transport);
        const server = s.open(first.sockets.Router);
        const endpoint = await bindTo(server, transport);
        for (let round = 0; round < 10; round += 1) {
          const dealer = s.open(second.sockets.Dealer, { routingId: `client ${round}` });
          dealer.connect(endpoint);
          await dealer.send(['', 'hello']);
          const message = await server.receive();
          assert.deepEqual(text(message), [`client ${round}`, '', 'hello']);
          await server.send(message);
          assert.deepEqual(text(await dealer.receive()), ['', 'hello']);
          dealer.close();
          await left(server, transport, 0);
        }
      });
    });
  }

  describe(`a bad line between ${first.name} and ${second.name}`, { timeout: 60_000 }, () => {
    it('cut again and again: whole messages, none twice', async (t) => {
      const s = scope(t, tcp);
      const pull = s.open(first.sockets.Pull);
      const push = s.open(second.sockets.Push, { reconnectInterval: 2, sendHighWaterMark: 100 });
      const proxy = s.use(await FaultProxy.start(await bindTo(pull, tcp)));
      push.connect(proxy.endpoint);
      let stop = false;
      const sending = (async () => {
        for (let index = 0; !stop; index += 1) await push.send(parts(index));
        await push.send('end');
      })();
      const seen = new Set<number>();
      for (let cuts = 0, sinceCut = 0; ; sinceCut += 1) {
        const message = await pull.receive();
        if (message.length === 1) break;
        const index = numberOf(message);
        assert.ok(!seen.has(index), `message ${index} came twice`);
        seen.add(index);
        if (sinceCut < 100) continue;
        // Only once the last cut was noticed: what is sent before may be lost with the connection.
        if (cuts === 6) stop ||= proxy.accepted > 6;
        else if (proxy.open > 0) {
          proxy.cut();
          cuts += 1;
          sinceCut = 0;
        }
      }
      await sending;
    });

    it('one octet at a time, in both directions', async (t) => {
      const s = scope(t, tcp);
      const rep = s.open(first.sockets.Reply);
      const req = s.open(second.sockets.Request);
      const proxy = s.use(await FaultProxy.start(await bindTo(rep, tcp)));
      proxy.split(1);
      req.connect(proxy.endpoint);
      for (const message of [[''], ['a', '', 'b'], ['x'.repeat(254)], ['y'.repeat(257), 'z']]) {
        await req.send(message);
        assert.deepEqual(text(await rep.receive()), message);
        await rep.send([...message].reverse());
        assert.deepEqual(text(await req.receive()), [...message].reverse());
      }
    });

    it('slow: messages in flight on a line with delay', async (t) => {
      const s = scope(t, tcp);
      const [one, two] = [s.open(first.sockets.Pair), s.open(second.sockets.Pair)];
      const proxy = s.use(await FaultProxy.start(await bindTo(one, tcp)));
      proxy.delay(5);
      two.connect(proxy.endpoint);
      for (let index = 0; index < 200; index += 1) await two.send(parts(index));
      for (let index = 0; index < 200; index += 1) assert.equal(numberOf(await one.receive()), index);
      for (let index = 0; index < 200; index += 1) await one.send(parts(index));
      for (let index = 0; index < 200; index += 1) assert.equal(numberOf(await two.receive()), index);
    });

    it('unbind and bind again on the same socket', async (t) => {
      const s = scope(t, tcp);
      const pull = s.open(first.sockets.Pull);
      const push = s.open(second.sockets.Push, { reconnectInterval: 5 });
      const endpoint = await tcp.fixed();
      await pull.bind(endpoint);
      push.connect(endpoint);
      await ready(push, tcp);
      await push.send('before');
      assert.deepEqual(text(await pull.receive()), ['before']);
      await pull.unbind(endpoint);
      // libzmq closes the connections that came in through it when the socket is used again.
      pull.receiveTimeout = 50;
      let over = false;
      const gone = left(push, tcp, 0).finally(() => {
        over = true;
      });
      while (!over) await assert.rejects(pull.receive(), { code: 'EAGAIN' });
      await gone;
      pull.receiveTimeout = 10_000;
      await bindAgain(pull, endpoint);
      await ready(push, tcp);
      await push.send('after');
      assert.deepEqual(text(await pull.receive()), ['after']);
    });
  });
}
