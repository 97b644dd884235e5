import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ZmqErrorCode } from '../../../src/errors.ts';
import { compatible, partners, type WireSocketType } from '../../../src/zmtp/sockets.ts';
import { everyWay } from '../../support/chunks.ts';
import { PeerLog } from '../../support/peerlog.ts';
import {
  command,
  frame,
  greeting,
  hex,
  message,
  opening,
  ping,
  property,
  ready,
} from '../../support/wire.ts';

/** RFC 28 to 31, written out once more: the rows may talk to each other. */
const PAIRS: readonly (readonly [WireSocketType, WireSocketType])[] = [
  ['PAIR', 'PAIR'],
  ['PUB', 'SUB'],
  ['PUB', 'XSUB'],
  ['XPUB', 'SUB'],
  ['XPUB', 'XSUB'],
  ['REQ', 'REP'],
  ['REQ', 'ROUTER'],
  ['REP', 'DEALER'],
  ['DEALER', 'DEALER'],
  ['DEALER', 'ROUTER'],
  ['ROUTER', 'ROUTER'],
  ['PUSH', 'PULL'],
];
const TYPES = [...new Set(PAIRS.flat())];

const malformed = (data: Uint8Array): Buffer => command('READY', data);

/** What comes after the greeting, and what it leads to. */
const BAD: readonly (readonly [what: string, bytes: Buffer, code: ZmqErrorCode])[] = [
  ['a READY without Socket-Type', command('READY'), 'ERR_ZMTP_SOCKET_TYPE'],
  ['an empty Socket-Type', ready(''), 'ERR_ZMTP_SOCKET_TYPE'],
  ['a Socket-Type that does not go with ours', ready('SUB'), 'ERR_ZMTP_SOCKET_TYPE'],
  ['a Socket-Type in small letters', ready('push'), 'ERR_ZMTP_SOCKET_TYPE'],
  ['a Socket-Type that nobody has', ready('TELEPHONE'), 'ERR_ZMTP_SOCKET_TYPE'],
  ['a Socket-Type that every object has', ready('constructor'), 'ERR_ZMTP_SOCKET_TYPE'],
  [
    'an Identity of 256 octets',
    ready('PUSH', ['Identity', Buffer.alloc(256, 65)]),
    'ERR_ZMTP_INVALID_METADATA',
  ],
  ['a property without a name', malformed(hex('00 00 00 00 01 41')), 'ERR_ZMTP_INVALID_METADATA'],
  ['a name that leads out', malformed(hex('05 41 42')), 'ERR_ZMTP_INVALID_METADATA'],
  ['a name without a size after it', malformed(hex('02 41 42')), 'ERR_ZMTP_INVALID_METADATA'],
  ['a size that is cut off', malformed(hex('02 41 42 00 00 00')), 'ERR_ZMTP_INVALID_METADATA'],
  ['a value that leads out', malformed(hex('01 41 00 00 00 02 41')), 'ERR_ZMTP_INVALID_METADATA'],
  ['a value of 2^32 - 1 octets', malformed(hex('01 41 ff ff ff ff 41')), 'ERR_ZMTP_INVALID_METADATA'],
  ['a name that is noise', malformed(property('\x00\x01', 'x')), 'ERR_ZMTP_INVALID_METADATA'],
  ['a name with a blank', malformed(property('Socket Type', 'PUSH')), 'ERR_ZMTP_INVALID_METADATA'],
  [
    'octets after the last property',
    malformed(Buffer.concat([property('Socket-Type', 'PUSH'), hex('07')])),
    'ERR_ZMTP_INVALID_METADATA',
  ],
  ['a PING', ping(0), 'ERR_ZMTP_UNEXPECTED_COMMAND'],
  ['a SUBSCRIBE', command('SUBSCRIBE', 'a'), 'ERR_ZMTP_UNEXPECTED_COMMAND'],
  ['a HELLO', command('HELLO', hex('00 00')), 'ERR_ZMTP_UNEXPECTED_COMMAND'],
  ['a command without a body', hex('04 00'), 'ERR_ZMTP_MALFORMED_COMMAND_UNSPECIFIED'],
  ['a command with an empty name', hex('04 01 00'), 'ERR_ZMTP_MALFORMED_COMMAND_UNSPECIFIED'],
  ['a command name that leads out', hex('04 03 05 41 42'), 'ERR_ZMTP_MALFORMED_COMMAND_UNSPECIFIED'],
  ['an ERROR', command('ERROR', hex('03 4e 6f 21')), 'ERR_ZMTP_PEER_ERROR'],
  ['an ERROR without words', command('ERROR', hex('00')), 'ERR_ZMTP_PEER_ERROR'],
  ['an ERROR without a reason', command('ERROR'), 'ERR_ZMTP_MALFORMED_COMMAND_ERROR'],
  ['an ERROR whose reason leads out', command('ERROR', hex('04 4e 6f')), 'ERR_ZMTP_MALFORMED_COMMAND_ERROR'],
  ['a message', message('hello'), 'ERR_ZMTP_INVALID_SEQUENCE'],
  ['an empty message', message(''), 'ERR_ZMTP_INVALID_SEQUENCE'],
  ['a message of several frames', message('a', 'b'), 'ERR_ZMTP_INVALID_SEQUENCE'],
  ['a long message', message(Buffer.alloc(300)), 'ERR_ZMTP_INVALID_SEQUENCE'],
  ['a command of more than 64 KiB', command('READY', Buffer.alloc(65_531)), 'ERR_ZMTP_MESSAGE_SIZE'],
  ['a command of 2^63 octets', hex('06 80 00 00 00 00 00 00 00'), 'ERR_ZMTP_MESSAGE_SIZE'],
];

