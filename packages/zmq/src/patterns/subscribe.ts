/**
 * SUB and XSUB: subscriptions are kept here and told to every publisher that connects, again after each reconnect
 * (RFC 29). SUB filters what arrives as well, because a publisher learns of a cancellation only later, and drops what
 * waits of a topic that it cancels.
 */
import { PrefixMap } from '../bytes/prefix-map.ts';
import { view } from '../bytes/view.ts';
import { ZmqError } from '../errors.ts';
import { CANCEL, encodeCommand, SUBSCRIBE, TOPIC_MAX } from '../zmtp/command.ts';
import { bodyStart, frameEnd, messageEnd } from '../zmtp/frame.ts';
import { encodeSubscription, isSubscription } from '../zmtp/subscription.ts';
import { type MessageLike, type Sendable, toBytes, toFrames } from './message.ts';
import { Pattern } from './pattern.ts';
import type { Pipe } from './pipe.ts';

/** What may wait for a publisher that does not read. */
const UNREAD_BYTES = 64 * 1024 * 1024;

/** XSUB: subscribes by sending, and may send other messages to publishers. */
export class XSubscriberPattern extends Pattern {
  protected readonly pipes: Set<Pipe> = new Set();
  protected readonly topics: PrefixMap<number> = new PrefixMap(this.host.seed);

  override attach(pipe: Pipe): boolean {
    this.pipes.add(pipe);
    return true;
  }

  override detach(pipe: Pipe): void {
    this.pipes.delete(pipe);
  }

  override ready(pipe: Pipe): void {
    for (const [topic] of this.topics.entries()) if (!this.#tell(pipe, topic, true)) return;
  }

  /** What waits was for this connection: wishes that were true then, all of which the next one hears as they are now. */
  override lost(pipe: Pipe): void {
    this.host.dropped(pipe, 'disconnected', pipe.outbox.discardOpen());
  }

  /** @throws ZmqError EINVAL for a topic over {@link TOPIC_MAX}. */
  subscribe(topic: Uint8Array): void {
    if (topic.length > TOPIC_MAX) {
      throw new ZmqError('EINVAL', {
        detail: `a topic of ${topic.length} octets; the limit is ${TOPIC_MAX}`,
      });
    }
    const count = this.topics.get(topic) ?? 0;
    this.topics.set(topic, count + 1);
    if (count === 0) this.#tellAll(topic, true);
  }

  unsubscribe(topic: Uint8Array): void {
    const count = this.topics.get(topic);
    if (count === undefined) return;
    if (count > 1) {
      this.topics.set(topic, count - 1);
      return;
    }
    this.topics.delete(topic);
    this.#tellAll(topic, false);
  }

  #tellAll(topic: Uint8Array, subscribe: boolean): void {
    for (const pipe of this.pipes) if (pipe.identity !== null) this.#tell(pipe, topic, subscribe);
  }

