/**
 * The public key of a secret one, at once, for a page that has not loaded libsodium yet: X25519 of the base point (RFC 7748, 5).
 * No message is encrypted with it.
 */
import { pow } from '@noble/curves/abstract/modular.js';
import { montgomery } from '@noble/curves/abstract/montgomery.js';

const P = 2n ** 255n - 19n;

// The x25519 that the library has ready comes with Ed25519 and its hash: three times as much for a page to load.
const x25519 = montgomery({
  P,
  type: 'x25519',
  powPminus2: (x) => pow(x, P - 2n, P),
  adjustScalarBytes: (octets: Uint8Array): Uint8Array => {
    const scalar = Uint8Array.from(octets);
    scalar[0]! &= 248;
    scalar[31] = (scalar[31]! & 127) | 64;
    return scalar;
  },
});

export function publicKey(secretKey: Uint8Array): Uint8Array {
  return x25519.getPublicKey(secretKey);
}
