/** Public keys that a page makes without libsodium, against Node's. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { publicKey } from '../../../src/browser/x25519.ts';
import { publicKeyOf } from '../../../src/crypto/keys.ts';

const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');

describe('X25519 of the base point', () => {
  it('is what Node says', () => {
    const keys = [
      new Uint8Array(32),
      new Uint8Array(32).fill(255),
      new Uint8Array(32).fill(1),
      ...Array.from({ length: 30 }, () => randomBytes(32)),
    ];
    for (const secretKey of keys) {
      assert.equal(hex(publicKey(secretKey)), hex(publicKeyOf(secretKey)), hex(secretKey));
    }
  });
});
