/** XPUB: subscriptions, and what subscribers send, can be received (RFC 29, The XPUB Socket Type). */
import { encodeSubscription, isSubscription } from '../zmtp/subscription.ts';
import { Announcements } from './announcements.ts';
import type { Pipe } from './pipe.ts';
import { cost, PublisherPattern, text, type Wish, Wishes } from './publish.ts';

export class XPublisherPattern extends PublisherPattern {
  readonly #announcements = new Announcements();
  /** The pipe that was given to a relay, and whether the message that is next there is an announcement. */
  #peeked: Pipe | null = null;
  #announced = false;
  /** Messages that nobody has received; and how many there were when all of them were looked at. */
  #waiting = 0;
  #kept = 0;
  #manual: Pipe | null = null;
  // With `manual`: what each subscriber asked for, whatever the application made of it.
  readonly #asked = new Map<Pipe, Wishes>();

  protected override upstream(pipe: Pipe, bytes: Uint8Array, start: number, end: number): void {
    this.#receive(pipe, bytes, start, end);
  }

  protected override announce(pipe: Pipe, topic: Uint8Array, subscribe: boolean, wish: Wish): void {
    const { manual, verbosity } = this.host.options;
    // Either the peers are announced, each with its topics, or the topics.
    const ofPeer = manual || verbosity === 'allSubsUnsubs';
    const changes = wish === 'first' || (ofPeer && wish === 'more');
    const turn = changes ? (subscribe ? 'opens' : 'closes') : 'repeats';
    const frame = encodeSubscription(topic, subscribe);
    this.#announcements.push({ pipe, frame, key: `${ofPeer ? pipe.id : ''} ${text(topic)}`, turn });
    this.#receive(pipe, frame, 0, frame.length);
  }

  // One message at a time, so that whoever takes a run takes one.
  #receive(pipe: Pipe, bytes: Uint8Array, start: number, end: number): void {
    this.#waiting++;
    this.inbound.push(pipe, bytes, start, end, 1);
    this.host.readable();
    pipe.checkMark();
  }

  /** With `manual` the application decides: it is told of the wish, and answers with `subscribe` or `unsubscribe`. */
  override subscription(pipe: Pipe, topic: Buffer, subscribe: boolean): void {
    if (!this.host.options.manual) {
      super.subscription(pipe, topic, subscribe);
      return;
    }
    const asked = this.#asked.get(pipe) ?? new Wishes();
    this.#asked.set(pipe, asked);
    const had = asked.topics.has(text(topic));
    if (subscribe) {
      if (!this.admit(pipe, asked, topic)) return;
    } else if (asked.topics.delete(text(topic))) asked.cost -= cost(topic);
    this.announce(pipe, topic, subscribe, had === subscribe ? 'again' : 'first');
  }

  override lost(pipe: Pipe): void {
    const asked = this.#asked.get(pipe);
    if (asked === undefined) super.lost(pipe);
    else {
      this.#asked.delete(pipe);
      this.forget(pipe);
      for (const name of asked.topics) this.announce(pipe, Buffer.from(name, 'latin1'), false, 'first');
      this.host.writable();
    }
    this.#tidy(pipe);
  }

  /**
   * An application that never receives must not be told of all peers that ever were: when a peer leaves, and more than a mark
   * waits, what tells nothing any more is forgotten, and of what those said that have left a mark is kept.
   */
  #tidy({ receiveMark }: Pipe): void {
    // Twice what there was, so that looking at all of it does not cost more than the messages did.
    if (receiveMark === 0 || this.#waiting <= Math.max(receiveMark, this.#kept * 2)) return;
    const peeked = this.#peeked;
    const moot = this.#announcements.settle(peeked !== null && this.#announced ? this.#first : null);
    let said = 0;
    const dropped = new Map<Pipe, number>();
    this.#waiting = 0;
    this.inbound.filter((bytes, at, next, pipe) => {
      if (moot.has(bytes)) return false;
      const keep = !pipe.ended || pipe === peeked || isSubscription(bytes, at, next) || ++said <= receiveMark;
      if (keep) this.#waiting++;
      else dropped.set(pipe, (dropped.get(pipe) ?? 0) + 1);
      return keep;
    });
    this.#kept = this.#waiting;
    // Whoever hears of it may receive at once.
    for (const [from, count] of dropped) this.host.dropped(from, 'highWaterMark', count);
  }

  /** Subscribes (or not) the peer that the last received message came from. */
  decide(topic: Uint8Array, subscribe: boolean): void {
    const pipe = this.#manual;
    if (pipe === null || pipe.ended) return;
    if (subscribe) this.add(pipe, topic);
    else if (this.withdraw(pipe, topic) !== null) this.host.writable();
  }

  override next(): Buffer[] | null {
    if (this.#choose() === null) return null;
    const frames = this.inbound.next();
    this.#received();
    this.#manual = this.inbound.last;
    return frames;
  }

  override peek(): Pipe | null {
    this.#peeked = this.#choose();
    return this.#peeked;
  }

  override took(pipe: Pipe): void {
    this.#peeked = null;
    this.#received();
    super.took(pipe);
  }

  #received(): void {
    this.#waiting--;
    if (this.#announced) this.#announcements.shift();
  }

  get #first(): Uint8Array | null {
    return this.#announcements.first?.frame ?? null;
  }

  /** The pipe that the next message is taken from. Where an announcement would be next, it is the turn of the first one. */
  #choose(): Pipe | null {
    const turn = this.inbound.peek();
    const first = this.#announcements.first;
    const run = turn?.inbox.peekRun() ?? null;
    if (run === null || first === undefined) {
      this.#announced = false;
      return turn;
    }
    if (first.pipe !== turn && isSubscription(run.bytes, run.start, run.end)) this.inbound.prefer(first.pipe);
    const pipe = this.inbound.peek();
    this.#announced = pipe?.inbox.peekRun()?.bytes === first.frame;
    return pipe;
  }
}
