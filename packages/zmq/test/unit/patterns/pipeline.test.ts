import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LoadBalancer } from '../../../src/patterns/load-balancer.ts';
import { DealerPattern, PullPattern, PushPattern } from '../../../src/patterns/pipeline.ts';
import { FakeHost, FarSide, join, receiveAll, runOf } from '../../support/pipes.ts';
import { message } from '../../support/wire.ts';

const numbers = (count: number): string[][] => Array.from({ length: count }, (_, i) => [String(i)]);

describe('isolation', () => {
  it('leaves the others their turns, and ends when the peer is lost or comes anew', () => {
    const pattern = new DealerPattern(new FakeHost());
    const [a, b] = [join(pattern), join(pattern)];
    assert.ok(pattern.isolate(a.pipe, true));
    for (const text of ['1', '2', '3']) pattern.send(text);
    assert.deepEqual([a.messages, b.messages], [[], [`'1'`, `'2'`, `'3'`]]);
    pattern.isolate(b.pipe, true);
    assert.ok(!pattern.writable);
    assert.ok(!pattern.send('4'));
    const { bytes, count } = runOf(numbers(2));
    assert.equal(pattern.sendRun(null, bytes, 0, bytes.length, count), 0);
    pattern.room(a.pipe);
    assert.ok(!pattern.writable);
    a.lose();
    assert.ok(!a.pipe.isolated);
    assert.ok(pattern.writable);
    b.open();
    assert.ok(!b.pipe.isolated);
    b.leave();
    pattern.isolate(a.pipe, false);
    for (const text of ['5', '6']) pattern.send(text);
    assert.deepEqual(a.open().messages, [`'5'`, `'6'`]);
    assert.ok(!new PullPattern(new FakeHost()).isolate(a.pipe, true));
  });
});

describe('load balancer', () => {
  const sides = (count: number, sendMark = 1, takes = false): FarSide[] => {
    const pattern = new PushPattern(new FakeHost());
    return Array.from({ length: count }, () => {
      const far = new FarSide(pattern, { sendMark, takes });
      far.pipe.outbox.open(far.sink);
      return far;
    });
  };

  it('goes round those that have room', () => {
    const balancer = new LoadBalancer();
    const three = sides(3, 0);
    for (const { pipe } of three) balancer.add(pipe);
    const order = Array.from({ length: 7 }, () => three.findIndex(({ pipe }) => pipe === balancer.next()));
    assert.equal(order.length, 7);
    const again = new LoadBalancer();
    for (const { pipe } of three) again.add(pipe);
    const turns = Array.from({ length: 7 }, () => again.next());
    assert.deepEqual(
      turns.map((pipe) => three.findIndex((far) => far.pipe === pipe)),
      [0, 1, 2, 0, 1, 2, 0],
    );
  });

  it('leaves out who is full, until told of room', () => {
    const balancer = new LoadBalancer();
    const [a, b] = sides(2);
    balancer.add(a!.pipe);
    balancer.add(b!.pipe);
    a!.pipe.outbox.push(Buffer.from('x'));
    assert.ok(balancer.writable);
    assert.equal(balancer.next(), b!.pipe);
    b!.pipe.outbox.push(Buffer.from('x'));
    assert.ok(!balancer.writable);
    assert.equal(balancer.next(), null);
    assert.equal(balancer.ready, 0);
    a!.drain();
    balancer.room(a!.pipe);
    balancer.room(a!.pipe);
    assert.equal(balancer.ready, 1);
    assert.equal(balancer.next(), a!.pipe);
  });

  it('does not take in who was removed', () => {
    const balancer = new LoadBalancer();
    const [a, b] = sides(2);
    balancer.add(a!.pipe);
    balancer.remove(a!.pipe);
    balancer.remove(b!.pipe);
    balancer.room(a!.pipe);
    assert.ok(!balancer.has(a!.pipe));
    assert.equal(balancer.next(), null);
  });

  it('keeps the order of the others when one leaves', () => {
    for (const leaver of [0, 1, 2]) {
      const balancer = new LoadBalancer();
      const three = sides(3, 0);
      for (const { pipe } of three) balancer.add(pipe);
      balancer.next();
      balancer.next();
      balancer.remove(three[leaver]!.pipe);
      const next = [balancer.next(), balancer.next()].map((pipe) =>
        three.findIndex((far) => far.pipe === pipe),
      );
      assert.deepEqual(
        [...next].sort(),
        [0, 1, 2].filter((i) => i !== leaver),
        'each of the others once',
      );
    }
  });
});

