import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PatternOptions } from '../../../src/patterns/pattern.ts';
import { RouterPattern } from '../../../src/patterns/router.ts';
import { FakeHost, FarSide, join, receiveAll, runOf } from '../../support/pipes.ts';
import { frame, hex, show } from '../../support/wire.ts';

function make(options: Partial<PatternOptions> = {}): { host: FakeHost; router: RouterPattern } {
  const host = new FakeHost(options);
  return { host, router: new RouterPattern(host) };
}

describe('ROUTER', () => {
  it('names peers without an Identity with five octets, the first of them zero', () => {
    const { router } = make();
    const far = [join(router), join(router)];
    for (const each of far) each.says('x');
    const ids = [router.next()![0]!, router.next()![0]!];
    for (const id of ids) assert.ok(id.length === 5 && id[0] === 0);
    assert.notDeepEqual(ids[0], ids[1]);
    assert.ok(router.send([ids[1]!, 'to 1']) && router.send([ids[0]!, 'to 0']));
    assert.deepEqual(
      far.map((each) => each.messages),
      [["'to 0'"], ["'to 1'"]],
    );
  });

  it('knows others by their Identity', () => {
    const { router } = make();
    const far = ['a', 'a longer name', Buffer.alloc(255, 0xfe), hex('61 00 62')].map((routingId) =>
      join(router, { routingId }),
    );
    for (const each of far) each.says('hi', '');
    for (const each of far) {
      const [id, ...rest] = router.next()!;
      assert.deepEqual(id, each.pipe.routingId);
      assert.deepEqual(show(rest), ["'hi'", "''"]);
    }
    assert.ok(router.send(['a', 'to a']));
    assert.ok(router.send([hex('61 00 62'), 'to a 0 b', '']));
    assert.ok(router.send([Buffer.alloc(255, 0xfe), 'to fe']));
    assert.deepEqual(
      far.map((each) => each.messages),
      [["'to a'"], [], ["'to fe'"], ["'to a 0 b' ''"]],
    );
  });

  it('gives each message a name of its own, which the reader may write to', () => {
    const { router } = make();
    const far = join(router, { routingId: 'abc' }).run([['1'], ['2']]);
    router.next()![0]!.fill(0);
    assert.deepEqual(show(router.next()!), ["'abc'", "'2'"]);
    assert.ok(router.send(['abc', 'still']));
    assert.deepEqual(far.messages, ["'still'"]);
  });

  it('drops and counts what it can bring to nobody', () => {
    const { router, host } = make();
    const far = join(router, { routingId: 'a' });
    assert.ok(router.send(['b', 'x']));
    assert.ok(router.send([hex('00 00 00 00 63'), 'x']));
    assert.ok(router.send(['', 'x']));
    assert.equal(host.lost('unroutable'), 3);
    assert.deepEqual(far.messages, []);
    assert.ok(router.writable);
  });

  it('with mandatory refuses what it can bring to nobody, and waits for room', () => {
    const { router, host } = make({ mandatory: true });
    assert.throws(() => router.send(['b', 'x']), { code: 'EHOSTUNREACH' });
    const far = join(router, { routingId: 'a', sendMark: 1, takes: false });
    assert.ok(router.send(['a', '1']));
    assert.equal(router.send(['a', '2']), false);
    far.drain();
    assert.ok(router.send(['a', '2']));
    assert.deepEqual(far.messages, ["'1'", "'2'"]);
    assert.equal(host.drops.length, 0);
  });

  it('drops and counts at the mark, for the peer that is full alone', () => {
    const { router, host } = make();
    const full = join(router, { routingId: 'full', sendMark: 1, takes: false });
    const other = join(router, { routingId: 'other', sendMark: 1 });
    for (let i = 0; i < 3; i++) {
      assert.ok(router.send(['full', String(i)]));
      assert.ok(router.send(['other', String(i)]));
    }
    assert.deepEqual(
      host.drops.map(({ pipe, reason, count }) => [pipe === full.pipe, reason, count]),
      [
        [true, 'highWaterMark', 1],
        [true, 'highWaterMark', 1],
      ],
    );
    assert.deepEqual(other.messages, ["'0'", "'1'", "'2'"]);
  });

  it('sends nothing for a name alone', () => {
    const { router } = make();
    const far = join(router, { routingId: 'a' });
    assert.ok(router.send('a'));
    assert.ok(router.send(['a']));
    assert.deepEqual(far.messages, []);
  });

  it('forgets who is gone', () => {
    const { router, host } = make();
    const far = join(router, { routingId: 'a' });
    assert.ok(router.send(['a', '1']));
    assert.deepEqual(far.messages, ["'1'"]);
    far.lose().leave();
    assert.ok(router.send(['a', '2']));
    assert.equal(host.lost('unroutable'), 1);
    const again = join(router, { routingId: 'a' });
    assert.ok(router.send(['a', '3']));
    assert.deepEqual(again.messages, ["'3'"]);
  });

  it('receives from who is gone, under its name', () => {
    const { router } = make();
    join(router, { routingId: 'a' }).says('last').lose().leave();
    assert.deepEqual(receiveAll(router), ["'a' 'last'"]);
  });

  it('knows a peer again that comes back on the same pipe, read or unread', () => {
    for (const unread of [false, true]) {
      const { router } = make();
      const far = join(router, { routingId: 'a' });
      if (unread) far.says('unread');
      far.lose().open(far.sink);
      assert.ok(router.send(['a', 'welcome back']));
      assert.deepEqual(far.messages, ["'welcome back'"], unread ? 'unread' : 'read');
    }
  });

  it('names a peer anew that comes back on the same pipe with another Identity', () => {
    const { router, host } = make();
    const far = new FarSide(router, { routingId: 'old' });
    router.attach(far.pipe);
    far.open();
    far.lose();
    far.pipe.identity = {
      socketType: 'DEALER',
      routingId: Buffer.from('new'),
      minor: 1,
      metadata: new Map(),
    };
    far.pipe.outbox.open(far.sink);
    router.ready(far.pipe);
    assert.ok(router.send(['new', 'x']) && router.send(['old', 'y']));
    assert.deepEqual(far.messages, ["'x'"]);
    assert.equal(host.lost('unroutable'), 1);
  });

  it('knows a peer by the name that was given to connect, before and after it is there', () => {
    const { router } = make();
    const far = new FarSide(router, { givenId: Buffer.from('given'), routingId: 'own' });
    router.attach(far.pipe);
    assert.ok(router.send(['given', 'early']));
    far.open();
    far.lose().open(far.sink);
    assert.ok(router.send(['given', 'late']));
    assert.deepEqual(far.messages, ["'early'", "'late'"]);
    const other = new FarSide(router, { givenId: Buffer.from('given') });
    assert.throws(() => router.attach(other.pipe), { code: 'EINVAL' });
  });

  it('probes when told so', () => {
    const { router } = make({ probeRouter: true });
    assert.deepEqual(join(router).messages, ["''"]);
  });
});

