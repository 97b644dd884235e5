import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PatternOptions } from '../../../src/patterns/pattern.ts';
import { SubscriberPattern, XSubscriberPattern } from '../../../src/patterns/subscribe.ts';
import { TOPIC_MAX } from '../../../src/zmtp/command.ts';
import { FakeHost, FarSide, join, KeepingSink, receiveAll, runOf } from '../../support/pipes.ts';
import { hex } from '../../support/wire.ts';

function sub(options: Partial<PatternOptions> = {}): { host: FakeHost; pattern: SubscriberPattern } {
  const host = new FakeHost(options);
  return { host, pattern: new SubscriberPattern(host) };
}

const bytes = (text: string): Buffer => Buffer.from(text);

describe('SUB', () => {
  it('tells every publisher, those that come later too', () => {
    const { pattern } = sub();
    const early = join(pattern);
    pattern.subscribe(bytes('a'));
    pattern.subscribe(bytes(''));
    const late = join(pattern);
    assert.deepEqual(early.everything, ['SUBSCRIBE a', 'SUBSCRIBE']);
    assert.deepEqual(late.everything.sort(), ['SUBSCRIBE', 'SUBSCRIBE a']);
  });

  it('speaks ZMTP 3.0 to whom speaks nothing newer', () => {
    const { pattern } = sub();
    pattern.subscribe(bytes('a'));
    const far = join(pattern, { minor: 0 });
    pattern.subscribe(bytes(''));
    pattern.unsubscribe(bytes('a'));
    assert.deepEqual(far.everything, ['0161', '01', '0061']);
  });

  it('tells of the first subscription and the last cancellation', () => {
    const { pattern } = sub();
    const far = join(pattern);
    pattern.subscribe(bytes('a'));
    pattern.subscribe(bytes('a'));
    pattern.unsubscribe(bytes('a'));
    pattern.unsubscribe(bytes('never'));
    assert.deepEqual(far.everything, ['SUBSCRIBE a']);
    pattern.unsubscribe(bytes('a'));
    pattern.unsubscribe(bytes('a'));
    assert.deepEqual(far.everything, ['SUBSCRIBE a', 'CANCEL a']);
  });

  it('tells all again on a new connection, and nothing while there is none', () => {
    const { pattern } = sub();
    pattern.subscribe(bytes('a'));
    const far = join(pattern);
    assert.deepEqual(far.everything, ['SUBSCRIBE a']);
    far.lose();
    pattern.subscribe(bytes('b'));
    pattern.unsubscribe(bytes('a'));
    assert.deepEqual(far.everything, ['SUBSCRIBE a']);
    far.open(far.sink);
    assert.deepEqual(far.everything, ['SUBSCRIBE a', 'SUBSCRIBE b']);
  });

  it('keeps what it wants only', () => {
    const { pattern } = sub();
    pattern.subscribe(bytes('a'));
    pattern.subscribe(bytes('bb'));
    join(pattern).run([['b'], ['a1'], ['a2', 'x'], ['c', 'a'], [''], ['bb'], ['x'], ['a']]);
    assert.deepEqual(receiveAll(pattern), ["'a1'", "'a2' 'x'", "'bb'", "'a'"]);
  });

  it('wants nothing at first, and everything with the empty topic', () => {
    const { pattern } = sub();
    const far = join(pattern).run([['a'], ['b']]);
    assert.ok(!pattern.readable);
    pattern.subscribe(bytes(''));
    far.run([['c'], ['']]);
    assert.deepEqual(receiveAll(pattern), ["'c'", "''"]);
  });

  it('with invertMatching keeps what does not match', () => {
    const { pattern } = sub({ invertMatching: true });
    const far = join(pattern);
    pattern.subscribe(bytes('a'));
    far.run([['a'], ['b'], ['ab'], ['']]);
    assert.deepEqual(receiveAll(pattern), ["'b'", "''"]);
    pattern.subscribe(bytes(''));
    far.run([['a'], ['b']]);
    assert.ok(!pattern.readable);
  });

  it('gives out nothing of a topic that was cancelled, also what has arrived already', () => {
    const pattern = new SubscriberPattern(new FakeHost());
    for (const topic of ['a', 'b', 'ab']) pattern.subscribe(bytes(topic));
    join(pattern).run([['a1'], ['b2'], ['ab3'], ['a4']]);
    pattern.unsubscribe(bytes('a'));
    assert.deepEqual(receiveAll(pattern), ["'b2'", "'ab3'"]);
    join(pattern).says('b5');
    pattern.unsubscribe(bytes('b'));
    assert.equal(pattern.readable, false);
    assert.equal(pattern.peek(), null);
  });

  it('does not send', () => {
    const { pattern } = sub();
    assert.throws(() => pattern.send('x'), { code: 'ENOTSUP' });
    assert.ok(!pattern.writable);
  });

  it('with conflate keeps the last message that it wants', () => {
    const { pattern } = sub({ conflate: true });
    pattern.subscribe(bytes('a'));
    join(pattern).run([['a1'], ['b'], ['a2'], ['c']]);
    assert.deepEqual(receiveAll(pattern), ["'a2'"]);
  });

  it('stops a publisher at the mark', () => {
    const { pattern } = sub();
    pattern.subscribe(bytes(''));
    const far = join(pattern, { receiveMark: 2 }).run([['1'], ['2'], ['3']]);
    assert.ok(far.paused);
    receiveAll(pattern);
    assert.ok(!far.paused);
  });
});