describe('PUSH', () => {
  it('shares messages one by one', () => {
    const push = new PushPattern(new FakeHost());
    const far = [join(push), join(push), join(push)];
    for (let i = 0; i < 7; i++) assert.ok(push.send(String(i)));
    assert.deepEqual(
      far.map((each) => each.messages),
      [
        ["'0'", "'3'", "'6'"],
        ["'1'", "'4'"],
        ["'2'", "'5'"],
      ],
    );
  });

  it('has no room without a peer, and says when there is one', () => {
    const host = new FakeHost();
    const push = new PushPattern(host);
    assert.ok(!push.writable);
    assert.equal(push.send('x'), false);
    const far = join(push);
    assert.ok(host.writableCalls > 0);
    assert.ok(push.writable);
    assert.ok(push.send('x'));
    assert.deepEqual(far.messages, ["'x'"]);
  });

  it('has no room when all peers are at their marks, and goes on when one is not', () => {
    const host = new FakeHost();
    const push = new PushPattern(host);
    const a = join(push, { sendMark: 1, takes: false });
    const b = join(push, { sendMark: 1, takes: false });
    assert.ok(push.send('1') && push.send('2'));
    assert.ok(!push.send('3') && !push.writable);
    const calls = host.writableCalls;
    b.drain();
    assert.ok(host.writableCalls > calls);
    assert.ok(push.writable && push.send('3'));
    a.drain();
    assert.deepEqual([a.messages, b.messages], [["'1'"], ["'2'", "'3'"]]);
    assert.equal(host.drops.length, 0);
  });

  it('queues for a peer that is being connected to', () => {
    const push = new PushPattern(new FakeHost());
    const far = new FarSide(push);
    push.attach(far.pipe);
    assert.ok(push.send('early'));
    far.open();
    assert.deepEqual(far.messages, ["'early'"]);
  });

  it('does not send to who left', () => {
    const push = new PushPattern(new FakeHost());
    const [a, b] = [join(push), join(push)];
    a.leave();
    push.send('1');
    push.send('2');
    assert.deepEqual([a.messages, b.messages], [[], ["'1'", "'2'"]]);
    b.leave();
    assert.ok(!push.send('3'));
  });

  it('takes messages in every form', () => {
    const push = new PushPattern(new FakeHost());
    const far = join(push);
    const memory = Uint8Array.of(0x61, 0x62, 0x63, 0x64).buffer;
    const forms = [
      'text',
      Buffer.from('buffer'),
      new Uint8Array(memory),
      memory,
      new DataView(memory, 1, 2),
      null,
      42,
      [],
    ] as const;
    for (const form of forms) assert.ok(push.send(form));
    assert.ok(push.send(['a', Buffer.from('b'), null, 7, new Uint16Array([0x6161])]));
    assert.ok(push.send([Buffer.from('only')]));
    const expected = [
      "'text'",
      "'buffer'",
      "'abcd'",
      "'abcd'",
      "'bc'",
      "''",
      "'42'",
      "''",
      "'a' 'b' '' '7' 'aa'",
      "'only'",
    ];
    assert.deepEqual(far.messages, expected);
  });

  it('receives nothing: what a peer sends is dropped and counted', () => {
    const host = new FakeHost();
    const push = new PushPattern(host);
    const far = join(push).run([['a'], ['b']]);
    assert.equal(push.next(), null);
    assert.ok(!push.readable);
    assert.deepEqual(host.drops, [{ pipe: far.pipe, reason: 'malformed', count: 2 }]);
  });

  it('with conflate keeps the last message', () => {
    const host = new FakeHost({ conflate: true });
    const push = new PushPattern(host);
    const far = join(push, { sendMark: 0, takes: false });
    for (const text of ['1', '2', '3']) assert.ok(push.send(text));
    assert.equal(far.pipe.outbox.queued, 1);
    assert.equal(host.lost('conflated'), 2);
    far.drain();
    assert.deepEqual(far.messages, ["'3'"]);
  });
});

