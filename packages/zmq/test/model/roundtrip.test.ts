/**
 * Properties of the peer engine: however the bytes of a connection are cut into chunks, the same messages come out;
 * what an outbox encodes is what a peer decodes; and no bytes at all make the engine throw or keep much.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ZmqError } from '../../src/errors.ts';
import { Outbox } from '../../src/patterns/outbox.ts';
import { NullMechanism } from '../../src/zmtp/mechanism/null.ts';
import { type PeerEvents, type PeerIdentity, ZmtpPeer } from '../../src/zmtp/peer.ts';
import { command, frame, greeting, ready } from '../support/rawpeer.ts';

type Message = Uint8Array[];

/** Takes bytes with whole messages apart, one octet after the other: the oracle. */
function decode(bytes: Uint8Array): Message[] {
  const buffer = Buffer.from(bytes);
  const messages: Message[] = [];
  let parts: Message = [];
  for (let at = 0; at < buffer.length; ) {
    const flags = buffer.readUInt8(at);
    const long = (flags & 2) !== 0;
    const size = long ? Number(buffer.readBigUInt64BE(at + 1)) : buffer.readUInt8(at + 1);
    const body = at + (long ? 9 : 2);
    assert.equal(flags & 4, 0, 'no command among the messages');
    assert.ok(body + size <= buffer.length, 'a run holds whole messages');
    parts.push(Buffer.from(buffer.subarray(body, body + size)));
    at = body + size;
    if ((flags & 1) === 0) {
      messages.push(parts);
      parts = [];
    }
  }
  assert.equal(parts.length, 0, 'a run ends with a message');
  return messages;
}

/** A peer engine and everything that it reported. Runs are decoded at the end, so that later bytes can't change them. */
class Recorder implements PeerEvents {
  readonly engine: ZmtpPeer;
  readonly runs: { bytes: Uint8Array; start: number; end: number; count: number }[] = [];
  readonly subscriptions: string[] = [];
  readonly outputs: Buffer[] = [];
  pings = 0;
  identity: PeerIdentity | null = null;
  error: ZmqError | null = null;

  constructor(maxMessageSize: number = -1) {
    const mechanism = new NullMechanism([['Socket-Type', Buffer.from('PAIR')]]);
    this.engine = new ZmtpPeer({ socketType: 'PAIR', mechanism, maxMessageSize }, this);
    this.engine.open();
  }

  output(bytes: Uint8Array): void {
    this.outputs.push(Buffer.from(bytes));
  }

  authenticate(): void {}

  ready(identity: PeerIdentity): void {
    assert.equal(this.identity, null, 'ready once');
    this.identity = identity;
  }

  messages(bytes: Uint8Array, start: number, end: number, count: number): void {
    assert.notEqual(this.identity, null, 'no message before ready');
    assert.equal(this.error, null, 'no message after failed');
    this.runs.push({ bytes, start, end, count });
  }

  subscription(topic: Buffer, subscribe: boolean): void {
    this.subscriptions.push(`${subscribe ? '+' : '-'}${topic.toString('hex')}`);
  }

  ping(): void {
    this.pings += 1;
  }

  failed(error: ZmqError): void {
    assert.equal(this.error, null, 'failed once');
    this.error = error;
  }

  received(): Message[] {
    return this.runs.flatMap(({ bytes, start, end, count }) => {
      const messages = decode(bytes.subarray(start, end));
      assert.equal(messages.length, count, 'the count of a run');
      return messages;
    });
  }

  /** Feeds the bytes in chunks of the given sizes, over and over; each chunk has memory of its own. */
  feed(bytes: Uint8Array, sizes: readonly number[]): void {
    for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
      const size = sizes[turn % sizes.length] as number;
      this.engine.receive(Uint8Array.from(bytes.subarray(at, at + size)));
      at += size;
    }
  }
}

const HELLO = Buffer.concat([greeting(), ready({ socketType: 'PAIR' })]);

const body = fc.oneof(
  { weight: 12, arbitrary: fc.uint8Array({ maxLength: 20 }) },
  { weight: 3, arbitrary: fc.uint8Array({ minLength: 250, maxLength: 260 }) },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 1000, max: 9000 }).map((size) => new Uint8Array(size).fill(size)),
  },
);
const message = fc.array(body, { minLength: 1, maxLength: 6 });
const messages = fc.array(message, { maxLength: 12 });
const chunks = fc.oneof(
  fc.constant([1]),
  fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 20 }),
  fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 20 }),
  fc.constant([Number.MAX_SAFE_INTEGER]),
);

function same(actual: readonly Message[], expected: readonly Message[]): void {
  const hex = (list: readonly Message[]): string[][] =>
    list.map((parts) => parts.map((part) => Buffer.from(part).toString('hex')));
  assert.deepEqual(hex(actual), hex(expected));
}

/** Messages as frames, `long` deciding per frame whether a short body takes the long form; commands in between. */
function encode(list: readonly Message[], long: readonly boolean[], commands: readonly Buffer[]): Buffer {
  const bytes: Uint8Array[] = [];
  let count = 0;
  for (const parts of list) {
    for (const [index, part] of parts.entries()) {
      if (commands.length > 0 && count % 3 === 1) bytes.push(commands[count % commands.length] as Buffer);
      const form = part.length > 255 || long[count % Math.max(long.length, 1)] === true;
      bytes.push(frame(part, { more: index < parts.length - 1, long: form }));
      count += 1;
    }
  }
  return Buffer.concat(bytes);
}

