/** What `zeroth run` says about peers, good and bad, and that bad ones harm nobody. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import * as zmq from 'zeromq';
import type { LogLine } from '../support/cli.ts';
import { startNode, threeRoutes } from '../support/cli.ts';
import * as lib from '../support/libzmq.ts';
import { unusedEndpoint } from '../support/port.ts';

/** Sends bytes over plain TCP, and waits until the other side closes. */
async function knock(endpoint: string, bytes: Buffer | string): Promise<void> {
  const { hostname, port } = new URL(endpoint.replace('tcp:', 'http:'));
  const socket = connect(Number(port), hostname);
  // A reset is as good an end as any here; `once` would fail with it.
  socket.on('error', () => {});
  socket.on('connect', () => socket.write(bytes));
  socket.resume();
  await new Promise<void>((resolve) => void socket.on('close', () => resolve()));
}

describe('the log of a node', () => {
  it('has a line for each connect and disconnect', async (t) => {
    const node = await startNode(t, threeRoutes());
    const push = lib.pushSocket(t);
    const pull = lib.pullSocket(t);
    await lib.connected(pull, node.address('jobs', 'backend'));
    await lib.connected(push, node.address('jobs', 'frontend'));
    await push.send('one');
    await push.send('two');
    await lib.receiveTexts(pull, 2);
    push.close();
    await node.process.waitFor('stderr', /"event":"peer:gone"/);
    const lines = node.log();
    const ready = lines.filter(({ event }) => event === 'peer:ready');
    assert.deepEqual(
      ready.map(({ route, side, socketType }) => [route, side, socketType]),
      [
        ['jobs', 'backend', 'PULL'],
        ['jobs', 'frontend', 'PUSH'],
      ],
    );
    const gone = lines.find(({ event }) => event === 'peer:gone');
    assert.equal(gone?.messagesIn, 2);
    assert.equal(gone?.side, 'frontend');
    assert.match(gone?.remote as string, /^tcp:\/\/127\.0\.0\.1:\d+$/);
  });

  it('warns of a peer that went over a limit', async (t) => {
    const node = await startNode(t, threeRoutes(', maxMessageSize: 1KiB'));
    const push = lib.pushSocket(t);
    await lib.connected(push, node.address('jobs', 'frontend'));
    await push.send(Buffer.alloc(2000));
    await node.process.waitFor('stderr', /"event":"peer:failed"/);
    const gone = node.log().find(({ event }) => event === 'peer:failed');
    assert.deepEqual([gone?.level, gone?.code], ['warn', 'ERR_ZMTP_MESSAGE_SIZE']);
  });

  it('tells once that it cannot reach an endpoint', async (t) => {
    const there = await unusedEndpoint();
    const route = `{ pattern: pipeline, frontend: { bind: "tcp://127.0.0.1:0" }, backend: { connect: "${there}" }, reconnectInterval: 10ms }`;
    const node = await startNode(t, `log: { level: debug }\nroutes: { jobs: ${route} }`);
    await node.process.waitFor('stderr', /connect:retry:again/);
    const retries = node.log().filter(({ event }) => event === 'connect:retry');
    assert.equal(retries.length, 1);
    assert.equal(retries[0]?.level, 'warn');
    await lib.pullSocket(t).bind(there);
    await node.process.waitFor('stderr', /"event":"peer:ready"/);
  });
});

describe('a subscriber that never reads', () => {
  it('costs its own messages only: they are counted and told, and others get theirs', async (t) => {
    const node = await startNode(t, threeRoutes(', sendHighWaterMark: 10'));
    const stalled = lib.closing(t, new zmq.Subscriber({ receiveHighWaterMark: 1 }));
    stalled.subscribe('flood');
    await lib.connected(stalled, node.address('telemetry', 'backend'));
    const good = lib.subscriberSocket(t, 'calm');
    await lib.connected(good, node.address('telemetry', 'backend'));
    const pub = lib.publisherSocket(t);
    pub.connect(node.address('telemetry', 'frontend'));
    await lib.subscribed(pub, 'flood', 'calm');
    const body = Buffer.alloc(64 * 1024);
    let dropped = false;
    const told = node.process.waitFor('stderr', /"event":"drop"/).then(() => {
      dropped = true;
    });
    // The kernel's buffers and libzmq's come first; the calm topic also keeps the pace.
    for (let n = 0; !dropped; n++) {
      for (let burst = 0; burst < 10; burst++) await pub.send(['flood', body]);
      await pub.send(['calm', `${n}`]);
      assert.deepEqual(await lib.receiveTexts(good, 1), [`calm|${n}`]);
    }
    await told;
    const line = node.log().find(({ event }) => event === 'drop');
    assert.deepEqual([line?.level, line?.route, line?.side], ['warn', 'telemetry', 'backend']);
    assert.equal(line?.endpoint, node.address('telemetry', 'backend'));
    assert.ok((line?.count as number) > 0);
    assert.equal(typeof line?.reason, 'string');
  });
});

