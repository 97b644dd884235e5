import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PatternOptions } from '../../../src/patterns/pattern.ts';
import type { Pipe } from '../../../src/patterns/pipe.ts';
import { PublisherPattern } from '../../../src/patterns/publish.ts';
import { XPublisherPattern } from '../../../src/patterns/xpublish.ts';
import { FakeHost, type FarOptions, type FarSide, join, receiveAll, runOf } from '../../support/pipes.ts';
import { hex } from '../../support/wire.ts';

type Publisher = PublisherPattern | XPublisherPattern;

function pub(options: Partial<PatternOptions> = {}): { host: FakeHost; pattern: PublisherPattern } {
  const host = new FakeHost(options);
  return { host, pattern: new PublisherPattern(host) };
}

function xpub(options: Partial<PatternOptions> = {}): { host: FakeHost; pattern: XPublisherPattern } {
  const host = new FakeHost(options);
  return { host, pattern: new XPublisherPattern(host) };
}

function wish(pattern: Publisher, far: FarSide, topic: string, subscribe = true): void {
  pattern.subscription(far.pipe, Buffer.from(topic), subscribe);
}

function subscriber(pattern: Publisher, topics: readonly string[], options: FarOptions = {}): FarSide {
  const far = join(pattern, { socketType: 'SUB', ...options });
  for (const topic of topics) wish(pattern, far, topic);
  return far;
}

