/**
 * The client: one connection to a node, over which any number of streams are published to and consumed from. What is
 * lost with a connection is said again with the next one; nothing here throws outside of a call, and after `close` no
 * timer, socket or listener is left.
 */
import type { Codec } from './codec/codec.ts';
import { Connection, type ConnectionEvents } from './connection/connection.ts';
import { type Dial, dialSocket } from './connection/link.ts';
import { Requests } from './connection/requests.ts';
import type { State } from './connection/states.ts';
import { type Consumer, Consumption } from './consume/consumer.ts';
import { ClientError } from './errors.ts';
import {
  type ConnectOptions,
  type ConsumeOptions,
  type Settings,
  verifyCodec,
  verifyConnect,
  verifyConsume,
  verifyName,
} from './options.ts';
import type { Published } from './produce/batch.ts';
import { Producer, type PublishOptions } from './produce/producer.ts';
import type { Body } from './produce/record.ts';
import { Window } from './produce/window.ts';
import { type TypedStream, typedStream } from './typed.ts';
import type { NodeMessage, StreamInfo, Welcome } from './wire/messages.ts';

export interface CloseOptions {
  /** Milliseconds to wait until what was published is stored; the rest rejects. 0: at once. Default 5000. */
  timeout?: number;
}

/** A stream of a node, as `client.stream(name)` gives it. */
export interface Stream {
  readonly name: string;
  /**
   * Publishes a record: one frame or a list of frames, with the key as another frame in front. Resolves when it is
   * stored as durably as the stream's `fsync` says. Goes out at the end of the turn, together with what else was
   * published; is sent again after a reconnect; the node removes repetitions. The body is copied.
   *
   * Need not be awaited: a rejection that nobody looks at does no harm, `flush` reports it.
   * @throws ClientError (as a rejection) ERR_BUSY, ERR_RECORD_INVALID, ERR_STREAM_UNKNOWN, ERR_REFUSED, ERR_TIMEOUT
   * (`publishTimeout`), ERR_CLOSED, ERR_REPLACED, ERR_CONNECT.
   */
  publish(body: Body, options?: PublishOptions): Promise<Published>;
  /** Resolves when less waits to be stored than the node lets on the way: call it before each `publish` of many. */
  waitWritable(): Promise<void>;
  /** Resolves when all that was published is answered; rejects with the first error since the last `flush`. */
  flush(): Promise<void>;
  /**
   * Consumes: at least once, in the order of the stream.
   * ```ts
   * for await (const record of stream.consume({ group: 'db', from: 'first' })) {
   *   await save(record.body);
   *   record.ack();
   * }
   * ```
   * The loop throws ClientError ERR_STREAM_UNKNOWN, ERR_GROUP_MISMATCH, ERR_TOO_MANY_CONSUMERS, ERR_REQUEST_INVALID,
   * ERR_STREAM_FAILED, ERR_CONSUMER_ENDED, ERR_REPLACED or ERR_CONNECT; it ends when the consumer or the client is closed.
   * @throws ClientError ERR_OPTION, ERR_CLOSED.
   */
  consume(options?: ConsumeOptions): Consumer;
  /** What the node knows of the stream. @throws ClientError ERR_STREAM_UNKNOWN, ERR_TIMEOUT, ERR_CLOSED. */
  info(): Promise<StreamInfo>;
}