describe('the peer engine', { timeout: 60_000 }, () => {
  it('gives the same messages for every way to cut the bytes', () => {
    fc.assert(
      fc.property(messages, fc.array(fc.boolean(), { maxLength: 5 }), chunks, (list, long, sizes) => {
        const recorder = new Recorder();
        recorder.feed(Buffer.concat([HELLO, encode(list, long, [])]), sizes);
        assert.equal(recorder.error, null);
        same(recorder.received(), list);
      }),
      { numRuns: 200 },
    );
  });

  it('takes commands out, between messages and between frames', () => {
    const commands = [
      command('PING', Buffer.from([0, 7, 0x61])),
      command('PONG', Buffer.from('x')),
      command('SUBSCRIBE', Buffer.from('topic')),
      command('NOBODY-KNOWS', Buffer.alloc(300)),
    ];
    fc.assert(
      fc.property(messages, chunks, (list, sizes) => {
        const recorder = new Recorder();
        recorder.feed(Buffer.concat([HELLO, encode(list, [], commands)]), sizes);
        assert.equal(recorder.error, null);
        same(recorder.received(), list);
        const pongs = recorder.outputs.filter((bytes) => bytes.includes('PONG'));
        assert.equal(pongs.length, recorder.pings);
      }),
      { numRuns: 200 },
    );
  });

  it('knows the limit exactly, however the bytes are cut', () => {
    fc.assert(
      fc.property(message, chunks, fc.boolean(), (parts, sizes, over) => {
        const total = parts.reduce((sum, part) => sum + part.length, 0);
        fc.pre(total > 0);
        const recorder = new Recorder(over ? total - 1 : total);
        recorder.feed(Buffer.concat([HELLO, encode([parts], [], [])]), sizes);
        if (over) {
          assert.equal(recorder.error?.code, 'ERR_ZMTP_MESSAGE_SIZE');
          assert.equal(recorder.runs.length, 0);
        } else {
          assert.equal(recorder.error, null);
          same(recorder.received(), [parts]);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('never throws, and stays silent once it has failed, whatever comes', () => {
    const start = fc.constantFrom(Buffer.alloc(0), greeting(), HELLO);
    fc.assert(
      fc.property(start, fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 20 }), (head, noise) => {
        const recorder = new Recorder(10_000);
        recorder.engine.receive(Uint8Array.from(head));
        for (const chunk of noise) recorder.engine.receive(Uint8Array.from(chunk));
        const after = recorder.runs.length;
        if (recorder.error !== null) {
          assert.ok(recorder.error instanceof ZmqError);
          recorder.engine.receive(frame('late'));
          assert.equal(recorder.runs.length, after);
        }
        recorder.received();
      }),
      { numRuns: 1000 },
    );
  });

  it('never throws when single octets of a good stream are changed', () => {
    fc.assert(
      fc.property(
        messages,
        chunks,
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
        (list, sizes, edits) => {
          const bytes = Buffer.concat([HELLO, encode(list, [], [command('PING', Buffer.from([0, 1]))])]);
          for (const [at, octet] of edits) bytes[at % bytes.length] = octet;
          const recorder = new Recorder(100_000);
          recorder.feed(bytes, sizes);
          recorder.received();
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('the outbox and the peer engine', { timeout: 60_000 }, () => {
  it('what goes in on one side comes out on the other, through a sink that is slow at times', () => {
    fc.assert(
      fc.property(
        messages,
        fc.array(fc.boolean(), { minLength: 1, maxLength: 10 }),
        fc.array(fc.nat(3), { minLength: 1, maxLength: 10 }),
        chunks,
        (list, fast, pauses, sizes) => {
          const written: Buffer[] = [];
          let busy = false;
          const due = new Set<Outbox>();
          const outbox = new Outbox(
            0,
            (box) => due.add(box),
            () => undefined,
          );
          let writes = 0;
          // While a write is not taken the sink owns its memory: it copies only when it is done.
          let held: readonly Uint8Array[] = [];
          outbox.open({
            keepsBuffers: false,
            write: (parts) => {
              assert.equal(busy, false, 'one write at a time');
              writes += 1;
              if (fast[writes % fast.length] === true) {
                written.push(Buffer.concat(parts));
                return true;
              }
              held = parts;
              busy = true;
              return false;
            },
          });
          const finish = (): void => {
            if (!busy) return;
            written.push(Buffer.concat(held));
            busy = false;
            outbox.drained();
          };
          const flush = (): void => {
            for (const box of due) box.flush();
            due.clear();
          };
          for (const [index, parts] of list.entries()) {
            const only = parts[0] as Uint8Array;
            if (parts.length > 1) outbox.pushAll(parts);
            else outbox.push(only);
            const pause = pauses[index % pauses.length] as number;
            if (pause >= 1) flush();
            if (pause >= 3) finish();
          }
          while (busy || due.size > 0 || !outbox.idle) {
            flush();
            finish();
          }
          assert.equal(outbox.queued, 0);
          assert.equal(outbox.sentMessages, list.length);
          const recorder = new Recorder();
          recorder.feed(Buffer.concat([HELLO, ...written]), sizes);
          assert.equal(recorder.error, null);
          same(recorder.received(), list);
        },
      ),
      { numRuns: 200 },
    );
  });
});
