/**
 * A route with a stream: what the frontend receives is stored, and what is stored goes to the backend.
 *
 * Guarantees: nothing is forwarded that is not committed. A pipeline forwards each record of its stream, from where
 * delivery stood when the route was last there (place.ts); what comes back from a consumer that went away goes to
 * another, in order. A pubsub route subscribes to everything, and forwards what is stored from its start on. While the
 * stream takes nothing (too much on the way, the disk is full) messages wait in the inboxes, and producers are held up at
 * the high-water mark: memory is bounded.
 */
import type { DrainOptions, ProxyObserver, ProxyStats, XSubscriber } from '@zeroth/zmq';
import type { Run } from '@zeroth/zmq/run';
import { RunPort, skipMessages } from '@zeroth/zmq/run';
import type { RoutePattern } from '../config/types.ts';
import { ZerothError } from '../errors.ts';
import type { Log } from '../log/log.ts';
import type { Span, Stream } from '../store/store.ts';
import { SpanCursor } from './cursor.ts';
import type { Drained, Forwarder } from './forwarder.ts';
import type { BackSocket, FrontSocket } from './patterns.ts';
import { Place } from './place.ts';

/** Octets of one reading. */
const READ_BYTES = 1024 * 1024;
/** Until the next attempt to read what could not be read. */
const RETRY_MS = 1000;
/** A stop that sees nothing move for so long ends: what is left is kept. */
const STUCK_MS = 1000;
const POLL_MS = 10;

export interface DurableParts {
  readonly name: string;
  readonly pattern: RoutePattern;
  readonly front: FrontSocket;
  readonly back: BackSocket;
  readonly stream: Stream;
  readonly log: Log;
}

export class Durable implements Forwarder {
  observer: ProxyObserver | null = null;
  readonly #parts: DurableParts;
  readonly #stream: Stream;
  readonly #front: RunPort;
  readonly #back: RunPort;
  /** Pipelines only: whoever subscribes wants what comes now. */
  readonly #place: Place | null;
  readonly #cursor = new SpanCursor();
  #state: 'new' | 'running' | 'closing' | 'over' = 'new';
  /** The next sequence that was not sent yet. */
  #next: number;
  #held = false;
  #pumping = false;
  #again = false;
  #reading = false;
  #retry: NodeJS.Timeout | null = null;
  #troubled = false;
  #unlisten: () => void = () => {};
  #finished: () => void = () => {};
  readonly #toBack = { messages: 0, bytes: 0 };
  readonly #toFront = { messages: 0, bytes: 0 };

