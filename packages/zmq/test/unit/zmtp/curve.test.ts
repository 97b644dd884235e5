import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { newKeyPair } from '../../../src/crypto/keys.ts';
import { type CurveCrypto, nonceOf } from '../../../src/zmtp/mechanism/curve.ts';
import { CLIENT, client, commandOf, providers, SERVER, server, shakeHands } from '../../support/curve.ts';
import { command as wireCommand } from '../../support/wire.ts';

/** Where in each frame each of its fields is, and what a changed octet there comes to. */
const FIELDS: readonly (readonly [command: string, at: number, code: string])[] = [
  ['HELLO', 8, 'ERR_ZMTP_MALFORMED_COMMAND_HELLO'],
  ['HELLO', 9, 'ERR_ZMTP_MALFORMED_COMMAND_HELLO'],
  ['HELLO', 82, 'ERR_ZMTP_CRYPTOGRAPHIC'],
  ['HELLO', 114, 'ERR_ZMTP_CRYPTOGRAPHIC'],
  ['HELLO', 122, 'ERR_ZMTP_CRYPTOGRAPHIC'],
  ['HELLO', 201, 'ERR_ZMTP_CRYPTOGRAPHIC'],
  ['WELCOME', 10, 'ERR_ZMTP_CRYPTOGRAPHIC'],
  ['WELCOME', 26, 'ERR_ZMTP_CRYPTOGRAPHIC'],
  ['WELCOME', 169, 'ERR_ZMTP_CRYPTOGRAPHIC'],
  ['INITIATE', 18, 'ERR_ZMTP_CRYPTOGRAPHIC'],
  ['INITIATE', 34, 'ERR_ZMTP_CRYPTOGRAPHIC'],
  ['INITIATE', 121, 'ERR_ZMTP_CRYPTOGRAPHIC'],
  ['INITIATE', 122, 'ERR_ZMTP_CRYPTOGRAPHIC'],
  ['INITIATE', 278, 'ERR_ZMTP_CRYPTOGRAPHIC'],
  ['READY', 15, 'ERR_ZMTP_CRYPTOGRAPHIC'],
  ['READY', 16, 'ERR_ZMTP_CRYPTOGRAPHIC'],
  ['READY', 40, 'ERR_ZMTP_CRYPTOGRAPHIC'],
];

