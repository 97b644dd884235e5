/**
 * `@zeroth/zmq/draft`: the socket types that are drafts in libzmq, with the API of `zeromq/draft`.
 *
 * ```ts
 * import { Client, Server } from '@zeroth/zmq/draft';
 * const server = new Server();
 * await server.bind('tcp://127.0.0.1:5555');
 * for await (const [request, { routingId }] of server) await server.send(request, { routingId });
 * ```
 */
export {
  Channel,
  Client,
  Datagram,
  Dish,
  type DishGroupOptions,
  Gather,
  Peer,
  Radio,
  type RadioGroupOptions,
  Scatter,
  Server,
  type ServerRoutingOptions,
} from './socket/drafts.ts';
