/** Long-term keys of CURVE, made at once: what of the cryptography is not loaded lazily is Node's own. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { KeyPair } from './provider.ts';

/** PKCS #8 of an X25519 key, up to the 32 octets of the key (RFC 8410). */
const PKCS8 = Buffer.from('302e020100300506032b656e04220420', 'hex');

export function newKeyPair(): KeyPair {
  const { publicKey, privateKey } = generateKeyPairSync('x25519');
  return { publicKey: octets(publicKey, 'x'), secretKey: octets(privateKey, 'd') };
}

/** The public key that belongs to a secret one of 32 octets. */
export function publicKeyOf(secretKey: Uint8Array): Buffer {
  const der = Buffer.concat([PKCS8, secretKey]);
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  der.fill(0);
  return octets(createPublicKey(key), 'x');
}

function octets(key: KeyObject, field: 'x' | 'd'): Buffer {
  return Buffer.from(key.export({ format: 'jwk' })[field] ?? '', 'base64url');
}
