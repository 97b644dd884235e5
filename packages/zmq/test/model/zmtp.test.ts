/** Any octets of a good peer, cut anywhere, say to the engine what they say to the oracle. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { anyChunks, anyMessage } from '../support/arbitrary.ts';
import { PeerLog } from '../support/peerlog.ts';
import { runs } from '../support/property.ts';
import { command, decode, frame, opening, show } from '../support/wire.ts';

const HELLO = opening('PUSH');

/** One frame in one of the forms that a peer may choose. */
const anyForm = fc.record({ long: fc.boolean(), reserved: fc.constantFrom(0, 0, 0, 8, 0x80, 0xf8) });

/** A command that may stand anywhere. */
const anyCommand = fc.oneof(
  fc.uint8Array({ minLength: 2, maxLength: 18 }).map((data) => command('PING', data)),
  fc.uint8Array({ maxLength: 20 }).map((data) => command('PONG', data)),
  fc.uint8Array({ maxLength: 300 }).map((data) => command('SUBSCRIBE', data)),
  fc.uint8Array({ maxLength: 300 }).map((data) => command('CANCEL', data, { long: true })),
  fc.uint8Array({ maxLength: 10 }).map((data) => command('WHATEVER', data, { reserved: 0x10 })),
);

/** A message as octets, with commands between its frames now and then. */
const anyOctets = fc
  .tuple(
    anyMessage,
    fc.infiniteStream(anyForm),
    fc.infiniteStream(fc.option(anyCommand, { freq: 6, nil: null })),
  )
  .map(([frames, forms, commands]) => {
    const parts: Buffer[] = [];
    for (const [index, bytes] of frames.entries()) {
      const between = commands.next().value;
      if (between !== null) parts.push(between);
      parts.push(frame(bytes, { ...forms.next().value, more: index < frames.length - 1 }));
    }
    return Buffer.concat(parts);
  });

/** What the engine's log has to be for octets after the handshake. */
function expected(bytes: Buffer): string[] {
  const { items } = decode(bytes);
  return items.flatMap((item) => {
    if (item.kind === 'message') return [`message ${show(item.frames).join(' ')}`];
    if (item.name === 'PING') return [`ping ${item.data.readUInt16BE() * 100}`];
    if (item.name === 'SUBSCRIBE') return [`subscribe ${show([item.data])[0]}`];
    if (item.name === 'CANCEL') return [`cancel ${show([item.data])[0]}`];
    return [];
  });
}

function pongs(bytes: Buffer): Buffer {
  const { items } = decode(bytes);
  const answers = items.flatMap((item) =>
    item.kind === 'command' && item.name === 'PING' ? [command('PONG', item.data.subarray(2))] : [],
  );
  return Buffer.concat(answers);
}

describe('the engine agrees with the oracle', () => {
  it('on messages and commands, in any form and any chunks', () => {
    const before = new PeerLog().feed(HELLO).sent.length;
    fc.assert(
      fc.property(fc.array(anyOctets, { maxLength: 30 }), anyChunks, (messages, chunks) => {
        const bytes = Buffer.concat(messages);
        const peer = new PeerLog().feedIn(Buffer.concat([HELLO, bytes]), chunks);
        assert.deepEqual(peer.log.slice(1), expected(bytes));
        assert.deepEqual(peer.sent.subarray(before), pongs(bytes));
      }),
      runs(150),
    );
  });

  it('on how much of a torn stream is whole', () => {
    fc.assert(
      fc.property(
        fc.array(anyOctets, { minLength: 1, maxLength: 6 }),
        anyChunks,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (messages, chunks, share) => {
          const bytes = Buffer.concat(messages);
          const torn = bytes.subarray(0, Math.floor(bytes.length * share));
          const peer = new PeerLog().feedIn(Buffer.concat([HELLO, torn]), chunks);
          assert.equal(peer.error, null);
          assert.deepEqual(peer.log.slice(1), expected(torn));
          // What follows completes it.
          peer.feed(bytes.subarray(torn.length));
          assert.deepEqual(peer.log.slice(1), expected(bytes));
        },
      ),
      runs(100),
    );
  });

  it('on which messages pass a limit: all before the first that is too large', () => {
    fc.assert(
      fc.property(
        fc.array(anyMessage, { maxLength: 20 }),
        anyChunks,
        fc.nat(400),
        (messages, chunks, limit) => {
          const octets = messages.map((frames) =>
            Buffer.concat(frames.map((bytes, i) => frame(bytes, { more: i < frames.length - 1 }))),
          );
          const sizes = messages.map((frames) => frames.reduce((sum, bytes) => sum + bytes.length, 0));
          const bad = sizes.findIndex((bytes) => bytes > limit);
          const peer = new PeerLog({ maxMessageSize: limit }).feedIn(
            Buffer.concat([HELLO, ...octets]),
            chunks,
          );
          assert.equal(peer.error?.code, bad < 0 ? undefined : 'ERR_ZMTP_MESSAGE_SIZE');
          const good = bad < 0 ? messages : messages.slice(0, bad);
          assert.deepEqual(peer.received.map(show), good.map(show));
        },
      ),
      runs(150),
    );
  });
});
