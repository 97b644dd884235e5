/** The observer of a socket: which events come, with what, and the two ways to read them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as zmq from '../../src/index.ts';
import { within } from '../support/deadline.ts';
import { type SeenEvent, watch } from '../support/events.ts';
import { scope } from '../support/scope.ts';
import { basicWires, tcp, transports, wires } from '../support/transports.ts';

for (const transport of wires) {
  describe(`events over ${transport.name}`, { timeout: 30_000 }, () => {
    it('tells the life of a connection on both sides', async (t) => {
      const s = scope(t, transport);
      const server = s.use(new zmq.Dealer(transport.options));
      const client = s.use(new zmq.Dealer({ ...transport.options, linger: 0 }));
      const [serverLog, clientLog] = [watch(server), watch(client)];
      await server.bind(transport.endpoint());
      const address = server.lastEndpoint as string;
      assert.deepEqual(await serverLog.next('bind'), { type: 'bind', address });
      client.connect(address);
      assert.deepEqual(await serverLog.next('accept'), { type: 'accept', address });
      assert.equal((await serverLog.next('handshake')).address, address);
      assert.deepEqual(await clientLog.next('connect:delay'), { type: 'connect:delay', address });
      assert.deepEqual(await clientLog.next('connect'), { type: 'connect', address });
      assert.equal((await clientLog.next('handshake')).address, address);
      client.close();
      assert.equal((await serverLog.next('disconnect')).address, address);
      assert.deepEqual(await clientLog.next('end'), { type: 'end' });
      server.close();
      assert.deepEqual(await serverLog.next('close'), { type: 'close', address });
      assert.deepEqual(await serverLog.next('end'), { type: 'end' });
      assert.deepEqual(serverLog.all.at(-1), { type: 'end' });
      assert.equal(serverLog.count('end'), 1);
    });

    it('tells that it tries again, and how long it waits', async (t) => {
      const s = scope(t, transport);
      const client = s.use(new zmq.Dealer({ ...transport.options, reconnectInterval: 20 }));
      const log = watch(client);
      const endpoint = await transport.fixed();
      client.connect(endpoint);
      for (let count = 0; count < 3; count += 1) {
        const { address, interval } = await log.next('connect:retry');
        assert.equal(address, endpoint);
        assert.ok(typeof interval === 'number' && interval > 0, `interval ${interval}`);
      }
      const server = s.use(new zmq.Dealer(transport.options));
      await server.bind(endpoint);
      assert.deepEqual(await log.next('connect'), { type: 'connect', address: endpoint });
    });

    it('tells the client of a server that went away and came back', async (t) => {
      const s = scope(t, transport);
      const client = s.use(new zmq.Dealer({ ...transport.options, reconnectInterval: 5 }));
      const log = watch(client);
      const endpoint = await transport.fixed();
      client.connect(endpoint);
      const first = s.use(new zmq.Dealer(transport.options));
      await first.bind(endpoint);
      await log.next('handshake');
      await first.unbind(endpoint);
      first.close();
      assert.equal((await log.next('disconnect')).address, endpoint);
      const second = s.use(new zmq.Dealer(transport.options));
      await second.bind(endpoint);
      await log.next('handshake');
      assert.equal(log.count('connect'), 2);
    });
  });
}

for (const transport of transports) {
  describe(`the observer over ${transport.name}`, { timeout: 30_000 }, () => {
    it('is one object per socket', (t) => {
      const s = scope(t, transport);
      const socket = s.use(new zmq.Dealer(transport.options));
      assert.equal(socket.events, socket.events);
      assert.equal(socket.events.closed, false);
    });

    it('ends with the socket: a last event, then EBADF', async (t) => {
      const s = scope(t, transport);
      const socket = s.use(new zmq.Dealer(transport.options));
      const { events } = socket;
      socket.close();
      assert.deepEqual(await within(events.receive(), 'the end'), { type: 'end' });
      assert.equal(events.closed, true);
      await assert.rejects(async () => events.receive(), { code: 'EBADF', message: 'Socket is closed' });
    });

    it('can be iterated until the end', async (t) => {
      const s = scope(t, transport);
      const socket = s.use(new zmq.Dealer(transport.options));
      const types: string[] = [];
      const reading = (async () => {
        for await (const event of socket.events) types.push(event.type);
      })();
      await socket.bind(transport.endpoint());
      socket.close();
      await within(reading, 'the iteration to end');
      assert.equal(types.at(-1), 'end');
      if (transport.wire) assert.equal(types[0], 'bind');
    });

    it('is read with listeners or with receive, not both', async (t) => {
      const s = scope(t, transport);
      const socket = s.use(new zmq.Dealer(transport.options));
      const seen: SeenEvent[] = [];
      socket.events.on('end', (event) => seen.push(event));
      await assert.rejects(async () => socket.events.receive(), /Observer is in event emitter mode/);
      const log = watch(socket);
      socket.close();
      await log.next('end');
      assert.deepEqual(seen, [{ type: 'end' }]);
    });

    it('stops calling a listener that was taken off', async (t) => {
      const s = scope(t, transport);
      const socket = s.use(new zmq.Dealer(transport.options));
      let calls = 0;
      const listener = (): void => {
        calls += 1;
      };
      socket.events.on('end', listener);
      socket.events.off('end', listener);
      const log = watch(socket);
      socket.close();
      await log.next('end');
      assert.equal(calls, 0);
    });
  });
}

describe('events of failures', { timeout: 30_000 }, () => {
  it('bind:error says which address and why', async (t) => {
    const s = scope(t, tcp);
    const [one, two] = [s.use(new zmq.Dealer()), s.use(new zmq.Dealer())];
    await one.bind(tcp.endpoint());
    const address = one.lastEndpoint as string;
    const log = watch(two);
    await assert.rejects(two.bind(address));
    const event = await log.next('bind:error');
    assert.equal(`tcp://${event.address}`, address);
    assert.ok(event.error instanceof Error);
    assert.equal(event.error.code, 'EADDRINUSE');
    assert.equal(event.error.message, 'Address already in use');
  });

  it('peer:unreachable says why an attempt to connect failed', async (t) => {
    const s = scope(t, tcp);
    const dealer = s.use(new zmq.Dealer({ reconnectInterval: -1 }));
    const address = await tcp.fixed();
    const log = watch(dealer);
    dealer.connect(address);
    const event = await log.next('peer:unreachable');
    assert.equal(event.address, address);
    assert.equal(event.error?.code, 'ECONNREFUSED');
  });

  for (const transport of basicWires) {
    it(`sees each of many clients over ${transport.name}`, async (t) => {
      const s = scope(t, transport);
      const server = s.use(new zmq.Router());
      const log = watch(server);
      await server.bind(transport.endpoint());
      for (let round = 0; round < 10; round += 1) {
        const client = s.use(new zmq.Dealer({ linger: 0 }));
        client.connect(server.lastEndpoint as string);
        await log.next('handshake');
        client.close();
        await log.next('disconnect');
      }
      assert.equal(log.count('accept'), 10);
    });
  }
});
