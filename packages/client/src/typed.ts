/**
 * A stream whose records are values: publishes what a codec encodes, and hands out records that decode when they are
 * asked for their value.
 *
 * Guarantees: a record that can't be decoded ends no loop by itself: its `value` throws, everything else of it is there.
 */

import type { Codec } from './codec/codec.ts';
import type { Consumer } from './consume/consumer.ts';
import type { NackOptions, StreamRecord } from './consume/record.ts';
import type { ConsumeOptions } from './options.ts';
import type { Published } from './produce/batch.ts';
import type { PublishOptions } from './produce/producer.ts';
import type { StreamInfo } from './wire/messages.ts';

/** A record whose body is a value. */
export interface TypedRecord<T> extends StreamRecord {
  /**
   * Decoded once, when it is asked for the first time.
   * @throws ClientError ERR_DECODE, ERR_SCHEMA: `ack()` drops such a record, `nack()` with `maxDeliveries` dead-letters it in the end.
   */
  readonly value: T;
}

/** As `Consumer`, of values. */
export interface TypedConsumer<T> extends AsyncIterableIterator<TypedRecord<T>, undefined> {
  ready(): Promise<void>;
  close(): Promise<void>;
  [Symbol.asyncIterator](): TypedConsumer<T>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A stream of values, as `client.stream(name, { codec })` gives it. */
export interface TypedStream<T, In = T> {
  readonly name: string;
  /** As `Stream.publish`. @throws ClientError (as a rejection) ERR_ENCODE, ERR_SCHEMA; `flush` does not report those. */
  publish(value: In, options?: PublishOptions): Promise<Published>;
  waitWritable(): Promise<void>;
  flush(): Promise<void>;
  consume(options?: ConsumeOptions): TypedConsumer<T>;
  info(): Promise<StreamInfo>;
}

/** What `Stream` has of it. */
interface RawStream {
  readonly name: string;
  publish(body: Uint8Array, options?: PublishOptions): Promise<Published>;
  waitWritable(): Promise<void>;
  flush(): Promise<void>;
  consume(options?: ConsumeOptions): Consumer;
  info(): Promise<StreamInfo>;
}

export function typedStream<T, In>(stream: RawStream, codec: Codec<T, In>): TypedStream<T, In> {
  return {
    name: stream.name,
    // Not an async function: the promise of the stream may be left alone, another one may not.
    publish: (value, options) => {
      let body: Uint8Array;
      try {
        body = codec.encode(value);
      } catch (error) {
        return Promise.reject(error);
      }
      return stream.publish(body, options);
    },
    waitWritable: () => stream.waitWritable(),
    flush: () => stream.flush(),
    consume: (options) => new Typed(stream.consume(options), codec),
    info: () => stream.info(),
  };
}

type Result<T> = IteratorResult<TypedRecord<T>, undefined>;

class Typed<T> implements TypedConsumer<T> {
  readonly #consumer: Consumer;
  readonly #codec: Pick<Codec<T>, 'decode'>;

  constructor(consumer: Consumer, codec: Pick<Codec<T>, 'decode'>) {
    this.#consumer = consumer;
    this.#codec = codec;
  }

  async next(): Promise<Result<T>> {
    const result = await this.#consumer.next();
    if (result.done === true) return result;
    return { done: false, value: new Decoded(result.value, this.#codec) };
  }

  async return(): Promise<Result<T>> {
    await this.#consumer.close();
    return { done: true, value: undefined };
  }

  ready(): Promise<void> {
    return this.#consumer.ready();
  }

  close(): Promise<void> {
    return this.#consumer.close();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#consumer.close();
  }
}

class Decoded<T> implements TypedRecord<T> {
  readonly #record: StreamRecord;
  readonly #codec: Pick<Codec<T>, 'decode'>;
  #value: { readonly decoded: T } | null = null;

  constructor(record: StreamRecord, codec: Pick<Codec<T>, 'decode'>) {
    this.#record = record;
    this.#codec = codec;
  }

  get value(): T {
    this.#value ??= { decoded: this.#codec.decode(this.#record.body) };
    return this.#value.decoded;
  }

  get sequence(): number {
    return this.#record.sequence;
  }

  get timestamp(): number {
    return this.#record.timestamp;
  }

  get key(): string {
    return this.#record.key;
  }

  get body(): Buffer {
    return this.#record.body;
  }

  get frames(): Buffer[] {
    return this.#record.frames;
  }

  get deliveries(): number {
    return this.#record.deliveries;
  }

  get traceparent(): string | null {
    return this.#record.traceparent;
  }

  get missed(): number {
    return this.#record.missed;
  }

  ack(): void {
    this.#record.ack();
  }

  nack(options?: NackOptions): void {
    this.#record.nack(options);
  }
}
