/** Which transport serves an endpoint. */
import { ZmqError } from '../errors.ts';
import type { Endpoint } from './endpoint.ts';
import { ipcTransport } from './ipc.ts';
import { tcpTransport } from './tcp.ts';
import type { Transport } from './transport.ts';

/** `inproc` is the one of the Context: its names are its own. */
export function transportFor(endpoint: Endpoint, inproc: Transport): Transport {
  switch (endpoint.transport) {
    case 'tcp':
      return tcpTransport;
    case 'ipc':
      return ipcTransport;
    case 'inproc':
      return inproc;
    case 'ws':
    case 'wss':
      throw new ZmqError('EPROTONOSUPPORT', { address: endpoint.text });
  }
}