  constructor(parts: DurableParts) {
    this.#parts = parts;
    const { name, pattern, front, back, stream } = parts;
    this.#stream = stream;
    const closed = (): void => this.#closed();
    const pump = (): void => this.#pump();
    const pipeline = pattern === 'pipeline';
    // What came back is sent after the outbox that gave it back is done with it.
    const receipts = { taken: () => this.#place?.moved(), returned: () => queueMicrotask(pump) };
    this.#front = new RunPort(front, { readable: pump, writable: () => {}, closed });
    const readable = pipeline ? () => {} : () => this.#subscribe();
    this.#back = new RunPort(back, { readable, writable: pump, closed }, pipeline ? receipts : null);
    this.#next = stream.next;
    this.#place = pipeline ? new Place(stream, name, () => this.#standing()) : null;
    if (this.#place !== null) this.#resume(this.#place);
    else (front as XSubscriber).trySend(Buffer.of(1));
  }

  run(): Promise<void> {
    this.#state = 'running';
    this.#unlisten = this.#stream.listen(() => this.#changed());
    this.#changed();
    this.#subscribe();
    return new Promise((resolve) => {
      this.#finished = resolve;
    });
  }

  get stats(): ProxyStats {
    const { front, back } = this.#parts;
    return {
      toBack: { ...this.#toBack, dropped: back.stats.dropped },
      toFront: { ...this.#toFront, dropped: front.stats.dropped },
    };
  }

  /** Records that no consumer has yet. */
  get waiting(): number {
    if (this.#place === null) return 0;
    const { next, outstanding } = this.#standing();
    const unsent = this.#stream.committed - next;
    return outstanding.reduce((sum, { first, last }) => sum + last + 1 - first, unsent);
  }

  get waitingSince(): number | null {
    if (this.waiting === 0) return null;
    const { next, outstanding } = this.#standing();
    return this.#stream.timeOf(Math.max(this.#stream.first, outstanding[0]?.first ?? next));
  }

  hold(on: boolean): void {
    this.#held = on;
    if (!on) this.#pump();
  }

  forget(): void {
    this.#place?.forget();
  }

  /**
   * Takes nothing new from producers, stores what is here, delivers as long as consumers take it, and closes. What a
   * pipeline could not deliver is kept. What could not be stored is undelivered.
   */
  async drain({ timeout = 0, signal }: DrainOptions): Promise<Drained> {
    const { front, back } = this.#parts;
    const stream = this.#stream;
    const deadline = performance.now() + timeout;
    this.hold(false);
    const over = (): boolean =>
      (signal?.aborted ?? false) || performance.now() >= deadline || this.#state === 'over';
    await this.#front.rest(() => over() || stream.trouble !== null);
    await this.#until(() => this.#front.peek() === null || stream.trouble !== null, over);
    const end = stream.next;
    await this.#until(() => stream.committed >= end || stream.trouble !== null, over);
    await this.#until(() => this.#delivered || back.stats.peers === 0, over);
    const lost = front.stats.queuedIn + Math.max(0, end - stream.committed);
    this.#state = 'closing';
    this.#front.close();
    this.#back.close();
    const rest = Math.max(0, deadline - performance.now());
    const give = { timeout: this.#place === null ? rest : Math.min(rest, STUCK_MS) };
    const options = signal === undefined ? give : { ...give, signal };
    const [, { undelivered }] = await Promise.all([front.drain({ timeout: 0 }), back.drain(options)]);
    const kept = this.waiting;
    this.#end();
    return { undelivered: lost + undelivered, kept };
  }

  /** Nothing is left to be sent, and all that was sent is with the operating system. */
  get #delivered(): boolean {
    if (this.#next < this.#stream.committed) return false;
    return (this.#back.receipts?.outstanding().length ?? 0) === 0;
  }

  /** Waits while something moves, and no longer than there is a reason to. */
  async #until(done: () => boolean, over: () => boolean): Promise<void> {
    const stream = this.#stream;
    const moved = (): number => stream.next + stream.committed + this.#parts.back.stats.messagesOut;
    let before = moved();
    let since = performance.now();
    while (!done() && !over() && performance.now() - since < STUCK_MS) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      const now = moved();
      if (now !== before) since = performance.now();
      before = now;
    }
  }

  #standing(): { next: number; outstanding: readonly { first: number; last: number }[] } {
    return { next: this.#next, outstanding: this.#back.receipts?.outstanding() ?? [] };
  }

  #resume(place: Place): void {
    const saved = place.load();
    this.#next = saved?.next ?? this.#stream.first;
    if (saved !== null) this.#back.receipts?.giveBack(saved.outstanding);
    place.save();
  }

  #changed(): void {
    const { trouble, name } = this.#stream;
    if ((trouble !== null) !== this.#troubled) {
      this.#troubled = trouble !== null;
      this.#tell(trouble, name);
    }
    this.#pump();
  }

  #tell(trouble: ZerothError | null, stream: string): void {
    const { log } = this.#parts;
    if (trouble === null) log.event('route:goes-on', { stream });
    else log.event('route:held', { stream, code: trouble.code, reason: trouble.message });
  }

  /** Stores what has come, and forwards what is stored, each as far as there is room. */
  #pump(): void {
    if (this.#state !== 'running') return;
    if (this.#pumping) {
      this.#again = true;
      return;
    }
    this.#pumping = true;
    try {
      do {
        this.#again = false;
        this.#store();
        this.#forward();
      } while (this.#again);
    } finally {
      this.#pumping = false;
    }
  }

  #store(): void {
    if (this.#held) return;
    for (let run = this.#front.peek(); run !== null; run = this.#front.peek()) {
      if (!this.#append(run)) return;
      this.#front.took(run.end, run.count);
    }
  }

  #append(run: Run): boolean {
    if (this.#stream.trouble !== null) return false;
    try {
      return this.#stream.append(run, null) !== null;
    } catch (error) {
      // The listener hears of it.
      if (error instanceof ZerothError) return false;
      throw error;
    }
  }

  #forward(): void {
    const { receipts } = this.#back;
    while (this.#back.writable) {
      const back = receipts?.back ?? null;
      const first = back?.first ?? this.#next;
      const last = back?.last ?? this.#stream.committed - 1;
      if (first > last) return;
      const found = this.#cursor.seek(first);
      if (found === null) {
        if (!this.#read(first)) return;
      } else if ('gap' in found) {
        this.#missing(found.gap, first, Math.min(last, found.gap.last));
        this.#sent(back !== null, Math.min(last, found.gap.last));
      } else {
        const count = Math.min(found.run.count, last + 1 - first);
        if (!this.#send(found.run, first, count, back !== null)) return;
      }
    }
  }

  /** False when not all of it found room. */
  #send(whole: Run, first: number, count: number, again: boolean): boolean {
    const { bytes, start } = whole;
    const run =
      count === whole.count ? whole : { bytes, start, end: skipMessages(bytes, start, count), count };
    const sent = this.#back.send(run, first);
    if (sent === 0) return false;
    const end = sent === count ? run.end : skipMessages(bytes, start, sent);
    this.#toBack.messages += sent;
    this.#toBack.bytes += end - start;
    this.#sent(again, first + sent - 1);
    this.observer?.run?.('toBack', sent === count ? run : { bytes, start, end, count: sent });
    return sent === count;
  }

  #sent(again: boolean, last: number): void {
    if (again) this.#back.receipts?.settle(last);
    else this.#next = last + 1;
  }

  #missing({ reason }: Extract<Span, { type: 'gap' }>, first: number, last: number): void {
    this.#place?.moved();
    this.#parts.log.event('route:gap', { stream: this.#stream.name, first, last, reason });
  }

  /** True when there is something to forward now; otherwise it is told when there is. */
  #read(from: number): boolean {
    if (this.#reading) return false;
    const spans = this.#stream.read(from, READ_BYTES);
    if (!('then' in spans)) {
      this.#load(spans, from);
      return !this.#reading;
    }
    this.#reading = true;
    spans.then(
      (read) => {
        this.#reading = false;
        this.#load(read, from);
        this.#pump();
      },
      (error: unknown) => this.#unreadable(error),
    );
    return false;
  }

  #load(spans: readonly Span[], from: number): void {
    this.#cursor.load(spans);
    if (this.#cursor.seek(from) === null) this.#unreadable(new Error(`nothing is there at ${from}`));
  }

  /** Tries again later: until then `#reading` holds all others back. */
  #unreadable(error: unknown): void {
    if (this.#state === 'over') return;
    this.#reading = true;
    this.#parts.log.event('route:unreadable', { stream: this.#stream.name, err: error });
    this.#retry = setTimeout(() => {
      this.#reading = false;
      this.#pump();
    }, RETRY_MS);
  }

  /** Subscriptions of a pubsub route: publishers may want to know of them. */
  #subscribe(): void {
    if (this.#state !== 'running' || this.#parts.pattern !== 'pubsub') return;
    for (let run = this.#back.peek(); run !== null; run = this.#back.peek()) {
      this.#front.send(run);
      this.#toFront.messages += run.count;
      this.#toFront.bytes += run.end - run.start;
      this.#back.took(run.end, run.count);
    }
  }

  /** A socket was closed by somebody else: then the other has no use either. */
  #closed(): void {
    if (this.#state === 'over') return;
    this.#parts.front.close();
    this.#parts.back.close();
    this.#end();
  }

  #end(): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    this.#unlisten();
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#place?.save();
    this.#finished();
  }
}
