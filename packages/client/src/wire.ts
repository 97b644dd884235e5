/** `@zeroth/client/wire`: the codec of the session protocol (docs/wire.md), for the node and for tools. */
export { decodeClientMessage, decodeNodeMessage, WireError } from './wire/decode.ts';
export { encodeClientMessage, encodeNodeMessage } from './wire/encode.ts';
export {
  type Chunk,
  type ClientMessage,
  type ConsumeRequest,
  type From,
  type GroupInfo,
  type Hello,
  NAME,
  type NodeMessage,
  PROTOCOL,
  type Refusal,
  type Strategy,
  type StreamInfo,
  type Trouble,
  type Welcome,
} from './wire/messages.ts';
export type { ChunkHead, Range, Receipt } from './wire/numbers.ts';
export { MAX_CONTEXTS, type TraceContexts } from './wire/trace.ts';
