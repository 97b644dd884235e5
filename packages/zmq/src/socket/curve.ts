/** CURVE and its cryptography: loaded with the first endpoint that asks for it, so that everybody else starts sooner. */
import { loadProvider } from '../crypto/provider.ts';
import { CurveClient } from '../zmtp/mechanism/curve-client.ts';
import { CurveServer } from '../zmtp/mechanism/curve-server.ts';
import type { Mechanism, Properties } from '../zmtp/mechanism/mechanism.ts';

/** The handshake of one connection; with a server's public key that of a client. */
export type NewCurve = (properties: Properties, secretKey: Buffer, server: Buffer | null) => Mechanism;

export async function loadCurve(): Promise<NewCurve> {
  const crypto = await loadProvider();
  return (properties, secretKey, server) => {
    const ours = { publicKey: crypto.publicKey(secretKey), secretKey };
    return server === null
      ? new CurveServer(properties, ours, crypto)
      : new CurveClient(properties, { ours, server }, crypto);
  };
}
