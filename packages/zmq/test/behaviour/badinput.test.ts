/**
 * Strangers: whatever a peer sends, or does not send, ends in one event with a stable code and a closed connection,
 * and a healthy peer of the same socket notices nothing.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as zmq from '../../src/index.ts';
import { turn } from '../support/deadline.ts';
import { payload, text } from '../support/payload.ts';
import { command, frame, greeting, metadata, ready } from '../support/rawpeer.ts';
import { type PullOptions, victim } from '../support/victim.ts';

const NULL_READY = ready({ socketType: 'PUSH' });

/** What a stranger sends first, and how it is told off before the handshake is done. */
const REFUSED: readonly { what: string; bytes: Uint8Array; code: string }[] = [
  {
    what: 'an HTTP request',
    bytes: Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
    code: 'ERR_ZMTP_GREETING',
  },
  { what: 'a TLS hello', bytes: Buffer.from('16030100a5010000a10303', 'hex'), code: 'ERR_ZMTP_GREETING' },
  { what: 'zeros', bytes: Buffer.alloc(200), code: 'ERR_ZMTP_GREETING' },
  { what: 'noise', bytes: payload(500, 99), code: 'ERR_ZMTP_GREETING' },
  {
    what: 'a ZMTP 1.0 peer without identity',
    bytes: Buffer.from([1, 0, 2, 0, 0x78]),
    code: 'ERR_ZMTP_GREETING',
  },
  {
    what: 'a ZMTP 1.0 peer with a long length',
    bytes: Buffer.from([0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0]),
    code: 'ERR_ZMTP_VERSION',
  },
  {
    what: 'a ZMTP 2.0 peer',
    bytes: Buffer.from([0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 1, 8, 0, 0]),
    code: 'ERR_ZMTP_VERSION',
  },
  {
    what: 'a bad signature',
    bytes: Buffer.from([0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7d]),
    code: 'ERR_ZMTP_GREETING',
  },
  {
    what: 'the mechanism PLAIN',
    bytes: greeting({ mechanism: 'PLAIN' }),
    code: 'ERR_ZMTP_MECHANISM_MISMATCH',
  },
  {
    what: 'the mechanism CURVE',
    bytes: greeting({ mechanism: 'CURVE' }),
    code: 'ERR_ZMTP_MECHANISM_MISMATCH',
  },
  { what: 'an empty mechanism', bytes: greeting({ mechanism: '' }), code: 'ERR_ZMTP_GREETING' },
  {
    what: 'READY without Socket-Type',
    bytes: Buffer.concat([greeting(), ready({})]),
    code: 'ERR_ZMTP_SOCKET_TYPE',
  },
  {
    what: 'a socket type that does not fit',
    bytes: Buffer.concat([greeting(), ready({ socketType: 'SUB' })]),
    code: 'ERR_ZMTP_SOCKET_TYPE',
  },
  {
    what: 'a socket type that does not exist',
    bytes: Buffer.concat([greeting(), ready({ socketType: 'PUSHER' })]),
    code: 'ERR_ZMTP_SOCKET_TYPE',
  },
  {
    what: 'metadata that ends too early',
    bytes: Buffer.concat([greeting(), command('READY', metadata([['Socket-Type', 'PUSH']]).subarray(0, -2))]),
    code: 'ERR_ZMTP_INVALID_METADATA',
  },
  {
    what: 'metadata with a length of 4 GiB',
    bytes: Buffer.concat([greeting(), command('READY', Buffer.from([1, 0x41, 0xff, 0xff, 0xff, 0xff]))]),
    code: 'ERR_ZMTP_INVALID_METADATA',
  },
  {
    what: 'an identity of 256 octets',
    bytes: Buffer.concat([greeting(), longReady('x'.repeat(256))]),
    code: 'ERR_ZMTP_INVALID_METADATA',
  },
  {
    what: 'a message before READY',
    bytes: Buffer.concat([greeting(), frame('too early'), NULL_READY]),
    code: 'ERR_ZMTP_INVALID_SEQUENCE',
  },
  {
    what: 'a command other than READY',
    bytes: Buffer.concat([greeting(), command('HELLO', Buffer.alloc(10))]),
    code: 'ERR_ZMTP_UNEXPECTED_COMMAND',
  },
  {
    what: 'ERROR with a reason',
    bytes: Buffer.concat([greeting(), command('ERROR', Buffer.from('\u0004nope'))]),
    code: 'ERR_ZMTP_PEER_ERROR',
  },
  {
    what: 'ERROR with half a reason',
    bytes: Buffer.concat([greeting(), command('ERROR', Buffer.from('\u0009nope'))]),
    code: 'ERR_ZMTP_MALFORMED_COMMAND_ERROR',
  },
  {
    what: 'a command without a name',
    bytes: Buffer.concat([greeting(), frame('', { command: true })]),
    code: 'ERR_ZMTP_MALFORMED_COMMAND_UNSPECIFIED',
  },
  {
    what: 'a READY of 2^62 octets',
    bytes: Buffer.concat([greeting(), Buffer.from([6, 0x40, 0, 0, 0, 0, 0, 0, 0, 5])]),
    code: 'ERR_ZMTP_MESSAGE_SIZE',
  },
];

