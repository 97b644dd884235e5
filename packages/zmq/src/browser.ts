/**
 * `@zeroth/zmq/browser`: ZeroMQ sockets in a web page or a worker, over WebSocket (RFC 45) and inproc.
 *
 * ```html
 * <script type="module">
 *   import { Subscriber } from './browser.js';
 *   const subscriber = new Subscriber();
 *   subscriber.connect('ws://127.0.0.1:5556');
 *   subscriber.subscribe('temperature/');
 *   for await (const [topic, value] of subscriber) console.log(`${topic} ${value}`);
 * </script>
 * ```
 *
 * The sockets are those of `@zeroth/zmq` from the same sources; this door is bundled into one file without Node's modules
 * (scripts/browser.mjs), with what `@zeroth/zmq/run` and `@zeroth/zmq/draft` have. A page connects and can't bind, but for
 * inproc. See docs/browser.md.
 */

import { Buffer as Bytes } from './browser/buffer.ts';

/** Node's Buffer, for a page: messages are received as such, and can be sent as such. */
export const Buffer: typeof Bytes = Bytes;

export { readU64, writeU64 } from './bytes/u64.ts';
export { view } from './bytes/view.ts';
export { ZMQ_ERROR_CODES, ZmqError, type ZmqErrorCode, type ZmqErrorDetails } from './errors.ts';
export type { Range, ReceiptEvents, Receipts } from './patterns/receipts.ts';
export { capability, version } from './socket/about.ts';
export { Context, type ContextOptions, context } from './socket/context.ts';
export {
  Channel,
  Client,
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
export { RouterPeers } from './socket/peers.ts';
export { type PortEvents, RunPort } from './socket/port.ts';
export { Proxy, type ProxyObserver, type ProxyStats } from './socket/proxy.ts';
export { curveKeyPair } from './socket/security.ts';
export { type CommonOptions, type DrainOptions, Socket } from './socket/socket.ts';
export { isolate, retire } from './socket/steer.ts';
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
  Subscriber,
  XPublisher,
  XSubscriber,
} from './socket/types.ts';
export type { ZapHandler, ZapReply, ZapRequest } from './socket/zap-handler.ts';
export {
  bodyStart,
  countMessages,
  decodeMessage,
  frameEnd,
  frameLength,
  MORE,
  messageEnd,
  messageLength,
  type Run,
  skipMessages,
  writeHeader,
  writeMessage,
} from './zmtp/frame.ts';
