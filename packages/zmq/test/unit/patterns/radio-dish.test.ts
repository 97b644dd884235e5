import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DishPattern, groupOf, RadioPattern } from '../../../src/patterns/radio-dish.ts';
import { FakeHost, type FarOptions, FarSide, join, receiveAll, runOf } from '../../support/pipes.ts';

function member(radio: RadioPattern, groups: readonly string[], options: FarOptions = {}): FarSide {
  const far = join(radio, options);
  for (const group of groups) radio.subscription(far.pipe, Buffer.from(group), true);
  return far;
}

describe('RADIO', () => {
  it('sends to those who joined exactly the group, group and body', () => {
    const radio = new RadioPattern(new FakeHost());
    const far = [
      member(radio, ['a']),
      member(radio, ['ab', '']),
      member(radio, ['a', 'ab']),
      member(radio, []),
    ];
    for (const group of ['a', 'ab', '', 'abc']) assert.ok(radio.send([Buffer.from(group), `to ${group}`]));
    assert.deepEqual(
      far.map((each) => each.messages),
      [["'a' 'to a'"], ["'ab' 'to ab'", "'' 'to '"], ["'a' 'to a'", "'ab' 'to ab'"], []],
    );
  });

  it('forgets who leaves a group, the connection, or for good', () => {
    const radio = new RadioPattern(new FakeHost());
    const far = [member(radio, ['a', 'b']), member(radio, ['a']), member(radio, ['a'])];
    radio.subscription(far[0]!.pipe, Buffer.from('a'), false);
    radio.subscription(far[0]!.pipe, Buffer.from('never joined'), false);
    far[1]!.lose().open();
    far[2]!.leave();
    assert.ok(radio.send([Buffer.from('a'), '1']));
    assert.ok(radio.send([Buffer.from('b'), '2']));
    assert.deepEqual(
      far.map((each) => each.messages),
      [["'b' '2'"], [], []],
    );
  });

  it('drops and counts what a peer has no room for; the others get it', () => {
    const host = new FakeHost();
    const radio = new RadioPattern(host);
    const slow = member(radio, ['a'], { sendMark: 1, takes: false });
    const fast = member(radio, ['a']);
    for (const body of ['1', '2', '3']) assert.ok(radio.send([Buffer.from('a'), body]));
    assert.equal(host.lost('highWaterMark'), 2);
    assert.equal(slow.pipe.dropped + fast.messages.length, 3);
    assert.equal(radio.writable, true);
  });

  it('refuses a message of several frames', () => {
    const radio = new RadioPattern(new FakeHost());
    assert.throws(() => radio.send([Buffer.from('a'), ['x', 'y'] as never]), { code: 'EINVAL' });
  });

  it('counts a group once for each peer, and refuses those who join too many', () => {
    const host = new FakeHost({ maxSubscriptions: 2 });
    const radio = new RadioPattern(host);
    const far = member(radio, ['a', 'a', 'b']);
    assert.equal(host.refused.length, 0);
    assert.ok(radio.send([Buffer.from('a'), '1']));
    assert.deepEqual(far.messages, ["'a' '1'"]);
    radio.subscription(far.pipe, Buffer.from('c'), true);
    assert.equal(host.refused[0]!.error.code, 'ERR_TOO_MANY_SUBSCRIPTIONS');
  });

  it('refuses a peer that joins a group of more than 255 octets', () => {
    const host = new FakeHost();
    const radio = new RadioPattern(host);
    member(radio, ['x'.repeat(255)]);
    assert.equal(host.refused.length, 0);
    member(radio, ['x'.repeat(256)]);
    assert.equal(host.refused[0]!.error.code, 'ERR_ZMTP_MALFORMED_COMMAND_UNSPECIFIED');
  });

  it('takes a run from a relay, and nothing from a peer', () => {
    const host = new FakeHost();
    const radio = new RadioPattern(host);
    const far = member(radio, ['a'], { sendMark: 2, takes: false });
    const { bytes, count } = runOf([
      ['a', '1'],
      ['b', '2'],
      ['a', '3'],
      ['a', '4'],
    ]);
    assert.equal(radio.sendRun(null, bytes, 0, bytes.length, count), 4);
    assert.equal(host.lost('highWaterMark'), 1);
    assert.deepEqual(far.drain().messages, ["'a' '1'", "'a' '3'"]);
    far.says('a', 'x');
    assert.equal(radio.next(), null);
    assert.equal(host.lost('malformed'), 1);
  });
});