describe('XSUB', () => {
  function xsub(): { host: FakeHost; pattern: XSubscriberPattern } {
    const host = new FakeHost();
    return { host, pattern: new XSubscriberPattern(host) };
  }

  it('subscribes by sending 1 and a topic, and cancels with 0', () => {
    const { pattern } = xsub();
    const far = join(pattern);
    assert.ok(pattern.send(hex('01 61')) && pattern.send('\x01b') && pattern.send([hex('01')]));
    assert.ok(pattern.send([hex('00 61')]) && pattern.send(Buffer.of(0)));
    assert.deepEqual(far.everything, ['SUBSCRIBE a', 'SUBSCRIBE b', 'SUBSCRIBE', 'CANCEL a', 'CANCEL']);
    assert.deepEqual(join(pattern).everything, ['SUBSCRIBE b']);
  });

  it('sends other messages to every publisher that is there', () => {
    const { pattern, host } = xsub();
    const [a, b] = [join(pattern), join(pattern, { sendMark: 1, takes: false })];
    const away = new FarSide(pattern);
    pattern.attach(away.pipe);
    assert.ok(pattern.send('hello') && pattern.send([hex('01'), 'x']) && pattern.send(''));
    assert.deepEqual(a.everything, ["'hello'", "01 'x'", "''"]);
    assert.equal(host.lost('highWaterMark'), 2);
    b.drain();
    assert.deepEqual(b.everything, ["'hello'"]);
    away.open();
    assert.deepEqual(away.everything, []);
  });

  it('takes no subscription along to the next connection that was cancelled in between', () => {
    const { pattern } = xsub();
    const far = join(pattern, { takes: false });
    pattern.subscribe(bytes('a'));
    far.pipe.outbox.flush();
    pattern.subscribe(bytes('b'));
    far.lose();
    pattern.unsubscribe(bytes('b'));
    far.open(new KeepingSink());
    assert.deepEqual(far.everything, ['SUBSCRIBE a']);
  });

  it('a run with a topic that is too long does no harm to what is behind it', () => {
    const { pattern, host } = xsub();
    const far = join(pattern);
    const long = Buffer.alloc(TOPIC_MAX + 2, 1);
    const run = runOf([[long], [hex('01 61')]]);
    assert.equal(pattern.sendRun(null, run.bytes, 0, run.bytes.length, run.count), 2);
    assert.deepEqual(far.everything, ['SUBSCRIBE a']);
    assert.equal(host.lost('malformed'), 1);
  });

  it('subscribes by runs as well', () => {
    const { pattern } = xsub();
    const far = join(pattern);
    const run = runOf([[hex('01 61')], ['up', 'stream'], [hex('00 61')]]);
    assert.equal(pattern.sendRun(null, run.bytes, 0, run.bytes.length, run.count), 3);
    const reached = far.everything;
    assert.deepEqual(
      reached.filter((text) => !text.startsWith("'")),
      ['SUBSCRIBE a', 'CANCEL a'],
    );
    assert.deepEqual(
      reached.filter((text) => text.startsWith("'")),
      ["'up' 'stream'"],
    );
  });

  it('receives everything that comes, in turn', () => {
    const { pattern } = xsub();
    const [a, b] = [join(pattern), join(pattern)];
    a.run([['a1'], ['a2']]);
    b.says('b1');
    assert.deepEqual(receiveAll(pattern), ["'a1'", "'b1'", "'a2'"]);
  });

  it('tells nothing to who left', () => {
    const { pattern } = xsub();
    const far = join(pattern);
    far.lose().leave();
    pattern.send(hex('01 61'));
    assert.deepEqual(far.everything, []);
  });
});
