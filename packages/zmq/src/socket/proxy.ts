/** A proxy: everything that one socket receives the other sends, in both directions where the types allow it. */
import { ZmqError } from '../errors.ts';
import type { Run } from '../zmtp/frame.ts';
import type { Engine } from './engine.ts';
import { hold, letGo } from './keep-alive.ts';
import { receives, sends } from './options.ts';
import { Probes } from './probes.ts';
import { comeToRest, poll, reserved } from './quiet.ts';
import { obstacle, Relay, type RelayTap } from './relay.ts';
import { type DrainOptions, drainTime, engineOf, Socket } from './socket.ts';

/** What went through a proxy in one direction. Bytes include the framing. */
export interface RelayStats {
  readonly messages: number;
  readonly bytes: number;
  /** Messages that the receiving side's socket dropped: no room, or nobody to take them. */
  readonly dropped: number;
}

/** What went through a proxy. */
export interface ProxyStats {
  /** From the front end to the back end. */
  readonly toBack: RelayStats;
  /** From the back end to the front end. */
  readonly toFront: RelayStats;
}

/** Sees what goes through a proxy. What it is not interested in costs nothing; it must not throw. */
export interface ProxyObserver {
  /** Messages were sent on. The memory is the proxy's again after the call. */
  run?(direction: 'toBack' | 'toFront', run: Run): void;
  /** ROUTER to DEALER: a request was answered after so long. A sample, at most about one a millisecond. */
  answered?(milliseconds: number): void;
}

/** Passes on everything that one socket receives to the other, both ways where their types allow it. */
// biome-ignore lint/suspicious/noShadowRestrictedNames: the name of zeromq.js
export class Proxy<F extends Socket = Socket, B extends Socket = Socket> {
  /** The socket that was given first. */
  readonly frontEnd: F;
  /** The socket that was given second. */
  readonly backEnd: B;
  readonly #toBack: Relay;
  readonly #toFront: Relay;
  #state: 'new' | 'running' | 'terminated' = 'new';
  #draining = false;
  #observer: ProxyObserver | null = null;
  #finished: () => void = () => {};

  /** Joins two sockets; nothing flows before `run`. */
  constructor(frontEnd: F, backEnd: B, ...rest: never[]) {
    if (rest.length > 0) throw new TypeError('Expected 2 arguments');
    if (frontEnd === undefined) throw new TypeError('Front-end must be a socket object');
    if (backEnd === undefined) throw new TypeError('Back-end must be a socket object');
    if (!(frontEnd instanceof Socket) || !(backEnd instanceof Socket)) {
      throw new ZmqError('EINVAL', { detail: 'a proxy takes two sockets' });
    }
    this.frontEnd = frontEnd;
    this.backEnd = backEnd;
    this.#toBack = new Relay(engineOf(frontEnd), engineOf(backEnd));
    this.#toFront = new Relay(engineOf(backEnd), engineOf(frontEnd));
  }

