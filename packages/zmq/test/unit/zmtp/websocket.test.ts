/**
 * WebSocket frames without a network. The package `ws` is the other side: what it frames is read, and it reads what is
 * written.
 */
import assert from 'node:assert/strict';
import { randomBytes, randomFillSync } from 'node:crypto';
import { Duplex } from 'node:stream';
import { describe, it } from 'node:test';
import * as ws from 'ws';
import { type WebSocketEvents, WebSocketReader } from '../../../src/zmtp/websocket-reader.ts';
import { Masks, WebSocketWriter } from '../../../src/zmtp/websocket-writer.ts';
import { ZwsReader, ZwsWriter } from '../../../src/zmtp/zws.ts';
import { command, decode, message } from '../../support/wire.ts';

/** Not in the types of ws. */
interface Inside {
  readonly Receiver: new (
    options: object,
  ) => {
    on(event: 'message', listener: (data: Buffer, binary: boolean) => void): void;
    write(chunk: Uint8Array): boolean;
  };
  readonly Sender: new (
    socket: Duplex,
  ) => {
    send(data: Uint8Array, options: object, done?: () => void): void;
    ping(data: Uint8Array, mask: boolean): void;
    pong(data: Uint8Array, mask: boolean): void;
    close(code: number, reason: string, mask: boolean): void;
  };
}
const { Receiver, Sender } = ws as unknown as Inside;

const masks = new Masks((bytes) => randomFillSync(bytes));

/** Where heads change, and where one of ours is longer than what came. */
const SIZES = [
  0, 1, 3, 31, 32, 33, 123, 124, 125, 126, 254, 255, 256, 257, 1000, 9000, 65_534, 65_535, 70_000,
];

/** Plain frames of every size, commands in between. */
const PLAIN = Buffer.concat(
  SIZES.flatMap((size, index) => [
    message(randomBytes(size), randomBytes(index)),
    command('WORD', randomBytes(index)),
    message(randomBytes(size)),
  ]),
);

/** What ws makes of `work`. */
function framed(work: (sender: InstanceType<Inside['Sender']>) => void): Buffer {
  const parts: Buffer[] = [];
  const socket = new Duplex({
    read: () => {},
    write: (chunk: Buffer, _encoding, done) => {
      parts.push(Buffer.from(chunk));
      done();
    },
  });
  work(new Sender(socket));
  return Buffer.concat(parts);
}

interface Seen {
  readonly plain: Buffer;
  readonly events: readonly string[];
  readonly error: string | null;
}

/** Feeds `bytes` in chunks of the sizes, over and over. */
function feed(bytes: Buffer, sizes: readonly number[], server: boolean, limit = 1e9): Seen {
  const parts: Buffer[] = [];
  const events: string[] = [];
  const at = (): number => parts.reduce((sum, part) => sum + part.length, 0);
  const sink: WebSocketEvents = {
    data: (chunk) => void parts.push(Buffer.from(chunk)),
    ping: (payload) => void events.push(`ping ${Buffer.from(payload)} at ${at()}`),
    pong: () => void events.push(`pong at ${at()}`),
    close: (code, reason) => void events.push(`close ${code} ${reason} at ${at()}`),
  };
  const reader = new WebSocketReader(server, () => limit, sink);
  let error: string | null = null;
  try {
    for (let from = 0, turn = 0; from < bytes.length; turn++) {
      const size = sizes[turn % sizes.length]!;
      // In every position to the words of the memory.
      const chunk = Buffer.alloc(3 + Math.min(size, bytes.length - from)).subarray(turn % 4);
      reader.receive(chunk.subarray(0, bytes.copy(chunk, 0, from, from + size)));
      from += size;
    }
  } catch (thrown) {
    error = (thrown as { code: string }).code;
  }
  return { plain: Buffer.concat(parts), events, error };
}

/** Octets of a masked frame. */
function headed(size: number): number {
  return size + (size < 126 ? 6 : size < 65_536 ? 8 : 14);
}

