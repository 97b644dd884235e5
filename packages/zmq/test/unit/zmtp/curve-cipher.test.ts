import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Provider } from '../../../src/crypto/provider.ts';
import { CurveCipher } from '../../../src/zmtp/mechanism/curve-cipher.ts';
import { NONCES } from '../../../src/zmtp/mechanism/curve-seal.ts';
import { providers } from '../../support/curve.ts';
import { command, frame, hex, message } from '../../support/wire.ts';

const KEY = Buffer.alloc(32, 7);
const NO_LIMIT = 0x7fff_ffff;

interface Ends {
  readonly client: CurveCipher;
  readonly server: CurveCipher;
}

function ends(crypto: Provider, next: number = 3): Ends {
  const cipher = (server: boolean): CurveCipher =>
    new CurveCipher(crypto.arena, Buffer.from(KEY), server, next, Buffer.alloc(8));
  return { client: cipher(false), server: cipher(true) };
}

function seal(cipher: CurveCipher, ...parts: readonly Uint8Array[]): Buffer {
  cipher.take(parts);
  const all: Buffer[] = [];
  // Copies: the memory is used again.
  for (let sealed = cipher.seal(); sealed !== null; sealed = cipher.seal()) {
    for (const part of sealed) all.push(Buffer.from(part));
  }
  return Buffer.concat(all);
}

function open(cipher: CurveCipher, bytes: Uint8Array, step: number, limit: number = NO_LIMIT): Buffer {
  const all: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += step) {
    cipher.open(Uint8Array.from(bytes.subarray(at, at + step)), limit, (plain) => all.push(plain));
  }
  return Buffer.concat(all);
}

const SIZES = [0, 1, 221, 222, 223, 255, 256, 639, 640, 8192, 16_383, 16_384, 16_385, 65_536, 300_000];
const ALL = Buffer.concat([
  ...SIZES.map((size) => message(Buffer.alloc(size, size))),
  message('a', '', Buffer.alloc(1000, 1), Buffer.alloc(70_000, 2)),
  command('PING', hex('00 64')),
  frame('x', { more: true }),
  command('SUBSCRIBE', Buffer.alloc(300, 'a')),
  frame('y'),
]);

