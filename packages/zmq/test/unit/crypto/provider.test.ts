import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import sodium from 'sodium-native';
import { z85Decode } from '../../../src/bytes/z85.ts';
import { newKeyPair, publicKeyOf } from '../../../src/crypto/keys.ts';
import { newProvider } from '../../../src/crypto/provider.ts';
import { providers } from '../../support/curve.ts';

/** The keys of zmq_curve(7). */
const PUBLIC = Buffer.from('bb88471d65e2659b30c55a5321cebb5aab2b70a398645c26dca2b2fcb43fc518', 'hex');
const SECRET = Buffer.from('7bb864b489afa3671fbe69101f94b38972f24816dfb01b51656b3fec8dfd0888', 'hex');
const KEY = Buffer.alloc(32, 9);
const NONCE = Buffer.alloc(24, 3);
/** Both sides of where the addon takes over, and of what the arena holds. */
const SIZES = [0, 1, 63, 64, 65, 639, 640, 641, 16_384, 131_072, 393_199, 393_200, 393_201, 3_000_000];

describe('long-term keys', () => {
  it('are the pairs that libzmq documents', () => {
    assert.deepEqual(Buffer.from(z85Decode('Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID')!), PUBLIC);
    assert.deepEqual(Buffer.from(z85Decode('D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs')!), SECRET);
    assert.deepEqual(publicKeyOf(SECRET), PUBLIC);
    const { publicKey, secretKey } = newKeyPair();
    assert.deepEqual([publicKey.length, secretKey.length], [32, 32]);
    assert.deepEqual(publicKeyOf(secretKey), publicKey);
    assert.notDeepEqual(newKeyPair().secretKey, secretKey);
  });
});

it('memory that grew for a large message is given up, and the next ones are right', async () => {
  const crypto = await newProvider(false);
  const { arena } = crypto;
  const [small, main] = [arena.room.size, arena.memory.length];
  const plain = Buffer.alloc(40 * 1_048_576, 5);
  const box = crypto.secretbox(KEY, NONCE, plain);
  assert.ok(arena.room.size > plain.length);
  // Until another one is there the grown one goes on.
  assert.equal(Buffer.compare(crypto.openSecretbox(KEY, NONCE, box)!, plain), 0);
  await arena.room.settled;
  assert.equal(arena.room.size, small);
  assert.equal(arena.memory.length, main);
  assert.equal(Buffer.compare(crypto.openSecretbox(KEY, NONCE, box)!, plain), 0);
  await arena.room.settled;
});

for (const [name, crypto] of providers) {
  describe(`cryptography, ${name}`, () => {
    it('makes pairs of keys', () => {
      assert.deepEqual(crypto.publicKey(SECRET), PUBLIC);
      const { publicKey, secretKey } = crypto.keyPair();
      assert.deepEqual(publicKeyOf(secretKey), publicKey);
    });

    it('gives both sides the same key', () => {
      const [a, b] = [crypto.keyPair(), newKeyPair()];
      const key = crypto.sharedKey(a.publicKey, b.secretKey);
      assert.ok(key !== null);
      assert.deepEqual(crypto.sharedKey(b.publicKey, a.secretKey), key);
    });

    it('makes no key with a public key of low order', () => {
      assert.equal(crypto.sharedKey(Buffer.alloc(32), SECRET), null);
      assert.equal(crypto.sharedKey(Buffer.from('01'.padEnd(64, '0'), 'hex'), SECRET), null);
    });

    it('makes the boxes that libsodium makes, of every size', () => {
      for (const size of SIZES) {
        const plain = Buffer.alloc(size, size);
        const expected = Buffer.alloc(size + 16);
        sodium.crypto_secretbox_easy(expected, plain, NONCE, KEY);
        const box = crypto.secretbox(KEY, NONCE, plain);
        assert.equal(Buffer.compare(box, expected), 0, `${size}`);
        assert.equal(Buffer.compare(crypto.openSecretbox(KEY, NONCE, box)!, plain), 0, `${size}`);
        box[box.length >> 1]! ^= 1;
        assert.equal(crypto.openSecretbox(KEY, NONCE, box), null, `${size}`);
      }
    });

    it('opens nothing that is shorter than a box, or has another key or nonce', () => {
      assert.equal(crypto.openSecretbox(KEY, NONCE, Buffer.alloc(15)), null);
      const box = crypto.secretbox(KEY, NONCE, Buffer.from('x'));
      assert.equal(crypto.openSecretbox(Buffer.alloc(32, 8), NONCE, box), null);
      assert.equal(crypto.openSecretbox(KEY, Buffer.alloc(24, 2), box), null);
    });

    it('compares', () => {
      assert.equal(crypto.equal(KEY, Buffer.from(KEY)), true);
      assert.equal(crypto.equal(KEY, KEY.subarray(1)), false);
      assert.equal(crypto.equal(KEY.subarray(1), KEY), false);
      for (let at = 0; at < 32; at++) {
        const other = Buffer.from(KEY);
        other[at]! ^= 0x80;
        assert.equal(crypto.equal(KEY, other), false);
      }
    });

    it('leaves no key in shared memory', () => {
      const { publicKey, secretKey } = crypto.keyPair();
      const shared = crypto.sharedKey(publicKey, SECRET)!;
      crypto.secretbox(shared, NONCE, Buffer.from('x'));
      const { arena } = crypto;
      // What the addresses of a call hold, and no more: the stack of WebAssembly is libsodium's own affair.
      const place = Buffer.from(arena.memory.subarray(arena.key, arena.output));
      for (const key of [secretKey, SECRET, shared]) assert.equal(place.includes(key), false);
    });
  });
}
