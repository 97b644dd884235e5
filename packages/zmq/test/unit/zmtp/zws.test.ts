/** ZWS 2.0 without a network: frames to WebSocket messages and back. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ZmqError } from '../../../src/errors.ts';
import { chooseProtocol, offeredProtocols, ZwsReader, ZwsWriter } from '../../../src/zmtp/zws.ts';
import { command, decode, frame, message, ready } from '../../support/wire.ts';

/** What a reader makes of messages: one chunk for each flush. */
function read(messages: readonly Uint8Array[], bare = false, writer = new ZwsWriter(bare)): Buffer {
  const chunks: Uint8Array[] = [];
  const reader = new ZwsReader(bare, writer, (chunk) => chunks.push(chunk));
  for (const each of messages) reader.push(each);
  reader.flush();
  return Buffer.concat(chunks);
}

const body = (size: number): Buffer => Buffer.alloc(size, 'abcdefg');

describe('ZWS messages', () => {
  it('have a flags octet in front of the body of each frame', () => {
    const parts = [Buffer.concat([message('a', 'bc'), command('PING', 'xy')])];
    assert.deepEqual(new ZwsWriter(false).messages(parts), [
      Buffer.from('\x01a'),
      Buffer.from('\x00bc'),
      Buffer.from('\x02\x04PINGxy'),
    ]);
  });

  it('are the same however the frames lie in parts', () => {
    const large = body(10_000);
    const head = frame(large).subarray(0, 9);
    const whole = Buffer.concat([message('a'), head, large, message('', 'z')]);
    const expected = new ZwsWriter(false).messages([whole]);
    const split = [
      Buffer.concat([message('a'), head]),
      large.subarray(0, 4000),
      large.subarray(4000),
      message('', 'z'),
    ];
    assert.deepEqual(new ZwsWriter(false).messages(split), expected);
    assert.deepEqual(
      expected.map((each) => each.length),
      [2, 10_001, 1, 2],
    );
  });

  it('become the frames that they were, at every size where a header changes', () => {
    for (const size of [0, 1, 31, 32, 33, 125, 126, 254, 255, 256, 257, 65_535, 65_536, 200_000]) {
      const plain = Buffer.concat([message(body(size), 'tail'), command('X', 'y'), message(body(size))]);
      const back = read(new ZwsWriter(false).messages([plain]));
      assert.deepEqual(decode(back), decode(plain), `${size} octets`);
    }
  });

  it('are refused when there is no flags octet', () => {
    assert.throws(() => read([Buffer.alloc(0)]), { code: 'ERR_WEBSOCKET' } satisfies Partial<ZmqError>);
  });

  it('without a mechanism: READY is the routing id, other commands are not sent', () => {
    const writer = new ZwsWriter(true);
    const hello = ready('DEALER', ['Identity', 'me']);
    assert.deepEqual(writer.messages([hello]), [Buffer.from('\x00me')]);
    assert.deepEqual(writer.messages([Buffer.concat([command('PING', 'xx'), message('m')])]), [
      Buffer.from('\x00m'),
    ]);
    const { items } = decode(read([Buffer.from('\x00you'), Buffer.from('\x00m')], true, writer));
    assert.equal(items.length, 2);
    const [first, second] = items;
    assert.ok(first?.kind === 'command' && first.name === 'READY');
    assert.equal(first.data.toString('latin1'), '\x0bSocket-Type\0\0\0\x03REP\x08Identity\0\0\0\x03you');
    assert.deepEqual(second, { kind: 'message', frames: [Buffer.from('m')] });
  });

  it('without a mechanism: begin with a routing id', () => {
    assert.throws(() => read([Buffer.from('\x02\x05READY')], true), { code: 'ERR_WEBSOCKET' });
  });
});

describe('ZWS subprotocols', () => {
  it('are offered as libzmq does, or in a form that a browser lets through', () => {
    assert.deepEqual(offeredProtocols('NULL'), ['ZWS2.0/NULL', 'ZWS2.0']);
    assert.deepEqual(offeredProtocols('CURVE'), ['ZWS2.0/CURVE']);
    assert.deepEqual(offeredProtocols('PLAIN', true), ['ZWS2.0.PLAIN']);
  });

  it('are chosen by the mechanism, in the order of the client', () => {
    assert.equal(chooseProtocol('ZWS2.0/NULL,ZWS2.0', 'NULL'), 'ZWS2.0/NULL');
    assert.equal(chooseProtocol('ZWS2.0, ZWS2.0/NULL', 'NULL'), 'ZWS2.0');
    assert.equal(chooseProtocol('chat, ZWS2.0.CURVE', 'CURVE'), 'ZWS2.0.CURVE');
    assert.equal(chooseProtocol('ZWS2.0/NULL,ZWS2.0', 'PLAIN'), null);
    assert.equal(chooseProtocol('zws2.0', 'NULL'), null);
    assert.equal(chooseProtocol('', 'NULL'), null);
  });
});