for (const [name, crypto] of providers) {
  describe(`CURVE's traffic, ${name}`, () => {
    it('arrives as it was sent, however it is cut', () => {
      for (const step of [1, 7, 1000, 16_384, 65_536, 200_000, ALL.length * 2]) {
        const { client, server } = ends(crypto);
        const there = seal(client, ALL);
        assert.equal(Buffer.compare(open(server, there, step), ALL), 0, `to the server, ${step} at once`);
        const back = seal(server, ALL);
        assert.equal(Buffer.compare(open(client, back, step), ALL), 0, `to the client, ${step} at once`);
      }
    });

    it('takes frames that are in several parts', () => {
      const { client, server } = ends(crypto);
      for (const size of [1, 2, 3, 10, 5000, 100_000]) {
        const parts: Buffer[] = [];
        for (let at = 0; at < ALL.length; at += size * 13) parts.push(ALL.subarray(at, at + size * 13));
        const few = parts.length > 20_000 ? [ALL] : parts;
        assert.equal(Buffer.compare(open(server, seal(client, ...few), 65_536), ALL), 0, `${size}`);
      }
    });

    it('leaves what it is given as it was', () => {
      const given = Buffer.from(ALL);
      seal(ends(crypto).client, given);
      assert.deepEqual(given, ALL);
    });

    it('neither writes to a chunk nor looks at it again: its memory may be lent', () => {
      for (const step of [1000, 16_384, 70_000, ALL.length * 2]) {
        const { client, server } = ends(crypto);
        const bytes = seal(client, ALL);
        const lent = Buffer.alloc(step);
        const all: Uint8Array[] = [];
        for (let at = 0; at < bytes.length; at += step) {
          const chunk = bytes.subarray(at, at + step);
          lent.set(chunk);
          server.open(lent.subarray(0, chunk.length), NO_LIMIT, (plain) => all.push(plain));
          assert.deepEqual(lent.subarray(0, chunk.length), chunk, `written to, ${step} at once`);
          lent.fill(0xff);
        }
        assert.equal(Buffer.compare(Buffer.concat(all), ALL), 0, `${step} at once`);
      }
    });

    it('has the form of RFC 26, with flags of nought outside', () => {
      const { client } = ends(crypto);
      const bytes = seal(client, message('abc'), command('PING', hex('00 00')));
      assert.deepEqual(bytes.subarray(0, 18), hex('00 24 07 4d455353414745 00 00 00 00 00 00 00 03'));
      const second = bytes.subarray(38);
      assert.deepEqual(second.subarray(0, 18), hex('00 28 07 4d455353414745 00 00 00 00 00 00 00 04'));
      const inside = crypto.openSecretbox(
        KEY,
        Buffer.from('CurveZMQMESSAGEC\0\0\0\0\0\0\0\x04', 'latin1'),
        second.subarray(18),
      );
      assert.deepEqual(inside, hex('02 04 50494e47 00 00'));
    });

    it('works in slices, so that little waits in memory', () => {
      const { client } = ends(crypto);
      const body = Buffer.alloc(100_000, 1);
      client.take(Array.from({ length: 50 }, () => message(body)));
      let slices = 0;
      for (let sealed = client.seal(); sealed !== null; sealed = client.seal()) {
        slices++;
        assert.ok(sealed.reduce((sum, { length }) => sum + length, 0) < 500_000);
      }
      assert.ok(slices >= 10);
    });

    it('does not write to memory that it gave away', () => {
      const { client, server } = ends(crypto);
      const kept: Uint8Array[] = [];
      const bytes = seal(client, ...Array.from({ length: 400 }, (_, i) => message(Buffer.alloc(i, i & 255))));
      server.open(bytes.subarray(0, 20_000), NO_LIMIT, (plain) => kept.push(plain));
      const before = Buffer.concat(kept);
      server.open(Uint8Array.from(bytes.subarray(20_000)), NO_LIMIT, () => {});
      seal(server, ALL);
      assert.deepEqual(Buffer.concat(kept), before);
    });

    it('ends with a changed octet, wherever it is, after what came before', () => {
      for (const size of [3, 700, 40_000]) {
        const { client } = ends(crypto);
        const good = message('good');
        const bytes = seal(client, good, message(Buffer.alloc(size, 1)));
        const first = 39;
        const head = size > 222 ? 9 : 2;
        for (const at of [first + head + 8, first + head + 16, first + head + 32, bytes.length - 1]) {
          const { server } = ends(crypto);
          const bad = Buffer.from(bytes);
          bad[at]! ^= 0x40;
          const got: Buffer[] = [];
          assert.throws(
            () => server.open(Uint8Array.from(bad), NO_LIMIT, (plain) => got.push(Buffer.from(plain))),
            { code: 'ERR_ZMTP_CRYPTOGRAPHIC' },
            `size ${size}, octet ${at}`,
          );
          assert.deepEqual(Buffer.concat(got), good);
        }
      }
    });

    it('takes each nonce once, and in order', () => {
      for (const size of [3, 40_000]) {
        const { client, server } = ends(crypto);
        const [one, two] = [seal(client, message(Buffer.alloc(size))), seal(client, message('2'))];
        open(server, one, 65_536);
        assert.throws(() => open(server, one, 65_536), { code: 'ERR_ZMTP_INVALID_SEQUENCE' });
        const late = ends(crypto).server;
        open(late, two, 65_536);
        assert.throws(() => open(late, one, 65_536), { code: 'ERR_ZMTP_INVALID_SEQUENCE' });
      }
    });

    it('takes nonces of 64 bits', () => {
      const box = (high: number, low: number): Buffer => {
        const nonce = Buffer.alloc(8);
        nonce.writeUInt32BE(high, 0);
        nonce.writeUInt32BE(low, 4);
        const full = Buffer.concat([Buffer.from('CurveZMQMESSAGEC'), nonce]);
        const sealed = crypto.secretbox(KEY, full, hex('00 78'));
        return frame(Buffer.concat([Buffer.from('\x07MESSAGE'), nonce, sealed]));
      };
      const { server } = ends(crypto);
      const rising = [
        box(0, 9),
        box(0, 0xffff_ffff),
        box(1, 0),
        box(0xffff_ffff, 1),
        box(0xffff_ffff, 0xffff_ffff),
      ];
      assert.equal(open(server, Buffer.concat(rising), 65_536).toString('hex'), '000178'.repeat(5));
      assert.throws(() => open(server, box(0xffff_ffff, 0xffff_fffe), 100), {
        code: 'ERR_ZMTP_INVALID_SEQUENCE',
      });
    });

    it('does not take the other direction for its own', () => {
      const { client } = ends(crypto);
      assert.throws(() => open(client, seal(ends(crypto).client, message('x')), 100), {
        code: 'ERR_ZMTP_CRYPTOGRAPHIC',
      });
    });

    it('ends before a nonce would come twice', () => {
      const { client } = ends(crypto, NONCES - 2);
      seal(client, message('a'), message('b'));
      assert.throws(() => seal(client, message('c')), { code: 'ERR_ZMTP_CRYPTOGRAPHIC' });
      assert.throws(() => seal(client, message(Buffer.alloc(50_000))), { code: 'ERR_ZMTP_CRYPTOGRAPHIC' });
    });

    it('refuses what is no MESSAGE, and one that is too short', () => {
      const cases: readonly (readonly [Buffer, string])[] = [
        [message('in the clear'), 'ERR_ZMTP_UNEXPECTED_COMMAND'],
        [message(''), 'ERR_ZMTP_UNEXPECTED_COMMAND'],
        [command('PING', hex('00 00')), 'ERR_ZMTP_UNEXPECTED_COMMAND'],
        [message(Buffer.alloc(50_000)), 'ERR_ZMTP_UNEXPECTED_COMMAND'],
        [frame('\x07MESSAGE'), 'ERR_ZMTP_MALFORMED_COMMAND_MESSAGE'],
        [frame(`\x07MESSAGE${'x'.repeat(24)}`), 'ERR_ZMTP_MALFORMED_COMMAND_MESSAGE'],
      ];
      for (const [bytes, code] of cases) {
        for (const step of [1, 65_536]) {
          assert.throws(() => open(ends(crypto).server, bytes, step), { code });
        }
      }
    });

    it('refuses what is over the limit as soon as its header is there', () => {
      for (const limit of [100, 70_000]) {
        const { client, server } = ends(crypto);
        const fits = message(Buffer.alloc(limit, 1));
        assert.deepEqual(open(server, seal(client, fits), 1000, limit), fits);
        const over = seal(client, message(Buffer.alloc(limit + 1)));
        const head = over[0]! & 2 ? 9 : 2;
        assert.throws(() => open(server, over.subarray(0, head), 1, limit), {
          code: 'ERR_ZMTP_MESSAGE_SIZE',
        });
      }
      const huge = hex('02 ff ff ff ff ff ff ff ff');
      assert.throws(() => open(ends(crypto).server, huge, 9), { code: 'ERR_ZMTP_MESSAGE_SIZE' });
    });

    it('takes memory for what has arrived, not for what a header claims', () => {
      const { server } = ends(crypto);
      const claim = Buffer.concat([
        hex('02 00 00 00 00 7f ff ff ff'),
        Buffer.from('\x07MESSAGE'),
        Buffer.alloc(7),
        hex('09'),
      ]);
      const before = process.memoryUsage().arrayBuffers;
      server.open(Uint8Array.from(Buffer.concat([claim, Buffer.alloc(1000)])), NO_LIMIT, () => {});
      assert.ok(process.memoryUsage().arrayBuffers - before < 32 * 2 ** 20);
    });

    it('wipes its key', () => {
      const key = Buffer.from(KEY);
      const cipher = new CurveCipher(crypto.arena, key, false, 3, Buffer.alloc(8));
      seal(cipher, message('x'));
      cipher.close();
      assert.deepEqual(key, Buffer.alloc(32));
      const { arena } = crypto;
      assert.deepEqual(Buffer.from(arena.memory.subarray(arena.key, arena.key + 32)), Buffer.alloc(32));
    });
  });
}
