/**
 * PUB, and what XPUB has of it: a message goes to every peer with a subscription that its first frame begins with (RFC 29). A peer
 * whose outbox is full misses the message, which is counted; with `noDrop` the sender waits instead.
 */
import { PrefixMap } from '../bytes/prefix-map.ts';
import { view } from '../bytes/view.ts';
import { ZmqError } from '../errors.ts';
import { TOPIC_MAX } from '../zmtp/command.ts';
import { bodyStart, encodeFrame, frameEnd, messageEnd } from '../zmtp/frame.ts';
import { isSubscription } from '../zmtp/subscription.ts';
import { type Sendable, toFrames } from './message.ts';
import { Pattern } from './pattern.ts';
import type { Pipe } from './pipe.ts';

/** Who has a topic, when a peer asks for it: nobody, others, or the peer itself. */
export type Wish = 'first' | 'more' | 'again';

/** What one peer has subscribed to. */
export class Wishes {
  /** As `text` has them. */
  readonly topics: Set<string> = new Set();
  cost = 0;
}

export class PublisherPattern extends Pattern {
  readonly #pipes = new Set<Pipe>();
  // A topic with one subscriber, as most are, has no list: one cache line less for each message.
  readonly #topics = new PrefixMap<Pipe | Pipe[]>(this.host.seed);
  // The topics of each pipe. A set: RFC 37 has a cancellation for each subscription, but libzmq's SUB sends every
  // subscription and only the last cancellation, so that counting here would never come to an end.
  readonly #wishes = new Map<Pipe, Wishes>();
  readonly #touched: Pipe[] = [];
  #stamp = 0;
  readonly #hits: (Pipe | Pipe[])[] = [];
  readonly #targets: Pipe[] = [];

  override attach(pipe: Pipe): boolean {
    this.#pipes.add(pipe);
    return true;
  }

  override ready(pipe: Pipe): void {
    const { welcomeMessage } = this.host.options;
    if (welcomeMessage !== null) pipe.outbox.pushControl(encodeFrame(0, Buffer.from(welcomeMessage)));
  }

  override lost(pipe: Pipe): void {
    for (const topic of this.forget(pipe)) this.announce(pipe, topic, false, 'first');
    // Nobody waits for the room of a peer that wants nothing (noDrop).
    this.host.writable();
  }

  /** Ends all subscriptions of a pipe; returns the topics whose end is to be announced. */
  protected forget(pipe: Pipe): Uint8Array[] {
    const names = this.#wishes.get(pipe)?.topics;
    this.#wishes.delete(pipe);
    const news: Uint8Array[] = [];
    for (const name of names ?? []) {
      const topic = Buffer.from(name, 'latin1');
      const last = this.#drop(pipe, topic);
      if (last || this.host.options.verbosity === 'allSubsUnsubs') news.push(topic);
    }
    return news;
  }

  override detach(pipe: Pipe): void {
    this.lost(pipe);
    this.#pipes.delete(pipe);
    // The scratch lists must not keep it alive.
    this.#targets.length = 0;
    this.#hits.length = 0;
    this.host.writable();
  }

  override arrive(pipe: Pipe, bytes: Uint8Array, start: number, end: number, _count: number): void {
    for (let at = start; at < end; ) {
      const next = messageEnd(bytes, at);
      if (isSubscription(bytes, at, next)) {
        const body = bodyStart(bytes, at);
        if (next - body - 1 > TOPIC_MAX) {
          const detail = `a topic of ${next - body - 1} octets; the limit is ${TOPIC_MAX}`;
          this.host.refuse(pipe, new ZmqError('ERR_ZMTP_MESSAGE_SIZE', { detail }));
          return;
        }
        this.subscription(pipe, view(bytes, body + 1, next), bytes[body] === 1);
      } else this.upstream(pipe, bytes, at, next);
      at = next;
    }
  }

  /** A message that a subscriber sent which is no subscription. */
  protected upstream(pipe: Pipe, _bytes: Uint8Array, _start: number, _end: number): void {
    this.host.dropped(pipe, 'malformed', 1);
  }

