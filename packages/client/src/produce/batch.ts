/** Records that are published together: a run in memory, and the promises of those who wait for it. */
import { type Run, skipMessages, view } from '@zeroth/zmq/run';
import type { ClientError } from '../errors.ts';
import type { TraceContexts } from '../wire/trace.ts';

/** What became of a record. */
export interface Published {
  /** Where the record stands in the stream. Null: it was there already, from before the connection was lost. */
  readonly sequence: number | null;
}

interface Waiting {
  readonly promise: Promise<Published>;
  readonly resolve: (published: Published) => void;
  readonly reject: (error: ClientError) => void;
}

const IGNORE = (): void => {};

export class Batch implements Run {
  /** Counts the batches of a producer. */
  readonly id: number;
  readonly bytes: Buffer;
  start: number;
  end: number;
  count = 0;
  /** The producer's number of the first record, while it is sent. */
  first = 0;
  /** The process's clock when it was begun, in ms. */
  readonly since: number;
  readonly #waiting: Waiting[] = [];
  /** Records whose promises are settled: the first ones. */
  #settled = 0;
  /** Records that were answered: the first ones. */
  #answered = 0;
  /** Trace contexts by place in `#waiting`; null: none. */
  #traces: Map<number, string> | null = null;

  constructor(id: number, bytes: Buffer, start: number, since: number) {
    this.id = id;
    this.bytes = bytes;
    this.start = start;
    this.end = start;
    this.since = since;
  }

  get octets(): number {
    return this.end - this.start;
  }

  /** Everybody knows what became of it. */
  get settled(): boolean {
    return this.#settled === this.#waiting.length;
  }

  /** Records that are not answered. */
  get left(): number {
    return this.count - this.#answered;
  }

  run(): Uint8Array {
    return view(this.bytes, this.start, this.end);
  }

  /** The record that was written up to `end` is part of it. */
  add(end: number): Promise<Published> {
    this.end = end;
    this.count++;
    let resolve: (published: Published) => void = IGNORE;
    let reject: (error: ClientError) => void = IGNORE;
    const promise = new Promise<Published>((onResolve, onReject) => {
      resolve = onResolve;
      reject = onReject;
    });
    this.#waiting.push({ promise, resolve, reject });
    return promise;
  }

  /** The record that is added next has this trace context. */
  trace(traceparent: string): void {
    this.#traces ??= new Map();
    this.#traces.set(this.#waiting.length, traceparent);
  }

  /** Records with a trace context. */
  get traced(): number {
    return this.#traces?.size ?? 0;
  }

  /** Trace contexts by number of the producer; null: there are none. */
  traces(): TraceContexts | null {
    if (this.#traces === null) return null;
    const past = this.#waiting.length - this.count;
    const contexts = new Map<number, string>();
    for (const [at, traceparent] of this.#traces) {
      if (at >= past && at < this.#waiting.length) contexts.set(this.first + at - past, traceparent);
    }
    return contexts.size === 0 ? null : contexts;
  }

  /** The next `count` records are stored, from `sequence` on (0: they were there). */
  answer(count: number, sequence: number): void {
    const past = this.#waiting.length - this.count;
    for (let i = 0; i < count; i++) {
      const at = past + this.#answered++;
      if (at < this.#settled) continue;
      this.#settled = at + 1;
      this.#waiting[at]!.resolve({ sequence: sequence === 0 ? null : sequence + i });
    }
  }

  /** Leaves out the records that were answered. */
  trim(): void {
    this.start = skipMessages(this.bytes, this.start, this.#answered);
    this.count -= this.#answered;
    this.#answered = 0;
  }

  /** Leaves the first `count` records, and rejects the others. */
  cut(count: number, error: ClientError): void {
    const past = this.#waiting.length - this.count;
    this.#rejectFrom(Math.max(this.#settled, past + count), error);
    this.#waiting.length = past + count;
    this.#settled = Math.min(this.#settled, past + count);
    this.end = skipMessages(this.bytes, this.start, count);
    this.count = count;
  }

  /** Rejects all that wait. */
  reject(error: ClientError): void {
    this.#rejectFrom(this.#settled, error);
    this.#settled = this.#waiting.length;
  }

  /** A rejection that nobody looks at does not end the process: `flush` reports it, too. */
  #rejectFrom(at: number, error: ClientError): void {
    for (let i = at; i < this.#waiting.length; i++) {
      const { promise, reject } = this.#waiting[i]!;
      promise.catch(IGNORE);
      reject(error);
    }
  }
}
