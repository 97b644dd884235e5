/** Which mechanism the options of a socket ask for. */
import type { TransportOptions } from '../transport/transport.ts';
import type { OptionValues } from './options.ts';

/** As libzmq chooses: the last of CURVE and PLAIN that is asked for; both is a mistake of the caller. */
export function mechanismOf(options: OptionValues): TransportOptions['mechanism'] {
  if (options.curveServer || options.curveServerKey !== null) return 'CURVE';
  if (options.plainServer || options.plainUsername !== null || options.plainPassword !== null) return 'PLAIN';
  return 'NULL';
}

/** What a transport is told: the socket's options as they are at the time. */
export function transportOptions(options: OptionValues): TransportOptions {
  return Object.create(options, { mechanism: { get: () => mechanismOf(options) } }) as TransportOptions;
}
