/**
 * `@zeroth/client` for a web page or a worker: what `@zeroth/client` and `@zeroth/client/codec` have, in one bundle beside
 * `@zeroth/zmq/browser` (scripts/browser.mjs). See docs/browser.md.
 */
export { type Client, type CloseOptions, connect, type Stream } from './client.ts';
export type { Codec, CodecOptions, StandardSchema } from './codec/codec.ts';
export { json } from './codec/json.ts';
export { msgpack } from './codec/msgpack.ts';
export { parseCodec } from './codec/parse.ts';
export { protobuf } from './codec/protobuf.ts';
export type { ReconnectOptions } from './connection/backoff.ts';
export type { State } from './connection/states.ts';
export type { Consumer } from './consume/consumer.ts';
export type { NackOptions, StreamRecord } from './consume/record.ts';
export { CLIENT_ERROR_CODES, ClientError, type ClientErrorCode, type ClientErrorDetails } from './errors.ts';
export type { ConnectOptions, ConsumeOptions } from './options.ts';
export type { Published } from './produce/batch.ts';
export type { PublishOptions } from './produce/producer.ts';
export type { Body, Part } from './produce/record.ts';
export type { TypedConsumer, TypedRecord, TypedStream } from './typed.ts';
export type { GroupInfo, Strategy, StreamInfo, Trouble } from './wire/messages.ts';
