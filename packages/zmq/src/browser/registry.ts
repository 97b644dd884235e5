/** Which transport serves an endpoint in a page: WebSocket, and inproc between the sockets of the page. */
import { ZmqError } from '../errors.ts';
import type { Endpoint } from '../transport/endpoint.ts';
import type { Transport } from '../transport/transport.ts';
import { wsTransport } from './ws.ts';

/** @throws ZmqError ENOTSUP for a transport that only a process has. */
export function transportFor(endpoint: Endpoint, inproc: Transport): Transport {
  switch (endpoint.transport) {
    case 'inproc':
      return inproc;
    case 'ws':
    case 'wss':
      return wsTransport;
    default:
      throw new ZmqError('ENOTSUP', {
        address: endpoint.text,
        detail: `a web page has no ${endpoint.transport}: bind the other side to ws://, too, and connect to that; there is also inproc`,
      });
  }
}
