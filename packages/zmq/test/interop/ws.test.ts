/** ws with libzmq beside what the other files have over every wire: PLAIN, heartbeats, paths. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as libzmq from 'zeromq';
import * as zmq from '../../src/index.ts';
import { watch } from '../support/events.ts';
import { assignments } from '../support/libs.ts';
import { text } from '../support/payload.ts';
import { bindTo, link, scope } from '../support/scope.ts';
import { transports } from '../support/transports.ts';

const ws = transports.find(({ name }) => name === 'ws')!;

for (const [first, second] of assignments) {
  for (const firstServes of [true, false]) {
    const role = firstServes ? 'the server' : 'the client';
    it(`PLAIN over ws: ${first.name}, ${role}, binds`, { timeout: 30_000 }, async (t) => {
      const s = scope(t, ws);
      const server = firstServes ? first : second;
      const context = server.name === 'ours' ? new zmq.Context() : new libzmq.Context();
      const Reply = server.name === 'ours' ? zmq.Reply : libzmq.Reply;
      const handler = s.open(Reply as typeof zmq.Reply, { context } as object);
      await handler.bind('inproc://zeromq.zap.01');
      const seen: string[] = [];
      const serving = (async () => {
        for await (const [version, id, , , , mechanism, user, password] of handler as AsyncIterable<
          Buffer[]
        >) {
          seen.push(`${mechanism} ${user} ${password}`);
          await handler.send([version!, id!, '200', '', 'joe', '']);
        }
      })();
      serving.catch(() => {});
      const options = [
        { plainServer: true, zapDomain: 'test', context },
        { plainUsername: 'user', plainPassword: 'secret' },
      ];
      const [mine, other] = firstServes ? options : [options[1], options[0]];
      const push = s.open(first.sockets.Push, mine);
      const pull = s.open(second.sockets.Pull, other);
      await link(ws, push, pull);
      await push.send('hello');
      assert.deepEqual(text(await pull.receive()), ['hello']);
      assert.deepEqual(seen, ['PLAIN user secret']);
      handler.close();
    });
  }

  it(`heartbeats over ws: ${first.name} binds and pings, ${second.name} pings too`, {
    timeout: 30_000,
  }, async (t) => {
    const s = scope(t, ws);
    const options = { heartbeatInterval: 10, heartbeatTimeout: 2000 };
    const push = s.open(first.sockets.Push, options);
    const pull = s.open(second.sockets.Pull, options);
    const logs = [watch(push), watch(pull)];
    await link(ws, push, pull);
    const ours = (first.name === 'ours' ? push : pull) as unknown as zmq.Push;
    assert.equal(ours.peers()[0]?.heartbeats, true);
    // Pings and pongs of many intervals, and messages among them.
    const end = performance.now() + 300;
    for (let index = 0; performance.now() < end; index++) {
      await push.send(String(index));
      assert.deepEqual(text(await pull.receive()), [String(index)]);
    }
    for (const log of logs) assert.equal(log.count('disconnect'), 0);
  });
}

describe('a path of ws', () => {
  it('is sent to libzmq, and asked for by it', async (t) => {
    const s = scope(t, ws);
    const [ours, theirs] = [s.open(zmq.Pull), s.open(libzmq.Pull)];
    const endpoints = [await bindTo(ours, ws), await bindTo(theirs, ws)] as const;
    const [one, two] = [s.open(libzmq.Push), s.open(zmq.Push)];
    one.connect(endpoints[0]);
    two.connect(endpoints[1]);
    await one.send('to ours');
    await two.send('to theirs');
    assert.deepEqual(text(await ours.receive()), ['to ours']);
    assert.deepEqual(text(await theirs.receive()), ['to theirs']);
  });
});
