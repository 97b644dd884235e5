/**
 * From one outbox to the other side's inbox: whatever the network takes, when it says so, how it cuts the octets and
 * how often it breaks, messages arrive whole, once and in order, the count is exact, and no memory changes while
 * somebody may read it.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Inbox } from '../../src/patterns/inbox.ts';
import { Outbox } from '../../src/patterns/outbox.ts';
import type { OutboxSink } from '../../src/zmtp/peer.ts';
import { anyChunks, anyMessage } from '../support/arbitrary.ts';
import { PeerLog } from '../support/peerlog.ts';
import { runs } from '../support/property.ts';
import { checksum, command, message, messagesIn, opening, show } from '../support/wire.ts';

const repeat = (bytes: Uint8Array, times: number): Buffer =>
  Buffer.concat(Array.from({ length: times }, () => bytes));

const anyStep = fc.oneof(
  { weight: 6, arbitrary: anyMessage.map((frames) => ({ do: 'send' as const, frames })) },
  { weight: 2, arbitrary: fc.string({ maxLength: 100 }).map((text) => ({ do: 'text' as const, text })) },
  {
    weight: 3,
    arbitrary: fc
      .array(anyMessage, { minLength: 1, maxLength: 12 })
      .map((run) => ({ do: 'run' as const, run })),
  },
  {
    weight: 1,
    arbitrary: fc
      .record({
        topic: fc.uint8Array({ maxLength: 300 }),
        times: fc.constantFrom(1, 1, 100),
        first: fc.boolean(),
      })
      .map(({ topic, times, first }) => ({ do: 'command' as const, data: repeat(topic, times), first })),
  },
  { weight: 4, arbitrary: fc.boolean().map((takes) => ({ do: 'flush' as const, takes })) },
  { weight: 3, arbitrary: fc.boolean().map((takes) => ({ do: 'drain' as const, takes })) },
  { weight: 1, arbitrary: fc.constant({ do: 'reconnect' as const }) },
  { weight: 1, arbitrary: fc.nat(3).map((away) => ({ do: 'away' as const, away })) },
  { weight: 1, arbitrary: fc.constant({ do: 'discard' as const }) },
);
type Step = typeof anyStep extends fc.Arbitrary<infer S> ? S : never;

const label = (frames: readonly Uint8Array[]): string => show(frames).join(' ');

interface Held {
  readonly part: Uint8Array;
  readonly sum: string;
}

/** A transport that reads the memory it was given late, and checks that it is what it was. */
class LateSink implements OutboxSink {
  takes = true;
  readonly keepsBuffers: boolean;
  /** What the far side has got. */
  readonly arrived: Buffer[] = [];
  #pending: Held[] = [];
  readonly #kept: Held[] = [];
  busy = false;
  /** Whole messages were handed over, and have arrived. */
  onWrite: (messages: string[]) => void = () => {};
  onFinish: () => void = () => {};

  constructor(keepsBuffers: boolean) {
    this.keepsBuffers = keepsBuffers;
  }

  write(parts: readonly Uint8Array[]): boolean {
    assert.ok(!this.busy, 'a write while one is in flight');
    assert.ok(parts.length > 0 && parts.every((part) => part.length > 0), 'a write of nothing');
    this.#pending = parts.map((part) => ({ part, sum: checksum(part) }));
    this.busy = true;
    this.onWrite(messagesIn(Buffer.concat(parts)).map(label));
    if (!this.takes) return false;
    this.finish();
    return true;
  }

  /** The memory in flight is read now; a sink that keeps it looks at it once more at the end. */
  finish(): void {
    for (const { part, sum } of this.#pending) {
      assert.equal(checksum(part), sum, 'memory in flight was written to');
      this.arrived.push(Buffer.from(part));
    }
    if (this.keepsBuffers) this.#kept.push(...this.#pending);
    this.#pending = [];
    this.busy = false;
    this.onFinish();
  }

  /** The connection breaks: what is in flight never arrives. The system may still look at it. */
  break(): void {
    this.#kept.push(...this.#pending);
    this.#pending = [];
    this.busy = false;
  }

