/** `zeroth run` with libzmq programs on both sides of each pattern. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startNode, threeRoutes } from '../support/cli.ts';
import * as lib from '../support/libzmq.ts';

/** Marks above what a test sends, so that PUB and ROUTER have no reason to drop. */
const HIGH_MARKS = ', sendHighWaterMark: 100000, receiveHighWaterMark: 100000';

describe('a pipeline route', () => {
  it('delivers each message of several producers to one of several consumers, in order for each producer', async (t) => {
    const node = await startNode(t, threeRoutes());
    const each = 3000;
    const consumers = [lib.pullSocket(t), lib.pullSocket(t)];
    for (const pull of consumers) await lib.connected(pull, node.address('jobs', 'backend'));
    const producers = [lib.pushSocket(t), lib.pushSocket(t), lib.pushSocket(t)];
    const sending = producers.map(async (push, id) => {
      await lib.connected(push, node.address('jobs', 'frontend'));
      // Multi-part, with an empty frame, of sizes on both sides of every limit of a short frame.
      for (let n = 0; n < each; n++) await push.send([`${id}`, '', `${n}`, 'x'.repeat(n % 300)]);
    });
    const seen = producers.map(() => new Set<number>());
    let total = 0;
    const receiving = consumers.map(async (pull) => {
      const last = producers.map(() => -1);
      for await (const [id, empty, number, body] of pull) {
        const [producer, n] = [Number(String(id)), Number(String(number))];
        assert.equal(empty?.length, 0);
        assert.equal(body?.length, n % 300);
        assert.ok(n > (last[producer] as number), `producer ${producer}: ${n} after ${last[producer]}`);
        last[producer] = n;
        seen[producer]?.add(n);
        if (++total === each * producers.length) for (const socket of consumers) socket.close();
      }
      return last;
    });
    await Promise.all(sending);
    const lasts = await Promise.all(receiving);
    assert.equal(total, each * producers.length);
    for (const numbers of seen) assert.equal(numbers.size, each);
    for (const last of lasts)
      assert.ok(
        last.some((n) => n >= 0),
        'both consumers got some',
      );
  });

  it('holds messages until a consumer comes', async (t) => {
    const node = await startNode(t, threeRoutes());
    const push = lib.pushSocket(t);
    push.connect(node.address('jobs', 'frontend'));
    for (let n = 0; n < 100; n++) await push.send(`${n}`);
    const pull = lib.pullSocket(t);
    pull.connect(node.address('jobs', 'backend'));
    assert.deepEqual(
      await lib.receiveTexts(pull, 100),
      Array.from({ length: 100 }, (_, n) => `${n}`),
    );
  });

  it('connects to its consumers where the configuration says so', async (t) => {
    const pull = lib.pullSocket(t);
    const there = await lib.bindFree(pull);
    const node = await startNode(
      t,
      `routes: { jobs: { pattern: pipeline, frontend: { bind: "tcp://127.0.0.1:0" }, backend: { connect: "${there}" } } }`,
    );
    const push = lib.pushSocket(t);
    push.connect(node.address('jobs', 'frontend'));
    await push.send(['over', 'there']);
    assert.deepEqual(await lib.receiveTexts(pull, 1), ['over|there']);
  });
});