describe('ROUTER, an Identity twice', () => {
  it('refuses the second', () => {
    const { router, host } = make();
    const first = join(router, { routingId: 'a' });
    const second = join(router, { routingId: 'a' });
    assert.deepEqual(
      host.refused.map(({ pipe, error }) => [pipe === second.pipe, error.code]),
      [[true, 'ERR_ROUTING_ID_TAKEN']],
    );
    second.lose().leave();
    assert.ok(router.send(['a', 'x']));
    assert.deepEqual([first.messages, second.messages], [["'x'"], []]);
  });

  for (const unread of [false, true]) {
    it(`with handover gives the name to the second, the first ${unread ? 'unread' : 'read'}`, () => {
      const { router, host } = make({ handover: true });
      const first = join(router, { routingId: 'a' });
      router.send(['a', '1']);
      assert.deepEqual(first.messages, ["'1'"]);
      if (unread) first.says('unread');
      const second = join(router, { routingId: 'a' });
      assert.deepEqual(
        host.refused.map(({ pipe }) => pipe === first.pipe),
        [true],
      );
      router.send(['a', '2']);
      // The connection of the first ends later than the second took its name.
      first.lose().leave();
      router.send(['a', '3']);
      assert.deepEqual([first.messages, second.messages], [["'1'"], ["'2'", "'3'"]]);
    });
  }

  it('never lets a peer claim a generated name', () => {
    const { router } = make({ handover: true });
    const victim = join(router).says('hello');
    const id = router.next()![0]!;
    const thief = join(router, { routingId: id });
    assert.ok(router.send([id, 'secret']));
    assert.deepEqual(thief.messages, []);
    thief.lose().leave();
    assert.ok(router.send([id, 'more']));
    assert.deepEqual(victim.messages, ["'secret'", "'more'"]);
  });
});

describe('runs of ROUTER', () => {
  it('go where their first frames say', () => {
    const { router, host } = make();
    const [a, b] = [join(router, { routingId: 'a' }), join(router, { routingId: 'b' })];
    const { bytes, count } = runOf([
      ['a', '', '1'],
      ['b', '2'],
      ['c', '3'],
      ['a', '4'],
      ['b'],
      ['a', Buffer.alloc(300)],
    ]);
    assert.equal(router.sendRun(null, bytes, 0, bytes.length, count), count);
    assert.deepEqual(b.messages, ["'2'"]);
    assert.deepEqual(a.messages.slice(0, 2), ["'' '1'", "'4'"]);
    assert.equal(a.messages.length, 3);
    assert.equal(host.lost('unroutable'), 1);
  });

  it('drop at the mark and go on, or wait with mandatory', () => {
    const { bytes, count } = runOf([
      ['a', '1'],
      ['a', '2'],
      ['b', '3'],
    ]);
    for (const mandatory of [false, true]) {
      const { router, host } = make({ mandatory });
      join(router, { routingId: 'a', sendMark: 1, takes: false });
      const b = join(router, { routingId: 'b' });
      assert.equal(router.sendRun(null, bytes, 0, bytes.length, count), mandatory ? 1 : 3);
      assert.deepEqual(b.messages, mandatory ? [] : ["'3'"]);
      assert.equal(host.lost('highWaterMark'), mandatory ? 0 : 1);
    }
  });

  it('carry the name of a peer as their prefix', () => {
    const { router } = make();
    const far = join(router, { routingId: 'name' }).says('x');
    assert.equal(router.peek(), far.pipe);
    assert.deepEqual(Buffer.from(router.prefix(far.pipe)), frame('name', { more: true }));
    far.lose().leave();
    assert.deepEqual(
      Buffer.from(router.prefix(far.pipe)),
      frame('name', { more: true }),
      'unread messages keep it',
    );
  });

  it('with a prefix go to whom it names, however many they are', () => {
    const { router, host } = make();
    const far = join(router, { routingId: 'a', sendMark: 2 });
    const { bytes, count } = runOf([['1'], ['2', ''], ['3'], ['4'], ['5']]);
    assert.equal(router.sendRun(frame('a', { more: true }), bytes, 0, bytes.length, count), count);
    assert.equal(router.sendRun(frame('b', { more: true }), bytes, 0, bytes.length, count), count);
    assert.deepEqual(far.messages, ["'1'", "'2' ''", "'3'", "'4'", "'5'"]);
    assert.equal(host.lost('unroutable'), 5);
    assert.equal(host.lost('highWaterMark'), 0);
  });
});