  /**
   * Starts. Resolves when the proxy was terminated or drained, or a socket was closed; then both sockets are closed. While it runs, nothing
   * else may send or receive on them.
   * @throws ZmqError EBADF when the proxy is over, EINVAL when a socket has no endpoint or is closed, ENOTSUP for types that don't go together, EBUSY when a socket is in a proxy already.
   */
  run(): Promise<void> {
    const front = engineOf(this.frontEnd);
    const back = engineOf(this.backEnd);
    if (this.#state === 'terminated') return Promise.reject(new ZmqError('EBADF'));
    for (const [name, engine] of [
      ['Front-end', front],
      ['Back-end', back],
    ] as const) {
      if (engine.endpoints.any && !engine.closed) continue;
      const message = `${name} socket must be bound or connected`;
      return Promise.reject(new ZmqError('EINVAL', { message }));
    }
    for (const [from, to] of [
      [front, back],
      [back, front],
    ] as const) {
      if (!receives(from.type)) continue;
      let detail: string | null;
      if (sends(to.type)) detail = obstacle(from.type, to.type);
      // What subscribers announce may be dropped; anything else would be lost in silence.
      else
        detail = from.type === 'XPUB' ? null : `a ${from.type} receives, and a ${to.type} can't send it on`;
      if (detail !== null) return Promise.reject(new ZmqError('ENOTSUP', { detail }));
    }
    if (front.relay !== null || back.relay !== null) {
      return Promise.reject(new ZmqError('EBUSY', { detail: 'a socket can be in one proxy at a time' }));
    }
    this.#state = 'running';
    hold();
    const closed = (): void => this.#closed();
    front.relay = { readable: () => this.#toBack.pump(), writable: () => this.#toFront.pump(), closed };
    back.relay = { readable: () => this.#toFront.pump(), writable: () => this.#toBack.pump(), closed };
    this.#toBack.pump();
    this.#toFront.pump();
    return new Promise((resolve) => {
      this.#finished = resolve;
    });
  }

  /** Holds all messages where they are; senders are held up at the high-water mark. */
  pause(): void {
    this.#open();
    this.#toBack.paused = true;
    this.#toFront.paused = true;
  }

  /** Goes on after `pause` or `hold`. */
  resume(): void {
    this.#open();
    this.#goOn();
  }

  /**
   * Takes nothing more from the front end until it is called with false; what came from the back end goes on to it. May
   * be called before `run`; `resume` and `drain` end it, too.
   */
  hold(on: boolean): void {
    this.#toBack.paused = on;
    if (!on && this.#state === 'running') this.#toBack.pump();
  }

  /** Closes both sockets; what they still have to send they send for their `linger`. */
  terminate(): void {
    this.#open();
    this.frontEnd.close();
    this.backEnd.close();
    this.#end();
  }

  /** Sees what goes through; null: nobody. Default null. */
  get observer(): ProxyObserver | null {
    return this.#observer;
  }

  set observer(observer: ProxyObserver | null) {
    this.#observer = observer;
    const asks = engineOf(this.frontEnd).type === 'ROUTER' && engineOf(this.backEnd).type === 'DEALER';
    const answered = asks ? observer?.answered?.bind(observer) : undefined;
    const probes = answered === undefined ? null : new Probes(answered);
    this.#toBack.tap = tapOf(observer, 'toBack', probes);
    this.#toFront.tap = tapOf(observer, 'toFront', probes);
  }

  /** What has gone through. */
  get stats(): ProxyStats {
    const back = engineOf(this.backEnd).stats();
    const front = engineOf(this.frontEnd).stats();
    return {
      toBack: { messages: this.#toBack.messages, bytes: this.#toBack.bytes, dropped: back.dropped },
      toFront: { messages: this.#toFront.messages, bytes: this.#toFront.bytes, dropped: front.dropped },
    };
  }

  /**
   * Stops without losing what is here or on the way: no new peers, then the front end's peers, which need not pause,
   * learn of the end once they have their replies, and what they sent until then arrives and goes out; requests that
   * are out are waited for, and both sockets close.
   * Resolves with the number of messages that were not delivered in time. Default time: the back end's `linger`.
   */
  async drain(options: DrainOptions = {}): Promise<{ undelivered: number }> {
    const front = engineOf(this.frontEnd);
    const back = engineOf(this.backEnd);
    const { signal } = options;
    const timeout = drainTime(options, back.options.linger);
    const deadline = timeout < 0 ? Number.POSITIVE_INFINITY : performance.now() + timeout;
    // One that never ran moves nothing.
    const runs = this.#state === 'running';
    this.#draining = true;
    this.#goOn();
    // Somebody may close the back end meanwhile: then nothing more goes out.
    const over = (): boolean =>
      (signal?.aborted ?? false) || performance.now() >= deadline || back.closed || !runs;
    const requests = front.type === 'ROUTER';
    const due = (): boolean => requests && !front.closed && outstanding(back) > 0;
    const late = reserved(deadline, timeout);
    const settled = (): boolean =>
      performance.now() >= late ||
      (front.stats().queuedIn === 0 && back.stats().queuedIn === 0 && outstanding(back) === 0);
    await comeToRest(front, { over, settled });
    while ((front.stats().queuedIn > 0 || due()) && !over()) await poll();
    const left = front.stats().queuedIn + (requests ? back.stats().queuedIn : 0);
    const time = Number.isFinite(deadline) ? Math.max(0, deadline - performance.now()) : -1;
    front.relay = null;
    back.relay = null;
    const give = signal === undefined ? { timeout: time } : { timeout: time, signal };
    const results = await Promise.all([this.backEnd.drain(give), this.frontEnd.drain(give)]);
    this.#end();
    return { undelivered: left + results[0].undelivered + results[1].undelivered };
  }

  #goOn(): void {
    for (const relay of [this.#toBack, this.#toFront]) {
      relay.paused = false;
      if (this.#state === 'running') relay.pump();
    }
  }

  /** A socket was closed by somebody else: then the other has no use either. */
  #closed(): void {
    if (this.#state !== 'running' || this.#draining) return;
    this.frontEnd.close();
    this.backEnd.close();
    this.#end();
  }

  #end(): void {
    if (this.#state === 'running') letGo();
    this.#state = 'terminated';
    this.#finished();
  }

  #open(): void {
    if (this.#state !== 'running') throw new ZmqError('EBADF');
  }
}

function tapOf(
  observer: ProxyObserver | null,
  direction: 'toBack' | 'toFront',
  probes: Probes | null,
): RelayTap | null {
  if (observer === null || (observer.run === undefined && probes === null)) return null;
  return {
    moved(pipe, run) {
      if (probes !== null) {
        if (direction === 'toBack') probes.asked(pipe, run.count);
        else probes.check();
      }
      observer.run?.(direction, run);
    },
  };
}

/** Requests that workers which are still there have not answered. */
function outstanding(back: Engine): number {
  let sum = 0;
  for (const session of back.sessions) {
    sum += Math.max(0, session.exchange.outstanding);
  }
  return sum;
}
