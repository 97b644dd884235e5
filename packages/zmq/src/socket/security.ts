/**
 * What the options of a socket ask for in security, at the time of a bind or connect: which mechanism its connections
 * use, in which role, with which keys. It holds for the endpoint from then on, whatever becomes of the options. In the
 * process there is nothing to protect: inproc is NULL, and nobody is asked.
 */
import { ZmqError } from '../errors.ts';
import type { Endpoint } from '../transport/endpoint.ts';
import type { TransportOptions } from '../transport/transport.ts';
import type { Mechanism, Properties } from '../zmtp/mechanism/mechanism.ts';
import { NullMechanism } from '../zmtp/mechanism/null.ts';
import { PlainClient, PlainServer } from '../zmtp/mechanism/plain.ts';
import type { OptionValues } from './options.ts';

/** The security of one endpoint. */
export interface Security {
  readonly mechanism: TransportOptions['mechanism'];
  /** What has to be loaded before a handshake; null when all is there. */
  loading(): Promise<void> | null;
  /** The handshake of one connection. */
  begin(properties: Properties): Mechanism;
}

const OPEN: Security = {
  mechanism: 'NULL',
  loading: () => null,
  begin: (properties) => new NullMechanism(properties),
};
const ASKING: Security = { ...OPEN, begin: (properties) => new NullMechanism(properties, true) };

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
  const problem = mechanism === 'PLAIN' ? plainProblem(options) : null;
  if (problem !== null) throw new ZmqError('EINVAL', { address, detail: problem });
  if (mechanism === 'PLAIN') return plain(options);
  return (options.zapDomain ?? '') === '' ? OPEN : ASKING;
}

function plainProblem({ plainServer, plainUsername, plainPassword }: OptionValues): string | null {
  if (plainServer && (plainUsername !== null || plainPassword !== null)) {
    return 'plainServer is for the one side, plainUsername and plainPassword are for the other';
  }
  return null;
}

function plain({ plainServer, plainUsername, plainPassword }: OptionValues): Security {
  const username = Buffer.from(plainUsername ?? '');
  const password = Buffer.from(plainPassword ?? '');
  return {
    mechanism: 'PLAIN',
    loading: () => null,
    begin: (properties) =>
      plainServer ? new PlainServer(properties) : new PlainClient(properties, username, password),
  };
}

/** What a transport is told: the socket's options as they are at the time, and the endpoint's mechanism. */
export function transportOptions(
  options: OptionValues,
  { mechanism }: Pick<Security, 'mechanism'>,
): TransportOptions {
  return Object.create(options, { mechanism: { value: mechanism } }) as TransportOptions;
}