describe('WebSocket frames that leave', () => {
  for (const client of [false, true]) {
    it(`are read by ws, ${client ? 'masked' : 'not masked'}`, () => {
      const got: Buffer[] = [];
      const receiver = new Receiver({ isServer: client });
      receiver.on('message', (data, binary) => {
        assert.equal(binary, true);
        got.push(Buffer.from(data));
      });
      const writer = new WebSocketWriter(client ? masks : null);
      for (let round = 0; round < 2; round++) {
        for (const part of writer.encode([PLAIN])) receiver.write(Buffer.from(part));
        writer.release(round === 0);
      }
      const expected = new ZwsWriter(false).messages([PLAIN]);
      assert.deepEqual(got, [...expected, ...expected]);
    });
  }

  for (const enough of [1, 300, 70_000]) {
    it(`come in pieces of about ${enough} octets that end with a message, however the parts are cut`, () => {
      const plain: Buffer[] = [];
      for (const size of SIZES) {
        const whole = message(randomBytes(size));
        const body = whole.length - size;
        // As an outbox does: heads with what is in front of them, large bodies alone.
        plain.push(whole.subarray(0, body), Buffer.alloc(0), whole.subarray(body));
        plain.push(Buffer.concat([message('x'), message(randomBytes(200)), message('y')]));
      }
      const got: Buffer[] = [];
      const receiver = new Receiver({ isServer: true });
      receiver.on('message', (data) => void got.push(Buffer.from(data)));
      const writer = new WebSocketWriter(masks);
      writer.take(plain);
      let pieces = 0;
      for (let parts = writer.next(enough); parts !== null; parts = writer.next(enough)) {
        const before = got.length;
        const length = parts.reduce((sum, part) => sum + part.length, 0);
        for (const part of parts) receiver.write(Buffer.from(part));
        writer.release(pieces++ % 2 === 0);
        assert.ok(got.length > before);
        const whole = got.slice(before).reduce((sum, data) => sum + headed(data.length), 0);
        assert.equal(whole, length);
      }
      assert.deepEqual(got, new ZwsWriter(false).messages(plain));
      assert.ok(pieces > 1);
    });
  }

  it('have another mask each', () => {
    const [part] = new WebSocketWriter(masks).encode([Buffer.concat([message('a'), message('a')])]);
    assert.equal(part?.length, 16);
    assert.notDeepEqual(part?.subarray(2, 6), part?.subarray(10, 14));
  });

  it('stay as they are until all is written', () => {
    const writer = new WebSocketWriter(masks);
    const bytes = Buffer.concat([message(randomBytes(60)), message(randomBytes(60_000))]);
    const first = writer.encode([bytes]);
    const kept = first.map((part) => Buffer.from(part));
    writer.release(false);
    const second = writer.encode([bytes]);
    writer.release(false);
    assert.notEqual(second[0]?.buffer, first[0]?.buffer);
    assert.deepEqual(first, kept);
    writer.drained();
    const third = writer.encode([bytes]);
    assert.ok([first, second].some((parts) => parts[0]?.buffer === third[0]?.buffer));
  });

  it('carry large bodies by reference where nothing is masked, and copies where it is', () => {
    const body = randomBytes(100_000);
    const kept = Buffer.from(body);
    const whole = message(body);
    const head = whole.subarray(0, 9);
    assert.ok(new WebSocketWriter(null).encode([head, body]).some((part) => part.buffer === body.buffer));
    assert.ok(!new WebSocketWriter(masks).encode([head, body]).some((part) => part.buffer === body.buffer));
    assert.deepEqual(body, kept);
  });
});

