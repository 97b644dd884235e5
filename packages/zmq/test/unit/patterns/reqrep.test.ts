import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PatternOptions } from '../../../src/patterns/pattern.ts';
import { ReplyPattern, RequestPattern } from '../../../src/patterns/reqrep.ts';
import { FakeHost, FarSide, join } from '../../support/pipes.ts';
import { message, show } from '../../support/wire.ts';

function request(options: Partial<PatternOptions> = {}): { host: FakeHost; req: RequestPattern } {
  const host = new FakeHost(options);
  return { host, req: new RequestPattern(host) };
}

function reply(): { host: FakeHost; rep: ReplyPattern } {
  const host = new FakeHost();
  return { host, rep: new ReplyPattern(host) };
}

const next = (pattern: RequestPattern | ReplyPattern): string[] | null => {
  const frames = pattern.next();
  return frames === null ? null : show(frames);
};

describe('REQ', () => {
  it('puts the delimiter in front, and takes it off', () => {
    const { req } = request();
    const far = join(req);
    assert.ok(req.send(['hello', '', 'you']));
    assert.deepEqual(far.messages, ["'' 'hello' '' 'you'"]);
    assert.equal(next(req), null);
    far.says('', 'fine', '');
    assert.deepEqual(next(req), ["'fine'", "''"]);
  });

  it('sends an empty request as one empty frame', () => {
    const { req } = request();
    const far = join(req);
    assert.ok(req.send([]));
    assert.deepEqual(far.messages, ["'' ''"]);
  });

  it('has one request at a time', () => {
    const { req, host } = request();
    const far = join(req);
    assert.throws(() => req.next(), { code: 'EFSM' });
    assert.ok(req.writable && !req.readable);
    assert.ok(req.send('1'));
    assert.ok(!req.writable);
    assert.throws(() => req.send('2'), { code: 'EFSM' });
    far.says('', 'one');
    assert.ok(req.readable);
    const calls = host.writableCalls;
    assert.deepEqual(next(req), ["'one'"]);
    assert.ok(host.writableCalls > calls, 'the next request may go');
    assert.throws(() => req.next(), { code: 'EFSM' });
    assert.ok(req.send('2'));
    assert.deepEqual(far.messages, ["'' '1'", "'' '2'"]);
  });

  it('goes round its peers, and hears only the one that it asked', () => {
    const { req, host } = request();
    const [a, b] = [join(req), join(req)];
    req.send('1');
    b.says('', 'not asked');
    assert.equal(next(req), null);
    assert.equal(host.lost('malformed'), 1);
    a.says('', 'asked');
    assert.deepEqual(next(req), ["'asked'"]);
    req.send('2');
    assert.deepEqual([a.messages, b.messages], [["'' '1'"], ["'' '2'"]]);
  });

  it('drops replies without a delimiter or without anything', () => {
    const { req, host } = request();
    const far = join(req);
    req.send('1');
    far.says('no delimiter').says('').says('x', '', 'y').says('', 'good');
    assert.deepEqual(next(req), ["'good'"]);
    assert.equal(host.lost('malformed'), 3);
  });

  it('waits when there is no room, in the state that it was in', () => {
    const { req } = request();
    assert.equal(req.send('nobody'), false);
    assert.throws(() => req.next(), { code: 'EFSM' });
    const far = join(req);
    assert.ok(req.send('1'));
    assert.deepEqual(far.messages, ["'' '1'"]);
  });

  it('relaxed sends again before the reply, and drops replies that came too late', () => {
    const { req, host } = request({ relaxed: true });
    const far = join(req);
    req.send('1');
    far.says('', 'late');
    assert.ok(req.writable);
    req.send('2');
    assert.equal(host.lost('malformed'), 1);
    far.says('', 'two');
    assert.deepEqual(next(req), ["'two'"]);
  });

  it('correlate numbers requests, and takes the reply with the number', () => {
    const { req, host } = request({ correlate: true, relaxed: true });
    const far = join(req);
    req.send('1');
    req.send('2');
    const sent = far.messages;
    assert.match(sent[0]!, /^[0-9a-f]{8} '' '1'$/);
    const ids = sent.map((text) => Buffer.from(text.slice(0, 8), 'hex'));
    assert.equal(ids[1]!.readUInt32BE(), ids[0]!.readUInt32BE() + 1);
    far
      .says(ids[0]!, '', 'one')
      .says('', 'none')
      .says(ids[1]!, 'x', 'bad')
      .says(ids[1]!.subarray(1), '', 'short')
      .says(ids[1]!);
    assert.equal(next(req), null);
    assert.equal(host.lost('malformed'), 5);
    far.says(ids[1]!, '', 'two');
    assert.deepEqual(next(req), ["'two'"]);
  });

  it('sends nothing of a message that can not be sent', () => {
    const { req } = request();
    const far = join(req);
    const moved = new ArrayBuffer(8);
    structuredClone(moved, { transfer: [moved] });
    assert.throws(() => req.send(['head', moved]), TypeError);
    assert.ok(req.send('good'));
    assert.deepEqual(far.messages, ["'' 'good'"]);
  });
});

