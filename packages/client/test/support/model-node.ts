/**
 * A node in memory that does what docs/wire.md says, as plainly as possible: what the client is held against. Records
 * are appended at once and durable after `commit`, which a test may hold back; `crash` loses what is not durable and all
 * sessions.
 */
import { countMessages, skipMessages } from '@zeroth/zmq/run';
import { decodeClientMessage } from '../../src/wire/decode.ts';
import { encodeNodeMessage } from '../../src/wire/encode.ts';
import type {
  ClientMessage,
  ConsumeRequest,
  NodeMessage,
  Refusal,
  Welcome,
} from '../../src/wire/messages.ts';
import type { Range } from '../../src/wire/numbers.ts';

export interface ModelRecord {
  readonly producer: string;
  readonly number: number;
  readonly timestamp: number;
  readonly bytes: Buffer;
}

interface Receipt {
  readonly first: number;
  readonly last: number;
  readonly sequence: number;
  /** Durable when so many records are. */
  readonly at: number;
}

class ModelStream {
  readonly name: string;
  records: ModelRecord[] = [];
  /** Sequence of the oldest record. */
  first = 1;
  committed = 0;
  readonly places = new Map<string, Place>();

  constructor(name: string) {
    this.name = name;
  }

  lastOf(producer: string): number {
    return this.records.findLast((record) => record.producer === producer)?.number ?? 0;
  }
}

/** What a group has done: everything up to `floor`, and `done` above it. */
class Place {
  floor: number;
  readonly done = new Set<number>();
  readonly deliveries = new Map<number, number>();
  /** Sequence to the session's consumer that has it. */
  readonly out = new Map<number, ModelConsumer>();
  readonly members = new Set<ModelConsumer>();

  constructor(floor: number) {
    this.floor = floor;
  }

  finish(sequence: number): void {
    this.out.delete(sequence);
    if (sequence > this.floor) this.done.add(sequence);
    while (this.done.delete(this.floor + 1)) this.floor++;
  }
}

class ModelConsumer {
  readonly session: ModelSession;
  readonly number: number;
  request: ConsumeRequest;
  prefix: Uint8Array;
  readonly stream: ModelStream;
  readonly place: Place;

  constructor(
    session: ModelSession,
    number: number,
    request: ConsumeRequest,
    prefix: Uint8Array,
    stream: ModelStream,
    place: Place,
  ) {
    this.session = session;
    this.number = number;
    this.request = request;
    this.prefix = prefix;
    this.stream = stream;
    this.place = place;
  }
}

class ModelSession {
  readonly name: string;
  readonly instance: string;
  peer: ModelPeer | null = null;
  readonly opened = new Set<string>();
  readonly consumers = new Map<number, ModelConsumer>();
  readonly receipts = new Map<string, Receipt[]>();

  constructor(name: string, instance: string) {
    this.name = name;
    this.instance = instance;
  }
}

/** The node's end of one connection. */
export class ModelPeer {
  readonly #node: ModelNode;
  readonly send: (frames: Uint8Array[]) => void;
  session: ModelSession | null = null;

  constructor(node: ModelNode, send: (frames: Uint8Array[]) => void) {
    this.#node = node;
    this.send = send;
  }

  receive(frames: readonly Uint8Array[]): void {
    this.#node.receive(this, decodeClientMessage(frames));
  }

  say(message: NodeMessage): void {
    // A copy, as after a wire.
    this.send(encodeNodeMessage(message).map((frame) => Buffer.from(frame)));
  }

  gone(): void {
    if (this.session?.peer === this) this.session.peer = null;
    this.session = null;
  }
}

export class ModelNode {
  readonly streams = new Map<string, ModelStream>();
  readonly sessions = new Map<string, ModelSession>();
  readonly seen: ClientMessage[] = [];
  welcome: Welcome = {
    protocol: 1,
    node: 'model',
    heartbeat: 5000,
    window: 8_388_608,
    maxMessageSize: 1_048_576,
    resumed: false,
    trace: false,
  };
  /** False: a test commits. */
  commitsAtOnce = true;
  /** Records in a chunk of RECORDS, at most. */
  chunk = 100;
  /** A refusal for the run that begins with this number, or null. */
  refuse: (stream: string, first: number) => Refusal | null = () => null;
  now = 1_790_000_000_000;
  #credits = new Map<ModelConsumer, number>();

