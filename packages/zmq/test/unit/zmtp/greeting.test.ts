import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ZmqErrorCode } from '../../../src/errors.ts';
import { encodeGreeting, GreetingReader } from '../../../src/zmtp/greeting.ts';
import { everyWay } from '../../support/chunks.ts';
import { PeerLog } from '../../support/peerlog.ts';
import { greeting, hex, opening, ready } from '../../support/wire.ts';

/** A greeting with one octet changed. */
function changed(at: number, octet: number): Buffer {
  const bytes = greeting();
  bytes[at] = octet;
  return bytes;
}

const BAD: readonly (readonly [what: string, bytes: Buffer, code: ZmqErrorCode])[] = [
  ['nothing like ZMTP: HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n'), 'ERR_ZMTP_GREETING'],
  ['nothing like ZMTP: TLS', hex('16 03 01 02 00 01 00'), 'ERR_ZMTP_GREETING'],
  ['a ZMTP 1.0 short identity and a message', hex('01 00 03 00 68 69'), 'ERR_ZMTP_GREETING'],
  ['a first octet of zero', changed(0, 0), 'ERR_ZMTP_GREETING'],
  ['a first octet of 0xfe', changed(0, 0xfe), 'ERR_ZMTP_GREETING'],
  ['a ZMTP 1.0 long identity', hex('ff 00 00 00 00 00 00 00 05 00 61 62 63 64'), 'ERR_ZMTP_VERSION'],
  ['an even octet 9', changed(9, 0x7e), 'ERR_ZMTP_VERSION'],
  ['an odd octet 9 that is not 0x7f', changed(9, 0x01), 'ERR_ZMTP_GREETING'],
  ['an octet 9 of 0xff', changed(9, 0xff), 'ERR_ZMTP_GREETING'],
  ['revision 0', changed(10, 0), 'ERR_ZMTP_VERSION'],
  ['ZMTP 2.0', hex('ff 00 00 00 00 00 00 00 01 7f 01 07 00 00'), 'ERR_ZMTP_VERSION'],
  ['major version 2', greeting({ major: 2 }), 'ERR_ZMTP_VERSION'],
  ['mechanism PLAIN', greeting({ mechanism: 'PLAIN' }), 'ERR_ZMTP_MECHANISM_MISMATCH'],
  ['mechanism CURVE', greeting({ mechanism: 'CURVE' }), 'ERR_ZMTP_MECHANISM_MISMATCH'],
  ['mechanism NULLX', greeting({ mechanism: 'NULLX' }), 'ERR_ZMTP_MECHANISM_MISMATCH'],
  ['a mechanism of 20 octets', greeting({ mechanism: 'A'.repeat(20) }), 'ERR_ZMTP_MECHANISM_MISMATCH'],
  ['mechanism null in small letters', greeting({ mechanism: 'null' }), 'ERR_ZMTP_GREETING'],
  ['no mechanism', greeting({ mechanism: '' }), 'ERR_ZMTP_GREETING'],
  ['a mechanism that is noise', greeting({ mechanism: '\x01\xfe\x80' }), 'ERR_ZMTP_GREETING'],
  ['a mechanism with a line break', greeting({ mechanism: 'NULL\n' }), 'ERR_ZMTP_GREETING'],
];

const GOOD: readonly (readonly [what: string, bytes: Buffer])[] = [
  ['version 3.1', greeting()],
  ['version 3.0', greeting({ minor: 0 })],
  ['version 3.2', greeting({ minor: 2 })],
  ['version 3.255', greeting({ minor: 255 })],
  ['version 4.0', greeting({ major: 4, minor: 0 })],
  ['any padding', Buffer.concat([hex('ff 01 23 45 67 89 ab cd ef 7f'), greeting().subarray(10)])],
  ['as-server set', greeting({ asServer: 1 })],
  ['an as-server octet that is neither', greeting({ asServer: 0x55 })],
  ['a filler that is not zero', Buffer.concat([greeting().subarray(0, 33), Buffer.alloc(31, 0xff)])],
  ['octets after the zero of the mechanism', changed(20, 0x41)],
];

