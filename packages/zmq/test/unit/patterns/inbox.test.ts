import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Inbox } from '../../../src/patterns/inbox.ts';
import { runOf } from '../../support/pipes.ts';
import { frame, message, show } from '../../support/wire.ts';

function push(inbox: Inbox, ...messages: (readonly (string | Uint8Array)[])[]): void {
  const { bytes, count } = runOf(messages);
  inbox.push(bytes, 0, bytes.length, count);
}

/** The bytes at the start of memory as large as that of a full read. */
function inLarge(...messages: readonly Buffer[]): Buffer {
  const bytes = Buffer.concat(messages);
  const memory = Buffer.from(new ArrayBuffer(65_536));
  memory.set(bytes);
  return memory.subarray(0, bytes.length);
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

  it('gives each of many small messages its own octets, whatever their sizes, over several runs', () => {
    const inbox = new Inbox();
    const bodies = Array.from({ length: 300 }, (_, i) => Buffer.alloc((i * 37) % 90, i + 1));
    for (let from = 0; from < bodies.length; from += 100) {
      const pairs = bodies.slice(from, from + 50).map((body, i) => message(body, bodies[from + 50 + i]!));
      const run = inLarge(...pairs);
      inbox.push(run, 0, run.length, 50);
    }
    for (let from = 0; from < bodies.length; from += 100) {
      const run = inLarge(...bodies.slice(from, from + 100).map((body) => message(body)));
      inbox.push(run, 0, run.length, 100);
    }
    const got: Buffer[] = [];
    for (let frames = inbox.next(); frames !== null; frames = inbox.next()) got.push(...frames);
    const pairs: Buffer[] = [];
    for (let from = 0; from < bodies.length; from += 100) {
      for (let i = from; i < from + 50; i++) pairs.push(bodies[i]!, bodies[i + 50]!);
    }
    assert.deepEqual(got, [...pairs, ...bodies]);
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

  it('gives a frame that is a good part of its memory as a view of that', () => {
    const inbox = new Inbox();
    const own = Buffer.from(new Uint8Array(message(Buffer.alloc(100, 'a'))).buffer);
    inbox.push(own, 0, own.length, 1);
    const [body] = inbox.next()!;
    assert.ok(Buffer.isBuffer(body));
    assert.equal(body.buffer, own.buffer);
  });

  it('gives a small frame of large memory memory of its own', () => {
    const inbox = new Inbox();
    const sizes = [0, 1, 16, 17, 64];
    const bytes = inLarge(...sizes.map((size) => message('head', Buffer.alloc(size, 'a'))), message('b'));
    inbox.push(bytes, 0, bytes.length, sizes.length + 1);
    for (const size of sizes) {
      const [head, body] = inbox.next()!;
      assert.equal(String(head), 'head');
      assert.equal(String(body), 'a'.repeat(size));
      assert.ok(head!.buffer.byteLength <= 64 && body!.buffer.byteLength <= 64);
    }
    const [last] = inbox.next()!;
    bytes.fill(0);
    assert.equal(String(last), 'b');
    assert.ok(Buffer.isBuffer(last) && last.buffer.byteLength <= 64);
  });

  it('gives larger ones views, or a few of them together memory of their own when messages are kept', () => {
    const inbox = new Inbox();
    const run = Array.from({ length: 10 }, (_, i) => message('t', Buffer.alloc(190 + 10 * (i % 7), 65 + i)));
    const bytes = inLarge(...run);
    inbox.push(bytes, 0, bytes.length, run.length);
    assert.equal(inbox.next()![1]!.buffer, bytes.buffer);
    inbox.keeper = true;
    const groups = new Set<ArrayBufferLike>();
    for (let i = 1; i < run.length; i++) {
      const [topic, body] = inbox.next()!;
      assert.equal(String(topic), 't');
      assert.equal(String(body), String.fromCharCode(65 + i).repeat(190 + 10 * (i % 7)));
      assert.ok(
        body!.buffer.byteLength <= 4 * body!.length,
        `${body!.buffer.byteLength} for ${body!.length}`,
      );
      groups.add(body!.buffer);
    }
    assert.ok(groups.size < run.length - 1);
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