  check(): void {
    for (const { part, sum } of this.#kept)
      assert.equal(checksum(part), sum, 'memory that was passed on was written to');
  }
}

/** The other outboxes of the process: they use what the pool has. */
function bystander(): () => void {
  const sink = new LateSink(false);
  const outbox = new Outbox(
    0,
    () => {},
    () => {},
  );
  outbox.open(sink);
  let turn = 0;
  return () => {
    for (let i = 0; i < 40; i++) outbox.push(Buffer.from(`bystander ${turn++} `.repeat(3)));
    outbox.flush();
  };
}

interface Model {
  outbox: Outbox;
  sink: LateSink;
  sinks: LateSink[];
  /** Messages that wait, and those in flight, in order. */
  open: string[];
  flying: string[];
  arrived: string[];
  scheduled: boolean;
}

/** Watches what the sink is given: the messages that wait, from the first on, and nothing else. */
function connect(model: Model, sink: LateSink): void {
  model.sink = sink;
  model.sinks.push(sink);
  sink.onWrite = (messages) => {
    assert.deepEqual(messages, model.open.slice(0, messages.length), 'not the messages that are due');
    model.open.splice(0, messages.length);
    model.flying = messages;
  };
  sink.onFinish = () => {
    model.arrived.push(...model.flying);
    model.flying = [];
  };
  model.outbox.open(sink);
}

function step(model: Model, todo: Step): void {
  const { outbox, sink } = model;
  switch (todo.do) {
    case 'send':
    case 'text': {
      if (outbox.full) return;
      const frames = todo.do === 'send' ? todo.frames : [Buffer.from(todo.text)];
      model.open.push(label(frames));
      if (todo.do === 'text') outbox.pushText(todo.text);
      else if (frames.length === 1) outbox.push(frames[0]!);
      else outbox.pushAll(frames);
      break;
    }
    case 'run': {
      const bytes = Buffer.concat([Buffer.alloc(3), ...todo.run.map((frames) => message(...frames))]);
      const before = outbox.queued;
      model.open.push(...todo.run.map(label));
      const taken = outbox.pushRun(bytes, 3, bytes.length, todo.run.length);
      model.open.length -= todo.run.length - taken;
      if (outbox.mark === 0 || before + todo.run.length <= outbox.mark) assert.equal(taken, todo.run.length);
      if (taken < todo.run.length) assert.ok(outbox.full, 'refused, and not full');
      break;
    }
    case 'command':
      if (todo.first) outbox.pushControl(command('PONG', todo.data));
      else outbox.pushInLine(command('SUBSCRIBE', todo.data));
      break;
    case 'flush':
      sink.takes = todo.takes;
      model.scheduled = false;
      outbox.flush();
      break;
    case 'drain':
      if (!sink.busy) return;
      sink.finish();
      sink.takes = todo.takes;
      outbox.drained();
      break;
    case 'reconnect':
    case 'away': {
      sink.break();
      assert.equal(outbox.closed(), model.flying.length);
      model.flying = [];
      if (todo.do === 'away') {
        for (let i = 0; i < todo.away && !outbox.full; i++) step(model, { do: 'text', text: `away ${i}` });
      }
      connect(model, new LateSink(sink.keepsBuffers));
      break;
    }
    case 'discard':
      assert.equal(outbox.discardOpen(), model.open.length);
      model.open = [];
      break;
  }
}

/** Takes apart what arrived on one connection, in chunks, through the engine and an inbox. */
function read(sink: LateSink, chunks: readonly number[]): string[] {
  const peer = new PeerLog();
  const inbox = new Inbox();
  const got: string[] = [];
  peer.feed(opening('PUSH'));
  const messages = peer.messages.bind(peer);
  peer.messages = (bytes, start, end, count) => {
    messages(bytes, start, end, count);
    inbox.push(bytes, start, end, count);
  };
  peer.feedIn(Buffer.concat(sink.arrived), chunks);
  for (let frames = inbox.next(); frames !== null; frames = inbox.next()) got.push(label(frames));
  assert.equal(peer.error, null);
  assert.deepEqual(got, peer.received.map(label));
  return got;
}

function play(steps: readonly Step[], mark: number, chunks: readonly number[], keepsBuffers: boolean): void {
  const intrude = bystander();
  let rooms = 0;
  const schedule = (): void => {
    model.scheduled = true;
  };
  const outbox = new Outbox(mark, schedule, () => rooms++);
  const sink = new LateSink(keepsBuffers);
  const model: Model = { outbox, sink, sinks: [], open: [], flying: [], arrived: [], scheduled: false };
  connect(model, sink);
  for (const todo of steps) {
    const wasFull = outbox.full;
    const before = rooms;
    step(model, todo);
    assert.equal(outbox.queued, model.open.length + model.flying.length, 'queued is exact');
    assert.equal(outbox.stalled, model.sink.busy);
    if (mark > 0) assert.ok(outbox.queued <= mark, 'over the mark');
    if (wasFull && !outbox.full && todo.do !== 'discard') assert.ok(rooms > before, 'room, and nobody told');
    if (!outbox.idle && !outbox.stalled) assert.ok(model.scheduled, 'waits, and nobody was asked to flush');
    intrude();
  }
  // The network gets well.
  model.sink.takes = true;
  step(model, { do: 'drain', takes: true });
  step(model, { do: 'flush', takes: true });
  assert.deepEqual(model.open, []);
  assert.ok(outbox.idle);
  intrude();
  for (const each of model.sinks) each.check();
  const got = model.sinks.flatMap((each) => read(each, chunks));
  assert.deepEqual(got, model.arrived);
}

describe('outbox to inbox', () => {
  const anySteps = fc.array(anyStep, { maxLength: 80 });
  const anyMark = fc.constantFrom(0, 1, 2, 5, 20);
  for (const keeps of [false, true]) {
    it(`nothing is lost, doubled or changed${keeps ? ', over a sink that passes memory on' : ''}`, () => {
      const property = fc.property(anySteps, anyMark, anyChunks, (steps, mark, chunks) =>
        play(steps, mark, chunks, keeps),
      );
      fc.assert(property, runs(250));
    });
  }
});