/** A connection to a node, as `connect` gives it. It holds the process until `close`. */
export interface Client {
  readonly name: string;
  /** The state that the connection is in. */
  readonly state: State;
  /** The same object for the same name. @throws ClientError ERR_OPTION for what is no name. */
  stream(name: string): Stream;
  /** As values: what is published is encoded, and `record.value` decodes (docs/codecs.md). Costs the other nothing. */
  stream<T, In>(name: string, options: { readonly codec: Codec<T, In> }): TypedStream<T, In>;
  /** What happens, beginning with the current state; ends after `closed`. Who reads slowly misses the oldest. */
  states(): AsyncIterableIterator<State, undefined>;
  /** Waits for what was published, ends all loops, and leaves the node. */
  close(options?: CloseOptions): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Milliseconds for the last words to get out. */
const LINGER = 1000;
const CLOSE_TIMEOUT = 5000;

/**
 * Connects to a node: to the first of the endpoints that answers.
 * ```ts
 * const zeroth = await connect('tcp://127.0.0.1:5550', { name: 'press-4' });
 * await zeroth.stream('telemetry').publish('21.5', { key: 'line-2' });
 * await zeroth.close();
 * ```
 * @throws ClientError (as a rejection) ERR_CONNECT when no node answers within `timeout`, with the last reason;
 * ERR_OPTION, ERR_REPLACED, ERR_PROTOCOL_VERSION.
 */
export function connect(endpoint: string | readonly string[], options: ConnectOptions = {}): Promise<Client> {
  return connectThrough(dialSocket, endpoint, options);
}

/** @internal As `connect`, over connections of another kind. */
export async function connectThrough(
  dial: Dial,
  endpoint: string | readonly string[],
  options: ConnectOptions,
): Promise<Client> {
  const { signal } = options;
  signal?.throwIfAborted();
  const core = new Core(verifyConnect(endpoint, options), dial);
  if (signal !== undefined) core.listen(signal);
  await core.connected();
  return core;
}

class Core implements Client, ConnectionEvents {
  readonly name: string;
  readonly #settings: Settings;
  readonly #connection: Connection;
  readonly #window: Window;
  readonly #streams = new Map<string, StreamOfClient>();
  readonly #consumers = new Map<number, Consumption>();
  readonly #requests: Requests;
  #consumersMade = 0;
  #closing: Promise<void> | null = null;
  #arrived: { resolve: () => void; reject: (error: ClientError) => void } | null = null;
  #stopListening: (() => void) | null = null;

  constructor(settings: Settings, dial: Dial) {
    const { endpoints, name, heartbeat, reconnect, timeout } = settings;
    this.#settings = settings;
    this.name = name;
    this.#window = new Window(settings.maxQueuedBytes);
    // Two attempts at least fit into the time.
    const patience = Math.ceil(timeout / 2);
    const instance = crypto.randomUUID();
    this.#connection = new Connection(
      { endpoints, name, instance, heartbeat, patience, reconnect },
      dial,
      this,
    );
    this.#requests = new Requests(this.#connection, timeout);
  }

