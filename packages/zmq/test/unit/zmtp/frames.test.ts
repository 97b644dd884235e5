/** Frames as they arrive when messages flow, each vector in every way that a network may cut it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { everyWay } from '../../support/chunks.ts';
import { PeerLog } from '../../support/peerlog.ts';
import { checksum, command, frame, hex, message, opening, ping } from '../../support/wire.ts';

const HELLO = opening('PUSH');
const READY = "ready PUSH 3.1 ''";
const body300 = Buffer.alloc(300, 'abc');
const seen = (body: Buffer): string => `${body.length} octets, ${checksum(body)}`;

/** Written out in octets: what is on the wire, and what comes of it. */
const VECTORS: readonly (readonly [what: string, bytes: Buffer, log: readonly string[]])[] = [
  ['an empty message', hex('00 00'), ["message ''"]],
  ['one octet', hex('00 01 41'), ["message 'A'"]],
  ['two messages', hex('00 01 41 00 01 42'), ["message 'A'", "message 'B'"]],
  ['two frames', hex('01 01 41 00 01 42'), ["message 'A' 'B'"]],
  ['empty frames all the way', hex('01 00 01 00 00 00'), ["message '' '' ''"]],
  ['an envelope', hex('01 01 41 01 00 00 02 68 69'), ["message 'A' '' 'hi'"]],
  ['a body that looks like frames', hex('00 04 01 01 41 00'), ['message 01014100']],
  [
    'a body that looks like a greeting',
    frame(hex('ff 00 00 00 00 00 00 00 01 7f')),
    ['message ff00000000000000017f'],
  ],
  ['the long form of no octets', hex('02 00 00 00 00 00 00 00 00'), ["message ''"]],
  ['the long form of one octet', hex('02 00 00 00 00 00 00 00 01 41'), ["message 'A'"]],
  ['the long form with more', hex('03 00 00 00 00 00 00 00 01 41 00 01 42'), ["message 'A' 'B'"]],
  [
    '255 octets in the short form',
    Buffer.concat([hex('00 ff'), body300.subarray(0, 255)]),
    [`message ${seen(body300.subarray(0, 255))}`],
  ],
  [
    '255 octets in the long form',
    frame(body300.subarray(0, 255), { long: true }),
    [`message ${seen(body300.subarray(0, 255))}`],
  ],
  [
    '256 octets',
    Buffer.concat([hex('02 00 00 00 00 00 00 01 00'), body300.subarray(0, 256)]),
    [`message ${seen(body300.subarray(0, 256))}`],
  ],
  [
    'short and long frames in one message',
    message('id', '', body300, 'end'),
    [`message 'id' '' ${seen(body300)} 'end'`],
  ],
  ['reserved bits', hex('08 01 41 80 01 42 f8 01 43'), ["message 'A'", "message 'B'", "message 'C'"]],
  ['reserved bits and more', hex('f9 01 41 f8 01 42'), ["message 'A' 'B'"]],
  ['reserved bits and the long form', hex('fb 00 00 00 00 00 00 00 01 41 10 01 42'), ["message 'A' 'B'"]],
];

const COMMANDS: readonly (readonly [what: string, bytes: Buffer, log: readonly string[], answer?: string])[] =
  [
    ['PING', hex('04 07 04 50 49 4e 47 00 00'), ['ping 0'], '04 05 04 50 4f 4e 47'],
    ['PING with a context', ping(10, 'abc'), ['ping 1000'], '04 08 04 50 4f 4e 47 61 62 63'],
    [
      'PING with a context of 16 octets',
      ping(0, '0123456789abcdef'),
      ['ping 0'],
      '04 15 04 50 4f 4e 47 30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66',
    ],
    ['PING with the longest time', ping(65_535), ['ping 6553500'], '04 05 04 50 4f 4e 47'],
    [
      'PING in the long form',
      command('PING', hex('00 00 78'), { long: true }),
      ['ping 0'],
      '04 06 04 50 4f 4e 47 78',
    ],
    [
      'two PINGs',
      Buffer.concat([ping(1, 'a'), ping(2, 'b')]),
      ['ping 100', 'ping 200'],
      '04 06 04 50 4f 4e 47 61 04 06 04 50 4f 4e 47 62',
    ],
    ['PONG', command('PONG', 'anything'), []],
    ['PONG of nothing', command('PONG'), []],
    ['SUBSCRIBE', hex('04 0b 09 53 55 42 53 43 52 49 42 45 61'), ["subscribe 'a'"]],
    ['SUBSCRIBE to everything', command('SUBSCRIBE'), ["subscribe ''"]],
    ['CANCEL', hex('04 08 06 43 41 4e 43 45 4c 61'), ["cancel 'a'"]],
    ['SUBSCRIBE to a long topic', command('SUBSCRIBE', body300), [`subscribe ${seen(body300)}`]],
    ['a command that nobody knows', command('DANCE', 'tango'), []],
    ['a command with a name of 255 octets', command('N'.repeat(255), 'x'), []],
    ['a command with reserved bits', command('SUBSCRIBE', 'a', { reserved: 0xf8 }), ["subscribe 'a'"]],
  ];