function longReady(identity: string): Buffer {
  const data = metadata([
    ['Socket-Type', 'PUSH'],
    ['Identity', identity],
  ]);
  return frame(Buffer.concat([Buffer.from('\u0005READY'), data]), { command: true });
}

/** What a guest sends after the handshake, and the error it is sent away with. */
const THROWN_OUT: readonly { what: string; bytes: Uint8Array; code: string; options?: PullOptions }[] = [
  {
    what: 'a frame of 2^63 octets',
    bytes: Buffer.from([2, 0x80, 0, 0, 0, 0, 0, 0, 0, 1]),
    code: 'ERR_ZMTP_MESSAGE_SIZE',
  },
  {
    what: 'a frame of 2^64 - 1 octets',
    bytes: Buffer.from([2, 255, 255, 255, 255, 255, 255, 255, 255, 1]),
    code: 'ERR_ZMTP_MESSAGE_SIZE',
  },
  {
    what: 'a message over the limit, all there',
    bytes: frame(Buffer.alloc(1001)),
    code: 'ERR_ZMTP_MESSAGE_SIZE',
    options: { maxMessageSize: 1000 },
  },
  {
    what: 'a header that announces a message over the limit',
    bytes: frame(Buffer.alloc(1001)).subarray(0, 9),
    code: 'ERR_ZMTP_MESSAGE_SIZE',
    options: { maxMessageSize: 1000 },
  },
  {
    what: 'frames over the limit together',
    bytes: Buffer.concat(Array.from({ length: 11 }, () => frame(Buffer.alloc(100), { more: true }))),
    code: 'ERR_ZMTP_MESSAGE_SIZE',
    options: { maxMessageSize: 1000 },
  },
  {
    what: 'a command of 1 GiB',
    bytes: Buffer.from([6, 0, 0, 0, 0, 0x40, 0, 0, 0, 4, 0x50, 0x49, 0x4e, 0x47]),
    code: 'ERR_ZMTP_MESSAGE_SIZE',
  },
  { what: 'a second READY', bytes: NULL_READY, code: 'ERR_ZMTP_UNEXPECTED_COMMAND' },
  {
    what: 'ERROR after the handshake',
    bytes: command('ERROR', Buffer.from('\u0002no')),
    code: 'ERR_ZMTP_UNEXPECTED_COMMAND',
  },
  {
    what: 'a PING without a time-to-live',
    bytes: command('PING', Buffer.from([0])),
    code: 'ERR_ZMTP_MALFORMED_COMMAND_UNSPECIFIED',
  },
  {
    what: 'a PING with a context of 17 octets',
    bytes: command('PING', Buffer.alloc(19)),
    code: 'ERR_ZMTP_MALFORMED_COMMAND_UNSPECIFIED',
  },
];