  connected(): Promise<void> {
    const { endpoints, timeout } = this.#settings;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const reason = this.#connection.lastError?.message ?? 'no answer yet';
        const text = `no node at ${endpoints.join(', ')} within ${timeout} ms; the last reason: ${reason}`;
        const endpoint = endpoints[0]!;
        void this.#end(new ClientError('ERR_CONNECT', text, { endpoint, cause: this.#connection.lastError }));
      }, timeout);
      this.#arrived = {
        resolve: () => {
          clearTimeout(timer);
          resolve();
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      };
      this.#connection.open();
    });
  }

  listen(signal: AbortSignal): void {
    const onAbort = (): void => void this.close({ timeout: 0 });
    signal.addEventListener('abort', onAbort, { once: true });
    this.#stopListening = () => signal.removeEventListener('abort', onAbort);
  }

  get state(): State {
    return this.#connection.states.current;
  }

  states(): AsyncIterableIterator<State, undefined> {
    return this.#connection.states.read();
  }

  stream(name: string): Stream;
  stream<T, In>(name: string, options: { readonly codec: Codec<T, In> }): TypedStream<T, In>;
  stream<T, In>(name: string, options?: { readonly codec: Codec<T, In> }): Stream | TypedStream<T, In> {
    const stream = this.#stream(name);
    return options === undefined ? stream : typedStream(stream, verifyCodec(options));
  }

  #stream(name: string): StreamOfClient {
    let stream = this.#streams.get(name);
    if (stream === undefined) {
      stream = new StreamOfClient(verifyName('the name of a stream', name), this);
      this.#streams.set(name, stream);
    }
    return stream;
  }

  producer(stream: string): Producer {
    const { publishTimeout } = this.#settings;
    const producer = new Producer(stream, this.#connection, this.#window, publishTimeout, (name, refusal) => {
      const { states } = this.#connection;
      if (refusal === null) states.push({ type: 'unblocked', stream: name });
      else states.push({ type: 'blocked', stream: name, code: refusal.code, message: refusal.message });
    });
    if (this.#closing !== null) producer.close(closed());
    return producer;
  }

  consume(stream: string, options: ConsumeOptions): Consumer {
    const request = verifyConsume(stream, options, this.#settings.named);
    if (this.#closing !== null || this.#connection.over) throw closed();
    const number = ++this.#consumersMade;
    const prefix = Buffer.from(options.filter ?? '');
    const consumer = new Consumption(
      number,
      this.#connection,
      request,
      prefix,
      options.live ?? false,
      () => void this.#consumers.delete(number),
    );
    this.#consumers.set(number, consumer);
    if (this.#connection.session !== null) consumer.joined(this.#connection.session);
    if (options.signal !== undefined) consumer.listen(options.signal);
    return consumer;
  }

  info(stream: string): Promise<StreamInfo> {
    return this.#closing !== null ? Promise.reject(closed()) : this.#requests.info(stream);
  }

  close({ timeout = CLOSE_TIMEOUT }: CloseOptions = {}): Promise<void> {
    this.#closing ??= this.#close(timeout);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(timeout: number): Promise<void> {
    if (this.#connection.over) return;
    for (const { producer } of this.#streams.values()) producer?.close(closed());
    for (const consumer of this.#consumers.values()) consumer.drain();
    if (timeout > 0) {
      const stored = Promise.all([...this.#streams.values()].map((stream) => stream.settled()));
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, timeout);
      });
      await Promise.race([stored, late]);
      clearTimeout(timer);
    }
    for (const consumer of this.#consumers.values()) consumer.say();
    await this.#end(null);
  }

  #end(error: ClientError | null): Promise<void> {
    return this.#connection.end(error, 'closed', LINGER);
  }

  // ---- ConnectionEvents

  joined(welcome: Welcome): void {
    this.#window.open(welcome);
    for (const { producer } of this.#streams.values()) producer?.joined();
    for (const consumer of [...this.#consumers.values()]) consumer.joined(welcome);
    this.#requests.joined();
    this.#arrived?.resolve();
    this.#arrived = null;
  }

  lost(): void {
    for (const { producer } of this.#streams.values()) producer?.lost();
    for (const consumer of this.#consumers.values()) consumer.lost();
  }

  ended(error: ClientError): void {
    this.#stopListening?.();
    this.#stopListening = null;
    for (const { producer } of this.#streams.values()) producer?.ended(error);
    for (const consumer of [...this.#consumers.values()]) consumer.ended(error);
    this.#requests.ended(error);
    this.#window.end();
    this.#closing ??= Promise.resolve();
    this.#arrived?.reject(error);
    this.#arrived = null;
  }

  message(message: NodeMessage): void {
    switch (message.type) {
      case 'STORED':
        this.#streams.get(message.stream)?.producer?.stored(message.receipts);
        return;
      case 'OPENED':
        this.#streams.get(message.stream)?.producer?.opened(message.last);
        return;
      case 'REFUSED':
        this.#streams.get(message.stream)?.producer?.refused(message.expected, message.refusal);
        return;
      case 'RECORDS':
        this.#consumers.get(message.consumer)?.records(message.chunks, message.trace);
        return;
      case 'GAP':
        this.#consumers.get(message.consumer)?.gap(message.first, message.last);
        return;
      case 'CONSUMING':
        this.#consumers.get(message.consumer)?.consuming(message.next);
        return;
      case 'ENDED':
        this.#consumers.get(message.consumer)?.finished(message.trouble);
        return;
      case 'INFO':
        this.#requests.answered(message.request, message.info);
        return;
      default:
    }
  }
}

class StreamOfClient implements Stream {
  readonly name: string;
  readonly #client: Core;
  /** Null until something is published. */
  producer: Producer | null = null;

  constructor(name: string, client: Core) {
    this.name = name;
    this.#client = client;
  }

  publish(body: Body, options?: PublishOptions): Promise<Published> {
    return this.#publisher().publish(body, options?.key, options?.traceparent);
  }

  waitWritable(): Promise<void> {
    return this.#publisher().waitWritable();
  }

  async flush(): Promise<void> {
    await this.producer?.flush();
  }

  /** All that was published is answered, well or not. */
  async settled(): Promise<void> {
    await this.producer?.settled();
  }

  consume(options: ConsumeOptions = {}): Consumer {
    return this.#client.consume(this.name, options);
  }

  info(): Promise<StreamInfo> {
    return this.#client.info(this.name);
  }

  #publisher(): Producer {
    this.producer ??= this.#client.producer(this.name);
    return this.producer;
  }
}

function closed(): ClientError {
  return new ClientError('ERR_CLOSED', 'the client is closed');
}
