/**
 * Consumes from one stream: at least once, in the order of the stream (or of each key). What the node sends waits here,
 * within the credit, until the application asks for it; acknowledgements are gathered into ranges (docs/wire.md,
 * Consuming).
 */
import { countMessages, skipMessages } from '@zeroth/zmq/run';
import type { Party, Port } from '../connection/port.ts';
import { ClientError, fromNode } from '../errors.ts';
import type { Chunk, ConsumeRequest, Trouble, Welcome } from '../wire/messages.ts';
import type { TraceContexts } from '../wire/trace.ts';
import { Ledger } from './ledger.ts';
import { type Acks, Pending, type StreamRecord } from './record.ts';

/** Reads records, mostly with `for await`. Leaving the loop closes it: what was not acknowledged goes to others. */
export interface Consumer extends AsyncIterableIterator<StreamRecord, undefined> {
  /** Resolves when the node has placed it: with `from: 'new'`, what is published from then on will come. */
  ready(): Promise<void>;
  /** Ends the loop; resolves when the node knows. */
  close(): Promise<void>;
  [Symbol.asyncIterator](): Consumer;
  [Symbol.asyncDispose](): Promise<void>;
}

type Result = IteratorResult<StreamRecord, undefined>;
const DONE: Result = { done: true, value: undefined };

/** Records in a row that are handed out without a turn of the event loop: acknowledgements have to get out. */
const HANDED_A_TURN = 256;
/** Milliseconds after which an acknowledgement goes out, at most. */
const ACK_WITHIN = 2;
/** Milliseconds that `close` waits for the answer. */
const PATIENCE = 2000;

/** draining: nothing more is handed out, acknowledgements go on. cancelling: the node has to say ENDED. */
type Phase = 'open' | 'draining' | 'cancelling' | 'over';

interface Waiting {
  readonly resolve: (result: Result) => void;
  readonly reject: (error: ClientError) => void;
}

export class Consumption implements Consumer, Party, Acks {
  readonly number: number;
  readonly #port: Port;
  readonly #request: ConsumeRequest;
  readonly #prefix: Uint8Array;
  /** Acknowledges by itself. */
  readonly #live: boolean;
  readonly #onOver: () => void;
  readonly #ledger: Ledger;
  /** Acknowledged records after which they are said at once. */
  readonly #quarter: number;
  readonly #turn: number;
  #phase: Phase = 'open';
  /** To be thrown once. */
  #error: ClientError | null = null;
  #placed = false;
  /** As `#placed`, in this session: what comes before that comes again. */
  #placedNow = false;
  readonly #placing: Waiting[] = [];
  #queue: Pending[] = [];
  #head = 0;
  #waiting: Waiting[] = [];
  /** Records that are gone before the next one that arrives, and where the last gap ended. */
  #missed = 0;
  #gap = 0;
  #inRow = 0;
  /** The record that the loop is at. */
  #current = 0;
  #scheduled = false;
  #timer: NodeJS.Timeout | null = null;
  /** Acknowledges what is to be acknowledged. */
  readonly say: () => void = () => {
    this.#scheduled = false;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#ledger.unsaidCount === 0 || this.#port.session === null || !this.#talks) return;
    this.#port.send({ type: 'ACK', consumer: this.number, ranges: this.#ledger.say() });
  };
  #cancelled: (() => void)[] = [];
  #stopListening: (() => void) | null = null;

  constructor(
    number: number,
    port: Port,
    request: ConsumeRequest,
    prefix: Uint8Array,
    live: boolean,
    onOver: () => void,
  ) {
    this.number = number;
    this.#port = port;
    this.#request = request;
    this.#prefix = prefix;
    this.#live = live;
    this.#onOver = onOver;
    this.#ledger = new Ledger(request.credit);
    this.#quarter = Math.max(1, request.credit >> 2);
    this.#turn = Math.min(HANDED_A_TURN, this.#quarter);
  }

  /** Aborted: closes. */
  listen(signal: AbortSignal): void {
    const onAbort = (): void => void this.close();
    if (signal.aborted) onAbort();
    else {
      signal.addEventListener('abort', onAbort, { once: true });
      this.#stopListening = () => signal.removeEventListener('abort', onAbort);
    }
  }