describe('PUB', () => {
  it('sends to who wants the beginning of the first frame', () => {
    const { pattern } = pub();
    const far = [['a'], ['ab', 'x'], [''], ['abc'], []].map((topics) => subscriber(pattern, topics));
    for (const message of ['a', 'ab', 'b', ['ab', 'x'], ['x', 'ab'], '']) assert.ok(pattern.send(message));
    assert.deepEqual(
      far.map((each) => each.messages),
      [
        ["'a'", "'ab'", "'ab' 'x'"],
        ["'ab'", "'ab' 'x'", "'x' 'ab'"],
        ["'a'", "'ab'", "'b'", "'ab' 'x'", "'x' 'ab'", "''"],
        [],
        [],
      ],
    );
  });

  it('sends a message once to who has many reasons to get it', () => {
    const { pattern } = pub();
    const far = subscriber(pattern, ['', 'a', 'ab', 'a']);
    const other = subscriber(pattern, ['a']);
    pattern.send('abc');
    assert.deepEqual([far.messages, other.messages], [["'abc'"], ["'abc'"]]);
  });

  it('ends a subscription at the first cancellation', () => {
    const { pattern } = pub();
    const far = subscriber(pattern, ['a', 'a', 'b']);
    wish(pattern, far, 'a', false);
    wish(pattern, far, 'never', false);
    pattern.send('a');
    pattern.send('b');
    assert.deepEqual(far.messages, ["'b'"]);
  });

  it('keeps what others want when one cancels', () => {
    const { pattern } = pub();
    const [a, b, c] = ['1', '2', '3'].map(() => subscriber(pattern, ['t']));
    wish(pattern, a!, 't', false);
    pattern.send('t');
    assert.deepEqual([a!.messages, b!.messages, c!.messages], [[], ["'t'"], ["'t'"]]);
  });

  it('takes the subscriptions of ZMTP 3.0, which are messages', () => {
    const { pattern, host } = pub();
    const far = join(pattern, { minor: 0 }).run([[hex('01 61')], [hex('01')], [hex('00')]]);
    pattern.send('a');
    pattern.send('b');
    assert.deepEqual(far.messages, ["'a'"]);
    far.says(hex('02')).says('').says(hex('01'), 'x');
    assert.equal(host.lost('malformed'), 3);
  });

  it('forgets the subscriptions of a connection with it', () => {
    const { pattern } = pub();
    const far = subscriber(pattern, ['a']);
    far.lose().open(far.sink);
    pattern.send('a');
    assert.deepEqual(far.messages, []);
    wish(pattern, far, 'a');
    pattern.send('a');
    assert.deepEqual(far.messages, ["'a'"]);
    far.lose().leave();
    assert.ok(pattern.send('a'));
  });

  it('drops and counts for the peer that is full alone', () => {
    const { pattern, host } = pub();
    const slow = subscriber(pattern, [''], { sendMark: 2, takes: false });
    const fast = subscriber(pattern, [''], { sendMark: 2 });
    for (let i = 0; i < 5; i++) assert.ok(pattern.send(String(i)));
    assert.ok(pattern.writable);
    assert.equal(fast.messages.length, 5);
    assert.ok(host.drops.every(({ pipe }) => pipe === slow.pipe));
    assert.equal(host.lost('highWaterMark'), 3);
    slow.drain();
    assert.deepEqual(slow.messages, ["'0'", "'1'"]);
  });

  it('with noDrop does not wait for a subscriber whose connection is lost', () => {
    const { pattern, host } = pub({ noDrop: true });
    const far = subscriber(pattern, ['s'], { sendMark: 1, takes: false });
    // What is on the way is no message: what waits stays for the next connection, and fills the outbox.
    far.pipe.outbox.pushControl(Buffer.from([4, 0]));
    far.pipe.outbox.flush();
    assert.ok(pattern.send('s1'));
    assert.equal(pattern.send('s2'), false);
    const calls = host.writableCalls;
    far.lose();
    assert.ok(host.writableCalls > calls, 'who waits is told');
    assert.ok(pattern.writable);
    assert.ok(pattern.send('s2'), 'nobody wants it now');
  });

  it('with noDrop waits, and gives nobody the message twice', () => {
    const { pattern, host } = pub({ noDrop: true });
    const slow = subscriber(pattern, ['s'], { sendMark: 1, takes: false });
    const fast = subscriber(pattern, ['']);
    assert.ok(pattern.send('s1'));
    assert.equal(pattern.send('s2'), false);
    assert.ok(!pattern.writable);
    assert.ok(pattern.send('f'), 'who is full does not want it');
    const calls = host.writableCalls;
    slow.drain();
    assert.ok(host.writableCalls > calls);
    assert.ok(pattern.send('s2'));
    assert.deepEqual(
      [slow.messages, fast.messages],
      [
        ["'s1'", "'s2'"],
        ["'s1'", "'f'", "'s2'"],
      ],
    );
    assert.equal(host.drops.length, 0);
  });

  it('with invertMatching sends to who does not want it', () => {
    const { pattern } = pub({ invertMatching: true });
    const far = [['a'], ['b'], [], ['']].map((topics) => subscriber(pattern, topics));
    pattern.send('ax');
    pattern.send('c');
    assert.deepEqual(
      far.map((each) => each.messages),
      [["'c'"], ["'ax'", "'c'"], ["'ax'", "'c'"], []],
    );
  });

  it('with conflate keeps the last message for each', () => {
    const { pattern, host } = pub({ conflate: true });
    const far = subscriber(pattern, [''], { sendMark: 0, takes: false });
    for (const text of ['1', '2', '3']) pattern.send(text);
    far.drain();
    assert.deepEqual(far.messages, ["'3'"]);
    assert.equal(host.lost('conflated'), 2);
  });

  it('sends to nobody without complaint', () => {
    const { pattern, host } = pub();
    assert.ok(pattern.writable && pattern.send('x') && pattern.send(['x', 'y']));
    join(pattern);
    assert.ok(pattern.send('x'));
    assert.equal(host.drops.length, 0);
  });
});

