/** A member of a group as the session sees it; gathers what the group hands out into few messages. */
import type { Chunk, NodeMessage, Range } from '@zeroth/client/wire';
import { countMessages, view } from '@zeroth/zmq/run';
import { Member } from './core/member.ts';
import type { Runner } from './runner.ts';
import type { Outlet, Session } from './session.ts';
import type { Traces } from './traces.ts';

/** Octets after which a message of records is sent: a line that breaks often has to get one through whole. */
const FLUSH_AT = 64 * 1024;

/** While less waits for a client, its records are on the way to the system at once. */
const BACKLOG = 512 * 1024;

/** Gaps that are kept to be told again. */
const GAPS = 100;

type Gap = Extract<NodeMessage, { type: 'GAP' }>;
type Records = Extract<NodeMessage, { type: 'RECORDS' }>;

export class Consumer extends Member {
  readonly session: Session;
  /** The client's. */
  readonly number: number;
  /** Null: it is not placed yet, or has left. */
  runner: Runner | null = null;
  /** Its client wants the trace contexts of records. */
  wantsTrace = false;
  readonly #outlet: Outlet;
  readonly #traces: Traces;
  #chunks: Chunk[] = [];
  #octets = 0;
  // The chunk that may still grow.
  #bytes: Uint8Array | null = null;
  #start = 0;
  #end = 0;
  #first = 0;
  #next = 0;
  #timestamp = 0;
  #deliveries = 0;
  /** Gaps that may have been lost with a connection. */
  #gaps: Gap[] = [];

  constructor(
    session: Session,
    number: number,
    credit: number,
    window: number,
    outlet: Outlet,
    traces: Traces,
  ) {
    super(credit, window);
    this.session = session;
    this.number = number;
    this.#outlet = outlet;
    this.#traces = traces;
  }

  add(
    first: number,
    count: number,
    timestamp: number,
    deliveries: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    const grows =
      bytes === this.#bytes &&
      start === this.#end &&
      first === this.#next &&
      timestamp === this.#timestamp &&
      deliveries === this.#deliveries;
    if (!grows) {
      this.#close();
      this.#bytes = bytes;
      this.#start = start;
      this.#first = first;
      this.#timestamp = timestamp;
      this.#deliveries = deliveries;
    }
    this.#end = end;
    this.#next = first + count;
    this.#octets += end - start;
    if (this.#octets >= FLUSH_AT) this.flush();
  }

  gap(first: number, last: number, reason: string): void {
    this.flush();
    if (this.#gaps.length === GAPS) this.#gaps.shift();
    const gap: Gap = { type: 'GAP', consumer: this.number, first, last, reason };
    this.#gaps.push(gap);
    this.#outlet.send(this.session, gap);
  }

  /** Its client is back: it is told again of gaps that it may not have heard of. */
  tellGaps(): void {
    for (const gap of this.#gaps) this.#outlet.send(this.session, gap);
  }

  /** These were acknowledged: the client has heard of what was said before they came. */
  heard(ranges: readonly Range[]): void {
    if (this.#gaps.length === 0) return;
    const end = ranges.reduce((most, { last }) => Math.max(most, last), 0);
    this.#gaps = this.#gaps.filter(({ last }) => last > end);
  }

  /** Sends what was gathered. */
  flush(): void {
    this.#close();
    if (this.#chunks.length === 0) return;
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#octets = 0;
    const message = { type: 'RECORDS', consumer: this.number, chunks } as const;
    const { runner } = this;
    if (runner !== null && this.#traces.has(runner.stream.name, chunks[0]!.sequence))
      this.#sendTraced(runner, message);
    else this.#outlet.send(this.session, message);
  }

  #sendTraced(runner: Runner, message: Records): void {
    const { name } = runner.stream;
    const trace = new Map<number, string>();
    for (const { sequence, run } of message.chunks)
      this.#traces.find(name, sequence, sequence + countMessages(run) - 1, trace);
    const told = this.wantsTrace && trace.size > 0 ? { ...message, trace } : message;
    const { place, name: group } = runner.options;
    if (this.#outlet.send(this.session, told))
      this.#traces.delivered(name, place === null ? null : group, trace);
  }

  #close(): void {
    if (this.#bytes === null) return;
    this.#chunks.push({
      sequence: this.#first,
      timestamp: this.#timestamp,
      deliveries: this.#deliveries,
      run: this.#run(this.#bytes),
    });
    this.#bytes = null;
  }

  /** A small piece that has to wait goes as a copy: it must not keep a block of the store in memory until a peer reads. */
  #run(bytes: Uint8Array): Uint8Array {
    const run = view(bytes, this.#start, this.#end);
    const small = run.length < FLUSH_AT && run.length < bytes.buffer.byteLength / 2;
    return small && this.#outlet.waiting(this.session) > BACKLOG ? new Uint8Array(run) : run;
  }
}
