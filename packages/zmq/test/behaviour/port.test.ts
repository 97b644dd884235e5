/** Sockets as sources and sinks of runs (`RunPort`), with real peers. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Publisher, Pull, Push, Proxy as SocketProxy, XPublisher, XSubscriber } from '../../src/index.ts';
import { decodeMessage, type Run, RunPort, skipMessages } from '../../src/run.ts';
import { turn, until, within } from '../support/deadline.ts';
import { runOf } from '../support/pipes.ts';
import { arrived, bindTo, ready, scope } from '../support/scope.ts';
import { type TestTransport, transports } from '../support/transports.ts';

const quiet = { readable: () => {}, writable: () => {}, closed: () => {} };
const unasked = { taken: () => {}, returned: () => {} };
const tcp = transports.find(({ name }) => name.startsWith('tcp')) as TestTransport;

/** The messages `first` to `last`: each its number as text, and as many octets as asked for. */
function numbers(first: number, last: number, size = 0): Run {
  const texts = Array.from({ length: last - first + 1 }, (_, i) => [String(first + i).padEnd(size, ' ')]);
  const { bytes, count } = runOf(texts);
  return { bytes, start: 0, end: bytes.length, count };
}

/** Takes everything that is there. */
function takeAll(port: RunPort): string[] {
  const all: string[] = [];
  for (let run = port.peek(); run !== null; run = port.peek()) {
    let at = run.start;
    for (let left = run.count; left > 0; left--) {
      const end = skipMessages(run.bytes, at, 1);
      all.push(decodeMessage(run.bytes, at, end).map(String).join('|'));
      at = end;
    }
    port.took(run.end, run.count);
  }
  return all;
}

async function receive(pull: Pull, count: number): Promise<number[]> {
  const all: number[] = [];
  while (all.length < count) all.push(Number(String((await pull.receive())[0])));
  return all;
}

const range = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, i) => first + i);

for (const transport of transports) {
  describe(`a port over ${transport.name}`, { timeout: 30_000 }, () => {
    it('takes what a PULL receives, and holds its peers up with what it does not take', async (t) => {
      const s = scope(t, transport);
      const pull = s.open(Pull, { receiveHighWaterMark: 10 });
      let calls = 0;
      const port = s.use(new RunPort(pull, { ...quiet, readable: () => calls++ }));
      const push = s.open(Push);
      push.connect(await bindTo(pull, transport));
      await push.send(['a', 'b']);
      await push.send('c');
      await arrived(pull, 2);
      assert.ok(calls > 0);
      const run = port.peek() as Run;
      port.took(skipMessages(run.bytes, run.start, 1), 1);
      assert.equal(pull.stats.queuedIn, 1);
      assert.deepEqual(takeAll(port), ['c']);
      for (let i = 0; i < 10; i++) await push.send(String(i));
      await arrived(pull, 10);
      assert.deepEqual(takeAll(port), range(0, 9).map(String));
    });

    it('sends runs to the peers of a PUSH, and tells what their systems have taken', async (t) => {
      const s = scope(t, transport);
      const push = s.open(Push);
      let calls = 0;
      const port = s.use(new RunPort(push, quiet, { ...unasked, taken: () => calls++ }));
      const pulls = [s.open(Pull), s.open(Pull)];
      const endpoint = await bindTo(push, transport);
      for (const pull of pulls) pull.connect(endpoint);
      await ready(push, transport, 2);
      assert.ok(port.writable);
      assert.equal(port.send(numbers(1, 100), 1), 100);
      await until(() => port.receipts?.outstanding().length === 0, 'all is taken');
      assert.ok(calls > 0);
      const got = await Promise.all(pulls.map((pull) => receive(pull, 50)));
      assert.deepEqual(
        got.flat().sort((a, b) => a - b),
        range(1, 100),
      );
      assert.equal(push.stats.dropped, 0);
    });

    it('between XSUB and XPUB', async (t) => {
      const s = scope(t, transport);
      const xsub = s.open(XSubscriber);
      const xpub = s.open(XPublisher);
      const front = s.use(new RunPort(xsub, quiet));
      const back = s.use(new RunPort(xpub, quiet));
      const pub = s.open(Publisher);
      const sub = s.open(XSubscriber);
      pub.connect(await bindTo(xsub, transport));
      sub.connect(await bindTo(xpub, transport));
      await sub.send(Buffer.from([1, 97]));
      await until(() => back.peek() !== null, 'the subscription');
      const wish = back.peek() as Run;
      front.send(wish);
      back.took(wish.end, wish.count);
      await until(() => {
        pub.trySend(['a', 'x']);
        return front.peek() !== null;
      }, 'a message');
      const run = front.peek() as Run;
      assert.equal(back.send(run), run.count);
      front.took(run.end, run.count);
      assert.deepEqual((await sub.receive()).map(String), ['a', 'x']);
    });
  });
}