describe('WebSocket frames that arrive', () => {
  const messages = new ZwsWriter(false).messages([PLAIN]);
  for (const mask of [false, true]) {
    const bytes = framed((sender) => {
      for (const each of messages)
        sender.send(Buffer.from(each), { binary: true, fin: true, mask, compress: false });
    });
    for (const sizes of [[bytes.length], [65_536], [1], [2, 3], [7, 1, 250, 4096], [1021, 9, 8191]]) {
      it(`from ws, ${mask ? 'masked' : 'not masked'}, in reads of ${sizes}, are the frames that they were`, () => {
        const { plain, error } = feed(bytes, sizes, mask);
        assert.equal(error, null);
        assert.deepEqual(decode(plain), decode(PLAIN));
      });
    }

    it(`in fragments, with control frames in between, ${mask ? 'masked' : 'not masked'}`, () => {
      const fragments = framed((sender) => {
        const options = { binary: true, mask, compress: false };
        sender.send(Buffer.from('\x00before'), { ...options, fin: true });
        sender.send(Buffer.from('\x01'), { ...options, fin: false });
        sender.ping(Buffer.from('hi'), mask);
        sender.send(Buffer.from('fir'), { ...options, fin: false });
        sender.send(Buffer.alloc(0), { ...options, fin: false });
        sender.send(Buffer.from('st'), { ...options, fin: true });
        sender.pong(Buffer.from('x'), mask);
        sender.send(Buffer.from('\x00second'), { ...options, fin: true });
        sender.close(1000, 'bye', mask);
        sender.send(Buffer.from('\x00late'), { ...options, fin: true });
      });
      for (const sizes of [[fragments.length], [1], [3, 2]]) {
        const { plain, events, error } = feed(fragments, sizes, mask);
        assert.equal(error, null);
        assert.deepEqual(plain, Buffer.concat([message('before'), message('first', 'second')]));
        assert.deepEqual(events, ['ping hi at 8', 'pong at 15', 'close 1000 bye at 23']);
      }
    });
  }

  it('are read the same by what a page uses', () => {
    const chunks: Uint8Array[] = [];
    const reader = new ZwsReader(false, new ZwsWriter(false), (chunk) => chunks.push(chunk));
    for (const each of messages) reader.push(each);
    reader.flush();
    assert.deepEqual(decode(Buffer.concat(chunks)), decode(PLAIN));
  });

  const bad: Readonly<Record<string, readonly [bytes: number[], server: boolean, code?: string]>> = {
    'not masked, of a client': [[0x82, 2, 0, 1], true],
    'masked, of a server': [[0x82, 0x82, 1, 2, 3, 4, 0, 1], false],
    'compressed without agreement': [[0xc2, 2, 0, 1], false],
    'of a text message': [[0x81, 1, 65], false],
    'of an unknown opcode': [[0x83, 1, 65], false],
    'of an unknown control opcode': [[0x8b, 0], false],
    'a message without a flags octet': [[0x82, 0], false],
    'fragments without a flags octet': [[0x02, 0, 0x80, 0], false],
    'a continuation of nothing': [[0x80, 1, 0], false],
    'a message within another': [[0x02, 1, 0, 0x82, 1, 0], false],
    'a control frame in fragments': [[0x09, 0], false],
    'a control frame of 126 octets': [[0x89, 126, 0, 126], false],
    'a Close with half a code': [[0x88, 1, 3], false],
    'a length over 2^53': [[0x82, 127, 255, 255, 0, 0, 0, 0, 0, 0, 0], false, 'ERR_ZMTP_MESSAGE_SIZE'],
    'a fragment over the limit': [[0x02, 127, 0, 0, 0, 1, 0, 0, 0, 0], false, 'ERR_ZMTP_MESSAGE_SIZE'],
  };
  for (const [what, [bytes, server, code = 'ERR_WEBSOCKET']] of Object.entries(bad)) {
    it(`are refused: ${what}`, () => {
      for (const sizes of [[bytes.length], [1]])
        assert.equal(feed(Buffer.from(bytes), sizes, server, 1000).error, code);
    });
  }

  it('are refused when the fragments together are over the limit', () => {
    const bytes = framed((sender) => {
      const options = { binary: true, mask: false, compress: false };
      for (let count = 0; count < 11; count++) sender.send(Buffer.alloc(100), { ...options, fin: false });
    });
    assert.equal(feed(bytes, [7], false, 1000).error, 'ERR_ZMTP_MESSAGE_SIZE');
  });
});
