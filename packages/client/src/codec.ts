/**
 * `@zeroth/client/codec`: JSON, MessagePack and Protocol Buffers, with the schema of any library that implements Standard
 * Schema. MessagePack needs `@msgpack/msgpack`, Protocol Buffers need `protobufjs`; both are loaded when they are asked for.
 * ```ts
 * import { protobuf } from '@zeroth/client/codec';
 * const orders = zeroth.stream('orders', { codec: await protobuf<Order>('shop.proto', 'shop.Order') });
 * ```
 */
export type { Codec, CodecOptions, StandardSchema } from './codec/codec.ts';
export { json } from './codec/json.ts';
export { msgpack } from './codec/msgpack.ts';
export { parseCodec } from './codec/parse.ts';
export { protobuf } from './codec/protobuf.ts';
