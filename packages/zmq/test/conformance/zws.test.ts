/** RFC 45: what goes over a WebSocket, message by message, seen by a peer made by hand. */
import assert from 'node:assert/strict';
import { until } from '../support/deadline.ts';
import { text } from '../support/payload.ts';
import { metadata } from '../support/rawpeer.ts';
import type { Scope } from '../support/scope.ts';
import { type Cell, holds, type Tested } from './matrix.ts';
import { dialWebSocket, type Line, LineServer } from './wsline.ts';

async function bound(tested: Tested): Promise<string> {
  await tested.bind('ws://127.0.0.1:0/zmq');
  return tested.lastEndpoint as string;
}

async function dial(s: Scope, endpoint: string, protocols: readonly string[]): Promise<Line> {
  const answer = await dialWebSocket(s, endpoint, protocols);
  assert.ok(answer !== null, 'let in');
  return answer.line;
}

/** A socket of ours has connected. */
async function accept(
  s: Scope,
  tested: Tested,
  protocol?: string,
): Promise<{ line: Line; offered: string[] }> {
  const server = new LineServer(s, protocol);
  tested.connect(`ws://127.0.0.1:${await server.listen()}/zmq`);
  await until(() => server.lines.length > 0, 'a connection');
  return { line: server.lines[0] as Line, offered: server.offered(0) };
}

function ready(socketType: string): Buffer {
  return Buffer.concat([Buffer.from('\u0005READY'), metadata([['Socket-Type', socketType]])]);
}

/** A line that has shaken hands with NULL. */
async function joined(cell: Cell, tested: Tested, socketType: string): Promise<Line> {
  const line = await dial(cell.scope, await bound(tested), ['ZWS2.0/NULL']);
  assert.equal((await line.next()).toString('latin1', 0, 7), '\u0002\u0005READY');
  line.say(2, ready(socketType));
  return line;
}

holds(
  'RFC 45: a client offers at least one subprotocol, that of its mechanism first',
  'alone',
  async ({ scope, tested }) => {
    const plain = { plainUsername: 'a', plainPassword: 'b' };
    for (const [options, offer] of [
      [{}, ['ZWS2.0/NULL', 'ZWS2.0']],
      [plain, ['ZWS2.0/PLAIN']],
    ] as const) {
      const { offered } = await accept(scope, tested('Push', options));
      assert.deepEqual(offered, offer);
    }
  },
);

holds('RFC 45: a client asks for the host and path of its endpoint', 'alone', async ({ scope, tested }) => {
  const server = new LineServer(scope);
  const port = await server.listen();
  tested('Push').connect(`ws://localhost:${port}/some/path`);
  await until(() => server.requests.length > 0, 'a request');
  const [{ headers, url }] = server.requests as [(typeof server.requests)[0]];
  assert.deepEqual([headers.host, url], [`localhost:${port}`, '/some/path']);
});

holds(
  'RFC 45: a server chooses a subprotocol of the client, and turns away one that it has none in common with',
  'alone',
  async ({ scope, tested }) => {
    const endpoint = await bound(tested('Pull'));
    for (const [offer, chosen] of [
      [['ZWS2.0/NULL', 'ZWS2.0'], 'ZWS2.0/NULL'],
      [['ZWS2.0'], 'ZWS2.0'],
      [['chat', 'ZWS2.0/CURVE', 'ZWS2.0/NULL'], 'ZWS2.0/NULL'],
    ] as const) {
      assert.equal((await dialWebSocket(scope, endpoint, offer))?.protocol, chosen);
    }
    for (const offer of [[], ['chat'], ['ZWS2.0/PLAIN'], ['ZWS1.0']]) {
      assert.equal(await dialWebSocket(scope, endpoint, offer), null, offer.join());
    }
  },
);