  /** Tells the application about a subscription, or the end of one; PUB has nobody to tell. `again`: it changes nothing. */
  protected announce(_pipe: Pipe, _topic: Uint8Array, _subscribe: boolean, _wish: Wish): void {}

  override subscription(pipe: Pipe, topic: Buffer, subscribe: boolean): void {
    if (subscribe) {
      const wish = this.add(pipe, topic);
      if (wish === null) return;
      if (wish === 'first' || this.host.options.verbosity !== null) this.announce(pipe, topic, true, wish);
    } else this.remove(pipe, topic);
  }

  /**
   * Counts a topic of a peer against `maxSubscriptions`, a long one once for each 256 octets: it costs memory here, and
   * more behind a relay. False when the peer asks for too much; then it is refused.
   */
  protected admit(pipe: Pipe, wishes: Wishes, topic: Uint8Array): boolean {
    const key = text(topic);
    if (wishes.topics.has(key)) return true;
    const limit = this.host.options.maxSubscriptions;
    wishes.cost += cost(topic);
    if (limit > 0 && wishes.cost > limit) {
      const detail = `it asks for more than ${limit} subscriptions (maxSubscriptions)`;
      this.host.refuse(pipe, new ZmqError('ERR_TOO_MANY_SUBSCRIPTIONS', { detail }));
      return false;
    }
    wishes.topics.add(key);
    return true;
  }

  /** Null when the peer is refused. */
  protected add(pipe: Pipe, topic: Uint8Array): Wish | null {
    const wishes = this.#wishes.get(pipe) ?? new Wishes();
    this.#wishes.set(pipe, wishes);
    const had = wishes.topics.has(text(topic));
    if (!this.admit(pipe, wishes, topic)) return null;
    const subscribers = this.#topics.get(topic);
    if (subscribers === undefined) this.#topics.set(topic, pipe);
    else if (!had) {
      if (Array.isArray(subscribers)) subscribers.push(pipe);
      else this.#topics.set(topic, [subscribers, pipe]);
    }
    if (subscribers === undefined) return 'first';
    return had ? 'again' : 'more';
  }

  /** True when nobody has the topic any more; null when the pipe did not have it. */
  protected withdraw(pipe: Pipe, topic: Uint8Array): boolean | null {
    const wishes = this.#wishes.get(pipe);
    if (wishes?.topics.delete(text(topic)) !== true) return null;
    wishes.cost -= cost(topic);
    return this.#drop(pipe, topic);
  }

  protected remove(pipe: Pipe, topic: Uint8Array): void {
    const last = this.withdraw(pipe, topic);
    if (last === null) return;
    if (last || this.host.options.verbosity === 'allSubsUnsubs') this.announce(pipe, topic, false, 'first');
    // With noDrop a message may wait for the room of a peer that does not want it any more.
    this.host.writable();
  }