  /** False when the publisher was given up: it does not read. */
  #tell(pipe: Pipe, topic: Uint8Array, subscribe: boolean): boolean {
    if (pipe.outbox.stalled && pipe.outbox.waitingBytes > UNREAD_BYTES) {
      // It gets all of them again when it comes back.
      const detail = `it does not read: ${pipe.outbox.waitingBytes} octets of subscriptions wait for it`;
      this.host.refuse(pipe, new ZmqError('ERR_TOO_MANY_SUBSCRIPTIONS', { detail }));
      return false;
    }
    pipe.outbox.pushInLine(this.word(pipe, topic, subscribe));
    return true;
  }

  /** What tells a publisher of a topic. */
  protected word(pipe: Pipe, topic: Uint8Array, subscribe: boolean): Buffer {
    // ZMTP 3.0 has no such commands (RFC 23).
    if (pipe.identity!.minor < 1) return encodeSubscription(topic, subscribe);
    return encodeCommand(subscribe ? SUBSCRIBE : CANCEL, topic);
  }

  override send(message: Sendable): boolean {
    const only = Array.isArray(message) ? (message.length === 1 ? message[0] : undefined) : message;
    if (only !== undefined) {
      const body = toBytes(only as MessageLike);
      if (body[0] === 1 || body[0] === 0) {
        this.#wish(body);
        return true;
      }
    }
    const frames = toFrames(message);
    this.#spread((pipe) => pipe.outbox.pushAll(frames));
    return true;
  }

  /** A subscription as a message: 1 or 0, then the topic. */
  #wish(body: Uint8Array): void {
    if (body[0] === 1) this.subscribe(body.subarray(1));
    else this.unsubscribe(body.subarray(1));
  }

  #spread(push: (pipe: Pipe) => void): void {
    for (const pipe of this.pipes) {
      if (pipe.identity === null) continue;
      if (pipe.outbox.full) this.host.dropped(pipe, 'highWaterMark', 1);
      else push(pipe);
    }
  }

  override sendRun(
    _prefix: Uint8Array | null,
    bytes: Uint8Array,
    start: number,
    end: number,
    count: number,
  ): number {
    for (let at = start; at < end; ) {
      const next = messageEnd(bytes, at);
      const body = bodyStart(bytes, at);
      if (isSubscription(bytes, at, next)) {
        // It may be anybody's message: there is nobody to throw at.
        if (next - body - 1 > TOPIC_MAX) this.host.dropped(null, 'malformed', 1);
        else this.#wish(view(bytes, body, next));
      } else this.#spread((pipe) => pipe.outbox.pushRun(bytes, at, next, 1));
      at = next;
    }
    return count;
  }

  override get writable(): boolean {
    return true;
  }
}

/** SUB and DISH: what was not asked for is not received, and nothing is sent. */
export abstract class FilteringPattern extends XSubscriberPattern {
  // Something was cancelled, and what waits may be of it.
  #stale = false;

  /** Whether the message that begins at `at` is asked for. */
  protected abstract wanted(bytes: Uint8Array, at: number): boolean;

  override unsubscribe(topic: Uint8Array): void {
    super.unsubscribe(topic);
    this.#stale = !this.inbound.empty;
  }

  /** As libzmq: what came before a topic was cancelled is not given out after. Once for all that were cancelled meanwhile. */
  #sweep(): void {
    this.#stale = false;
    this.inbound.filter((bytes, at) => this.wanted(bytes, at));
  }

  override next(): Buffer[] | null {
    if (this.#stale) this.#sweep();
    return this.inbound.next();
  }

  override get readable(): boolean {
    if (this.#stale) this.#sweep();
    return !this.inbound.empty;
  }

  override peek(): Pipe | null {
    if (this.#stale) this.#sweep();
    return this.inbound.peek();
  }

  override send(_message: Sendable): boolean {
    throw new ZmqError('ENOTSUP', { detail: 'this socket type does not send' });
  }

  override get writable(): boolean {
    return false;
  }
}

export class SubscriberPattern extends FilteringPattern {
  protected override wanted(bytes: Uint8Array, at: number): boolean {
    const matches = this.topics.matches(bytes, bodyStart(bytes, at), frameEnd(bytes, at));
    return matches !== this.host.options.invertMatching;
  }

  override arrive(pipe: Pipe, bytes: Uint8Array, start: number, end: number, count: number): void {
    if (this.topics.everything !== undefined && !this.host.options.invertMatching) {
      super.arrive(pipe, bytes, start, end, count);
      return;
    }
    // Stretches of wanted messages stay together.
    let runStart = start;
    let wanted = 0;
    for (let at = start; at < end; ) {
      const next = messageEnd(bytes, at);
      if (this.wanted(bytes, at)) wanted++;
      else {
        if (wanted > 0) super.arrive(pipe, bytes, runStart, at, wanted);
        wanted = 0;
        runStart = next;
      }
      at = next;
    }
    if (wanted > 0) super.arrive(pipe, bytes, runStart, end, wanted);
  }
}
