/** The small functions under the engine: frames, commands and metadata as octets. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encodeCommand, encodePing, parseCommand } from '../../../src/zmtp/command.ts';
import {
  bodyStart,
  decodeMessage,
  encodeFrame,
  frameEnd,
  frameLength,
  MORE,
  messageEnd,
  skipMessages,
} from '../../../src/zmtp/frame.ts';
import { encodeMetadata, parseMetadata } from '../../../src/zmtp/metadata.ts';
import { command, frame, hex, message, ping, property, show } from '../../support/wire.ts';

describe('frame', () => {
  for (const size of [0, 1, 2, 254, 255, 256, 257, 65_535, 65_536]) {
    it(`of ${size} octets is encoded as the RFC says`, () => {
      const body = Buffer.alloc(size, 'z');
      assert.deepEqual(encodeFrame(0, body), frame(body));
      assert.deepEqual(encodeFrame(MORE, body), frame(body, { more: true }));
      assert.equal(frameLength(size), frame(body).length);
      const bytes = Buffer.concat([hex('ee'), frame(body), hex('ee')]);
      assert.equal(bodyStart(bytes, 1), 1 + (size > 255 ? 9 : 2));
      assert.equal(frameEnd(bytes, 1), bytes.length - 1);
    });
  }

  it('ends are found in the long form of a short size too', () => {
    const bytes = Buffer.concat([frame('ab', { long: true, more: true }), frame('c', { long: true })]);
    assert.equal(frameEnd(bytes, 0), 11);
    assert.equal(messageEnd(bytes, 0), bytes.length);
    assert.deepEqual(show(decodeMessage(bytes, 0, bytes.length)), ["'ab'", "'c'"]);
  });

  it('runs can be walked message by message', () => {
    const parts = [message('a'), message('b', '', Buffer.alloc(300)), message(''), message('c', 'd')];
    const bytes = Buffer.concat([hex('ff ff'), ...parts]);
    let at = 2;
    for (let n = 0; n <= parts.length; n++) {
      assert.equal(skipMessages(bytes, 2, n), at);
      const next = at + (parts[n]?.length ?? 0);
      if (n < parts.length) assert.equal(messageEnd(bytes, at), next);
      at = next;
    }
  });

  it('decodes to views of the memory', () => {
    const bytes = message('abc', 'def');
    const [first, second] = decodeMessage(bytes, 0, bytes.length);
    bytes.fill(0x78);
    assert.deepEqual(show([first!, second!]), ["'xxx'", "'xxx'"]);
  });

  it('decodes in memory that does not begin at 0', () => {
    const inner = Buffer.concat([Buffer.alloc(5), message('ab', 'c')]).subarray(5);
    assert.deepEqual(show(decodeMessage(inner, 0, inner.length)), ["'ab'", "'c'"]);
  });
});

describe('command', () => {
  it('has its name with the length in front', () => {
    assert.deepEqual(encodeCommand('READY', Buffer.from('xyz')), command('READY', 'xyz'));
    assert.deepEqual(encodeCommand('SUBSCRIBE', Buffer.alloc(0)), command('SUBSCRIBE'));
    assert.deepEqual(encodeCommand('SUBSCRIBE', Buffer.alloc(245)), command('SUBSCRIBE', Buffer.alloc(245)));
    assert.deepEqual(encodeCommand('SUBSCRIBE', Buffer.alloc(246)), command('SUBSCRIBE', Buffer.alloc(246)));
  });

  it('is read out of a frame body', () => {
    const bytes = Buffer.from('..\x04PINGxy..', 'latin1');
    const parsed = parseCommand(bytes, 2, 9);
    assert.equal(parsed?.name, 'PING');
    assert.equal(parsed?.data.toString(), 'xy');
    assert.equal(parseCommand(bytes, 2, 7)?.data.length, 0);
    assert.equal(parseCommand(bytes, 2, 6), null, 'the name leads out');
    assert.equal(parseCommand(bytes, 2, 2), null, 'nothing there');
    assert.equal(parseCommand(hex('00 41'), 0, 2), null, 'no name');
  });

  for (const [milliseconds, deciseconds] of [
    [0, 0],
    [-1, 0],
    [49, 0],
    [50, 1],
    [100, 1],
    [1000, 10],
    [65_500, 655],
    [65_536, 655],
    [6_553_599, 655],
  ] as const) {
    it(`PING of ${milliseconds} ms says ${deciseconds} tenths, which libzmq can hold`, () => {
      assert.deepEqual(encodePing(milliseconds), ping(deciseconds));
    });
  }
});

describe('metadata', () => {
  it('is encoded as name and value with their lengths', () => {
    const bytes = encodeMetadata([
      ['Socket-Type', Buffer.from('REQ')],
      ['Identity', Buffer.alloc(0)],
    ]);
    assert.deepEqual(bytes, Buffer.concat([property('Socket-Type', 'REQ'), property('Identity', '')]));
    assert.equal(encodeMetadata([]).length, 0);
  });

  it('is read back under small names', () => {
    const bytes = Buffer.concat([
      property('Socket-Type', 'REQ'),
      property('A.b_c'.replace('_', '-'), hex('00 ff')),
    ]);
    const parsed = [...parseMetadata(bytes)].map(([name, value]) => `${name}=${value.toString('hex')}`);
    assert.deepEqual(parsed, ['socket-type=524551', 'a.b-c=00ff']);
    assert.equal(parseMetadata(Buffer.alloc(0)).size, 0);
  });

  it('takes no name from the prototype of an object', () => {
    const parsed = parseMetadata(property('constructor', 'x'));
    assert.equal(parsed.get('constructor')?.toString(), 'x');
    assert.equal(parsed.get('tostring'), undefined);
  });

  it('is cut off at no position without being refused', () => {
    const bytes = Buffer.concat([property('Socket-Type', 'REQ'), property('Identity', 'me')]);
    const whole = property('Socket-Type', 'REQ').length;
    for (let end = 1; end < bytes.length; end++) {
      if (end === whole) continue;
      assert.throws(
        () => parseMetadata(bytes.subarray(0, end)),
        { code: 'ERR_ZMTP_INVALID_METADATA' },
        `${end}`,
      );
    }
  });
});