  /** Takes a pipe from a topic; true when it was the last. */
  #drop(pipe: Pipe, topic: Uint8Array): boolean {
    const subscribers = this.#topics.get(topic);
    if (Array.isArray(subscribers) && subscribers.length > 1) {
      subscribers[subscribers.indexOf(pipe)] = subscribers.at(-1)!;
      subscribers.pop();
      return false;
    }
    this.#topics.delete(topic);
    return true;
  }

  override send(message: Sendable): boolean {
    if (this.#topics.size === 0 && !this.host.options.invertMatching) return true;
    const only = message instanceof Uint8Array ? message : null;
    const frames = only === null ? toFrames(message) : null;
    const topic = only ?? frames![0]!;
    const count = this.#match(topic, 0, topic.length);
    const targets = this.#targets;
    const { noDrop, conflate } = this.host.options;
    if (noDrop && this.#anyFull(count)) return false;
    for (let i = 0; i < count; i++) {
      const pipe = targets[i]!;
      if (conflate) this.host.dropped(pipe, 'conflated', pipe.outbox.discardOpen());
      if (pipe.outbox.full) this.host.dropped(pipe, 'highWaterMark', 1);
      else if (frames === null) pipe.outbox.push(topic);
      else pipe.outbox.pushAll(frames);
    }
    return true;
  }

  override get writable(): boolean {
    if (!this.host.options.noDrop) return true;
    for (const pipe of this.#pipes) if (pipe.identity !== null && pipe.outbox.full) return false;
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
      for (const pipe of Array.isArray(everyone) ? everyone : [everyone])
        this.#push(pipe, bytes, start, end, count);
      return count;
    }
    let sent = 0;
    for (let at = start; at < end; sent++) {
      const next = messageEnd(bytes, at);
      const targets = this.#match(bytes, bodyStart(bytes, at), frameEnd(bytes, at));
      if (noDrop && this.#anyFull(targets)) break;
      for (let i = 0; i < targets; i++) this.#gather(this.#targets[i]!, bytes, at, next);
      // With noDrop each message is queued before the next is looked at, or the marks would be overrun.
      if (noDrop) this.#pushGathered(bytes);
      at = next;
    }
    this.#pushGathered(bytes);
    return sent;
  }

  /** Adds a message to the pipe's stretch of the chunk; one that does not follow on the last begins another. */
  #gather(pipe: Pipe, bytes: Uint8Array, start: number, end: number): void {
    const { gathered } = pipe;
    if (gathered.count === 0) {
      gathered.start = start;
      this.#touched.push(pipe);
    } else if (gathered.end !== start) {
      this.#push(pipe, bytes, gathered.start, gathered.end, gathered.count);
      gathered.start = start;
      gathered.count = 0;
    }
    gathered.end = end;
    gathered.count++;
  }

  #pushGathered(bytes: Uint8Array): void {
    for (const pipe of this.#touched) {
      const { gathered } = pipe;
      this.#push(pipe, bytes, gathered.start, gathered.end, gathered.count);
      gathered.count = 0;
    }
    this.#touched.length = 0;
  }

  #push(pipe: Pipe, bytes: Uint8Array, start: number, end: number, count: number): void {
    const taken = pipe.outbox.pushRun(bytes, start, end, count);
    if (taken < count) this.host.dropped(pipe, 'highWaterMark', count - taken);
  }

  /** Puts the pipes that want a message with this first frame into #targets, each once; returns how many. */
  #match(bytes: Uint8Array, start: number, end: number): number {
    const hits = this.#topics.collect(bytes, start, end, this.#hits);
    if (this.host.options.invertMatching) return this.#others(hits);
    if (hits === 1) {
      const only = this.#hits[0]!;
      if (!Array.isArray(only)) {
        this.#targets[0] = only;
        return 1;
      }
    }
    return this.#mark(hits);
  }

  /** With `invertMatching`: those who did not ask for it. */
  #others(hits: number): number {
    this.#mark(hits);
    let count = 0;
    for (const pipe of this.#pipes) {
      if (pipe.stamp !== this.#stamp && pipe.identity !== null) this.#targets[count++] = pipe;
    }
    return count;
  }

  /** The pipes of the hits, each once: one may have asked for several prefixes of the topic. */
  #mark(hits: number): number {
    const stamp = ++this.#stamp;
    const targets = this.#targets;
    let count = 0;
    for (let i = 0; i < hits; i++) {
      const hit = this.#hits[i]!;
      if (!Array.isArray(hit)) {
        if (hit.stamp === stamp) continue;
        hit.stamp = stamp;
        targets[count++] = hit;
        continue;
      }
      for (let j = 0; j < hit.length; j++) {
        const pipe = hit[j]!;
        if (pipe.stamp === stamp) continue;
        pipe.stamp = stamp;
        targets[count++] = pipe;
      }
    }
    return count;
  }

  #anyFull(count: number): boolean {
    for (let i = 0; i < count; i++) if (this.#targets[i]!.outbox.full) return true;
    return false;
  }
}

/** What a topic counts against `maxSubscriptions`. */
export function cost(topic: Uint8Array): number {
  return 1 + (topic.length >> 8);
}

/** Octets as latin-1 text. */
export function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}
