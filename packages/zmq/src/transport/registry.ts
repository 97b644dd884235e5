/** Which transport serves an endpoint. */
import type { Endpoint } from './endpoint.ts';
import { ipcTransport } from './ipc.ts';
import { tcpTransport } from './tcp.ts';
import type { Transport } from './transport.ts';
import { udpTransport } from './udp.ts';
import { wsTransport } from './ws/transport.ts';

/** `inproc` is the one of the Context: its names are its own. */
export function transportFor(endpoint: Endpoint, inproc: Transport): Transport {
  switch (endpoint.transport) {
    case 'tcp':
      return tcpTransport;
    case 'ws':
    case 'wss':
      return wsTransport;
    case 'udp':
      return udpTransport;
    case 'ipc':
      return ipcTransport;
    case 'inproc':
      return inproc;
  }
}