  constructor(...streams: string[]) {
    for (const name of streams) this.streams.set(name, new ModelStream(name));
  }

  connect(send: (frames: Uint8Array[]) => void): ModelPeer {
    return new ModelPeer(this, send);
  }

  stream(name: string): ModelStream {
    return this.streams.get(name)!;
  }

  /** Bodies of all records, as text. */
  bodies(name: string): string[] {
    return this.stream(name).records.map(({ bytes }) => bytes.subarray(bytes[0]! & 2 ? 9 : 2).toString());
  }

  receive(peer: ModelPeer, message: ClientMessage): void {
    this.seen.push(message);
    if (message.type === 'HELLO') {
      this.#hello(peer, message.hello.name, message.hello.instance);
      return;
    }
    const { session } = peer;
    if (session === null) {
      peer.say({ type: 'ERROR', trouble: { code: 'NO_SESSION', message: 'say HELLO' } });
      return;
    }
    switch (message.type) {
      case 'OPEN':
        this.#open(session, message.stream);
        return;
      case 'PUBLISH':
        this.#publish(session, message.stream, message.first, Buffer.from(message.run));
        return;
      case 'CONSUME':
        this.#consume(session, message.consumer, message.request, message.prefix);
        return;
      case 'ACK':
        this.#settle(session, message.consumer, message.ranges, (place, sequence) => place.finish(sequence));
        return;
      case 'NACK':
        this.#settle(session, message.consumer, message.ranges, (place, sequence) =>
          place.out.delete(sequence),
        );
        return;
      case 'CANCEL':
        this.#cancel(session, message.consumer);
        return;
      case 'INFO':
        this.#info(peer, message.request, message.stream);
        return;
      case 'PING':
        peer.say({ type: 'PONG' });
        return;
      case 'BYE':
        this.#leave(session);
        peer.gone();
    }
  }

  /** What was appended is durable now. */
  commit(): void {
    for (const stream of this.streams.values()) {
      stream.committed = stream.first - 1 + stream.records.length;
      for (const session of this.sessions.values()) this.#receipts(session, stream);
      this.deliver(stream);
    }
  }

  /** Kill -9: what is not durable is gone, and everybody has to begin anew. Connections are the caller's to cut. */
  crash(): void {
    for (const stream of this.streams.values()) {
      stream.records.length = stream.committed - stream.first + 1;
      for (const place of stream.places.values()) {
        place.members.clear();
        place.out.clear();
      }
    }
    for (const session of this.sessions.values()) {
      if (session.peer !== null) session.peer.session = null;
    }
    this.sessions.clear();
    this.#credits.clear();
  }

  /** Retention: the records before `sequence` are gone. */
  purge(name: string, sequence: number): void {
    const stream = this.stream(name);
    stream.records.splice(0, sequence - stream.first);
    stream.first = sequence;
  }

  /** After ackTimeout: everything that is out is delivered again. */
  expire(name: string): void {
    const stream = this.stream(name);
    for (const place of stream.places.values()) {
      for (const [sequence, consumer] of [...place.out].reverse()) {
        this.#back(consumer);
        place.out.delete(sequence);
      }
    }
    this.deliver(stream);
  }

  #hello(peer: ModelPeer, name: string, instance: string): void {
    let session = this.sessions.get(name);
    if (session !== undefined && session.instance !== instance) {
      session.peer?.say({ type: 'ERROR', trouble: { code: 'REPLACED', message: 'another instance' } });
      this.#leave(session);
      session = undefined;
    }
    const resumed = session !== undefined;
    session ??= new ModelSession(name, instance);
    if (session.peer !== null) session.peer.session = null;
    this.sessions.set(name, session);
    session.peer = peer;
    session.opened.clear();
    session.receipts.clear();
    peer.session = session;
    peer.say({ type: 'WELCOME', welcome: { ...this.welcome, resumed } });
  }

  #leave(session: ModelSession): void {
    for (const number of [...session.consumers.keys()]) this.#cancel(session, number);
    if (session.peer !== null) session.peer.session = null;
    session.peer = null;
    this.sessions.delete(session.name);
  }

  #open(session: ModelSession, name: string): void {
    const stream = this.streams.get(name);
    if (stream === undefined) {
      const refusal = { code: 'STREAM_UNKNOWN', message: `no stream ${name}`, retry: false, delay: 0 };
      session.peer?.say({ type: 'REFUSED', stream: name, expected: 1, refusal });
      return;
    }
    session.opened.add(name);
    session.peer?.say({ type: 'OPENED', stream: name, last: stream.lastOf(session.name) });
  }

  #publish(session: ModelSession, name: string, first: number, run: Buffer): void {
    const stream = this.streams.get(name);
    const last = stream?.lastOf(session.name) ?? 0;
    const count = countMessages(run);
    const refused = (code: string, retry: boolean): Refusal => ({ code, message: code, retry, delay: 0 });
    const refusal =
      stream === undefined
        ? refused('STREAM_UNKNOWN', false)
        : !session.opened.has(name)
          ? refused('NOT_OPEN', true)
          : count < 1
            ? refused('RUN_INVALID', false)
            : first > last + 1
              ? refused('OUT_OF_ORDER', true)
              : this.#whim(name, first, last);
    if (stream === undefined || refusal !== null) {
      session.peer?.say({
        type: 'REFUSED',
        stream: name,
        expected: Math.min(first, last + 1),
        refusal: refusal!,
      });
      return;
    }
    const repeated = Math.max(0, Math.min(count, last + 1 - first));
    const start = stream.first + stream.records.length;
    let at = skipMessages(run, 0, repeated);
    for (let i = repeated; i < count; i++) {
      const end = skipMessages(run, at, 1);
      const bytes = run.subarray(at, end);
      stream.records.push({ producer: session.name, number: first + i, timestamp: this.now++, bytes });
      at = end;
    }
    const receipts = session.receipts.get(name) ?? [];
    session.receipts.set(name, receipts);
    const durable = stream.first - 1 + stream.records.length;
    if (repeated > 0) receipts.push({ first, last: first + repeated - 1, sequence: 0, at: durable });
    if (repeated < count)
      receipts.push({ first: first + repeated, last: first + count - 1, sequence: start, at: durable });
    if (this.commitsAtOnce) this.commit();
    else this.#receipts(session, stream);
  }

  /** What it has it does not refuse for good. */
  #whim(name: string, first: number, last: number): Refusal | null {
    const refusal = this.refuse(name, first);
    return refusal !== null && !refusal.retry && first <= last ? null : refusal;
  }

  #receipts(session: ModelSession, stream: ModelStream): void {
    const all = session.receipts.get(stream.name) ?? [];
    const due = all.filter(({ at }) => at <= stream.committed);
    session.receipts.set(
      stream.name,
      all.filter(({ at }) => at > stream.committed),
    );
    if (due.length > 0) session.peer?.say({ type: 'STORED', stream: stream.name, receipts: due });
  }

  #consume(session: ModelSession, number: number, request: ConsumeRequest, prefix: Uint8Array): void {
    const stream = this.streams.get(request.stream);
    if (stream === undefined) {
      const trouble = { code: 'STREAM_UNKNOWN', message: `no stream ${request.stream}` };
      session.peer?.say({ type: 'ENDED', consumer: number, trouble });
      return;
    }
    const before = session.consumers.get(number);
    const key =
      request.strategy !== 'broadcast'
        ? `group/${request.group}`
        : request.group !== null
          ? `member/${request.group}/${session.name}`
          : `session/${session.name}/${number}`;
    let place = stream.places.get(key);
    if (place === undefined || request.group === null) {
      place = new Place(this.#begin(stream, request) - 1);
      stream.places.set(key, place);
    }
    // What it has counts as not delivered.
    for (const [sequence, consumer] of [...place.out]) if (consumer === before) place.out.delete(sequence);
    if (before !== undefined) {
      before.place.members.delete(before);
      this.#credits.delete(before);
    }
    const consumer = new ModelConsumer(session, number, request, prefix, stream, place);
    session.consumers.set(number, consumer);
    place.members.add(consumer);
    this.#credits.set(consumer, request.credit);
    session.peer?.say({ type: 'CONSUMING', consumer: number, next: place.floor + 1 });
    this.deliver(stream);
  }

  #begin(stream: ModelStream, { from }: ConsumeRequest): number {
    if (from === 'first') return stream.first;
    if (from === 'new') return stream.committed + 1;
    if (from === 'last') return Math.max(stream.first, stream.committed);
    if ('sequence' in from) return Math.min(from.sequence, stream.committed + 1);
    const at = stream.records.findIndex(({ timestamp }) => timestamp >= from.time);
    return at < 0 ? stream.committed + 1 : stream.first + at;
  }

  #back(consumer: ModelConsumer): void {
    this.#credits.set(consumer, (this.#credits.get(consumer) ?? 0) + 1);
  }

  #settle(
    session: ModelSession,
    number: number,
    ranges: readonly Range[],
    act: (place: Place, sequence: number) => void,
  ): void {
    const consumer = session.consumers.get(number);
    if (consumer === undefined) return;
    const { place } = consumer;
    for (const { first, last } of ranges) {
      for (let sequence = first; sequence <= last; sequence++) {
        if (place.out.get(sequence) !== consumer) continue;
        act(place, sequence);
        this.#back(consumer);
      }
    }
    this.deliver(consumer.stream);
  }

  #cancel(session: ModelSession, number: number): void {
    const consumer = session.consumers.get(number);
    if (consumer !== undefined) {
      const { place } = consumer;
      for (const [sequence, holder] of [...place.out]) if (holder === consumer) place.out.delete(sequence);
      place.members.delete(consumer);
      this.#credits.delete(consumer);
      session.consumers.delete(number);
      this.deliver(consumer.stream);
    }
    session.peer?.say({ type: 'ENDED', consumer: number, trouble: { code: 'CANCELLED', message: '' } });
  }

  /** Sends what may be sent: each record to the member of its group that has most credit. */
  deliver(stream: ModelStream): void {
    for (const place of stream.places.values()) this.#fill(stream, place);
  }

  #fill(stream: ModelStream, place: Place): void {
    if (place.members.size > 0 && place.floor + 1 < stream.first) {
      const [first, last] = [place.floor + 1, stream.first - 1];
      for (const { session, number } of place.members)
        session.peer?.say({ type: 'GAP', consumer: number, first, last, reason: 'retention' });
      while (place.floor < last) place.finish(place.floor + 1);
    }
    let batch: { to: ModelConsumer; first: number; deliveries: number; records: ModelRecord[] } | null = null;
    const flush = (): void => {
      if (batch === null) return;
      const { to, first, deliveries, records } = batch;
      const run = Buffer.concat(records.map(({ bytes }) => bytes));
      const chunk = { sequence: first, timestamp: records[0]!.timestamp, deliveries, run };
      to.session.peer?.say({ type: 'RECORDS', consumer: to.number, chunks: [chunk] });
      batch = null;
    };
    for (let sequence = place.floor + 1; sequence <= stream.committed; sequence++) {
      if (place.done.has(sequence) || place.out.has(sequence)) continue;
      const record = stream.records[sequence - stream.first]!;
      const to = this.#member(place);
      if (to === null) break;
      const key = record.bytes.subarray(2, 2 + to.prefix.length);
      if (!Buffer.from(to.prefix).equals(key)) {
        place.finish(sequence);
        continue;
      }
      const deliveries = (place.deliveries.get(sequence) ?? 0) + 1;
      place.deliveries.set(sequence, deliveries);
      place.out.set(sequence, to);
      this.#credits.set(to, this.#credits.get(to)! - 1);
      const next: number = batch === null ? -1 : batch.first + batch.records.length;
      const follows =
        batch !== null && batch.to === to && next === sequence && batch.deliveries === deliveries;
      if (!follows || batch!.records.length >= this.chunk) flush();
      batch ??= { to, first: sequence, deliveries, records: [] };
      batch.records.push(record);
    }
    flush();
  }

  #member(place: Place): ModelConsumer | null {
    let best: ModelConsumer | null = null;
    for (const member of place.members) {
      const credit = this.#credits.get(member) ?? 0;
      if (credit <= 0 || member.session.peer === null) continue;
      if (best === null || credit > this.#credits.get(best)!) best = member;
    }
    return best;
  }

  #info(peer: ModelPeer, request: number, name: string): void {
    const stream = this.streams.get(name);
    const info =
      stream === undefined
        ? { code: 'STREAM_UNKNOWN', message: `no stream ${name}` }
        : {
            stream: name,
            first: stream.first,
            next: stream.committed + 1,
            bytes: stream.records.reduce((sum, { bytes }) => sum + bytes.length, 0),
            trouble: null,
            groups: [],
          };
    peer.say({ type: 'INFO', request, info });
  }
}
