/**
 * What the options of a socket ask for in security, at the time of a bind or connect: which mechanism its connections
 * use, in which role, with which keys. It holds for the endpoint from then on, whatever becomes of the options. In the
 * process there is nothing to protect: inproc is NULL, and nobody is asked.
 */
import { z85Decode, z85Encode } from '../bytes/z85.ts';
import { newKeyPair, publicKeyOf } from '../crypto/keys.ts';
import { ZmqError } from '../errors.ts';
import type { Endpoint } from '../transport/endpoint.ts';
import type { TransportOptions } from '../transport/transport.ts';
import type { Mechanism, Properties } from '../zmtp/mechanism/mechanism.ts';
import { NullMechanism } from '../zmtp/mechanism/null.ts';
import { PlainClient, PlainServer } from '../zmtp/mechanism/plain.ts';
import type { NewCurve } from './curve.ts';
import type { OptionValues } from './options.ts';

/** What is said to whoever is asked about a peer (RFC 27), and whether nobody to ask means nobody is let in. */
export interface ZapTerms {
  /** Empty when there is none. */
  readonly domain: string;
  readonly enforced: boolean;
}

/** The security of one endpoint. */
export interface Security {
  readonly zap: ZapTerms;
  readonly mechanism: TransportOptions['mechanism'];
  /** What has to be loaded before a handshake; null when all is there. */
  loading(): Promise<void> | null;
  /** The handshake of one connection. */
  begin(properties: Properties): Mechanism;
}

const OPEN: Security = {
  zap: { domain: '', enforced: false },
  mechanism: 'NULL',
  loading: () => null,
  begin: (properties) => new NullMechanism(properties),
};

/** The mechanism that the options ask for. */
export function mechanismOf(options: OptionValues): TransportOptions['mechanism'] {
  const { curveServer, curveServerKey, curvePublicKey, curveSecretKey } = options;
  // A key alone, too: whoever gives one does not want to send in the clear.
  if (curveServer || curveServerKey !== null || curvePublicKey !== null || curveSecretKey !== null)
    return 'CURVE';
  if (options.plainServer || options.plainUsername !== null || options.plainPassword !== null) return 'PLAIN';
  return 'NULL';
}

/**
 * The security of an endpoint.
 * @throws ZmqError EINVAL when the options contradict each other, or one is missing. It names the options, no value.
 */
export function securityOf(
  options: OptionValues,
  transport: Endpoint['transport'],
  address: string,
): Security {
  if (transport === 'inproc') return OPEN;
  const mechanism = mechanismOf(options);
  const problem = contradiction(options) ?? (mechanism === 'CURVE' ? curveProblem(options) : null);
  if (problem !== null) throw new ZmqError('EINVAL', { address, detail: problem });
  const zap = { domain: options.zapDomain ?? '', enforced: options.zapEnforceDomain };
  if (mechanism === 'CURVE') return { zap, ...curve(options) };
  if (mechanism === 'PLAIN') return { zap, ...plain(options) };
  if (zap.domain === '') return OPEN;
  return { ...OPEN, zap, begin: (properties) => new NullMechanism(properties, true) };
}

function contradiction(options: OptionValues): string | null {
  const { plainServer, plainUsername, plainPassword, curveServer, curveServerKey } = options;
  const plainClient = plainUsername !== null || plainPassword !== null;
  if (mechanismOf(options) === 'CURVE' && (plainServer || plainClient)) {
    return 'options of both PLAIN and CURVE are set: a socket uses one mechanism';
  }
  if (plainServer && plainClient) {
    return 'plainServer is for the one side, plainUsername and plainPassword are for the other';
  }
  if (curveServer && curveServerKey !== null) {
    return 'curveServer is for the one side, curveServerKey is for the other';
  }
  return null;
}

/** A mistake in the keys would show as a connection that never comes about: it is told here. */
function curveProblem(options: OptionValues): string | null {
  const { curveServer, curveServerKey, curvePublicKey, curveSecretKey } = options;
  if (!curveServer && curveServerKey === null) {
    return 'a curve key is set, and neither curveServer nor curveServerKey';
  }
  if (curveSecretKey === null) return 'curveSecretKey is missing; curveKeyPair() makes a pair of keys';
  if (!curveServer && curvePublicKey === null) {
    return 'curvePublicKey is missing: a CURVE client has a pair of keys of its own; curveKeyPair() makes one';
  }
  if (curvePublicKey === null) return null;
  const belongs = publicKeyOf(z85Decode(curveSecretKey)!).equals(z85Decode(curvePublicKey)!);
  return belongs ? null : 'curvePublicKey and curveSecretKey are not one pair';
}

let newCurve: NewCurve | null = null;
let loading: Promise<void> | null = null;

/** Once; again after a failure. */
function load(): Promise<void> {
  const begin = async (): Promise<void> => {
    try {
      const { loadCurve } = await import('./curve.ts');
      newCurve = await loadCurve();
    } catch (cause) {
      loading = null;
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new ZmqError('ENOTSUP', {
        detail: `CURVE needs libsodium, which can't be loaded: ${why}`,
        cause,
      });
    }
  };
  loading ??= begin();
  return loading;
}

function curve({ curveServerKey, curveSecretKey }: OptionValues): Omit<Security, 'zap'> {
  const secretKey = Buffer.from(z85Decode(curveSecretKey!)!);
  const server = curveServerKey === null ? null : Buffer.from(z85Decode(curveServerKey)!);
  let begin: ReturnType<NewCurve> | null = null;
  // Before the first connection is there, so that none has to wait.
  load().catch(() => {});
  return {
    mechanism: 'CURVE',
    loading: () => (newCurve === null ? load() : null),
    begin(properties) {
      begin ??= newCurve!(secretKey, server);
      return begin(properties);
    },
  };
}

function plain({ plainServer, plainUsername, plainPassword }: OptionValues): Omit<Security, 'zap'> {
  const username = Buffer.from(plainUsername ?? '');
  const password = Buffer.from(plainPassword ?? '');
  return {
    mechanism: 'PLAIN',
    loading: () => null,
    begin: (properties) =>
      plainServer ? new PlainServer(properties) : new PlainClient(properties, username, password),
  };
}

/**
 * A new pair of keys for the CURVE mechanism, as text (Z85). A server needs the secret one (`curveSecretKey`), its clients
 * the public one of it (`curveServerKey`); a client has a pair of its own.
 */
export function curveKeyPair(): { publicKey: string; secretKey: string } {
  const { publicKey, secretKey } = newKeyPair();
  return { publicKey: z85Encode(publicKey), secretKey: z85Encode(secretKey) };
}

/** What a transport is told: the socket's options as they are at the time, and the endpoint's mechanism. */
export function transportOptions(
  options: OptionValues,
  { mechanism }: Pick<Security, 'mechanism'>,
): TransportOptions {
  return Object.create(options, { mechanism: { value: mechanism } }) as TransportOptions;
}
