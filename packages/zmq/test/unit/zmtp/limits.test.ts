/** Every length from outside is held against a limit before anything is allocated. */
import assert from 'node:assert/strict';
import { afterEach, describe, it, mock } from 'node:test';
import { MESSAGE_CEILING } from '../../../src/zmtp/peer.ts';
import { everyWay } from '../../support/chunks.ts';
import { PeerLog } from '../../support/peerlog.ts';
import { checksum, command, frame, greeting, hex, message, opening, ping } from '../../support/wire.ts';

const HELLO = opening('PUSH');
const READY = "ready PUSH 3.1 ''";
const TOO_LARGE = 'failed ERR_ZMTP_MESSAGE_SIZE';
const MIB = 1_048_576;

/** A frame header that claims `size` octets, given as hexadecimal. */
const claim = (flags: string, size: string): Buffer => hex(flags + size);

/** What Buffer's allocators were asked for while `run` ran. */
function allocations(run: () => void): number[] {
  const sizes: number[] = [];
  for (const name of ['alloc', 'allocUnsafe', 'allocUnsafeSlow'] as const) {
    const original = Buffer[name].bind(Buffer);
    mock.method(Buffer, name, (size: number) => {
      sizes.push(size);
      return original(size);
    });
  }
  run();
  mock.restoreAll();
  return sizes;
}

afterEach(() => mock.restoreAll());

describe('limits', () => {
  for (const size of ['0020000000000000', '7fffffffffffffff', '8000000000000000', 'ffffffffffffffff']) {
    it(`a frame of 0x${size} octets ends the connection at its header`, () => {
      for (const flags of ['02', '03', '82']) {
        assert.deepEqual(everyWay(Buffer.concat([HELLO, claim(flags, size)])).log, [READY, TOO_LARGE]);
      }
      const inside = Buffer.concat([HELLO, frame('a', { more: true }), claim('02', size)]);
      assert.deepEqual(everyWay(inside).log, [READY, TOO_LARGE]);
    });
    it(`a command of 0x${size} octets as well`, () => {
      assert.deepEqual(everyWay(Buffer.concat([HELLO, claim('06', size)])).log, [READY, TOO_LARGE]);
    });
  }

  it('without a limit the ceiling holds', () => {
    assert.equal(MESSAGE_CEILING, 0x7fff_ffff);
    const over = new PeerLog().feed(HELLO).feed(claim('02', '0000000080000000'));
    assert.deepEqual(over.log, [READY, TOO_LARGE]);
    const under = new PeerLog().feed(HELLO).feed(claim('02', '000000007fffffff'));
    assert.deepEqual(under.log, [READY]);
  });

  it('a limit above the ceiling is the ceiling', () => {
    const peer = new PeerLog({ maxMessageSize: 2 ** 40 }).feed(HELLO).feed(claim('02', '0000000080000000'));
    assert.deepEqual(peer.log, [READY, TOO_LARGE]);
  });

  const EDGES: readonly (readonly [what: string, bytes: Buffer, fits: boolean])[] = [
    ['a message of the limit', message('0123456789'), true],
    ['one octet more', message('0123456789a'), false],
    ['the limit in the long form', frame('0123456789', { long: true }), true],
    ['one more in the long form', frame('0123456789a', { long: true }), false],
    ['the limit in several frames', message('01234', '', '56789'), true],
    ['one more in several frames', message('01234', '', '56789', 'a'), false],
    ['one more in the last frame', message('012345678', 'ab'), false],
    ['empty frames over the limit in number', message(...Array.from({ length: 20 }, () => '')), true],
    [
      'a message of the limit around a PING',
      Buffer.concat([frame('01234', { more: true }), ping(0, 'context'), frame('56789')]),
      true,
    ],
    [
      'a message over the limit around a PING',
      Buffer.concat([frame('01234', { more: true }), ping(0, 'context'), frame('56789a')]),
      false,
    ],
  ];
  for (const [what, bytes, fits] of EDGES) {
    it(`10 octets: ${what} ${fits ? 'passes' : 'does not pass'}`, () => {
      const { log } = everyWay(Buffer.concat([HELLO, bytes]), { maxMessageSize: 10 });
      assert.equal(log.at(-1)?.startsWith('message'), fits, log.join());
      assert.equal(log.at(-1) === TOO_LARGE, !fits);
    });
  }

  it('0 octets: empty messages pass, others do not', () => {
    const options = { maxMessageSize: 0 };
    assert.deepEqual(everyWay(Buffer.concat([HELLO, message('', '')]), options).log, [
      READY,
      "message '' ''",
    ]);
    assert.deepEqual(everyWay(Buffer.concat([HELLO, message('a')]), options).log, [READY, TOO_LARGE]);
  });

  it('the limit for messages is none for commands', () => {
    const all = Buffer.concat([HELLO, ping(3, 'context'), command('SUBSCRIBE', Buffer.alloc(300, 'a'))]);
    const { log } = everyWay(all, { maxMessageSize: 1 });
    assert.deepEqual(log, [READY, 'ping 300', `subscribe 300 octets, ${checksum(Buffer.alloc(300, 'a'))}`]);
  });

  it('a command may have 65,536 octets, and not one more', () => {
    const topic = Buffer.alloc(65_536 - 10, 'a');
    for (const sizes of [[100_000], [9], [1, 30_000]]) {
      const fits = new PeerLog().feedIn(Buffer.concat([HELLO, command('SUBSCRIBE', topic)]), sizes);
      assert.deepEqual(fits.log, [READY, `subscribe ${topic.length} octets, ${checksum(topic)}`]);
      const over = new PeerLog().feedIn(
        Buffer.concat([HELLO, command('SUBSCRIBE', Buffer.alloc(topic.length + 1))]),
        sizes,
      );
      assert.deepEqual(over.log, [READY, TOO_LARGE]);
    }
  });

  it('messages before the one that is too large arrive', () => {
    const bytes = Buffer.concat([HELLO, message('one'), message('two'), message('0123456789a')]);
    const { log } = everyWay(bytes, { maxMessageSize: 10 });
    assert.deepEqual(log, [READY, "message 'one'", "message 'two'", TOO_LARGE]);
  });

  it('an endless row of frames ends: headers take 1 MiB at most', () => {
    for (const size of [65_536, 1460, 999]) {
      const chunk = Buffer.concat(Array.from({ length: Math.floor(size / 2) }, () => hex('01 00')));
      const peer = new PeerLog().feed(HELLO);
      while (peer.error === null && peer.consumed < 3 * MIB) peer.feed(chunk);
      assert.deepEqual(peer.log, [READY, TOO_LARGE]);
      assert.ok(
        peer.consumed >= MIB && peer.consumed <= MIB + size + HELLO.length,
        `${peer.consumed} octets`,
      );
    }
  });

  it('a row of frames that just fits is a message', () => {
    const count = 100_000;
    const bytes = Buffer.concat([
      HELLO,
      ...Array.from({ length: count - 1 }, () => hex('01 01 41')),
      hex('00 01 42'),
    ]);
    const peer = new PeerLog().feedIn(bytes, [65_536]);
    assert.equal(peer.received.length, 1);
    assert.equal(peer.received[0]?.length, count);
    assert.equal(peer.error, null);
  });

  it('an endless message ends at its limit', () => {
    const part = Buffer.concat(Array.from({ length: 50 }, () => frame(Buffer.alloc(100), { more: true })));
    const peer = new PeerLog({ maxMessageSize: 20_000 }).feed(HELLO);
    while (peer.error === null && peer.consumed < MIB) peer.feed(part);
    assert.deepEqual(peer.log, [READY, TOO_LARGE]);
    assert.ok(peer.consumed <= 20_000 + 2 * 200 + part.length + HELLO.length);
  });
});

