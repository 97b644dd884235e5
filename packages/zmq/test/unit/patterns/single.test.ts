import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  ChannelPattern,
  ClientPattern,
  GatherPattern,
  ScatterPattern,
} from '../../../src/patterns/single.ts';
import { FakeHost, join, receiveAll, runOf } from '../../support/pipes.ts';

const SENDERS = [
  ['CLIENT', ClientPattern],
  ['SCATTER', ScatterPattern],
  ['CHANNEL', ChannelPattern],
] as const;
const RECEIVERS = [
  ['CLIENT', ClientPattern],
  ['GATHER', GatherPattern],
  ['CHANNEL', ChannelPattern],
] as const;

for (const [name, Pattern] of SENDERS) {
  describe(`${name}, sending`, () => {
    it('takes one frame, in a list or not, and refuses more and none', () => {
      const pattern = new Pattern(new FakeHost());
      const far = join(pattern);
      assert.ok(pattern.send('a') && pattern.send(['b']) && pattern.send(null));
      for (const message of [['c', 'd'], []]) assert.throws(() => pattern.send(message), { code: 'EINVAL' });
      assert.deepEqual(far.messages, ["'a'", "'b'", "''"]);
    });

    it('refuses them also when nobody is there', () => {
      const pattern = new Pattern(new FakeHost());
      assert.throws(() => pattern.send(['c', 'd']), { code: 'EINVAL' });
      assert.equal(pattern.send('c'), false);
    });

    it('waits at the mark', () => {
      const host = new FakeHost();
      const pattern = new Pattern(host);
      const far = join(pattern, { sendMark: 2, takes: false });
      // The first is in flight, and still counts.
      assert.ok(pattern.send('1') && pattern.send('2'));
      assert.equal(pattern.send('3'), false);
      assert.equal(pattern.writable, false);
      far.drain();
      assert.ok(pattern.send('3'));
      assert.equal(host.drops.length, 0);
    });

    it('takes a run from a relay: what has more frames is dropped and counted', () => {
      const host = new FakeHost();
      const pattern = new Pattern(host);
      const far = join(pattern, { sendMark: 2, takes: false });
      const { bytes } = runOf([['1'], ['x', 'y'], ['2'], ['3']]);
      assert.equal(pattern.sendRun(null, bytes, 0, bytes.length), 3);
      assert.equal(host.lost('malformed'), 1);
      assert.deepEqual(far.drain().messages, ["'1'", "'2'"]);
    });
  });
}

for (const [name, Pattern] of RECEIVERS) {
  describe(`${name}, receiving`, () => {
    it('drops and counts what has more than one frame', () => {
      const host = new FakeHost();
      const pattern = new Pattern(host);
      const far = join(pattern);
      far.run([['1'], ['x', 'y'], ['2'], ['3'], ['x', '', 'z']]);
      far.says('only', 'this');
      assert.deepEqual(receiveAll(pattern), ["'1'", "'2'", "'3'"]);
      assert.equal(pattern.readable, false);
      assert.equal(host.lost('malformed'), 3);
    });

    it('of nothing but such messages tells no reader', () => {
      const host = new FakeHost();
      const pattern = new Pattern(host);
      join(pattern).says('x', 'y');
      assert.equal(host.readableCalls, 0);
    });
  });
}

describe('SCATTER and GATHER', () => {
  it('keep the last message only, with conflate', () => {
    const gather = new GatherPattern(new FakeHost({ conflate: true }));
    join(gather)
      .run([['1'], ['2', 'x'], ['3']])
      .says('4');
    assert.deepEqual(receiveAll(gather), ["'4'"]);
    const host = new FakeHost({ conflate: true });
    const scatter = new ScatterPattern(host);
    const far = join(scatter, { takes: false });
    for (const body of ['1', '2', '3']) assert.ok(scatter.send(body));
    assert.equal(host.lost('conflated'), 2);
    assert.deepEqual(far.messages, ["'3'"]);
  });

  it('share messages out in turn', () => {
    const scatter = new ScatterPattern(new FakeHost());
    const far = [join(scatter), join(scatter)];
    for (let index = 0; index < 4; index++) assert.ok(scatter.send(String(index)));
    assert.deepEqual(
      far.map((each) => each.messages),
      [
        ["'0'", "'2'"],
        ["'1'", "'3'"],
      ],
    );
  });

  it('SCATTER drops what a peer sends', () => {
    const host = new FakeHost();
    const scatter = new ScatterPattern(host);
    join(scatter).says('x');
    assert.equal(scatter.next(), null);
    assert.equal(host.lost('malformed'), 1);
  });
});

describe('CHANNEL', () => {
  it('has one peer at a time', () => {
    const channel = new ChannelPattern(new FakeHost());
    const first = join(channel);
    const second = join(new ChannelPattern(new FakeHost()));
    assert.equal(channel.attach(second.pipe), false);
    first.leave();
    assert.equal(channel.attach(second.pipe), true);
  });
});
