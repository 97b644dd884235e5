/** CURVE and its cryptography: loaded with the first endpoint that asks for it, so that everybody else starts sooner. */
import { loadProvider } from '../crypto/provider.ts';
import { CurveClient } from '../zmtp/mechanism/curve-client.ts';
import { CurveServer } from '../zmtp/mechanism/curve-server.ts';
import type { Mechanism, Properties } from '../zmtp/mechanism/mechanism.ts';

/** What begins the handshakes of one endpoint; with a server's public key those of a client. */
export type NewCurve = (secretKey: Buffer, server: Buffer | null) => (properties: Properties) => Mechanism;

export async function loadCurve(): Promise<NewCurve> {
  const crypto = await loadProvider();
  return (secretKey, server) => {
    // Once for all connections: to strangers it would be work that costs them nothing.
    const ours = { publicKey: crypto.publicKey(secretKey), secretKey };
    return server === null
      ? (properties) => new CurveServer(properties, ours, crypto)
      : (properties) => new CurveClient(properties, { ours, server }, crypto);
  };
}