holds(
  'RFC 45: sends each frame as one binary message: a flags octet, then the body',
  'alone',
  async (cell) => {
    const dealer = cell.tested('Dealer');
    const line = await joined(cell, dealer, 'DEALER');
    for (const size of [1, 124, 125, 255, 256, 65_535, 70_000]) {
      const body = Buffer.alloc(size, 'x');
      await dealer.send(['', body, 'end']);
      assert.deepEqual(await line.next(), Buffer.of(1));
      assert.deepEqual(await line.next(), Buffer.concat([Buffer.of(1), body]));
      assert.deepEqual(await line.next(), Buffer.from('\0end'));
      line.say(1);
      line.say(1, body);
      line.say(0, 'end');
      const got = await dealer.receive();
      assert.deepEqual(got, [Buffer.alloc(0), body, Buffer.from('end')]);
    }
  },
);

holds('RFC 45: takes binary messages only', 'alone', async (cell) => {
  const pull = cell.tested('Pull');
  const line = await joined(cell, pull, 'PUSH');
  line.say(0, 'one');
  assert.deepEqual(text(await pull.receive()), ['one']);
  line.sayText('\0two');
  await line.gone();
  assert.equal(pull.stats.queuedIn, 0);
});

holds('RFC 45: with NULL, both sides begin with READY as a command', 'alone', async ({ scope, tested }) => {
  const push = tested('Push');
  const { line } = await accept(scope, push);
  line.say(2, ready('PULL'));
  const said = await line.next();
  assert.equal(said[0], 2);
  assert.equal(said.toString('latin1', 1, 7), '\u0005READY');
  assert.ok(said.includes('Socket-Type\0\0\0\u0004PUSH'));
  await push.send('hello');
  assert.deepEqual(await line.next(), Buffer.from('\0hello'));
});

holds(
  'RFC 45: without a mechanism, both sides begin with their routing id as a message',
  'alone',
  async ({ scope, tested }) => {
    const router = tested('Router');
    const client = await dial(scope, await bound(router), ['ZWS2.0']);
    client.say(0, 'alice');
    assert.deepEqual(await client.next(), Buffer.of(0));
    client.say(0, 'hello');
    assert.deepEqual(text(await router.receive()), ['alice', 'hello']);
    await router.send(['alice', 'hello, alice']);
    assert.deepEqual(await client.next(), Buffer.from('\0hello, alice'));

    const dealer = tested('Dealer', { routingId: 'bob' });
    const { line } = await accept(scope, dealer, 'ZWS2.0');
    line.say(0);
    assert.deepEqual(await line.next(), Buffer.from('\0bob'));
    line.say(0, 'hello, bob');
    assert.deepEqual(text(await dealer.receive()), ['hello, bob']);
  },
);

holds(
  'RFC 45: a subscription is a message of 1 and the topic, its end one of 0 and the topic',
  'alone',
  async (cell) => {
    const sub = cell.tested('Subscriber');
    const above = await joined(cell, sub, 'PUB');
    sub.subscribe('topic');
    assert.deepEqual(await above.next(), Buffer.from('\0\u0001topic'));
    sub.unsubscribe('topic');
    assert.deepEqual(await above.next(), Buffer.from('\0\0topic'));

    const xpub = cell.tested('XPublisher');
    const below = await joined(cell, xpub, 'SUB');
    below.say(0, '\u0001a');
    below.say(0, '\0a');
    assert.deepEqual(text(await xpub.receive()), ['\u0001a']);
    assert.deepEqual(text(await xpub.receive()), ['\0a']);
  },
);

holds('RFC 45: a heartbeat is a WebSocket ping', 'alone', async (cell) => {
  const pull = cell.tested('Pull', { heartbeatInterval: 5, heartbeatTimeout: 10_000 });
  const line = await joined(cell, pull, 'PUSH');
  await until(() => line.pings > 1, 'two pings');
  line.say(0, 'still here');
  assert.deepEqual(text(await pull.receive()), ['still here']);
  assert.equal(line.heard.length, 1, 'READY and nothing else');
  assert.deepEqual(line.kinds, [2]);
});