for (const [name, crypto] of providers) {
  describe(`CURVE's handshake, ${name}`, () => {
    it('goes HELLO, WELCOME, INITIATE, READY', () => {
      const [a, b] = [client(crypto), server(crypto)];
      assert.deepEqual(shakeHands(a, b), ['HELLO', 'WELCOME', 'INITIATE', 'READY']);
      assert.equal(a.metadata?.get('socket-type')?.toString(), 'PULL');
      assert.equal(b.metadata?.get('socket-type')?.toString(), 'PUSH');
      assert.deepEqual([a.asServer, b.asServer], [false, true]);
      assert.ok(a.cipher !== null && b.cipher !== null);
    });

    it('has the sizes of RFC 26', () => {
      const sizes: [string, number][] = [];
      shakeHands(client(crypto), server(crypto), (bytes, command) => {
        sizes.push([command, commandOf(bytes).data.length + 1 + command.length]);
        return bytes;
      });
      // Metadata: one property of 1 + 11 + 4 + 4 octets.
      assert.deepEqual(sizes, [
        ['HELLO', 200],
        ['WELCOME', 168],
        ['INITIATE', 257 + 20],
        ['READY', 30 + 20],
      ]);
    });

    it('tells the server the key of the client, and nobody else', () => {
      const [a, b] = [client(crypto), server(crypto)];
      const sent: Uint8Array[] = [];
      const pass = (bytes: Uint8Array | null): ReturnType<typeof commandOf> => {
        sent.push(bytes!);
        return commandOf(bytes!);
      };
      b.receive(pass(a.next()));
      a.receive(pass(b.next()));
      b.receive(pass(a.next()));
      assert.deepEqual(b.credentials, { mechanism: 'CURVE', frames: [CLIENT.publicKey] });
      // Until it is let in there is no READY, and no metadata.
      assert.deepEqual([b.next(), b.metadata, b.cipher], [null, null, null]);
      const all = Buffer.concat(sent);
      for (const key of [CLIENT.publicKey, SERVER.publicKey, CLIENT.secretKey, SERVER.secretKey]) {
        assert.equal(all.includes(key), false);
      }
    });

    it('says no with the status', () => {
      for (const [status, answer] of [
        [400, '400'],
        [500, '500'],
        [300, null],
      ] as const) {
        const [a, b] = [client(crypto), server(crypto)];
        b.receive(commandOf(a.next()!));
        a.receive(commandOf(b.next()!));
        b.receive(commandOf(a.next()!));
        b.decide({ status, userId: '', metadata: new Map() });
        const error = b.next();
        if (answer === null) assert.equal(error, null);
        else assert.deepEqual(commandOf(error!), { name: 'ERROR', data: Buffer.from(`\x03${answer}`) });
        assert.deepEqual([b.next(), b.metadata, b.cipher, b.credentials], [null, null, null, null]);
      }
    });

    it('ends with the HELLO of who has another key of the server', () => {
      const a = client(crypto, newKeyPair().publicKey);
      assert.throws(() => shakeHands(a, server(crypto)), { code: 'ERR_ZMTP_CRYPTOGRAPHIC' });
    });

    it('makes no HELLO for a key of low order', () => {
      assert.throws(() => client(crypto, Buffer.alloc(32)).next(), { code: 'ERR_ZMTP_CRYPTOGRAPHIC' });
    });

    for (const [command, at, code] of FIELDS) {
      it(`ends with ${code} when octet ${at} of ${command} was changed`, () => {
        const [a, b] = [client(crypto), server(crypto)];
        const change = (bytes: Uint8Array, each: string): Uint8Array => {
          // Long frames have nine octets in front; the places above count two.
          if (each === command) bytes[at + (bytes[0]! & 2 ? 7 : 0)]! ^= 1;
          return bytes;
        };
        assert.throws(() => shakeHands(a, b, change), { code });
      });
    }

    it('refuses commands of another length', () => {
      const cases = [
        [server, 'HELLO', 193],
        [server, 'HELLO', 195],
        [client, 'WELCOME', 159],
        [client, 'WELCOME', 161],
      ] as const;
      for (const [side, each, length] of cases) {
        const one = side(crypto);
        one.next();
        assert.throws(() => one.receive({ name: each, data: Buffer.alloc(length, 1) }), {
          code: `ERR_ZMTP_MALFORMED_COMMAND_${each}`,
        });
      }
      for (const [command, length] of [
        ['INITIATE', 247],
        ['READY', 23],
      ] as const) {
        const [a, b] = [client(crypto), server(crypto)];
        const short = (bytes: Uint8Array, each: string): Uint8Array => {
          if (each !== command) return bytes;
          return wireCommand(command, Buffer.alloc(length));
        };
        assert.throws(() => shakeHands(a, b, short), { code: `ERR_ZMTP_MALFORMED_COMMAND_${command}` });
      }
    });

    it('refuses commands out of turn', () => {
      const unexpected = { code: 'ERR_ZMTP_UNEXPECTED_COMMAND' };
      for (const each of ['HELLO', 'INITIATE', 'READY', 'MESSAGE']) {
        const a = client(crypto);
        a.next();
        assert.throws(() => a.receive({ name: each, data: Buffer.alloc(300) }), unexpected);
      }
      for (const each of ['WELCOME', 'INITIATE', 'READY', 'MESSAGE']) {
        assert.throws(() => server(crypto).receive({ name: each, data: Buffer.alloc(300) }), unexpected);
      }
    });

    it('takes an INITIATE on the connection that it was made for only, and once', () => {
      const [a, b, other] = [client(crypto), server(crypto), server(crypto)];
      const hello = commandOf(a.next()!);
      b.receive(hello);
      other.receive(hello);
      a.receive(commandOf(b.next()!));
      other.next();
      const initiate = commandOf(a.next()!);
      assert.throws(() => other.receive(initiate), { code: 'ERR_ZMTP_CRYPTOGRAPHIC' });
      b.receive(initiate);
      assert.throws(() => b.receive(initiate), { code: 'ERR_ZMTP_UNEXPECTED_COMMAND' });
    });

    it('wipes the keys of the connection', () => {
      const made: Buffer[] = [];
      const watching: CurveCrypto = {
        random: (size) => crypto.random(size),
        secretbox: (...given) => crypto.secretbox(...given),
        openSecretbox: (...given) => crypto.openSecretbox(...given),
        equal: (...given) => crypto.equal(...given),
        arena: crypto.arena,
        keyPair: () => {
          const pair = crypto.keyPair();
          made.push(pair.secretKey);
          return pair;
        },
        sharedKey: (theirs, ours) => {
          const key = crypto.sharedKey(theirs, ours);
          if (key !== null) made.push(key);
          return key;
        },
      };
      const [a, b] = [client(watching), server(watching)];
      shakeHands(a, b);
      a.close();
      b.close();
      assert.ok(made.length >= 6);
      for (const key of made) assert.deepEqual(key, Buffer.alloc(32));
      // Those that belong to the socket stay.
      assert.notDeepEqual(CLIENT.secretKey, Buffer.alloc(32));
      assert.notDeepEqual(SERVER.secretKey, Buffer.alloc(32));
    });
  });
}

describe('nonces', () => {
  it('are a prefix and a number, or a prefix and random octets', () => {
    assert.equal(nonceOf('CurveZMQHELLO---', 258).toString('latin1'), 'CurveZMQHELLO---\0\0\0\0\0\0\x01\x02');
    assert.equal(nonceOf('WELCOME-', Buffer.alloc(16, 'r')).toString(), `WELCOME-${'r'.repeat(16)}`);
  });
});