describe('bad peers', () => {
  const greeting = Buffer.concat([
    Buffer.from([0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 1]),
    Buffer.from('NULL'.padEnd(20, '\0')),
    Buffer.alloc(32),
  ]);
  const plain = Buffer.from(greeting);
  plain.write('PLAIN', 12, 'latin1');
  const cases: [name: string, bytes: Buffer | string, code: string][] = [
    ['HTTP', 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n', 'ERR_ZMTP_GREETING'],
    ['another mechanism', plain, 'ERR_ZMTP_MECHANISM_MISMATCH'],
    ['ZMTP 2.0', Buffer.from([0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 1, 8, 0, 0]), 'ERR_ZMTP_VERSION'],
    ['a message before READY', Buffer.concat([greeting, Buffer.from([0, 1, 65])]), 'ERR_ZMTP_'],
    [
      'a READY of 2^63 bytes',
      Buffer.concat([greeting, Buffer.from([6, 0x80, 0, 0, 0, 0, 0, 0, 0])]),
      'ERR_ZMTP_',
    ],
  ];
  it('are refused with a code in the log, while good ones go on', async (t) => {
    const node = await startNode(t, threeRoutes());
    const pull = lib.pullSocket(t);
    const push = lib.pushSocket(t);
    await lib.connected(pull, node.address('jobs', 'backend'));
    await lib.connected(push, node.address('jobs', 'frontend'));
    const refused = (): LogLine[] => node.log().filter(({ event }) => event === 'peer:refused');
    for (const [index, [name, bytes, code]] of cases.entries()) {
      await knock(node.address('jobs', 'frontend'), bytes);
      await push.send(name);
      assert.deepEqual(await lib.receiveTexts(pull, 1), [name]);
      await node.process.until(`${name} is not in the log`, () => refused().length > index);
      assert.equal(refused().length, index + 1);
      const line = refused()[index];
      assert.ok(String(line?.code).startsWith(code), `${name}: ${line?.code}`);
      assert.equal(line?.level, 'warn');
    }
  });

  it('that say nothing are refused after the handshake limit', async (t) => {
    const node = await startNode(t, threeRoutes(', handshakeInterval: 200ms'));
    await knock(node.address('jobs', 'frontend'), '');
    await node.process.waitFor('stderr', /"event":"peer:refused".*"code":"ERR_ZMTP_HANDSHAKE_TIMEOUT"/);
  });

  it('in a storm are counted, and do not flood the log', async (t) => {
    const count = 1000;
    const node = await startNode(t, threeRoutes());
    const before = performance.now();
    for (let n = 0; n < count; n += 20) {
      await Promise.all(
        Array.from({ length: 20 }, () => knock(node.address('jobs', 'frontend'), 'GET / HTTP/1.0\r\n\r\n')),
      );
    }
    const push = lib.pushSocket(t);
    await lib.connected(push, node.address('jobs', 'frontend'));
    const told = (): { lines: number; events: number } => {
      const lines = node.log().filter(({ event }) => event === 'peer:refused');
      const events = lines.reduce((sum, { folded }) => sum + ((folded as number | undefined) ?? 1), 0);
      return { lines: lines.length, events };
    };
    await node.process.until('not all are in the log', () => told().events >= count);
    assert.equal(told().events, count);
    const seconds = Math.ceil((performance.now() - before) / 1000) + 1;
    assert.ok(told().lines <= 11 * seconds, `${told().lines} lines in ${seconds} s`);
    assert.ok(told().lines < count / 2);
  });
});