describe('strangers that break the rules', { timeout: 60_000 }, () => {
  for (const { what, bytes, code } of REFUSED) {
    it(`${what} is refused with ${code}`, async (t) => {
      const v = await victim(t);
      for (const split of [bytes.length, 1]) {
        const peer = await v.stranger();
        for (let at = 0; at < bytes.length && !peer.ended; at += split) {
          peer.write(bytes.subarray(at, at + split));
          if (split === 1 && at % 8 === 0) await turn();
        }
        const { error, address } = await v.log.next('peer:refused');
        assert.equal(error?.code, code);
        assert.ok(error instanceof zmq.ZmqError);
        assert.match(address ?? '', /^tcp:\/\/127\.0\.0\.1:\d+$/);
        assert.notEqual(address, v.endpoint, 'the address is the far side');
        await peer.gone();
      }
      await v.healthy();
      assert.equal(v.pull.peers().length, 1);
    });
  }

  for (const { what, bytes, code, options } of THROWN_OUT) {
    it(`${what} ends the connection with ${code}`, async (t) => {
      const v = await victim(t, options);
      const peer = await v.guest();
      peer.write(bytes);
      const { error, peer: info } = await v.log.next('peer:gone');
      assert.equal(error?.code, code);
      assert.equal(info?.socketType, 'PUSH');
      await peer.gone();
      await v.healthy();
      assert.equal(v.pull.readable, false);
    });
  }

  it('an endless message of empty frames ends with ERR_ZMTP_MESSAGE_SIZE', async (t) => {
    const v = await victim(t);
    const peer = await v.guest();
    const frames = Buffer.concat(Array.from({ length: 1000 }, () => Buffer.from([1, 0])));
    let written = 0;
    while (!peer.ended) {
      peer.write(frames);
      written += frames.length;
      assert.ok(written < 64 * 1024 * 1024, 'it never ends');
      await turn();
    }
    assert.equal((await v.log.next('peer:gone')).error?.code, 'ERR_ZMTP_MESSAGE_SIZE');
    await v.healthy();
  });

  it('an endless message of small frames ends at the limit', async (t) => {
    const v = await victim(t, { maxMessageSize: 100_000 });
    const peer = await v.guest();
    const frames = Buffer.concat(Array.from({ length: 50 }, () => frame('y'.repeat(100), { more: true })));
    let written = 0;
    while (!peer.ended) {
      peer.write(frames);
      written += frames.length;
      assert.ok(written < 64 * 1024 * 1024, 'it never ends');
      await turn();
    }
    assert.equal((await v.log.next('peer:gone')).error?.code, 'ERR_ZMTP_MESSAGE_SIZE');
    await v.healthy();
  });

  it('commands it does not know are ignored', async (t) => {
    const v = await victim(t);
    const peer = await v.guest();
    peer.write(command('WHATEVER', payload(100)));
    peer.write(command('X'));
    peer.write(command('PONG'));
    peer.send('and a message');
    assert.deepEqual(text(await v.pull.receive()), ['and a message']);
    await v.healthy();
    assert.equal(v.log.count('peer:gone'), 0);
  });

  it('a short message in the long form, and reserved bits, are taken', async (t) => {
    const v = await victim(t);
    const peer = await v.guest();
    peer.write(frame('long form', { long: true }));
    assert.deepEqual(text(await v.pull.receive()), ['long form']);
    peer.write(Buffer.from([0xf8, 1, 0x72]));
    assert.deepEqual(text(await v.pull.receive()), ['r']);
  });

  it('half a message before the connection ends is not delivered', async (t) => {
    const v = await victim(t);
    const peer = await v.guest();
    peer.send('whole');
    peer.write(frame('first frame', { more: true }));
    peer.write(frame('second frame').subarray(0, 5));
    peer.socket.end();
    assert.deepEqual(text(await v.pull.receive()), ['whole']);
    await v.log.next('peer:gone');
    await v.healthy();
    assert.equal(v.pull.readable, false);
  });
});
