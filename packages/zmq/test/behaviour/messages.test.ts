/** Messages: what may be sent, sizes from nothing to 16 MiB, many frames, never torn or mixed. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as zmq from '../../src/index.ts';
import { KIB, MIB, payload, sameParts, text } from '../support/payload.ts';
import { link, scope } from '../support/scope.ts';
import { transports } from '../support/transports.ts';

const SIZES = [0, 1, 2, 127, 128, 254, 255, 256, 257, 8191, 65_535, 65_536, 65_537, 131_072, MIB - 1, MIB];

function shareable(content: string): Uint8Array {
  const bytes = new Uint8Array(new SharedArrayBuffer(content.length));
  bytes.set(Buffer.from(content));
  return bytes;
}

for (const transport of transports) {
  describe(`messages over ${transport.name}`, { timeout: 30_000 }, () => {
    it('carries every size, alone and between other frames', async (t) => {
      const s = scope(t, transport);
      const [one, two] = [s.open(zmq.Pair), s.open(zmq.Pair)];
      await link(transport, one, two);
      for (const size of SIZES) {
        const body = payload(size, size);
        for (const parts of [[body], ['', body, 'x'], [body, body]]) {
          await one.send(parts);
          sameParts(
            await two.receive(),
            parts.map((part) => Buffer.from(part)),
            `${size} bytes`,
          );
        }
      }
    });

    it('carries 16 MiB, in one frame and in sixteen', async (t) => {
      const s = scope(t, transport);
      const [one, two] = [s.open(zmq.Pair), s.open(zmq.Pair)];
      await link(transport, one, two);
      const body = payload(16 * MIB, 16);
      const pieces = Array.from({ length: 16 }, (_, index) => body.subarray(index * MIB, (index + 1) * MIB));
      await one.send(body);
      sameParts(await two.receive(), [body], 'one frame');
      await one.send(pieces);
      sameParts(await two.receive(), pieces, 'sixteen frames');
    });

    it('carries empty frames wherever they are, and a thousand frames', async (t) => {
      const s = scope(t, transport);
      const [one, two] = [s.open(zmq.Pair), s.open(zmq.Pair)];
      await link(transport, one, two);
      const many = Array.from({ length: 1000 }, (_, index) => (index % 3 === 0 ? '' : String(index)));
      for (const parts of [[''], ['', ''], ['a', '', 'b'], ['', 'a', ''], ['', '', ''], many]) {
        await one.send(parts);
        assert.deepEqual(text(await two.receive()), parts);
      }
    });

    it('takes strings, buffers, views with offsets, array buffers, numbers and null', async (t) => {
      const s = scope(t, transport);
      const [one, two] = [s.open(zmq.Pair), s.open(zmq.Pair)];
      await link(transport, one, two);
      const shared = Buffer.from('....window....');
      const words = Uint16Array.from([0x6161, 0x6262, 0x6363, 0x6464]);
      const kinds: [what: string, message: zmq.MessageLike, expected: string][] = [
        ['a string', 'plain', 'plain'],
        ['a string beyond ASCII', 'grüße, 世界 🌍', 'grüße, 世界 🌍'],
        ['an empty string', '', ''],
        ['a buffer', Buffer.from('buffer'), 'buffer'],
        ['an empty buffer', Buffer.alloc(0), ''],
        ['a part of a buffer', shared.subarray(4, 10), 'window'],
        ['a Uint8Array with an offset', new Uint8Array(shared.buffer, shared.byteOffset + 4, 6), 'window'],
        ['a Uint16Array with an offset', words.subarray(1, 3), 'bbcc'],
        ['a DataView with an offset', new DataView(words.buffer, 2, 4), 'bbcc'],
        ['an ArrayBuffer', Uint8Array.from([0x66, 0x6f, 0x6f]).buffer, 'foo'],
        ['a view of shared memory', shareable('shared').subarray(1, 4), 'har'],
        ['null', null, ''],
        ['a number', 16.19, '16.19'],
        ['zero', 0, '0'],
      ];
      for (const [what, message, expected] of kinds) {
        await one.send(message);
        const [got, ...rest] = await two.receive();
        assert.ok(Buffer.isBuffer(got), what);
        assert.equal(got.toString(), expected, what);
        assert.equal(rest.length, 0, what);
      }
      await one.send(kinds.map(([, message]) => message));
      assert.deepEqual(
        text(await two.receive()),
        kinds.map(([, , expected]) => expected),
      );
    });

    it('never mixes the frames of several senders', async (t) => {
      const s = scope(t, transport);
      const pull = s.open(zmq.Pull);
      const pushes = [s.open(zmq.Push), s.open(zmq.Push), s.open(zmq.Push)];
      await link(transport, pull, ...pushes);
      const COUNT = 150;
      const size = (index: number): number => (index % 10 === 0 ? 40 * KIB : (index * 37) % 300);
      const sending = pushes.map(async (push, sender) => {
        for (let index = 0; index < COUNT; index += 1) {
          const parts = Array.from({ length: (index % 5) + 1 }, () => payload(size(index), sender + 1));
          await push.send([String(sender), String(index), ...parts]);
        }
      });
      const next = [0, 0, 0];
      for (let count = 0; count < COUNT * 3; count += 1) {
        const [who, number, ...parts] = (await pull.receive()) as [Buffer, Buffer, ...Buffer[]];
        const sender = Number(who.toString());
        const index = Number(number.toString());
        assert.equal(index, next[sender]);
        next[sender] = index + 1;
        const expected = Array.from({ length: (index % 5) + 1 }, () => payload(size(index), sender + 1));
        sameParts(parts, expected, `message ${index} of sender ${sender}`);
      }
      await Promise.all(sending);
    });

    it('keeps received messages as they are while more arrive', async (t) => {
      const s = scope(t, transport);
      const [one, two] = [s.open(zmq.Pair), s.open(zmq.Pair)];
      await link(transport, one, two);
      const kept: Buffer[] = [];
      for (let index = 0; index < 2000; index += 1) {
        await one.send(payload(64, index));
        kept.push(...(await two.receive()));
      }
      for (const [index, body] of kept.entries()) sameParts([body], [payload(64, index)], `message ${index}`);
    });
  });
}
