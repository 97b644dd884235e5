import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { numberOf, PeerPattern, ServerPattern, StreamPattern } from '../../../src/patterns/addressed.ts';
import type { PatternOptions } from '../../../src/patterns/pattern.ts';
import { FakeHost, FarSide, join, receiveAll, runOf } from '../../support/pipes.ts';
import { hex, show } from '../../support/wire.ts';

function stream(options: Partial<PatternOptions> = {}): { host: FakeHost; pattern: StreamPattern } {
  const host = new FakeHost(options);
  return { host, pattern: new StreamPattern(host) };
}

for (const [name, Pattern] of [
  ['SERVER', ServerPattern],
  ['PEER', PeerPattern],
] as const) {
  describe(name, () => {
    it('gives peers numbers of its own, whatever they call themselves', () => {
      const pattern = new Pattern(new FakeHost());
      const far = [join(pattern, { routingId: 'me' }), join(pattern, { routingId: 'me' })];
      for (const each of far) each.says('x');
      const ids = [pattern.next()![0]!, pattern.next()![0]!];
      const numbers = ids.map(numberOf);
      assert.equal(new Set(numbers).size, 2);
      for (const number of numbers) assert.ok(number > 0 && number <= 0xffff_ffff);
      assert.ok(pattern.send([ids[1]!, 'to 1']) && pattern.send([ids[0]!, 'to 0']));
      assert.deepEqual(
        far.map((each) => each.messages),
        [["'to 0'"], ["'to 1'"]],
      );
    });

    it('never gives the number 0', () => {
      class AtTheEnd extends FakeHost {
        override readonly seed = 0xffff_ffff as 41;
      }
      const pattern = new Pattern(new AtTheEnd());
      assert.equal(numberOf(join(pattern).pipe.routingId), 1);
    });

    it('keeps the number of a peer that reconnects', () => {
      const pattern = new Pattern(new FakeHost());
      const far = join(pattern);
      const id = Buffer.from(far.pipe.routingId);
      far.lose();
      assert.ok(pattern.send([id, 'while it was away']));
      far.open();
      assert.deepEqual(far.messages, ["'while it was away'"]);
      assert.deepEqual(far.pipe.routingId, id);
    });

    it('refuses what is for nobody, and what has more than one frame', () => {
      const pattern = new Pattern(new FakeHost());
      const far = join(pattern);
      const id = Buffer.from(far.pipe.routingId);
      assert.throws(() => pattern.send([id, ['a', 'b'] as unknown as string]), { code: 'EINVAL' });
      assert.throws(() => pattern.send([hex('00 00 00 00 07'), 'x']), {
        code: 'EHOSTUNREACH',
        detail: /\b7$/,
      });
      far.leave();
      assert.throws(() => pattern.send([id, 'x']), { code: 'EHOSTUNREACH' });
    });

    it('waits for room, and drops nothing', () => {
      const host = new FakeHost();
      const pattern = new Pattern(host);
      const far = join(pattern, { sendMark: 1, takes: false });
      const id = far.pipe.routingId;
      assert.ok(pattern.send([id, '1']));
      assert.equal(pattern.send([id, '2']), false);
      far.drain();
      assert.ok(pattern.send([id, '2']));
      assert.equal(host.drops.length, 0);
    });

    it('drops and counts what arrives in more than one frame', () => {
      const host = new FakeHost();
      const pattern = new Pattern(host);
      join(pattern).run([['a', 'b'], ['c']]);
      assert.deepEqual(show([pattern.next()![1]!]), ["'c'"]);
      assert.equal(pattern.next(), null);
      assert.equal(host.lost('malformed'), 1);
    });
  });
}

describe('PEER', () => {
  it('knows the number of the peer that joined last, before there is a connection', () => {
    const pattern = new PeerPattern(new FakeHost());
    const far = new FarSide(pattern);
    pattern.attach(far.pipe);
    assert.equal(pattern.lastNumber, numberOf(far.pipe.routingId));
    assert.ok(pattern.send([far.pipe.routingId, 'first']));
    assert.deepEqual(far.open().messages, ["'first'"]);
  });
});

describe('STREAM', () => {
  it('tells of peers that come and go by an empty message', () => {
    const { pattern } = stream();
    const far = join(pattern);
    const id = Buffer.from(far.pipe.routingId);
    assert.deepEqual(pattern.next(), [id, Buffer.alloc(0)]);
    far.says('octets').leave();
    assert.deepEqual(pattern.next(), [id, Buffer.from('octets')]);
    assert.deepEqual(pattern.next(), [id, Buffer.alloc(0)]);
    assert.equal(pattern.next(), null);
  });

  it('tells of both again when the connection is made anew, under the same name', () => {
    const { pattern } = stream();
    const far = join(pattern, { givenId: Buffer.from('shop') });
    far.lose().open();
    assert.deepEqual(receiveAll(pattern), Array(3).fill("'shop' ''"));
  });

  it('does not of a connection that is made anew again and again while nobody receives', () => {
    const { pattern } = stream();
    const far = join(pattern, { givenId: Buffer.from('shop'), receiveMark: 3 });
    for (let i = 0; i < 100; i++) far.lose().open();
    // It came and went, and again; then there was no room.
    far.lose();
    assert.deepEqual(receiveAll(pattern), Array(4).fill("'shop' ''"));
    far.open();
    assert.deepEqual(receiveAll(pattern), ["'shop' ''"]);
  });

  it('does not without notify', () => {
    const { pattern } = stream({ notify: false });
    const far = join(pattern);
    far.leave();
    assert.equal(pattern.next(), null);
  });

  it('tells nothing of one that was never there', () => {
    const { pattern } = stream();
    const far = new FarSide(pattern);
    pattern.attach(far.pipe);
    far.leave();
    assert.equal(pattern.next(), null);
  });

  it('closes the peer that an empty message is for, and does not tell of its end', () => {
    const { pattern, host } = stream();
    const far = join(pattern);
    pattern.next();
    assert.ok(pattern.send([far.pipe.routingId, 'bye']) && pattern.send([far.pipe.routingId, '']));
    assert.deepEqual(host.parted, [far.pipe]);
    assert.deepEqual(far.messages, ["'bye'"]);
    far.leave();
    assert.equal(pattern.next(), null);
  });

  it('refuses what is for nobody, and what is not a name and octets', () => {
    const { pattern } = stream();
    for (const body of ['x', ''])
      assert.throws(() => pattern.send(['nobody', body]), { code: 'EHOSTUNREACH' });
    for (const message of ['x', ['x'], ['x', 'y', 'z']]) {
      assert.throws(() => pattern.send(message), { code: 'EINVAL' });
    }
  });

  it('does not let two peers have one name', () => {
    const { pattern } = stream();
    join(pattern, { givenId: Buffer.from('a') });
    const second = new FarSide(pattern, { givenId: Buffer.from('a') });
    assert.throws(() => pattern.attach(second.pipe), { code: 'EINVAL' });
  });

  it('takes runs from a relay', () => {
    const { pattern, host } = stream();
    const far = join(pattern, { givenId: Buffer.from('a') });
    const { bytes } = runOf([
      ['a', '1'],
      ['nobody', '2'],
      ['a', '3', '4'],
      ['a', '5'],
      ['a', ''],
    ]);
    assert.equal(pattern.sendRun(null, bytes, 0, bytes.length), 5);
    assert.deepEqual(far.messages, ["'1'", "'5'"]);
    assert.deepEqual([host.lost('unroutable'), host.lost('malformed')], [1, 1]);
    assert.deepEqual(host.parted, [far.pipe]);
  });
});
