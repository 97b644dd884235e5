/** In place of crypto/keys.ts: by libsodium where it is loaded, which is when a CURVE socket has been bound or connected. */
import { type KeyPair, provider } from '../crypto/provider.ts';
import { publicKey } from './x25519.ts';

export function newKeyPair(): KeyPair {
  const loaded = provider();
  if (loaded !== null) return loaded.keyPair();
  const secretKey = Buffer.from(globalThis.crypto.getRandomValues(new Uint8Array(32)));
  return { publicKey: publicKeyOf(secretKey), secretKey };
}

export function publicKeyOf(secretKey: Uint8Array): Buffer {
  return provider()?.publicKey(secretKey) ?? Buffer.from(publicKey(secretKey));
}
