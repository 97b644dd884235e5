import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Inbox } from '../../../src/patterns/inbox.ts';
import { runOf } from '../../support/pipes.ts';
import { frame, message, show } from '../../support/wire.ts';

function push(inbox: Inbox, ...messages: (readonly (string | Uint8Array)[])[]): void {
  const { bytes, count } = runOf(messages);
  inbox.push(bytes, 0, bytes.length, count);
}

function drain(inbox: Inbox): string[] {
  const all: string[] = [];
  for (let frames = inbox.next(); frames !== null; frames = inbox.next()) all.push(show(frames).join(' '));
  return all;
}

describe('inbox', () => {
  it('gives messages in order, over any number of runs', () => {
    const inbox = new Inbox();
    push(inbox, ['a'], ['b', '', 'c']);
    push(inbox, ['']);
    push(inbox, [Buffer.alloc(300, 'x')], ['d']);
    assert.equal(inbox.queued, 5);
    const all = drain(inbox);
    assert.deepEqual([...all.slice(0, 3), all[4]], ["'a'", "'b' '' 'c'", "''", "'d'"]);
    assert.equal(inbox.queued, 0);
    assert.equal(inbox.next(), null);
  });

  it('reads the long form of short sizes and reserved bits', () => {
    const inbox = new Inbox();
    const bytes = Buffer.concat([
      frame('a', { long: true }),
      frame('b', { reserved: 0x88, more: true }),
      frame('c'),
    ]);
    inbox.push(bytes, 0, bytes.length, 2);
    assert.deepEqual(drain(inbox), ["'a'", "'b' 'c'"]);
  });

  it('reads a run in the middle of memory', () => {
    const inbox = new Inbox();
    const bytes = Buffer.concat([
      Buffer.alloc(7, 255),
      message('a', 'b'),
      message('c'),
      Buffer.alloc(3, 255),
    ]);
    inbox.push(bytes, 7, bytes.length - 3, 2);
    assert.deepEqual(drain(inbox), ["'a' 'b'", "'c'"]);
  });

  it('gives buffers over the memory that arrived', () => {
    const inbox = new Inbox();
    const bytes = message('abc');
    inbox.push(bytes, 0, bytes.length, 1);
    const [body] = inbox.next()!;
    assert.ok(Buffer.isBuffer(body));
    assert.equal(body.buffer, bytes.buffer);
  });

  it('adds frames to what the caller has', () => {
    const inbox = new Inbox();
    push(inbox, ['a', 'b'], ['c']);
    const frames = [Buffer.from('id')];
    assert.ok(inbox.nextInto(frames));
    assert.deepEqual(show(frames), ["'id'", "'a'", "'b'"]);
    assert.ok(inbox.nextInto([]));
    const none = [Buffer.from('id')];
    assert.ok(!inbox.nextInto(none));
    assert.equal(none.length, 1);
  });

  it('keeps the last message only when told so, and counts the others', () => {
    const inbox = new Inbox();
    const { bytes, count } = runOf([['a'], ['b', 'c']]);
    assert.equal(inbox.keepLast(bytes, 0, bytes.length, count), 1);
    assert.equal(inbox.queued, 1);
    assert.equal(inbox.keepLast(bytes, 0, bytes.length, count), 2);
    push(inbox, ['x'], ['y']);
    assert.equal(inbox.keepLast(bytes, 0, bytes.length, count), 4);
    assert.deepEqual(drain(inbox), ["'b' 'c'"]);
  });

  it('hands out runs, and takes them off in pieces', () => {
    const inbox = new Inbox();
    push(inbox, ['a'], ['b'], ['c']);
    push(inbox, ['d']);
    assert.deepEqual(show(inbox.next()!), ["'a'"]);
    const run = inbox.peekRun()!;
    assert.equal(run.count, 2);
    assert.deepEqual(
      Buffer.from(run.bytes.subarray(run.start, run.end)),
      Buffer.concat([message('b'), message('c')]),
    );
    inbox.advance(run.start + message('b').length, 1);
    assert.equal(inbox.queued, 2);
    assert.equal(inbox.peekRun()?.count, 1);
    assert.deepEqual(show(inbox.next()!), ["'c'"]);
    const last = inbox.peekRun()!;
    inbox.advance(last.end, last.count);
    assert.equal(inbox.peekRun(), null);
    assert.equal(inbox.queued, 0);
    push(inbox, ['e']);
    assert.deepEqual(drain(inbox), ["'e'"]);
  });

  it('drops everything with clear', () => {
    const inbox = new Inbox();
    push(inbox, ['a'], ['b']);
    push(inbox, ['c']);
    inbox.next();
    assert.equal(inbox.clear(), 2);
    assert.equal(inbox.next(), null);
    assert.equal(inbox.peekRun(), null);
    push(inbox, ['d']);
    assert.deepEqual(drain(inbox), ["'d'"]);
  });

  it('keeps its order when it never runs empty', () => {
    const inbox = new Inbox();
    let next = 0;
    for (let i = 0; i < 5000; i++) {
      push(inbox, [String(2 * i)], [String(2 * i + 1)]);
      if (i > 0) for (let n = 0; n < 2; n++) assert.equal(inbox.next()![0]!.toString(), String(next++));
    }
    assert.equal(inbox.queued, 2);
  });
});
