/** The draft sockets against libzmq's: ours on one side, libzmq on the other, either side binding. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as libzmq from 'zeromq';
import { Peer } from '../../src/draft.ts';
import * as zmq from '../../src/index.ts';
import { until } from '../support/deadline.ts';
import { type DraftName, type LooseDraft, ourDrafts, theirDrafts, untilJoined } from '../support/drafts.ts';
import { payload, text } from '../support/payload.ts';
import { bindTo, link, type Scope, scope } from '../support/scope.ts';
import { basicWires, type TestTransport, tcp } from '../support/transports.ts';

// Copies are sent: libzmq masks what goes over ws where it lies, in the memory of the sender.
const SIZES = [0, 1, 255, 256, 8191, 8192, 65_536, 300_000];

for (const transport of basicWires) {
  for (const [first, second] of [
    [ourDrafts, theirDrafts],
    [theirDrafts, ourDrafts],
  ] as const) {
    for (const leftBinds of [true, false]) {
      const open = async (
        s: Scope,
        left: DraftName,
        right: DraftName,
        on: TestTransport,
      ): Promise<[LooseDraft, LooseDraft]> => {
        const pair = [
          s.open<LooseDraft, object>(first.sockets[left] as never),
          s.open<LooseDraft, object>(second.sockets[right] as never),
        ] as [LooseDraft, LooseDraft];
        const order = leftBinds ? pair : ([pair[1], pair[0]] as const);
        await link(on, order[0] as never, order[1] as never);
        return pair;
      };
      const names = `left of ${first.name} ${leftBinds ? 'binds' : 'connects'}, right of ${second.name}`;
      describe(`draft sockets over ${transport.name}, ${names}`, { timeout: 30_000 }, () => {
        it('SERVER and CLIENT', async (t) => {
          const [server, client] = await open(scope(t, transport), 'Server', 'Client', transport);
          for (const size of SIZES) {
            const body = payload(size, size);
            await client.send(Buffer.from(body));
            const [got, { routingId }] = await server.receive();
            assert.ok(got.equals(body));
            await server.send(Buffer.from(got), { routingId });
            assert.ok((await client.receive())[0].equals(body));
          }
        });

        it('RADIO and DISH', async (t) => {
          const [radio, dish] = await open(scope(t, transport), 'Radio', 'Dish', transport);
          dish.join('now', 'not for long');
          await untilJoined(radio, dish, 'now');
          dish.leave('not for long');
          dish.join('later');
          await untilJoined(radio, dish, 'later');
          for (const size of SIZES) {
            const body = payload(size, size);
            await radio.send('unheard', { group: 'not for long' });
            await radio.send('unheard', { group: 'no' });
            await radio.send(Buffer.from(body), { group: 'later' });
            const [got, { group }] = await dish.receive();
            assert.ok(got.equals(body));
            assert.equal(String(group), 'later');
          }
        });

        it('SCATTER and GATHER', async (t) => {
          const [scatter, gather] = await open(scope(t, transport), 'Scatter', 'Gather', transport);
          for (const size of SIZES) {
            const body = payload(size, size);
            await scatter.send(Buffer.from(body));
            assert.ok((await gather.receive())[0].equals(body));
          }
        });

        it('CHANNEL and CHANNEL', async (t) => {
          const [one, two] = await open(scope(t, transport), 'Channel', 'Channel', transport);
          for (const size of SIZES) {
            const body = payload(size, size);
            await one.send(Buffer.from(body));
            assert.ok((await two.receive())[0].equals(body));
            await two.send(Buffer.from(body));
            assert.ok((await one.receive())[0].equals(body));
          }
        });
      });
    }
  }
}

describe('PEER', { timeout: 30_000 }, () => {
  it('of ours, to one of libzmq', async (t) => {
    const s = scope(t, tcp);
    const theirs = s.open<LooseDraft, object>(theirDrafts.sockets.Peer as never);
    const ours = s.open(Peer);
    const routingId = ours.connectPeer(await bindTo(theirs as never, tcp));
    for (const size of SIZES) {
      const body = payload(size, size);
      await ours.send(Buffer.from(body), { routingId });
      assert.ok((await theirs.receive())[0].equals(body));
    }
  });
});

describe('STREAM', { timeout: 30_000 }, () => {
  for (const [name, Server, Client] of [
    ['ours, to one of libzmq', zmq.Stream, libzmq.Stream],
    ['of libzmq, to one of ours', libzmq.Stream, zmq.Stream],
  ] as const) {
    it(`${name}: notices, octets, the end`, async (t) => {
      const s = scope(t, tcp);
      const server = s.open<zmq.Stream, object>(Server as never);
      // Not -1: then libzmq drops what it has not given out when the connection ends.
      const client = s.open<zmq.Stream, object>(Client as never, { reconnectInterval: 60_000 });
      client.connect(await bindTo(server, tcp), { routingId: 'server' });
      assert.deepEqual(text(await client.receive()), ['server', '']);
      const [id, nothing] = await server.receive();
      assert.deepEqual([id.length, id[0], nothing.length], [5, 0, 0]);
      const octets = payload(200_000, 5);
      for (const [from, to, name] of [
        [client, server, 'server'],
        [server, client, id],
      ] as const) {
        await from.send([name, octets]);
        let got = Buffer.alloc(0);
        while (got.length < octets.length) got = Buffer.concat([got, (await to.receive())[1]]);
        assert.ok(got.equals(octets));
      }
      await server.send([id, 'bye']);
      assert.deepEqual(text(await client.receive()), ['server', 'bye']);
      // Who closes is not told. libzmq gets round to closing while somebody receives.
      server.receiveTimeout = 50;
      await server.send([id, '']);
      let ended = false;
      const end = client.receive().finally(() => {
        ended = true;
      });
      while (!ended) await assert.rejects(server.receive(), { code: 'EAGAIN' });
      assert.deepEqual(text(await end), ['server', '']);
      await assert.rejects(server.send([id, 'x']), { code: 'EHOSTUNREACH' });
      await assert.rejects(server.receive(), { code: 'EAGAIN' });
    });
  }

  it('ours reads what a socket of libzmq says first', async (t) => {
    const s = scope(t, tcp);
    const server = s.open(zmq.Stream);
    const dealer = s.open(libzmq.Dealer);
    dealer.connect(await bindTo(server, tcp));
    await server.receive();
    let greeting = Buffer.alloc(0);
    while (greeting.length < 10) greeting = Buffer.concat([greeting, (await server.receive())[1]]);
    assert.deepEqual([greeting[0], greeting[9]], [0xff, 0x7f]);
    dealer.close();
    await until(() => server.peers().length === 0, 'the dealer to be gone');
  });
});