describe('greeting', () => {
  it('is 64 octets: signature, 3.1, NULL, as-server 0', () => {
    assert.equal(encodeGreeting('NULL', false).toString('hex'), greeting().toString('hex'));
    assert.equal(
      encodeGreeting('CURVE', true).toString('hex'),
      greeting({ mechanism: 'CURVE', asServer: 1 }).toString('hex'),
    );
  });

  it('begins at once, and goes on when the version of the other side is known', () => {
    const peer = new PeerLog();
    assert.equal(peer.sent.toString('hex'), greeting().subarray(0, 11).toString('hex'));
    peer.feed(greeting().subarray(0, 10));
    assert.equal(peer.sent.length, 11);
    peer.feed(greeting().subarray(10, 11));
    assert.equal(peer.sent.toString('hex'), greeting().toString('hex'));
  });

  it('says its mechanism before it refuses that of the other side', () => {
    const peer = new PeerLog().feed(greeting({ mechanism: 'CURVE' }));
    assert.equal(peer.sent.toString('hex'), greeting().toString('hex'));
    assert.equal(peer.error?.code, 'ERR_ZMTP_MECHANISM_MISMATCH');
  });

  it('is followed by READY when the other greeting is complete, not before', () => {
    const peer = new PeerLog();
    peer.feed(greeting().subarray(0, 63));
    assert.equal(peer.sent.length, 64);
    peer.feed(greeting().subarray(63));
    assert.equal(peer.sent.subarray(64).toString('hex'), ready('PULL').toString('hex'));
  });

  for (const [what, bytes, code] of BAD) {
    it(`refuses ${what} with ${code}`, () => {
      const { log } = everyWay(Buffer.concat([bytes, ready('PUSH')]));
      assert.deepEqual(log, [`failed ${code}`]);
    });
  }

  for (const [what, bytes] of GOOD) {
    it(`takes ${what}`, () => {
      const { log, code } = everyWay(Buffer.concat([bytes, ready('PUSH')]));
      assert.equal(code, null);
      assert.equal(log.length, 1);
      assert.match(log[0]!, /^ready PUSH 3\.[01] ''$/);
    });
  }

  for (const [minor, known] of [
    [0, 0],
    [1, 1],
    [2, 1],
    [255, 1],
  ] as const) {
    it(`counts 3.${minor} as 3.${known}`, () => {
      const peer = new PeerLog().feed(opening('PUSH', minor));
      assert.equal(peer.identity?.minor, known);
    });
  }

  it('refuses at the first octet that is wrong, and says which', () => {
    const first = new PeerLog().feed(Buffer.from('G'));
    assert.match(first.error?.detail ?? '', /0x47/);
    const old = new PeerLog().feed(hex('ff 00 00 00 00 00 00 00 05 00'));
    assert.match(old.error?.detail ?? '', /1\.0/);
    const two = new PeerLog().feed(hex('ff 00 00 00 00 00 00 00 01 7f 01'));
    assert.match(two.error?.detail ?? '', /2\.0/);
  });

  it('names both mechanisms when they differ', () => {
    const { error } = new PeerLog().feed(greeting({ mechanism: 'CURVE' }));
    assert.match(error?.detail ?? '', /CURVE.*NULL/);
  });

  it('is silent after it refused, whatever comes', () => {
    const peer = new PeerLog().feed(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
    const { calls, sent } = peer;
    peer.feed(opening('PUSH')).feed(Buffer.alloc(1000)).feed(Buffer.alloc(0));
    assert.equal(peer.calls, calls);
    assert.deepEqual(peer.sent, sent);
    assert.deepEqual(peer.log, ['failed ERR_ZMTP_GREETING']);
  });
});

describe('greeting reader', () => {
  it('takes no more than 64 octets', () => {
    const reader = new GreetingReader();
    assert.equal(reader.push(greeting().subarray(0, 60)), 60);
    assert.ok(!reader.done);
    assert.equal(reader.push(Buffer.concat([greeting().subarray(60), Buffer.alloc(100)])), 4);
    assert.ok(reader.done);
    assert.equal(reader.push(Buffer.alloc(5)), 0);
    assert.deepEqual(reader.result(), {
      major: 3,
      minor: 1,
      mechanism: 'NULL',
      asServer: false,
      padded: true,
    });
  });

  it('reads the role of the other side', () => {
    const reader = new GreetingReader();
    reader.push(greeting({ mechanism: 'PLAIN', asServer: 1, minor: 0 }));
    assert.deepEqual(reader.result(), {
      major: 3,
      minor: 0,
      mechanism: 'PLAIN',
      asServer: true,
      padded: true,
    });
  });
});
