import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PlainClient, PlainServer } from '../../../src/zmtp/mechanism/plain.ts';
import { type PeerEvents, ZmtpPeer } from '../../../src/zmtp/peer.ts';
import { command, greeting, hex } from '../../support/wire.ts';

const PROPERTIES = [['Socket-Type', Buffer.from('PULL')]] as const;
const NAME = Buffer.from('a');

/** A peer, what it sent and how it failed. */
function start(
  server: boolean,
  negotiated: boolean = false,
): { peer: ZmtpPeer; sent: () => string; codes: string[] } {
  const sent: Buffer[] = [];
  const codes: string[] = [];
  const events: PeerEvents = {
    output: (bytes) => void sent.push(Buffer.from(bytes)),
    authenticate() {},
    ready() {},
    messages() {},
    subscription() {},
    ping() {},
    failed: (error) => void codes.push(`${error.code} ${error.status}`),
  };
  const mechanism = server ? new PlainServer(PROPERTIES) : new PlainClient(PROPERTIES, NAME, NAME);
  const peer = new ZmtpPeer({ socketType: 'PULL', mechanism, maxMessageSize: -1, negotiated }, events);
  peer.open();
  return { peer, sent: () => Buffer.concat(sent).subarray(64).toString('hex'), codes };
}

/** As one without padding sends it. */
function bare(): Buffer {
  const bytes = greeting({ mechanism: 'PLAIN' });
  bytes[8] = 0;
  return bytes;
}

const PROPER = command('ERROR', hex('03 34 30 30'));
const LIBZMQ = hex('04 09 5e 52 52 4f 52 03 34 30 30');

describe('the ERROR command of PLAIN', () => {
  for (const [who, hello, expected] of [
    ['libzmq', greeting({ mechanism: 'PLAIN' }), LIBZMQ],
    ['RFC 24', bare(), PROPER],
  ] as const) {
    it(`is sent to a client of ${who} in its form`, () => {
      const { peer, sent, codes } = start(true);
      peer.receive(Buffer.concat([hello, command('HELLO', hex('01 61 01 62'))]));
      peer.decide({ status: 400, userId: '', metadata: new Map() });
      assert.equal(sent(), expected.toString('hex'));
      assert.deepEqual(codes, ['ERR_AUTHENTICATION 400']);
    });
  }

  it('is understood in both forms, whole and octet by octet', () => {
    for (const error of [LIBZMQ, PROPER]) {
      const bytes = Buffer.concat([greeting({ mechanism: 'PLAIN' }), error]);
      for (const size of [1, 65, bytes.length]) {
        const { peer, codes } = start(false);
        for (let at = 0; at < bytes.length; at += size) peer.receive(bytes.subarray(at, at + size));
        assert.deepEqual(codes, ['ERR_AUTHENTICATION 400']);
      }
    }
  });

  it('is understood in both forms where there is no greeting', () => {
    for (const error of [LIBZMQ, PROPER]) {
      const { peer, codes } = start(false, true);
      peer.receive(error);
      assert.deepEqual(codes, ['ERR_AUTHENTICATION 400']);
    }
  });

  it('is no verdict when a client sends it', () => {
    for (const error of [LIBZMQ, PROPER]) {
      const { peer, codes } = start(true);
      peer.receive(Buffer.concat([greeting({ mechanism: 'PLAIN' }), error]));
      assert.deepEqual(codes, ['ERR_ZMTP_UNEXPECTED_COMMAND undefined']);
    }
  });

  it('of libzmq is held to the same lengths', () => {
    for (const torn of ['04 05 5e 52 52 4f 52', '04 07 5e 52 52 4f 52 03 34', '04 04 5e 52 52 4f']) {
      const { peer, codes } = start(false);
      peer.receive(Buffer.concat([greeting({ mechanism: 'PLAIN' }), hex(torn)]));
      assert.match(codes.join(), /^ERR_ZMTP_MALFORMED_COMMAND_(ERROR|UNSPECIFIED) undefined$/, torn);
    }
  });

  it('of libzmq is nothing to a peer of another mechanism', () => {
    const { peer, codes } = start(false);
    peer.receive(Buffer.concat([bare(), LIBZMQ]));
    assert.deepEqual(codes, ['ERR_ZMTP_MALFORMED_COMMAND_UNSPECIFIED undefined']);
  });
});