describe('memory', () => {
  it('follows what arrives, not what a header claims', () => {
    const sizes = allocations(() => {
      const peer = new PeerLog().feed(HELLO);
      peer.feed(claim('02', '000000007fffffff')).feed(Buffer.alloc(100));
      assert.equal(peer.error, null);
    });
    assert.ok(Math.max(...sizes) <= MIB, `allocated ${Math.max(...sizes)}`);
  });

  it('of a stranger follows what arrives, from the first octet on', () => {
    const peer = new PeerLog().feed(greeting());
    const sizes = allocations(
      () => void peer.feed(claim('06', '000000000000ffff')).feed(Buffer.alloc(100, 1)),
    );
    assert.equal(peer.error, null);
    assert.ok(Math.max(...sizes) <= 512, `allocated ${Math.max(...sizes)}`);
  });

  it('of a large message doubles at most as it grows', () => {
    const chunk = Buffer.alloc(65_536);
    let fed = 0;
    const peer = new PeerLog().feed(HELLO).feed(claim('02', '000000007fffffff'));
    const sizes = allocations(() => {
      for (; fed < 8 * MIB; fed += chunk.length) peer.peer.receive(chunk);
    });
    assert.ok(Math.max(...sizes) <= 2 * (fed + 9), `allocated ${Math.max(...sizes)} for ${fed}`);
    assert.ok(sizes.reduce((sum, size) => sum + size, 0) <= 4 * fed, 'copied again and again');
  });

  it('of a message of many frames grows no faster than the message', () => {
    const chunk = Buffer.concat(Array.from({ length: 10_000 }, () => hex('01 01 41')));
    const peer = new PeerLog().feed(HELLO);
    let fed = 0;
    const sizes = allocations(() => {
      for (; fed < MIB; fed += chunk.length) peer.peer.receive(chunk);
    });
    assert.equal(peer.error, null);
    assert.ok(sizes.reduce((sum, size) => sum + size, 0) <= 8 * fed, 'copied again and again');
  });

  it('of a refused message is not asked for', () => {
    const peer = new PeerLog({ maxMessageSize: 1000 }).feed(HELLO);
    const sizes = allocations(() => void peer.feed(claim('02', '000000000000ffff')));
    assert.equal(peer.error?.code, 'ERR_ZMTP_MESSAGE_SIZE');
    assert.ok(Math.max(0, ...sizes) < 1000);
  });
});