const GOOD: readonly (readonly [what: string, bytes: Buffer, log: readonly string[]])[] = [
  ['a plain READY', ready('PUSH'), ["ready PUSH 3.1 ''"]],
  ['an Identity', ready('PUSH', ['Identity', 'me']), ["ready PUSH 3.1 'me'"]],
  ['an empty Identity', ready('PUSH', ['Identity', '']), ["ready PUSH 3.1 ''"]],
  ['an Identity of zeros', ready('PUSH', ['Identity', hex('00 00')]), ['ready PUSH 3.1 0000']],
  [
    'names in any case',
    command('READY', Buffer.concat([property('SOCKET-TYPE', 'PUSH'), property('iDENTITY', 'x')])),
    ["ready PUSH 3.1 'x'"],
  ],
  [
    'properties that we have no use for',
    ready('PUSH', ['X-Colour', 'blue'], ['Resource', '']),
    ["ready PUSH 3.1 ''"],
  ],
  [
    'a READY in the long form',
    command('READY', property('Socket-Type', 'PUSH'), { long: true }),
    ["ready PUSH 3.1 ''"],
  ],
  [
    'a READY with reserved bits',
    command('READY', property('Socket-Type', 'PUSH'), { reserved: 0xf8 }),
    ["ready PUSH 3.1 ''"],
  ],
  [
    'messages right behind READY',
    Buffer.concat([ready('PUSH'), message('a'), message('b', 'c')]),
    ["ready PUSH 3.1 ''", "message 'a'", "message 'b' 'c'"],
  ],
];