describe('runs of PUB', () => {
  const RUN = [['a1'], ['b1'], ['a2', 'x'], ['a3'], ['c'], ['b2', Buffer.alloc(300)], [''], ['ab']] as const;

  for (const topics of [[''], ['a'], ['b'], ['a', 'b'], ['', 'a'], ['zz'], ['ab', 'c']] as const) {
    it(`bring the messages that ${JSON.stringify(topics)} wants, in order`, () => {
      const { pattern } = pub();
      const far = subscriber(pattern, topics);
      const everyone = subscriber(pattern, ['']);
      const { bytes, count } = runOf(RUN);
      assert.equal(pattern.sendRun(null, bytes, 0, bytes.length, count), count);
      const wanted = everyone.messages.filter((text) => topics.some((topic) => text.startsWith(`'${topic}`)));
      assert.equal(everyone.messages.length, RUN.length);
      assert.deepEqual(far.messages, wanted);
    });
  }

  it('bring more messages than the mark to a peer that keeps up', () => {
    for (const others of [[], ['a']]) {
      const { pattern, host } = pub();
      const far = subscriber(pattern, [''], { sendMark: 10 });
      if (others.length > 0) subscriber(pattern, others);
      const { bytes, count } = runOf(Array.from({ length: 100 }, (_, i) => [String(i)]));
      assert.equal(pattern.sendRun(null, bytes, 0, bytes.length, count), count);
      assert.equal(far.messages.length, 100);
      assert.equal(host.drops.length, 0);
    }
  });

  it('count exactly what a full peer misses', () => {
    const { pattern, host } = pub();
    const far = subscriber(pattern, [''], { sendMark: 3, takes: false });
    const { bytes, count } = runOf(RUN);
    assert.equal(pattern.sendRun(null, bytes, 0, bytes.length, count), count);
    assert.equal(host.lost('highWaterMark'), RUN.length - 3);
    far.drain();
    assert.deepEqual(far.messages, ["'a1'", "'b1'", "'a2' 'x'"]);
  });

  it('with noDrop go as far as there is room, then on from there', () => {
    const { pattern } = pub({ noDrop: true });
    const far = subscriber(pattern, ['a'], { sendMark: 2, takes: false });
    const everyone = subscriber(pattern, ['']);
    const { bytes, count } = runOf(RUN);
    const sent = pattern.sendRun(null, bytes, 0, bytes.length, count);
    assert.equal(sent, 3);
    far.drain();
    const rest = runOf(RUN.slice(sent));
    assert.equal(pattern.sendRun(null, rest.bytes, 0, rest.bytes.length, rest.count), rest.count);
    assert.deepEqual(far.messages, ["'a1'", "'a2' 'x'", "'a3'", "'ab'"]);
    assert.equal(everyone.messages.length, RUN.length);
  });
});

