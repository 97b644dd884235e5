/**
 * `@zeroth/zmq`: ZeroMQ sockets in pure TypeScript, with the API of zeromq.js v6.
 *
 * ```ts
 * import { Pull, Push } from '@zeroth/zmq';
 * const pull = new Pull();
 * await pull.bind('tcp://127.0.0.1:5555');
 * const push = new Push();
 * push.connect('tcp://127.0.0.1:5555');
 * await push.send('hello');
 * const [message] = await pull.receive();
 * ```
 */
export { ZMQ_ERROR_CODES, ZmqError, type ZmqErrorCode, type ZmqErrorDetails } from './errors.ts';
export { capability, version } from './socket/about.ts';
export { Context, type ContextOptions, context } from './socket/context.ts';
export type { DropReason, Event, EventOfType, EventType, PeerInfo, SocketStats } from './socket/events.ts';
export type {
  Message,
  MessageLike,
  Readable,
  ReceiveOptions,
  ReceivingOptions,
  Sendable,
  SendingOptions,
  SendOptions,
  Writable,
} from './socket/messaging.ts';
export { Observer } from './socket/observer.ts';
export type { GeneralOptions, OptionName, OptionValues } from './socket/options.ts';
export { Proxy, type ProxyObserver, type ProxyStats } from './socket/proxy.ts';
export { curveKeyPair } from './socket/security.ts';
export { type CommonOptions, type DrainOptions, Socket } from './socket/socket.ts';
export {
  Dealer,
  Pair,
  Publisher,
  Pull,
  Push,
  Reply,
  Request,
  Router,
  type RouterConnectOptions,
  type SocketOptions,
  Stream,
  type StreamConnectOptions,
  Subscriber,
  XPublisher,
  XSubscriber,
} from './socket/types.ts';
export type { ZapHandler, ZapReply, ZapRequest } from './socket/zap-handler.ts';
