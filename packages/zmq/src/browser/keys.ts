/** In place of crypto/keys.ts: a page has no cryptography that answers at once, before libsodium is loaded. */
import { type KeyPair, provider } from '../crypto/provider.ts';
import { ZmqError } from '../errors.ts';

/** @throws ZmqError ENOTSUP before the first CURVE socket was bound or connected, which loads libsodium. */
export function newKeyPair(): KeyPair {
  const crypto = provider();
  if (crypto !== null) return crypto.keyPair();
  throw new ZmqError('ENOTSUP', { detail: 'libsodium is not loaded yet: make the keys elsewhere, or later' });
}

export function publicKeyOf(secretKey: Uint8Array): Buffer | null {
  return provider()?.publicKey(secretKey) ?? null;
}