describe('DISH', () => {
  it('tells each radio its groups, again after a reconnect', () => {
    const dish = new DishPattern(new FakeHost());
    dish.join('early');
    const far = join(dish);
    dish.join('late');
    dish.leave('early');
    assert.deepEqual(far.everything, ['JOIN early', 'JOIN late', 'LEAVE early']);
    const next = new FarSide(dish);
    dish.attach(next.pipe);
    assert.deepEqual(next.open().everything, ['JOIN late']);
  });

  it('says so by command also to a peer of ZMTP 3.0', () => {
    const dish = new DishPattern(new FakeHost());
    dish.join('a');
    assert.deepEqual(join(dish, { minor: 0 }).everything, ['JOIN a']);
  });

  it('takes exactly the groups that it joined', () => {
    const host = new FakeHost();
    const dish = new DishPattern(host);
    dish.join('a');
    dish.join('');
    const far = join(dish);
    far.run([
      ['a', '1'],
      ['ab', '2'],
      ['', '3'],
      ['b', '4'],
      ['a', '5'],
    ]);
    assert.deepEqual(receiveAll(dish), ["'a' '1'", "'' '3'", "'a' '5'"]);
    assert.equal(host.drops.length, 0);
  });

  it('drops and counts what is not a group and a body', () => {
    const host = new FakeHost();
    const dish = new DishPattern(host);
    dish.join('a');
    join(dish).run([['a'], ['a', 'b', 'c'], ['a', 'fine']]);
    assert.deepEqual(receiveAll(dish), ["'a' 'fine'"]);
    assert.equal(host.lost('malformed'), 2);
  });

  it('joins a group once, and leaves what it joined', () => {
    const dish = new DishPattern(new FakeHost());
    dish.join('a');
    assert.throws(() => dish.join('a'), { code: 'EINVAL' });
    assert.throws(() => dish.leave('b'), { code: 'EINVAL' });
    dish.leave('a');
    assert.throws(() => dish.leave('a'), { code: 'EINVAL' });
    dish.join('a');
  });

  it('gives out nothing of a group that was left, also what has arrived already, and reads on', () => {
    const host = new FakeHost();
    const dish = new DishPattern(host);
    dish.join('a');
    dish.join('b');
    const far = join(dish, { receiveMark: 4 });
    const other = join(dish);
    far.run([
      ['a', '1'],
      ['b', '2'],
      ['a', '3'],
    ]);
    far.run([['a', '4']]);
    other.run([['a', '5']]);
    assert.equal(far.paused, true);
    dish.leave('a');
    assert.equal(dish.peek(), far.pipe);
    assert.equal(far.paused, false);
    assert.deepEqual(receiveAll(dish), ["'b' '2'"]);
    far.run([['b', '6']]);
    dish.leave('b');
    assert.equal(dish.readable, false);
    assert.equal(dish.next(), null);
    assert.equal(host.drops.length, 0);
  });

  it('gives out what waits of a group that it came back to, in order', () => {
    const dish = new DishPattern(new FakeHost());
    for (const group of ['a', 'b']) dish.join(group);
    join(dish)
      .run([
        ['a', '1'],
        ['b', '2'],
      ])
      .says('a', '3');
    dish.leave('a');
    dish.leave('b');
    dish.join('a');
    assert.deepEqual(receiveAll(dish), ["'a' '1'", "'a' '3'"]);
  });

  it('counts datagrams that it is too full for: nobody can be held up', () => {
    const host = new FakeHost();
    const dish = new DishPattern(host);
    dish.join('a');
    const far = join(dish, { receiveMark: 2 });
    far.pipe.identity = { ...far.pipe.identity!, silent: true };
    for (const body of ['1', '2', '3']) far.says('a', body);
    far.says('unwanted', '4');
    assert.equal(host.lost('highWaterMark'), 1);
    assert.deepEqual(receiveAll(dish), ["'a' '1'", "'a' '2'"]);
    far.says('a', '5');
    assert.deepEqual(receiveAll(dish), ["'a' '5'"]);
  });

  it('does not send', () => {
    const dish = new DishPattern(new FakeHost());
    assert.throws(() => dish.send('x'), { code: 'ENOTSUP' });
    assert.equal(dish.writable, false);
  });
});

describe('a group', () => {
  it('ends at a zero octet, and has at most 255 octets', () => {
    assert.equal(Buffer.from(groupOf(Buffer.from('fo\0ba'))).toString(), 'fo');
    assert.equal(groupOf('x'.repeat(255)).length, 255);
    assert.equal(groupOf(`${'x'.repeat(255)}\0y`).length, 255);
    assert.throws(() => groupOf('x'.repeat(256)), { code: 'EINVAL' });
  });
});
