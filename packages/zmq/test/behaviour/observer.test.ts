/** What a proxy tells its observer: the runs that it sent on, and how long requests took, without decoding either. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as zmq from '../../src/index.ts';
import { decodeMessage, type Run, skipMessages } from '../../src/run.ts';
import { turn, until, within } from '../support/deadline.ts';
import { payload, text } from '../support/payload.ts';
import { bindTo, ready, type Scope, scope } from '../support/scope.ts';
import { type TestTransport, transports } from '../support/transports.ts';

const tcp = transports.find(({ name }) => name === 'tcp') as TestTransport;

async function start<F extends zmq.Socket, B extends zmq.Socket>(s: Scope, front: F, back: B) {
  const [to, from] = [await bindTo(front, tcp), await bindTo(back, tcp)];
  const proxy = new zmq.Proxy(front, back);
  void proxy.run();
  s.after(() => {
    if (!front.closed) proxy.terminate();
  });
  return { proxy, to, from };
}

function decode(run: Run): string[] {
  const all: string[] = [];
  let at = run.start;
  for (let left = run.count; left > 0; left -= 1) {
    const end = skipMessages(run.bytes, at, 1);
    all.push(decodeMessage(run.bytes, at, end).map(String).join('|'));
    at = end;
  }
  assert.equal(at, run.end);
  return all;
}

describe('the observer of a proxy', { timeout: 30_000 }, () => {
  it('sees what was sent, in both directions, as it came', async (t) => {
    const s = scope(t, tcp);
    const { proxy, to, from } = await start(s, s.open(zmq.Router), s.open(zmq.Dealer));
    const seen: string[] = [];
    const observer: zmq.ProxyObserver = {
      run: (direction, run) => void seen.push(...decode(run).map((each) => `${direction} ${each}`)),
    };
    proxy.observer = observer;
    assert.equal(proxy.observer, observer);
    const [client, worker] = [s.open(zmq.Request), s.open(zmq.Reply)];
    client.connect(to);
    worker.connect(from);
    await client.send(['a', 'b']);
    await worker.receive();
    await worker.send('re');
    await client.receive();
    const [back] = seen.slice(1);
    assert.equal(seen[0], 'toBack |a|b');
    // The reply begins with the name of the client.
    assert.match(back as string, /^toFront .{1,5}\|\|re$/su);
    proxy.observer = null;
    await client.send('unseen');
    await worker.receive();
    assert.equal(seen.length, 2);
  });

  it('sees of a run only what found room, and the rest when it does', async (t) => {
    const s = scope(t, tcp);
    const { proxy, to, from } = await start(s, s.open(zmq.Pull), s.open(zmq.Push, { sendHighWaterMark: 3 }));
    const seen: string[] = [];
    proxy.observer = { run: (_direction, run) => void seen.push(...decode(run)) };
    const consumer = s.open(zmq.Pull, { receiveHighWaterMark: 1 });
    consumer.connect(from);
    const producer = s.open(zmq.Push, { sendHighWaterMark: 0 });
    producer.connect(to);
    await ready(proxy.backEnd, tcp);
    const body = payload(200_000, 65).toString('latin1').replace(/\|/g, '-');
    for (let index = 0; index < 60; index += 1) await producer.send(`${index} ${body}`);
    await until(() => proxy.frontEnd.stats.queuedIn > 0 && seen.length > 0, 'the relay to be held up');
    for (let index = 0; index < 60; index += 1) await consumer.receive();
    assert.deepEqual(
      seen.map((each) => Number.parseInt(each, 10)),
      Array.from({ length: 60 }, (_, index) => index),
    );
    assert.equal(proxy.stats.toBack.messages, 60);
  });

  it('learns how long requests took, from REQ and from DEALER', async (t) => {
    const s = scope(t, tcp);
    const { proxy, to, from } = await start(s, s.open(zmq.Router), s.open(zmq.Dealer));
    const times: number[] = [];
    proxy.observer = { answered: (milliseconds) => void times.push(milliseconds) };
    const worker = s.open(zmq.Reply);
    worker.connect(from);
    const req = s.open(zmq.Request);
    req.connect(to);
    await req.send('slow');
    await worker.receive();
    const begun = performance.now();
    await turn(30);
    const least = performance.now() - begun;
    assert.deepEqual(times, []);
    await worker.send('re');
    await req.receive();
    assert.equal(times.length, 1);
    assert.ok(
      times.every((time) => time >= least),
      `${times} of at least ${least} ms`,
    );

    const dealer = s.open(zmq.Dealer);
    dealer.connect(to);
    await turn(2);
    await dealer.send(['', 'one']);
    await worker.receive();
    // A second one while the first is out can't be told from it by counting: it is not timed.
    await turn(2);
    await dealer.send(['', 'two']);
    await until(() => proxy.stats.toBack.messages === 3, 'the request to be out');
    for (const reply of ['1', '2']) {
      if (reply === '2') await worker.receive();
      await worker.send(reply);
      assert.deepEqual(text(await dealer.receive()), ['', reply]);
    }
    assert.equal(times.length, 2);
  });

  it('a request that is never answered does not end the measuring', async (t) => {
    const s = scope(t, tcp);
    const { proxy, to, from } = await start(s, s.open(zmq.Router), s.open(zmq.Dealer));
    const times: number[] = [];
    proxy.observer = { answered: (milliseconds) => void times.push(milliseconds) };
    const worker = s.open(zmq.Dealer);
    worker.connect(from);
    // More than are timed at once, from peers that leave.
    for (let count = 0; count < 20; count += 1) {
      const lost = s.open(zmq.Request);
      lost.connect(to);
      await lost.send('lost');
      await worker.receive();
      await turn(2);
      lost.close();
      await until(() => proxy.frontEnd.stats.peers === 0, 'it to be gone');
    }
    assert.deepEqual(times, []);
    const req = s.open(zmq.Request);
    req.connect(to);
    for (let count = 0; count < 2; count += 1) {
      await turn(2);
      await req.send('kept');
      const request = await worker.receive();
      await worker.send(request);
      await req.receive();
    }
    assert.ok(times.length >= 1, `${times.length} times`);
  });

  it("the time of a request that was given up is nobody's", async (t) => {
    const s = scope(t, tcp);
    const { proxy, to, from } = await start(s, s.open(zmq.Router), s.open(zmq.Dealer));
    const times: number[] = [];
    proxy.observer = { answered: (milliseconds) => void times.push(milliseconds) };
    const worker = s.open(zmq.Dealer);
    worker.connect(from);
    const req = s.open(zmq.Request, { relaxed: true, correlate: true });
    req.connect(to);
    await req.send('lost');
    await worker.receive();
    await turn(30);
    const begun = performance.now();
    await req.send('kept');
    await worker.send(await worker.receive());
    await req.receive();
    const most = performance.now() - begun;
    assert.ok(times.length <= 1 && times.every((time) => time <= most), `${times} of at most ${most} ms`);
  });

  it('drain loses nothing of a producer that never pauses', async (t) => {
    const s = scope(t, tcp);
    const { proxy, to, from } = await start(s, s.open(zmq.Pull), s.open(zmq.Push));
    const consumer = s.open(zmq.Pull, { receiveTimeout: -1 });
    consumer.connect(from);
    let received = 0;
    void (async () => {
      for await (const _message of consumer) received += 1;
    })().catch(() => {});
    const producer = s.open(zmq.Push, { reconnectInterval: 1, sendTimeout: -1 });
    producer.connect(to);
    let over = false;
    const sending = (async () => {
      while (!over) await producer.send(payload(100)).catch(() => {});
    })();
    await until(() => received > 1000, 'messages');
    assert.deepEqual(await within(proxy.drain({ timeout: 20_000 }), 'the drain'), { undelivered: 0 });
    const out = producer.stats.messagesOut;
    assert.equal(producer.stats.dropped, 0);
    await until(() => received === out, 'all that the producer got rid of', { seen: () => [received, out] });
    over = true;
    producer.linger = 0;
    producer.close();
    await sending;
  });
});