describe('frames', () => {
  for (const [what, bytes, log] of VECTORS) {
    it(`carry ${what}`, () => {
      assert.deepEqual(everyWay(Buffer.concat([HELLO, bytes])).log, [READY, ...log]);
    });
    it(`carry ${what}, between others`, () => {
      const all = Buffer.concat([HELLO, message('before'), bytes, message('after', '!')]);
      assert.deepEqual(everyWay(all).log, [READY, "message 'before'", ...log, "message 'after' '!'"]);
    });
  }

  it('say nothing before they are whole', () => {
    const bytes = Buffer.concat([
      hex('01 01 41 03 00 00 00 00 00 00 01 00'),
      Buffer.alloc(256),
      hex('00 01 42'),
    ]);
    const peer = new PeerLog().feed(HELLO);
    for (let at = 0; at < bytes.length; at++) {
      assert.deepEqual(peer.log, [READY], `after ${at} octets`);
      peer.feed(bytes.subarray(at, at + 1));
    }
    assert.equal(peer.received.length, 1);
    assert.deepEqual(
      peer.received[0]?.map((part) => part.length),
      [1, 256, 1],
    );
  });

  it('leave in one run as long as nothing is between them', () => {
    const runs: [number, number, number][] = [];
    const peer = new PeerLog().feed(HELLO);
    peer.messages = (_bytes, start, end, count) => void runs.push([start, end, count]);
    const three = Buffer.concat([message('a'), message('b', 'c'), message(body300)]);
    peer.feed(three);
    assert.deepEqual(runs, [[0, three.length, 3]]);
  });

  it('arrive whole at one megabyte in chunks of any size', () => {
    const large = Buffer.alloc(1_048_576 + 17);
    for (let i = 0; i < large.length; i++) large[i] = (i * 31 + (i >> 8)) & 255;
    const bytes = Buffer.concat([HELLO, message('x'), message('a', large, 'b'), message('y')]);
    for (const sizes of [[bytes.length], [65_536], [1460], [1, 100_000], [700_001, 3]]) {
      const peer = new PeerLog().feedIn(bytes, sizes);
      assert.deepEqual(peer.log, [READY, "message 'x'", `message 'a' ${seen(large)} 'b'`, "message 'y'"]);
    }
  });
});

describe('commands', () => {
  for (const [what, bytes, log, answer] of COMMANDS) {
    const sent = answer === undefined ? '' : hex(answer).toString('hex');
    it(`${what}, between messages`, () => {
      const alone = everyWay(HELLO).sent;
      const all = everyWay(Buffer.concat([HELLO, message('a', 'b'), bytes, message('c')]));
      assert.deepEqual(all.log, [READY, "message 'a' 'b'", ...log, "message 'c'"]);
      assert.equal(all.sent.slice(alone.length), sent);
    });
    it(`${what}, between the frames of a message`, () => {
      const alone = everyWay(HELLO).sent;
      const torn = Buffer.concat([
        frame('a', { more: true }),
        bytes,
        frame('b', { more: true }),
        bytes,
        frame('c'),
      ]);
      const all = everyWay(Buffer.concat([HELLO, message('x'), torn, message('y')]));
      assert.deepEqual(all.log, [READY, "message 'x'", ...log, ...log, "message 'a' 'b' 'c'", "message 'y'"]);
      assert.equal(all.sent.slice(alone.length), sent + sent);
    });
  }

  it('that are cut out of a message leave the rest of its octets as they were', () => {
    const long = Buffer.alloc(70_000, 'xyz');
    const parts = [frame('head', { more: true }), ping(0), frame(long, { more: true }), ping(0), frame(long)];
    const bytes = Buffer.concat([HELLO, ...parts]);
    for (const sizes of [[bytes.length], [65_536], [1000], [37, 4001]]) {
      const peer = new PeerLog().feedIn(bytes, sizes);
      assert.deepEqual(peer.log, [READY, 'ping 0', 'ping 0', `message 'head' ${seen(long)} ${seen(long)}`]);
    }
  });

  const WRONG: readonly (readonly [what: string, bytes: Buffer])[] = [
    ['a PING without a time', command('PING')],
    ['a PING with half a time', command('PING', hex('00'))],
    ['a PING with a context of 17 octets', ping(0, '0123456789abcdefg')],
    ['a command without a body', hex('04 00')],
    ['a command whose name is empty', hex('04 02 00 41')],
    ['a command whose name leads out', hex('04 02 02 41')],
  ];
  for (const [what, bytes] of WRONG) {
    it(`end the connection: ${what}`, () => {
      const { log } = everyWay(Buffer.concat([HELLO, bytes, message('late')]));
      assert.deepEqual(log, [READY, 'failed ERR_ZMTP_MALFORMED_COMMAND_UNSPECIFIED']);
    });
    it(`end the connection inside a message: ${what}`, () => {
      const { log } = everyWay(Buffer.concat([HELLO, frame('a', { more: true }), bytes, frame('b')]));
      assert.deepEqual(log, [READY, 'failed ERR_ZMTP_MALFORMED_COMMAND_UNSPECIFIED']);
    });
  }
});
