/** A client of the session protocol that does nothing on its own: the messages that it is told to, over a DEALER. */
import assert from 'node:assert/strict';
import {
  type Chunk,
  type ClientMessage,
  type ConsumeRequest,
  decodeNodeMessage,
  encodeClientMessage,
  type NodeMessage,
  type Welcome,
} from '@zeroth/client/wire';
import { Dealer } from '@zeroth/zmq';
import { decodeMessage, messageEnd, messageLength, writeMessage } from '@zeroth/zmq/run';

type Type = NodeMessage['type'];
type Of<T extends Type> = Extract<NodeMessage, { type: T }>;

/** A record that was delivered, with what its chunk says of it. */
export interface Delivered {
  readonly sequence: number;
  readonly timestamp: number;
  readonly deliveries: number;
  readonly frames: string[];
}

export class RawClient {
  readonly name: string;
  instance = 'one';
  readonly endpoint: string;
  #socket: Dealer;
  /** What came and was not asked for yet. */
  #kept: NodeMessage[] = [];

  constructor(endpoint: string, name: string) {
    this.endpoint = endpoint;
    this.name = name;
    this.#socket = new Dealer({ linger: 0 });
    this.#socket.connect(endpoint);
  }

  /** Another connection; the one before is cut off. */
  reconnect(): void {
    this.#socket.close();
    this.#kept = [];
    this.#socket = new Dealer({ linger: 0 });
    this.#socket.connect(this.endpoint);
  }

  async send(message: ClientMessage): Promise<void> {
    await this.#socket.send(encodeClientMessage(message));
  }

  async sendRaw(frames: readonly (string | Uint8Array)[]): Promise<void> {
    await this.#socket.send([...frames]);
  }

  /** The next message of that type; others are kept. */
  async next<T extends Type>(...types: T[]): Promise<Of<T>> {
    const wanted = (message: NodeMessage): boolean => (types as Type[]).includes(message.type);
    const index = this.#kept.findIndex(wanted);
    if (index >= 0) return this.#kept.splice(index, 1)[0] as Of<T>;
    for (;;) {
      const message = decodeNodeMessage(await this.#socket.receive());
      if (wanted(message)) return message as Of<T>;
      this.#kept.push(message);
    }
  }

  /** Everything that comes before the answer to a PING. */
  async settled(): Promise<NodeMessage[]> {
    await this.send({ type: 'PING' });
    await this.next('PONG');
    return this.#kept.splice(0);
  }

  async hello(heartbeat = 5000): Promise<Welcome> {
    const { name, instance } = this;
    await this.send({ type: 'HELLO', hello: { protocol: 1, name, instance, heartbeat } });
    return (await this.next('WELCOME')).welcome;
  }

  async open(stream: string): Promise<number> {
    await this.send({ type: 'OPEN', stream });
    return (await this.next('OPENED')).last;
  }

  async publish(stream: string, first: number, records: readonly (readonly string[])[]): Promise<void> {
    await this.send({ type: 'PUBLISH', stream, first, run: runOf(records) });
  }

  async consume(
    consumer: number,
    request: Partial<ConsumeRequest> & { stream: string },
    prefix = '',
  ): Promise<number> {
    await this.ask(consumer, request, prefix);
    return (await this.next('CONSUMING')).next;
  }

  async ask(
    consumer: number,
    request: Partial<ConsumeRequest> & { stream: string },
    prefix = '',
  ): Promise<void> {
    const defaults = {
      strategy: 'broadcast' as const,
      group: null,
      from: 'first' as const,
      credit: 1000,
      ackTimeout: 0,
      maxDeliveries: 0,
      deadLetter: null,
      trace: false,
    };
    await this.send({
      type: 'CONSUME',
      consumer,
      request: { ...defaults, ...request },
      prefix: Buffer.from(prefix),
    });
  }

  /** Records until there are so many. */
  async records(count: number): Promise<Delivered[]> {
    const found: Delivered[] = [];
    while (found.length < count) found.push(...recordsOf((await this.next('RECORDS')).chunks));
    assert.equal(found.length, count);
    return found;
  }

  async ack(consumer: number, first: number, last: number = first): Promise<void> {
    await this.send({ type: 'ACK', consumer, ranges: [{ first, last }] });
  }

  async nack(consumer: number, first: number, last: number = first, delay = 0): Promise<void> {
    await this.send({ type: 'NACK', consumer, ranges: [{ first, last }], delay });
  }

  close(): void {
    this.#socket.close();
  }
}

export function runOf(records: readonly (readonly string[])[]): Buffer {
  const parts = records.map((record) => {
    const frames = record.map((text) => Buffer.from(text));
    const bytes = Buffer.alloc(messageLength(frames));
    writeMessage(bytes, 0, frames);
    return bytes;
  });
  return Buffer.concat(parts);
}

export function recordsOf(chunks: readonly Chunk[]): Delivered[] {
  const found: Delivered[] = [];
  for (const { sequence, timestamp, deliveries, run } of chunks) {
    let number = sequence;
    for (let at = 0; at < run.length; number++) {
      const end = messageEnd(run, at);
      found.push({
        sequence: number,
        timestamp,
        deliveries,
        frames: decodeMessage(run, at, end).map(String),
      });
      at = end;
    }
  }
  return found;
}
