/**
 * PUB and XPUB: a message goes to every peer with a subscription that its first frame begins with (RFC 29). A peer
 * whose outbox is full misses the message, which is counted; with `noDrop` the sender waits instead.
 */
import { PrefixMap } from '../bytes/prefix-map.ts';
import { view } from '../bytes/view.ts';
import { bodyStart, encodeFrame, frameEnd, messageEnd } from '../zmtp/frame.ts';
import { FairQueue } from './fair-queue.ts';
import { type Sendable, toFrames } from './message.ts';
import { Pattern } from './pattern.ts';
import type { Pipe } from './pipe.ts';

/** The run of messages for one pipe that is being gathered from a chunk. */
interface Gathering {
  start: number;
  end: number;
  count: number;
}

export class PublisherPattern extends Pattern {
  protected readonly inbound: FairQueue = new FairQueue();
  readonly #pipes = new Set<Pipe>();
  readonly #topics = new PrefixMap<Pipe[]>(this.host.seed);
  // The topics of each pipe. A set: RFC 37 has a cancellation for each subscription, but libzmq's SUB sends every
  // subscription and only the last cancellation, so that counting here would never come to an end.
  readonly #wishes = new Map<Pipe, Set<string>>();
  readonly #gathered = new Map<Pipe, Gathering>();
  readonly #touched: Pipe[] = [];
  #stamp = 0;
  readonly #hits: Pipe[][] = [];
  readonly #targets: Pipe[] = [];

  override attach(pipe: Pipe): boolean {
    this.#pipes.add(pipe);
    return true;
  }

  override ready(pipe: Pipe): void {
    const { welcomeMessage } = this.host.options;
    if (welcomeMessage !== null) pipe.outbox.pushInLine(encodeFrame(0, Buffer.from(welcomeMessage)));
  }

  override lost(pipe: Pipe): void {
    const topics = this.#wishes.get(pipe);
    if (topics === undefined) return;
    this.#wishes.delete(pipe);
    for (const name of topics) {
      const topic = Buffer.from(name, 'latin1');
      const last = this.#drop(pipe, topic);
      if (last || this.host.options.verbosity === 'allSubsUnsubs') this.announce(pipe, topic, false);
    }
  }

  override detach(pipe: Pipe): void {
    this.lost(pipe);
    this.#pipes.delete(pipe);
    this.#gathered.delete(pipe);
    // A sender that waits for this peer's room (noDrop) need not wait any longer.
    this.host.writable();
  }

  override arrive(pipe: Pipe, bytes: Uint8Array, start: number, end: number, _count: number): void {
    for (let at = start; at < end; ) {
      const next = messageEnd(bytes, at);
      const body = bodyStart(bytes, at);
      const first = bytes[body];
      // RFC 23: a subscription of a ZMTP 3.0 peer is a message of one frame that begins with 1 or 0.
      if (frameEnd(bytes, at) === next && body < next && (first === 1 || first === 0)) {
        this.subscription(pipe, view(bytes, body + 1, next), first === 1);
      } else this.upstream(pipe, bytes, at, next);
      at = next;
    }
  }

  /** A message that a subscriber sent which is no subscription. */
  protected upstream(pipe: Pipe, _bytes: Uint8Array, _start: number, _end: number): void {
    this.host.dropped(pipe, 'malformed', 1);
  }

  /** Tells the application about a subscription; PUB has nobody to tell. */
  protected announce(_pipe: Pipe, _topic: Uint8Array, _subscribe: boolean): void {}

  override subscription(pipe: Pipe, topic: Buffer, subscribe: boolean): void {
    if (subscribe) {
      const news = this.add(pipe, topic);
      if (news || this.host.options.verbosity !== null) this.announce(pipe, topic, true);
    } else this.remove(pipe, topic);
  }

  /** True when nobody had the topic before. */
  protected add(pipe: Pipe, topic: Uint8Array): boolean {
    const key = text(topic);
    let topics = this.#wishes.get(pipe);
    if (topics === undefined) {
      topics = new Set();
      this.#wishes.set(pipe, topics);
    }
    const subscribers = this.#topics.get(topic);
    if (subscribers === undefined) this.#topics.set(topic, [pipe]);
    else if (!topics.has(key)) subscribers.push(pipe);
    topics.add(key);
    return subscribers === undefined;
  }

  /** True when nobody has the topic any more; null when the pipe did not have it. */
  protected withdraw(pipe: Pipe, topic: Uint8Array): boolean | null {
    return this.#wishes.get(pipe)?.delete(text(topic)) === true ? this.#drop(pipe, topic) : null;
  }

  protected remove(pipe: Pipe, topic: Uint8Array): void {
    const last = this.withdraw(pipe, topic);
    if (last === null) return;
    if (last || this.host.options.verbosity === 'allSubsUnsubs') this.announce(pipe, topic, false);
  }