describe('a port', { timeout: 30_000 }, () => {
  it('gets back what a peer had not taken when it went away, and the next peer gets it in order', async (t) => {
    const s = scope(t, tcp);
    const push = s.open(Push, { sendHighWaterMark: 100 });
    let returned = 0;
    const port = s.use(new RunPort(push, quiet, { ...unasked, returned: () => returned++ }));
    const endpoint = await bindTo(push, tcp);
    // It stops reading after one message; what the kernels hold is lost with it, as ZeroMQ has it.
    const stalled = s.open(Pull, { receiveHighWaterMark: 1 });
    stalled.connect(endpoint);
    await ready(push, tcp);
    let next = 1;
    while (push.stats.queuedOut < 100) {
      next += port.send(numbers(next, next + 9, 50_000), next);
      await turn();
    }
    assert.ok(!port.writable);
    stalled.close();
    await until(() => push.stats.peers === 0, 'the peer is gone');
    assert.ok(returned > 0);
    const back = port.receipts?.back;
    assert.ok(back != null);
    assert.equal(back.last, next - 1);
    assert.equal(push.stats.messagesOut, back.first - 1);
    assert.equal(push.stats.dropped, 0);

    const fresh = s.open(Pull);
    fresh.connect(endpoint);
    await until(() => port.writable, 'the next peer');
    const got = receive(fresh, back.last - back.first + 1);
    for (let at = back.first; at <= back.last; ) {
      const sent = port.send(numbers(at, Math.min(at + 9, back.last), 50_000), at);
      at += sent;
      port.receipts?.settle(at - 1);
      if (sent === 0) await turn();
    }
    assert.deepEqual(await got, range(back.first, back.last));
    await until(() => port.receipts?.outstanding().length === 0, 'all is taken');
  });

  it('gets back what was queued when its socket is closed, and counts none of it as dropped', async (t) => {
    const s = scope(t, tcp);
    const push = s.open(Push);
    let closed = 0;
    const port = new RunPort(push, { ...quiet, closed: () => closed++ }, unasked);
    push.connect('tcp://127.0.0.1:1');
    assert.equal(port.send(numbers(1, 5), 1), 5);
    assert.equal(port.receipts?.back, null);
    push.linger = 0;
    push.close();
    assert.equal(closed, 1);
    assert.deepEqual(port.receipts?.back, { first: 1, last: 5 });
    assert.equal(push.stats.dropped, 0);
  });

  it('comes to rest: no new peers, and what was on the way is here', async (t) => {
    const s = scope(t, tcp);
    const pull = s.open(Pull);
    const port = s.use(new RunPort(pull, quiet));
    const push = s.open(Push);
    const endpoint = await bindTo(pull, tcp);
    push.connect(endpoint);
    await ready(pull, tcp);
    for (let i = 0; i < 100; i++) await push.send(String(i));
    await within(
      port.rest(() => false),
      'rest',
    );
    assert.equal(takeAll(port).length, 100);
    const late = s.open(Push, { reconnectInterval: -1 });
    const refused = new Promise((resolve) => late.events.on('close', resolve));
    late.connect(endpoint);
    await within(refused, 'the refusal');
  });

  it('is refused where it has no place', (t) => {
    const s = scope(t, tcp);
    const pull = s.open(Pull);
    const port = new RunPort(pull, quiet);
    const busy = { code: 'EBUSY' };
    assert.throws(() => new RunPort(pull, quiet), busy);
    port.close();
    port.close();
    s.use(new RunPort(pull, quiet));
    const closed = s.open(Pull);
    closed.close();
    assert.throws(() => new RunPort(closed, quiet), { code: 'EBADF' });
    assert.throws(() => new RunPort(s.open(Publisher), quiet, unasked), { code: 'ENOTSUP' });
  });

  it('leaves the socket to others when it is closed', async (t) => {
    const s = scope(t, tcp);
    const pull = s.open(Pull);
    const push = s.open(Push);
    const ports = [new RunPort(pull, quiet), new RunPort(push, quiet)];
    await bindTo(pull, tcp);
    await bindTo(push, tcp);
    const proxy = new SocketProxy(pull, push);
    await assert.rejects(proxy.run(), { code: 'EBUSY' });
    for (const port of ports) port.close();
    const running = proxy.run();
    proxy.terminate();
    await within(running, 'the end');
  });
});