describe('handshake', () => {
  for (const [what, bytes, code] of BAD) {
    it(`ends with ${code} after ${what}`, () => {
      const all = Buffer.concat([greeting(), bytes]);
      if (bytes.length > 2000) {
        for (const sizes of [[all.length], [64, 9, 1000], [1, 999]]) {
          assert.deepEqual(new PeerLog().feedIn(all, sizes).log, [`failed ${code}`]);
        }
        return;
      }
      assert.deepEqual(everyWay(all).log, [`failed ${code}`]);
      assert.deepEqual(everyWay(Buffer.concat([all, ready('PUSH'), message('x')])).log, [`failed ${code}`]);
    });
  }

  for (const [what, bytes, log] of GOOD) {
    it(`takes ${what}`, () => {
      assert.deepEqual(everyWay(Buffer.concat([greeting(), bytes])).log, log);
    });
  }

  it('takes an Identity of 255 octets', () => {
    const peer = new PeerLog().feed(greeting()).feed(ready('PUSH', ['Identity', Buffer.alloc(255, 65)]));
    assert.equal(peer.identity?.routingId.length, 255);
  });

  it('hands on all metadata under small names', () => {
    const peer = new PeerLog().feed(greeting()).feed(ready('PUSH', ['X-Colour', 'blue'], ['Identity', 'me']));
    const metadata = [...(peer.identity?.metadata ?? [])].map(([name, value]) => [name, value.toString()]);
    assert.deepEqual(metadata, [
      ['socket-type', 'PUSH'],
      ['x-colour', 'blue'],
      ['identity', 'me'],
    ]);
  });

  it('keeps a routing id of its own, which no later chunk changes', () => {
    const peer = new PeerLog();
    peer.feed(greeting());
    const chunk = Uint8Array.from(ready('PUSH', ['Identity', 'name']));
    peer.peer.receive(chunk);
    chunk.fill(0);
    assert.equal(peer.identity?.routingId.toString(), 'name');
  });

  it('sends its own properties', () => {
    const properties = [
      ['Socket-Type', Buffer.from('DEALER')],
      ['Identity', Buffer.from('d1')],
    ] as const;
    const peer = new PeerLog({ socketType: 'DEALER', properties }).feed(opening('ROUTER'));
    assert.deepEqual(peer.sent.subarray(64), ready('DEALER', ['Identity', 'd1']));
  });

  it('shows the reason of an ERROR, and nothing in it that could harm a terminal', () => {
    const reason = 'No\x1b[31m';
    const { error } = new PeerLog()
      .feed(greeting())
      .feed(command('ERROR', String.fromCharCode(reason.length) + reason));
    assert.equal(error?.code, 'ERR_ZMTP_PEER_ERROR');
    assert.match(error?.detail ?? '', /"No\?\[31m"/);
  });

  it('tells a strange socket type in at most 32 characters', () => {
    const { error } = new PeerLog().feed(greeting()).feed(ready('Z'.repeat(200)));
    assert.ok((error?.detail ?? '').length < 120);
    assert.match(error?.detail ?? '', /PULL.*PUSH/);
  });

  it('refuses READY and ERROR when messages flow', () => {
    for (const late of [ready('PUSH'), command('ERROR', hex('01 78')), command('ERROR')]) {
      const { log } = everyWay(Buffer.concat([opening('PUSH'), late, message('x')]));
      assert.deepEqual(log, ["ready PUSH 3.1 ''", 'failed ERR_ZMTP_UNEXPECTED_COMMAND']);
    }
  });

  it('says nothing until the peer does', () => {
    const peer = new PeerLog().feed(greeting());
    assert.equal(peer.identity, null);
    assert.deepEqual(peer.feed(Buffer.alloc(0)).log, []);
  });

  it('lets exactly the pairs of the RFCs talk', () => {
    for (const ours of TYPES) {
      for (const theirs of TYPES) {
        const pair = PAIRS.some(([a, b]) => (a === ours && b === theirs) || (a === theirs && b === ours));
        assert.equal(compatible(ours, theirs), pair, `${ours} and ${theirs}`);
        assert.equal(partners(ours).includes(theirs), pair);
        const peer = new PeerLog({ socketType: ours }).feed(opening(theirs));
        assert.equal(peer.error?.code ?? null, pair ? null : 'ERR_ZMTP_SOCKET_TYPE', `${ours} and ${theirs}`);
      }
    }
  });

  it('refuses a command without a name when messages flow', () => {
    const { log } = everyWay(Buffer.concat([opening('PUSH'), frame('', { command: true })]));
    assert.deepEqual(log, ["ready PUSH 3.1 ''", 'failed ERR_ZMTP_MALFORMED_COMMAND_UNSPECIFIED']);
  });
});