  /** Takes a pipe from a topic; true when it was the last. */
  #drop(pipe: Pipe, topic: Uint8Array): boolean {
    const subscribers = this.#topics.get(topic)!;
    subscribers[subscribers.indexOf(pipe)] = subscribers.at(-1)!;
    subscribers.pop();
    if (subscribers.length > 0) return false;
    this.#topics.delete(topic);
    return true;
  }

  override send(message: Sendable): boolean {
    if (this.#topics.size === 0 && !this.host.options.invertMatching) return true;
    const frames = toFrames(message);
    const topic = frames[0]!;
    const targets = this.#match(topic, 0, topic.length);
    const { noDrop, conflate } = this.host.options;
    if (noDrop && targets.some(isFull)) return false;
    for (let i = 0; i < targets.length; i++) {
      const pipe = targets[i]!;
      if (conflate) this.host.dropped(pipe, 'conflated', pipe.outbox.discardOpen());
      if (pipe.outbox.full) this.host.dropped(pipe, 'highWaterMark', 1);
      else if (frames.length === 1) pipe.outbox.push(topic);
      else pipe.outbox.pushAll(frames);
    }
    return true;
  }

  override get writable(): boolean {
    if (!this.host.options.noDrop) return true;
    for (const pipe of this.#pipes) if (pipe.outbox.full) return false;
    return true;
  }

  override sendRun(
    _prefix: Uint8Array | null,
    bytes: Uint8Array,
    start: number,
    end: number,
    count: number,
  ): number {
    const { noDrop, invertMatching } = this.host.options;
    const everyone = this.#topics.everything;
    if (this.#topics.size === 0 && !invertMatching) return count;
    if (this.#topics.size === 1 && everyone !== undefined && !noDrop && !invertMatching) {
      // All subscribers want all there is: the run goes out as it came.
      for (let i = 0; i < everyone.length; i++) this.#push(everyone[i]!, bytes, start, end, count);
      return count;
    }
    let sent = 0;
    for (let at = start; at < end; sent++) {
      const next = messageEnd(bytes, at);
      const targets = this.#match(bytes, bodyStart(bytes, at), frameEnd(bytes, at));
      if (noDrop && targets.some(isFull)) break;
      for (let i = 0; i < targets.length; i++) this.#gather(targets[i]!, bytes, at, next);
      // With noDrop each message is queued before the next is looked at, or the marks would be overrun.
      if (noDrop) this.#pushGathered(bytes);
      at = next;
    }
    this.#pushGathered(bytes);
    return sent;
  }

  #gather(pipe: Pipe, bytes: Uint8Array, start: number, end: number): void {
    let gathering = this.#gathered.get(pipe);
    if (gathering === undefined) {
      gathering = { start, end, count: 0 };
      this.#gathered.set(pipe, gathering);
    }
    if (gathering.count === 0) {
      gathering.start = start;
      this.#touched.push(pipe);
    } else if (gathering.end !== start) {
      this.#push(pipe, bytes, gathering.start, gathering.end, gathering.count);
      gathering.start = start;
      gathering.count = 0;
    }
    gathering.end = end;
    gathering.count++;
  }

  #pushGathered(bytes: Uint8Array): void {
    for (const pipe of this.#touched) {
      const gathering = this.#gathered.get(pipe)!;
      this.#push(pipe, bytes, gathering.start, gathering.end, gathering.count);
      gathering.count = 0;
    }
    this.#touched.length = 0;
  }

  #push(pipe: Pipe, bytes: Uint8Array, start: number, end: number, count: number): void {
    const taken = pipe.outbox.pushRun(bytes, start, end, count);
    if (taken < count) this.host.dropped(pipe, 'highWaterMark', count - taken);
  }

  /** The pipes that want a message with this first frame, each once. Valid until the next call. */
  #match(bytes: Uint8Array, start: number, end: number): Pipe[] {
    const hits = this.#hits;
    hits.length = 0;
    this.#topics.collect(bytes, start, end, hits);
    if (!this.host.options.invertMatching && hits.length === 1) return hits[0]!;
    const stamp = ++this.#stamp;
    const targets = this.#targets;
    targets.length = 0;
    for (const pipes of hits) {
      for (const pipe of pipes) {
        if (pipe.stamp === stamp) continue;
        pipe.stamp = stamp;
        targets.push(pipe);
      }
    }
    if (!this.host.options.invertMatching) return targets;
    targets.length = 0;
    for (const pipe of this.#pipes) if (pipe.stamp !== stamp && pipe.identity !== null) targets.push(pipe);
    return targets;
  }
}

/** XPUB: subscriptions, and what subscribers send, can be received (RFC 29, The XPUB Socket Type). */
export class XPublisherPattern extends PublisherPattern {
  #manual: Pipe | null = null;

  protected override upstream(pipe: Pipe, bytes: Uint8Array, start: number, end: number): void {
    this.#receive(pipe, bytes, start, end);
  }

  protected override announce(pipe: Pipe, topic: Uint8Array, subscribe: boolean): void {
    const body = Buffer.allocUnsafe(1 + topic.length);
    body[0] = subscribe ? 1 : 0;
    body.set(topic, 1);
    const frame = encodeFrame(0, body);
    this.#receive(pipe, frame, 0, frame.length);
  }

  #receive(pipe: Pipe, bytes: Uint8Array, start: number, end: number): void {
    this.inbound.push(pipe, bytes, start, end, 1);
    this.host.readable();
    pipe.checkMark();
  }

  /** With `manual` the application decides: it is told of the wish, and answers with `subscribe` or `unsubscribe`. */
  override subscription(pipe: Pipe, topic: Buffer, subscribe: boolean): void {
    if (this.host.options.manual) this.announce(pipe, topic, subscribe);
    else super.subscription(pipe, topic, subscribe);
  }

  /** Subscribes (or not) the peer that the last received message came from. */
  decide(topic: Uint8Array, subscribe: boolean): void {
    const pipe = this.#manual;
    if (pipe === null || pipe.ended) return;
    if (subscribe) this.add(pipe, topic);
    else this.withdraw(pipe, topic);
  }

  override next(): Buffer[] | null {
    const frames = this.inbound.next();
    this.#manual = this.inbound.last;
    return frames;
  }

  override get readable(): boolean {
    return !this.inbound.empty;
  }

  override peek(): Pipe | null {
    return this.inbound.peek();
  }

  override took(pipe: Pipe): void {
    this.inbound.tookRun(pipe);
  }
}

function isFull(pipe: Pipe): boolean {
  return pipe.outbox.full;
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}
