/**
 * `@zeroth/client`: durable streams over a Zeroth node.
 *
 * ```ts
 * import { connect } from '@zeroth/client';
 * const zeroth = await connect('tcp://127.0.0.1:5550', { name: 'press-4' });
 * await zeroth.stream('telemetry').publish('21.5', { key: 'line-2' });
 * for await (const record of zeroth.stream('telemetry').consume({ group: 'db', from: 'first' })) {
 *   console.log(record.sequence, record.key, record.body.toString());
 *   record.ack();
 * }
 * ```
 */
export { type Client, type CloseOptions, connect, type Stream } from './client.ts';
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