describe('REP', () => {
  it('keeps the envelope, and sends it back', () => {
    const { rep } = reply();
    const [a, b] = [join(rep), join(rep)];
    a.says('id', 'hop', '', 'question', '');
    assert.deepEqual(next(rep), ["'question'", "''"]);
    assert.ok(rep.send(['answer', '']));
    b.says('', 'q');
    assert.deepEqual(next(rep), ["'q'"]);
    assert.ok(rep.send('a'));
    assert.deepEqual([a.messages, b.messages], [["'id' 'hop' '' 'answer' ''"], ["'' 'a'"]]);
  });

  it('has one request at a time', () => {
    const { rep, host } = reply();
    const far = join(rep);
    assert.throws(() => rep.send('x'), { code: 'EFSM' });
    assert.ok(!rep.writable && !rep.readable);
    assert.equal(next(rep), null);
    far.says('', '1').says('', '2');
    assert.deepEqual(next(rep), ["'1'"]);
    assert.ok(rep.writable && !rep.readable);
    assert.throws(() => rep.next(), { code: 'EFSM' });
    const calls = host.readableCalls;
    assert.ok(rep.send('one'));
    assert.ok(host.readableCalls > calls, 'the next request may be read');
    assert.deepEqual(next(rep), ["'2'"]);
    assert.ok(rep.send('two'));
    assert.deepEqual(far.messages, ["'' 'one'", "'' 'two'"]);
  });

  it('drops requests without an envelope or without anything', () => {
    const { rep, host } = reply();
    join(rep).says('no delimiter').says('').says('a', 'b').says('id', '').says('', 'good');
    assert.deepEqual(next(rep), ["'good'"]);
    assert.equal(host.lost('malformed'), 4);
  });

  it('drops and counts the answer to who is gone', () => {
    for (const how of ['lost', 'left'] as const) {
      const { rep, host } = reply();
      const far = join(rep).says('', 'q');
      next(rep);
      far.lose();
      if (how === 'left') far.leave();
      assert.ok(rep.send('a'));
      assert.equal(host.lost('unroutable'), 1);
      assert.throws(() => rep.send('again'), { code: 'EFSM' });
    }
  });

  it('drops and counts the answer to who is full, and goes on', () => {
    const { rep, host } = reply();
    const far = join(rep, { sendMark: 1, takes: false });
    for (const text of ['1', '2']) {
      far.says('', text);
      next(rep);
      assert.ok(rep.send(text));
    }
    assert.equal(host.lost('highWaterMark'), 1);
    far.drain();
    assert.deepEqual(far.messages, ["'' '1'"]);
  });

  it('answers in turn, peer by peer', () => {
    const { rep } = reply();
    const far = [join(rep), join(rep)];
    for (const each of far)
      each.run([
        ['', '1'],
        ['', '2'],
      ]);
    for (let i = 0; i < 4; i++) assert.ok(rep.send(next(rep)!.join()));
    for (const each of far) assert.deepEqual(each.messages, ["'' ''1''", "'' ''2''"]);
  });

  it('sends nothing of an answer that can not be sent, and stays in its state', () => {
    const { rep } = reply();
    const far = join(rep).says('', 'q');
    next(rep);
    const moved = new ArrayBuffer(8);
    structuredClone(moved, { transfer: [moved] });
    assert.throws(() => rep.send(moved), TypeError);
    assert.ok(rep.send('good'));
    assert.deepEqual(far.messages, ["'' 'good'"]);
  });

  it('reads what came from who is gone, and asks nobody to take the answer', () => {
    const { rep, host } = reply();
    const far = new FarSide(rep);
    rep.attach(far.pipe);
    far.open();
    const bytes = message('', 'last');
    rep.arrive(far.pipe, bytes, 0, bytes.length, 1);
    far.lose().leave();
    assert.deepEqual(next(rep), ["'last'"]);
    assert.ok(rep.send('a'));
    assert.equal(host.lost('unroutable'), 1);
  });
});
