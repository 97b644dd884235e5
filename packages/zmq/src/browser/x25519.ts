/**
 * X25519 of the base point: the public key of a secret one, at once, for a page that has not loaded libsodium yet. No message
 * is encrypted with it. RFC 7748, 5: the same steps whatever the key; how long one takes is up to the engine's big integers,
 * which tells somebody in the same page at most, who has the key anyway.
 */
const P = 2n ** 255n - 19n;
const A24 = 121_665n;

export function publicKey(secretKey: Uint8Array): Uint8Array {
  const k = clamped(secretKey);
  const x1 = 9n;
  let x2 = 1n;
  let z2 = 0n;
  let x3 = x1;
  let z3 = 1n;
  let swap = 0n;
  for (let t = 254n; t >= 0n; t--) {
    const bit = (k >> t) & 1n;
    if (swap !== bit) {
      [x2, x3] = [x3, x2];
      [z2, z3] = [z3, z2];
    }
    swap = bit;
    const a = x2 + z2;
    const b = x2 - z2;
    const aa = (a * a) % P;
    const bb = (b * b) % P;
    const e = aa - bb;
    const da = ((x3 - z3) * a) % P;
    const cb = ((x3 + z3) * b) % P;
    x3 = (da + cb) ** 2n % P;
    z3 = (x1 * (da - cb) ** 2n) % P;
    x2 = (aa * bb) % P;
    z2 = (e * (aa + A24 * e)) % P;
  }
  return swap === 0n ? quotient(x2, z2) : quotient(x3, z3);
}

/** The number that the octets stand for, as a scalar of the curve. */
function clamped(secretKey: Uint8Array): bigint {
  let k = 0n;
  for (let at = 31; at >= 0; at--) k = (k << 8n) | BigInt(secretKey[at]!);
  return (k & ((1n << 254n) - 8n)) | (1n << 254n);
}

function quotient(x: bigint, z: bigint): Uint8Array {
  // Fermat: z ** (P - 2) is 1 / z.
  let inverse = 1n;
  for (let power = P - 2n, square = z; power > 0n; power >>= 1n, square = (square * square) % P) {
    if (power & 1n) inverse = (inverse * square) % P;
  }
  let u = (((x * inverse) % P) + P) % P;
  const octets = new Uint8Array(32);
  for (let at = 0; at < 32; at++, u >>= 8n) octets[at] = Number(u & 255n);
  return octets;
}
