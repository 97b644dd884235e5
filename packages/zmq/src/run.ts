/**
 * `@zeroth/zmq/run`: messages as they travel, for programs that keep, count or forward them without decoding each.
 *
 * A run is a slice of memory with whole messages back to back, framing included (RFC 37, Framing).
 */
export { readU64, writeU64 } from './bytes/u64.ts';
export { view } from './bytes/view.ts';
export type { Range, ReceiptEvents, Receipts } from './patterns/receipts.ts';
export { RouterPeers } from './socket/peers.ts';
export { type PortEvents, RunPort } from './socket/port.ts';
export { isolate, retire } from './socket/steer.ts';
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