describe('runs of PUSH', () => {
  for (const [count, peers] of [
    [1, 1],
    [5, 1],
    [6, 3],
    [7, 3],
    [10, 3],
    [2, 3],
    [100, 7],
    [11, 10],
  ] as const) {
    it(`${count} messages to ${peers} peers: shares differ by one at most, each in order`, () => {
      const push = new PushPattern(new FakeHost());
      const far = Array.from({ length: peers }, () => join(push));
      const { bytes } = runOf(numbers(count));
      assert.equal(push.sendRun(null, bytes, 0, bytes.length, count), count);
      const got = far.map((each) => each.messages.map((text) => Number(text.slice(1, -1))));
      for (const list of got)
        assert.deepEqual(
          list,
          [...list].sort((a, b) => a - b),
        );
      assert.deepEqual(
        got.flat().sort((a, b) => a - b),
        numbers(count).map(Number),
      );
      const sizes = got.map((list) => list.length);
      assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1, `shares ${sizes.join()}`);
    });
  }

  it('are shared fairly over time', () => {
    const push = new PushPattern(new FakeHost());
    const far = Array.from({ length: 3 }, () => join(push));
    const { bytes } = runOf(numbers(7));
    for (let round = 0; round < 30; round++) push.sendRun(null, bytes, 0, bytes.length, 7);
    for (const each of far)
      assert.ok(Math.abs(each.messages.length - 70) <= 7, `${each.messages.length} of 210`);
  });

  it('go as far as there is room', () => {
    const push = new PushPattern(new FakeHost());
    const a = join(push, { sendMark: 3, takes: false });
    const b = join(push, { sendMark: 1, takes: false });
    const { bytes } = runOf(numbers(10));
    assert.equal(push.sendRun(null, bytes, 0, bytes.length, 10), 4);
    assert.equal(push.sendRun(null, bytes, 0, bytes.length, 10), 0);
    a.drain();
    b.drain();
    const got = [...a.messages, ...b.messages].sort();
    assert.deepEqual(got, ["'0'", "'1'", "'2'", "'3'"]);
  });

  it('go to a peer that keeps up, however many they are', () => {
    const push = new PushPattern(new FakeHost());
    const far = join(push, { sendMark: 3 });
    const { bytes } = runOf(numbers(100));
    assert.equal(push.sendRun(null, bytes, 0, bytes.length, 100), 100);
    assert.equal(far.messages.length, 100);
  });

  it('with a prefix get it in front of each message', () => {
    const dealer = new DealerPattern(new FakeHost());
    const far = [join(dealer), join(dealer)];
    const { bytes } = runOf([['a', 'b'], ['c'], [Buffer.alloc(300, 'x'), '']]);
    const prefix = message('id', '').subarray(0, 4);
    assert.equal(dealer.sendRun(prefix, bytes, 0, bytes.length, 3), 3);
    assert.equal(far[1]!.messages.join(), "'id' 'c'");
    assert.equal(far[0]!.messages[0], "'id' 'a' 'b'");
    assert.match(far[0]!.messages[1]!, /^'id' 300 octets/);
  });
});

describe('PULL', () => {
  it('receives in turn and in order', () => {
    const pull = new PullPattern(new FakeHost());
    const [a, b] = [join(pull), join(pull)];
    a.run([['a1'], ['a2', 'x']]);
    b.says('b1');
    assert.ok(pull.readable && !pull.writable);
    assert.deepEqual(receiveAll(pull), ["'a1'", "'b1'", "'a2' 'x'"]);
    assert.ok(!pull.readable);
  });

  it('stops a peer at the mark, and lets it go on at half of it', () => {
    const pull = new PullPattern(new FakeHost());
    const far = join(pull, { receiveMark: 4 });
    far.run([['1'], ['2'], ['3']]);
    assert.ok(!far.paused);
    far.says('4');
    assert.ok(far.paused);
    pull.next();
    assert.ok(far.paused);
    pull.next();
    assert.ok(!far.paused);
  });

  it('receives what came from a peer that is gone', () => {
    const pull = new PullPattern(new FakeHost());
    join(pull).says('last words').lose().leave();
    assert.deepEqual(receiveAll(pull), ["'last words'"]);
  });

  it('with conflate keeps the last message of each peer, and counts the others', () => {
    const host = new FakeHost({ conflate: true });
    const pull = new PullPattern(host);
    const [a, b] = [join(pull), join(pull)];
    a.run([['1'], ['2']]).says('3');
    b.says('4');
    assert.deepEqual(receiveAll(pull), ["'3'", "'4'"]);
    assert.equal(host.lost('conflated'), 2);
  });
});

describe('DEALER', () => {
  it('sends and receives, and probes when told so', () => {
    const dealer = new DealerPattern(new FakeHost({ probeRouter: true }));
    const far = join(dealer);
    dealer.send(['a', 'b']);
    far.says('', 'c');
    assert.deepEqual(far.messages, ["''", "'a' 'b'"]);
    assert.deepEqual(receiveAll(dealer), ["'' 'c'"]);
    far.lose().open(far.sink);
    assert.deepEqual(far.messages, ["''", "'a' 'b'", "''"], 'on each connection');
  });
});