  get #talks(): boolean {
    return this.#phase === 'open' || this.#phase === 'draining';
  }

  // ---- the application

  next(): Promise<Result> {
    this.#done();
    if (this.#waiting.length === 0) {
      const record = this.#take();
      if (record !== null) {
        const result: Result = { done: false, value: record };
        if (++this.#inRow < this.#turn) return Promise.resolve(result);
        this.#inRow = 0;
        return nextTurn().then(() => result);
      }
    }
    const error = this.#error;
    this.#error = null;
    if (error !== null) return Promise.reject(error);
    if (this.#phase !== 'open') return Promise.resolve(DONE);
    this.#inRow = 0;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
    });
  }

  /** Live: who asks for the next one is done with the one before. */
  #done(): void {
    if (!this.#live || this.#current === 0) return;
    this.ack(this.#current);
    this.#current = 0;
  }

  async return(): Promise<Result> {
    await this.close();
    return DONE;
  }

  ready(): Promise<void> {
    if (this.#placed) return Promise.resolve();
    if (this.#phase !== 'open') {
      const text = `${this.#request.stream}: the consumer has ended`;
      return Promise.reject(
        this.#error ?? new ClientError('ERR_CLOSED', text, { stream: this.#request.stream }),
      );
    }
    return new Promise((resolve, reject) => {
      this.#placing.push({ resolve: () => resolve(), reject });
    });
  }

  async close(): Promise<void> {
    if (this.#phase === 'over') return;
    if (this.#talks) {
      this.say();
      this.#stop('cancelling', null);
      this.#port.send({ type: 'CANCEL', consumer: this.number });
    }
    // Otherwise the next session will tell.
    if (this.#port.session === null) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, PATIENCE);
      this.#cancelled.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  ack(sequence: number): void {
    if (!this.#ledger.acked(sequence)) return;
    if (this.#ledger.unsaidCount >= this.#quarter) this.say();
    else this.#soon();
  }

  nack(sequence: number, delay: number): void {
    if (!Number.isInteger(delay) || delay < 0 || delay > 0xffff_ffff)
      throw new ClientError('ERR_OPTION', `delay is a number of milliseconds, not ${delay}`);
    if (!this.#ledger.nacked(sequence) || !this.#talks) return;
    const ranges = [{ first: sequence, last: sequence }];
    this.#port.send({ type: 'NACK', consumer: this.number, ranges, delay });
  }

  // ---- what the node says

  joined(welcome: Welcome): void {
    const { number: consumer } = this;
    if (this.#phase === 'cancelling') {
      if (welcome.resumed) this.#port.send({ type: 'CANCEL', consumer });
      else this.#over();
    }
    if (this.#phase !== 'open') return;
    // Nobody keeps the place of a consumer without a group but itself.
    const again = this.#placed && this.#request.group === null;
    const request = again ? { ...this.#request, from: { sequence: this.#ledger.floor } } : this.#request;
    for (let at = this.#head; at < this.#queue.length; at++) this.#missed += this.#queue[at]!.missed;
    this.#queue = [];
    this.#head = 0;
    this.#ledger.rejoin();
    this.#placedNow = false;
    this.#port.send({ type: 'CONSUME', consumer, request, prefix: this.#prefix });
  }

  lost(): void {
    this.#ledger.hush();
    this.#answered();
  }

  ended(error: ClientError): void {
    if (this.#phase === 'over') return;
    this.#stop('over', error.code === 'ERR_CLOSED' ? null : error);
    this.#over();
  }

  consuming(next: number): void {
    if (this.#request.group === null && !this.#placed) this.#ledger.begin(next);
    this.#placed = true;
    this.#placedNow = true;
    for (const { resolve } of this.#placing.splice(0)) resolve(DONE);
  }

  records(chunks: readonly Chunk[], trace: TraceContexts | null = null): void {
    if (this.#phase !== 'open' || !this.#placedNow) return;
    for (const chunk of chunks) {
      const count = countMessages(chunk.run);
      if (count < 1) {
        this.#port.fail(`RECORDS from ${chunk.sequence} on is no run`);
        return;
      }
      if (this.#ledger.arrived(chunk.sequence, chunk.sequence + count - 1, chunk.timestamp))
        this.#push(chunk, 0, chunk.sequence, count, trace);
      else this.#sift(chunk, count, trace);
    }
    this.#serve();
    if (this.#ledger.unsaidCount > 0) this.#soon();
  }

  gap(first: number, last: number): void {
    const from = Math.max(first, this.#gap + 1);
    if (last >= from) this.#missed += last - from + 1;
    this.#gap = Math.max(this.#gap, last);
    this.#ledger.gone(first, last);
  }

  /** ENDED. */
  finished(trouble: Trouble): void {
    if (this.#phase === 'over') return;
    const { stream } = this.#request;
    if (this.#phase === 'open') {
      const error = fromNode(trouble, 'ERR_CONSUMER_ENDED', { stream });
      this.#stop('over', trouble.code === 'CANCELLED' ? null : error);
    }
    this.#over();
  }

  /** The client is closing: the loop ends, what the application has can still be acknowledged. */
  drain(): void {
    if (this.#phase !== 'open') return;
    this.say();
    this.#stop('draining', null);
  }

  // ---- inside

  /** What the node sent again: only what is not here and not done is kept. */
  #sift(chunk: Chunk, count: number, trace: TraceContexts | null): void {
    let at = 0;
    for (let i = 0; i < count; ) {
      let kept = 0;
      while (i + kept < count && this.#ledger.again(chunk.sequence + i + kept)) kept++;
      if (kept > 0) this.#push(chunk, at, chunk.sequence + i, kept, trace);
      // The one that ended the stretch is left out.
      const passed = Math.min(count - i, kept + 1);
      at = skipMessages(chunk.run, at, passed);
      i += passed;
    }
  }

  #push(
    { run, timestamp, deliveries }: Chunk,
    at: number,
    sequence: number,
    count: number,
    trace: TraceContexts | null,
  ): void {
    const head = { sequence, timestamp, deliveries, trace };
    this.#queue.push(new Pending(this, run, at, head, count, this.#missed));
    this.#missed = 0;
  }

  #take(): StreamRecord | null {
    for (;;) {
      const pending = this.#queue[this.#head];
      if (pending === undefined) return null;
      const wanted = this.#ledger.handed(pending.sequence);
      const record = wanted ? pending.take() : null;
      if (record === null) pending.skip();
      if (pending.left === 0) this.#shift(pending.missed);
      if (record === null) continue;
      // Several may have been asked for at once.
      this.#done();
      this.#current = record.sequence;
      return record;
    }
  }

  #shift(missed: number): void {
    this.#queue[this.#head++] = undefined as never;
    if (this.#head === this.#queue.length || this.#head >= 1024) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
    const next = this.#queue[this.#head];
    if (next === undefined) this.#missed += missed;
    else next.missed += missed;
  }

  #serve(): void {
    while (this.#waiting.length > 0) {
      const record = this.#take();
      if (record === null) return;
      this.#waiting.shift()!.resolve({ done: false, value: record });
    }
  }

  #soon(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    // While records wait here there is no hurry: fewer messages for both sides. (bench: consume-128)
    if (this.#head < this.#queue.length) this.#timer = setTimeout(this.say, ACK_WITHIN);
    else process.nextTick(this.say);
  }

  /** Nothing more is handed out. */
  #stop(phase: Phase, error: ClientError | null): void {
    this.#phase = phase;
    if (phase === 'over' && this.#timer !== null) clearTimeout(this.#timer);
    this.#stopListening?.();
    this.#stopListening = null;
    this.#queue = [];
    this.#head = 0;
    const { stream } = this.#request;
    const ended = error ?? new ClientError('ERR_CLOSED', `${stream}: the consumer is closed`, { stream });
    for (const { reject } of this.#placing.splice(0)) reject(ended);
    const [first, ...others] = this.#waiting.splice(0);
    if (first === undefined || error === null) first?.resolve(DONE);
    else first.reject(error);
    if (first === undefined) this.#error = error;
    for (const { resolve } of others) resolve(DONE);
  }

  #over(): void {
    this.#phase = 'over';
    this.#answered();
    this.#onOver();
  }

  #answered(): void {
    for (const done of this.#cancelled.splice(0)) done();
  }
}

let turning: Promise<void> | null = null;

/** Resolves in the next turn of the event loop. The same promise for everyone who asks in this turn. */
function nextTurn(): Promise<void> {
  turning ??= new Promise((resolve) => {
    setImmediate(() => {
      turning = null;
      resolve();
    });
  });
  return turning;
}