describe('XPUB', () => {
  const told = (pattern: XPublisherPattern): string[] => receiveAll(pattern);

  it('with manual and noDrop goes on when the application takes a full subscriber out', () => {
    const { pattern, host } = xpub({ manual: true, noDrop: true });
    const far = subscriber(pattern, ['s'], { sendMark: 1, takes: false });
    pattern.next();
    pattern.decide(Buffer.from('s'), true);
    assert.ok(pattern.send('s1'));
    assert.equal(pattern.send('s2'), false);
    const calls = host.writableCalls;
    pattern.decide(Buffer.from('s'), false);
    assert.ok(host.writableCalls > calls);
    assert.ok(pattern.send('s2'));
    far.drain();
    assert.deepEqual(far.messages, ["'s1'"]);
  });

  it('tells of the first subscription and the last cancellation of a topic', () => {
    const { pattern, host } = xpub();
    const [a, b] = [subscriber(pattern, ['t']), subscriber(pattern, ['t', 't', ''])];
    assert.ok(pattern.readable && host.readableCalls > 0);
    assert.deepEqual(told(pattern), ['0174', '01']);
    wish(pattern, a, 't', false);
    assert.deepEqual(told(pattern), []);
    b.lose();
    assert.deepEqual(told(pattern).sort(), ['00', '0074']);
    assert.ok(!pattern.readable);
  });

  it('tells of all subscriptions, and of all cancellations, when told so', () => {
    for (const verbosity of ['allSubs', 'allSubsUnsubs'] as const) {
      const { pattern } = xpub({ verbosity });
      const [a, b] = [subscriber(pattern, ['t']), subscriber(pattern, ['t'])];
      assert.deepEqual(told(pattern), ['0174', '0174']);
      wish(pattern, a, 't', false);
      assert.deepEqual(told(pattern), verbosity === 'allSubs' ? [] : ['0074']);
      wish(pattern, b, 't', false);
      assert.deepEqual(told(pattern), ['0074']);
    }
  });

  it('receives what subscribers say', () => {
    const { pattern } = xpub();
    join(pattern, { minor: 0 }).run([['hello', 'world'], [hex('01 74')], [hex('05')], ['']]);
    assert.deepEqual(told(pattern), ["'hello' 'world'", '0174', '05', "''"]);
  });

  it('greets with the welcome message', () => {
    const { pattern } = xpub({ welcomeMessage: 'hi' });
    const far = join(pattern);
    assert.deepEqual(far.messages, ["'hi'"]);
    far.lose().open(far.sink);
    assert.deepEqual(far.messages, ["'hi'", "'hi'"]);
  });

  it('with manual lets the application decide for the peer that asked last', () => {
    const { pattern } = xpub({ manual: true });
    const [a, b] = [subscriber(pattern, ['A']), subscriber(pattern, ['B'])];
    assert.ok(pattern.send('A') && pattern.send('B'));
    assert.deepEqual([a.messages, b.messages], [[], []]);
    pattern.next();
    pattern.decide(Buffer.from('XA'), true);
    pattern.next();
    pattern.decide(Buffer.from('XB'), true);
    assert.deepEqual(told(pattern), [], 'the decision is no news');
    pattern.send('XA');
    pattern.send('XB');
    assert.deepEqual([a.messages, b.messages], [["'XA'"], ["'XB'"]]);
    b.leave();
    pattern.decide(Buffer.from('late'), true);
    assert.ok(pattern.send('late'));
  });

  it('tells of all peers in the order in which it happened', () => {
    const { pattern } = xpub();
    const a = subscriber(pattern, ['t']);
    assert.deepEqual(told(pattern), ['0174']);
    for (const topic of ['x', 'y']) wish(pattern, a, topic);
    wish(pattern, a, 't', false);
    const b = subscriber(pattern, ['t']);
    wish(pattern, b, 'z');
    wish(pattern, a, 'x', false);
    assert.deepEqual(told(pattern), ['0178', '0179', '0074', '0174', '017a', '0078']);
  });

  it('tells in order also whoever takes runs', () => {
    const { pattern } = xpub();
    const a = subscriber(pattern, ['x']);
    const b = join(pattern, { minor: 0 }).says('b1');
    wish(pattern, b, 't');
    b.says('b2');
    wish(pattern, a, 'y');
    const got: string[] = [];
    for (let pipe = pattern.peek(); pipe !== null; pipe = pattern.peek()) {
      const { bytes, start, end, count } = pipe.inbox.peekRun()!;
      assert.equal(count, 1);
      got.push(Buffer.from(bytes.subarray(start + 2, end)).toString('latin1'));
      pipe.inbox.advance(end, count);
      pattern.took(pipe);
    }
    assert.deepEqual(
      got.filter((text) => !text.startsWith('b')),
      ['\x01x', '\x01t', '\x01y'],
    );
    assert.deepEqual(
      got.filter((text) => !/[xy]/.test(text)),
      ['b1', '\x01t', 'b2'],
    );
  });

  it('takes what subscribers say in turns', () => {
    const { pattern } = xpub();
    const [a, b] = [join(pattern), join(pattern)];
    a.run([['a1'], ['a2'], ['a3']]);
    b.run([['b1'], ['b2'], ['b3']]);
    assert.deepEqual(told(pattern), ["'a1'", "'b1'", "'a2'", "'b2'", "'a3'", "'b3'"]);
  });

  const modes: readonly Partial<PatternOptions>[] = [
    {},
    { verbosity: 'allSubs' },
    { verbosity: 'allSubsUnsubs' },
    { manual: true },
  ];
  for (const options of modes) {
    it(`keeps no more than a mark for who never receives, whoever came and went: ${JSON.stringify(options)}`, () => {
      const { pattern, host } = xpub(options);
      const stays = subscriber(pattern, ['always'], { receiveMark: 20 });
      const peers = [stays];
      let most = 0;
      for (let i = 0; i < 500; i++) {
        const topics = ['always', `own ${i}`, `own ${i}`, 'shared'];
        const one = subscriber(pattern, topics, { receiveMark: 20 });
        const other = subscriber(pattern, ['shared'], { receiveMark: 20 });
        one.says('hello');
        wish(pattern, one, 'never', false);
        peers.push(one, other);
        for (const far of [one, other]) far.lose().leave();
        most = Math.max(
          most,
          peers.reduce((sum, { pipe }) => sum + pipe.inbox.queued, 0),
        );
      }
      assert.ok(most <= 100, `${most} messages were kept`);
      const got = told(pattern);
      assert.ok(got.includes('01616c77617973'), 'who is still there is told of');
      assert.equal(got.filter((text) => text === "'hello'").length + host.lost('highWaterMark'), 500);
    });
  }

  it('lets the turn of a relay stand that takes its message after others have left', () => {
    const { pattern } = xpub();
    const [a, b, c] = [0, 1, 2].map(() => join(pattern, { receiveMark: 4 }));
    a!.run([['a1'], ['a2'], ['a3']]);
    b!.says('b1');
    const got: string[] = [];
    const take = (pipe: Pipe): void => {
      const { bytes, start, end, count } = pipe.inbox.peekRun()!;
      got.push(Buffer.from(bytes.subarray(start + 2, end)).toString('latin1'));
      pipe.inbox.advance(end, count);
      pattern.took(pipe);
    };
    take(pattern.peek()!);
    const turn = pattern.peek()!;
    assert.equal(turn, b!.pipe);
    for (const topic of ['x', 'y', 'z']) wish(pattern, c!, topic);
    c!.lose().leave();
    take(turn);
    assert.deepEqual([...got, ...told(pattern)], ['a1', 'b1', "'a2'", "'a3'"]);
    assert.equal(a!.pipe.inbox.queued, 0);
  });

  it('can be received from by whoever is told of a drop', () => {
    const { pattern, host } = xpub();
    const got: string[] = [];
    let dropped = 0;
    host.dropped = (_pipe, _reason, count): void => {
      dropped += count;
      got.push(...told(pattern));
    };
    const later = join(pattern).says('hello');
    for (let i = 0; i < 4; i++) {
      const gone = join(pattern).run([['a'], ['b']]);
      gone.lose().leave();
    }
    const first = subscriber(pattern, ['x', 'y']);
    wish(pattern, later, 'z');
    assert.equal(pattern.next()?.join(), 'hello');
    subscriber(pattern, ['gone'], { receiveMark: 2 }).lose().leave();
    wish(pattern, first, 'late');
    got.push(...told(pattern));
    assert.ok(dropped > 0);
    const announced = got.filter((text) => text.startsWith('01'));
    assert.deepEqual(announced, ['0178', '0179', '017a', '016c617465']);
    assert.equal(got.length - announced.length + dropped, 8);
  });

  it('drops nothing for a subscriber that comes and goes while the application receives', () => {
    const { pattern, host } = xpub();
    for (let i = 0; i < 200; i++) {
      const far = subscriber(pattern, [`${i}`], { receiveMark: 4 }).says('hello');
      far.lose().leave();
      assert.equal(told(pattern).length, 3, `peer ${i}`);
    }
    assert.equal(host.drops.length, 0);
  });

  it('stops a peer that has too much to say', () => {
    const { pattern } = xpub();
    const far = join(pattern, { receiveMark: 2 });
    wish(pattern, far, 'a');
    wish(pattern, far, 'b');
    assert.ok(far.paused);
    told(pattern);
    assert.ok(!far.paused);
  });
});