describe('a pubsub route', () => {
  it('gives each subscriber what it asked for, from several publishers', async (t) => {
    const node = await startNode(t, threeRoutes(HIGH_MARKS));
    const each = 1000;
    const subscribers = [
      lib.subscriberSocket(t, 'a'),
      lib.subscriberSocket(t, 'b', 'c/1'),
      lib.subscriberSocket(t, ''),
    ];
    for (const sub of subscribers) sub.connect(node.address('telemetry', 'backend'));
    const publishers = [lib.publisherSocket(t), lib.publisherSocket(t)];
    for (const pub of publishers) {
      pub.connect(node.address('telemetry', 'frontend'));
      await lib.subscribed(pub, 'a', 'b', 'c/1', '');
    }
    const topics = ['a', 'a/x', 'b', 'c/1', 'c/2'];
    for (const [id, pub] of publishers.entries()) {
      for (let n = 0; n < each; n++) await pub.send([topics[n % topics.length] as string, `${id}`, `${n}`]);
    }
    const wanted: ((topic: string) => boolean)[] = [
      (topic) => topic.startsWith('a'),
      (topic) => topic === 'b' || topic === 'c/1',
      () => true,
    ];
    for (const [index, sub] of subscribers.entries()) {
      const want = wanted[index] as (topic: string) => boolean;
      const expected = publishers.flatMap((_, id) =>
        Array.from({ length: each }, (_, n) => [topics[n % topics.length] as string, `${id}`, `${n}`])
          .filter(([topic]) => want(topic as string))
          .map((frames) => frames.join('|')),
      );
      const got = await lib.receiveTexts(sub, expected.length);
      assert.deepEqual(got.toSorted(), expected.toSorted());
      for (const id of ['0', '1']) {
        const order = got
          .map((text) => text.split('|'))
          .filter((frames) => frames[1] === id)
          .map((frames) => Number(frames[2]));
        assert.deepEqual(
          order,
          order.toSorted((a, b) => a - b),
          `publisher ${id} in order`,
        );
      }
    }
  });

  it('passes unsubscriptions on', async (t) => {
    const node = await startNode(t, threeRoutes());
    const sub = lib.subscriberSocket(t, 'x');
    sub.connect(node.address('telemetry', 'backend'));
    const pub = lib.publisherSocket(t);
    pub.connect(node.address('telemetry', 'frontend'));
    await lib.subscribed(pub, 'x');
    sub.unsubscribe('x');
    const [message] = (await pub.receive()) as [Buffer];
    assert.deepEqual([...message], [0, 'x'.charCodeAt(0)]);
  });
});

describe('a reqrep route', () => {
  it('brings each reply back to who asked', async (t) => {
    const node = await startNode(t, threeRoutes(HIGH_MARKS));
    const workers = [lib.replySocket(t), lib.replySocket(t)];
    const working = workers.map(async (rep, id) => {
      await lib.connected(rep, node.address('orders', 'backend'));
      let answered = 0;
      for await (const request of rep) {
        answered++;
        await rep.send([...request, `worker ${id}`]);
      }
      return answered;
    });
    const clients = Array.from({ length: 5 }, () => lib.requestSocket(t));
    const asking = clients.map(async (req, id) => {
      req.connect(node.address('orders', 'frontend'));
      for (let n = 0; n < 100; n++) {
        await req.send([`client ${id}`, '', `${n}`]);
        const reply = (await req.receive()).map(String);
        assert.deepEqual(reply.slice(0, 3), [`client ${id}`, '', `${n}`]);
        assert.match(reply[3] as string, /^worker [01]$/);
      }
    });
    await Promise.all(asking);

    // Many at once from one DEALER, each with its empty delimiter as RFC 28 asks.
    const dealer = lib.dealerSocket(t);
    dealer.sendHighWaterMark = 0;
    dealer.receiveHighWaterMark = 0;
    dealer.connect(node.address('orders', 'frontend'));
    const many = 2000;
    for (let n = 0; n < many; n++) await dealer.send(['', `${n}`]);
    const replies = new Set<string>();
    for (let n = 0; n < many; n++) replies.add(String((await dealer.receive())[1]));
    assert.equal(replies.size, many);

    for (const rep of workers) rep.close();
    const answered = await Promise.all(working);
    assert.equal((answered[0] as number) + (answered[1] as number), 500 + many);
    for (const count of answered) assert.ok(count > 0, 'both workers got some');
  });
});

describe('a message over the limit', () => {
  it('ends its sender with a line in the log, and harms nobody else', async (t) => {
    const node = await startNode(t, threeRoutes(', maxMessageSize: 1KiB'));
    const pull = lib.pullSocket(t);
    await lib.connected(pull, node.address('jobs', 'backend'));
    const [good, bad] = [lib.pushSocket(t), lib.pushSocket(t)];
    await lib.connected(good, node.address('jobs', 'frontend'));
    await lib.connected(bad, node.address('jobs', 'frontend'));
    await good.send('before');
    assert.deepEqual(await lib.receiveTexts(pull, 1), ['before']);
    await bad.send('x'.repeat(2000));
    await node.process.waitFor('stderr', /"code":"ERR_ZMTP_MESSAGE_SIZE"/);
    await good.send('after');
    assert.deepEqual(await lib.receiveTexts(pull, 1), ['after']);
  });
});
