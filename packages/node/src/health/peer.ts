/**
 * One peer under watch: from what its connection does, whether it is healthy, slow, silent or gone.
 *
 * Guarantees: pure: time comes in as the milliseconds that this process was there to see. A peer that answers each ping
 * within an interval is never silent when three missed intervals are allowed; one that says and takes nothing is silent
 * within `missed` intervals and a look, if it is looked at four times in each. There is no verdict by silence over a peer
 * that is not pinged, or that we don't read from.
 */
import type { PeerInfo } from '@zeroth/zmq';
import type { Side } from '../flow/errors.ts';
import type { RoutePeer } from '../flow/status.ts';
import type { Sample } from './kernel.ts';
import type { Evidence, PeerHealth, PeerState, Verdict } from './types.ts';

/** Milliseconds that messages may wait where there are no heartbeats to count in. */
const PATIENCE = 30_000;
/** Unacknowledged octets from which on they wait for the far program, and are not just on their way. */
const BACKLOG = 64 * 1024;

/** Octets from which on a program of this machine is behind with its reading. */
const BEHIND = 1024;
/** Octets that a system receives before it acknowledges them, at most. */
const DELAYED = 256 * 1024;

/** Milliseconds: looks are 25 apart at least, and four of them make an interval. Shorter ones are judged as this one. */
const LEAST_INTERVAL = 100;
/** Of an interval: no look comes later that is in time. */
const CREDIT = 0.3;

/** What a look changed. */
export type Change = 'silent' | 'slow' | 'back' | null;

/** What a verdict is made of, besides the peer itself. */
export interface Look {
  /** Milliseconds since the last look in which this process was there to see. */
  readonly elapsed: number;
  /** Heartbeats that may be missed. */
  readonly missed: number;
  /** Since 1970. */
  readonly now: number;
  /** What the system said since the last look; `mute`: it says nothing about this one, ever. */
  readonly system: Sample | null | 'mute';
}

export class Peer {
  readonly route: string;
  readonly side: Side;
  info: PeerInfo;
  status: PeerState = 'healthy';
  since: number;
  reason: string | null = null;
  evidence: Evidence | null = null;
  /** It is given nothing. */
  isolated = false;
  /** What it, or somebody for it, says in the registry. */
  said: Verdict = 'healthy';
  /** Milliseconds without a sign of life. */
  quiet = 0;
  /** Milliseconds that those messages wait which were queued when `#mark` was set. */
  #waited = 0;
  /** `messagesOut` when they are all gone; null: nothing was queued. */
  #mark: number | null = null;
  #behind = false;
  /** Milliseconds that it has requests and answers none. */
  #owing = 0;
  /** What the system said last, and first or when there was progress since it was heard. */
  #signs: Sample | null = null;
  #base: Sample | null = null;
  /** Milliseconds since the system said that it takes nothing. */
  #checked = Number.POSITIVE_INFINITY;
  #left = false;

  /** The node chooses whether it is the one that gets the next message: publishers and a ROUTER don't. */
  readonly chooses: boolean;

  constructor(
    { route, side, info, pattern }: Pick<RoutePeer, 'route' | 'side' | 'info' | 'pattern'>,
    now: number,
  ) {
    this.route = route;
    this.side = side;
    this.info = info;
    this.chooses = side === 'backend' && pattern !== 'pubsub';
    this.since = now;
  }

  /** Nothing was heard for an interval, or a write is stuck: worth to ask the system about. */
  isSuspect(interval: number): boolean {
    const { heartbeats, stalled } = this.info;
    return heartbeats && (stalled || this.quiet >= interval);
  }

  get verdict(): Verdict {
    if (this.status === 'silent') return 'unhealthy';
    if (this.status === 'gone') return this.#left ? 'healthy' : 'unhealthy';
    if (this.said !== 'healthy') return this.said;
    return this.status === 'slow' ? 'degraded' : 'healthy';
  }

  /** Judges it anew, a while after the last time. */
  look(peer: RoutePeer, { elapsed, missed, now, system }: Look): Change {
    const { info, heartbeatInterval } = peer;
    const interval = heartbeatInterval > 0 ? Math.max(heartbeatInterval, LEAST_INTERVAL) : 0;
    const before = this.info;
    this.info = info;
    if (this.status === 'gone' || info.connectedAt !== before.connectedAt) return this.#begin(now);
    const limit = interval > 0 ? interval * missed : PATIENCE;
    this.#checked += elapsed;
    const heard = info.heard !== before.heard;
    if (heard) this.#base = null;
    const sign = heard || this.#took(before, system) || info.paused;
    // However long a look was in coming, one of them is no proof of several intervals.
    this.quiet = sign ? 0 : this.quiet + Math.min(elapsed, interval > 0 ? interval : elapsed);
    this.#line(limit, elapsed);
    const waits = info.unanswered > 0 && info.messagesIn === before.messagesIn && !info.paused;
    this.#owing = waits ? this.#owing + elapsed : 0;

    // It was silent for up to a look longer than is known, and should be told within the intervals. A look that is late
    // gives no such credit: answers may wait to be read.
    const unseen = elapsed <= interval * CREDIT ? elapsed : 0;
    if (info.heartbeats && interval > 0 && this.#isSilent(interval, limit - unseen, system)) {
      const how = info.stalled ? 'nothing was heard of it, and it took nothing,' : 'nothing was heard of it';
      return this.#become('silent', `${how} for ${missed} heartbeats (${limit} ms)`, now);
    }
    if (peer.timeout > 0 && this.#owing >= peer.timeout) {
      const reason = `it has requests and has answered none of them for ${peer.timeout} ms (timeout)`;
      return this.#become('silent', reason, now);
    }
    if (this.#behind)
      return this.#become('slow', `what waits for it has waited longer than ${limit} ms`, now);
    return this.#become('healthy', null, now);
  }

  /** There is no connection. Null: it left in good order. */
  lost(info: PeerInfo, reason: string | null, now: number): void {
    this.info = info;
    this.isolated = false;
    this.#left = reason === null;
    this.#become('gone', null, now);
    this.reason = reason ?? 'it left';
  }

  health(): PeerHealth {
    const { route, side, info, status, verdict, since, reason, evidence, isolated } = this;
    const { id, remote, socketType, queuedOut: queued, unanswered } = info;
    // One literal: a scrape of the metrics asks for a thousand of them at once.
    return {
      route,
      side,
      id,
      remote,
      socketType,
      routingId: routingIdOf(info),
      status,
      verdict,
      since,
      reason,
      evidence,
      isolated,
      quietMs: Math.round(this.quiet),
      queued,
      waitedMs: Math.round(this.#waited),
      unanswered,
    };
  }

  /** A connection is there, or another one. */
  #begin(now: number): Change {
    this.quiet = 0;
    this.#waited = 0;
    this.#mark = null;
    this.#behind = false;
    this.#owing = 0;
    this.#signs = null;
    this.#base = null;
    this.#checked = Number.POSITIVE_INFINITY;
    return this.#become('healthy', null, now);
  }

  #become(status: PeerState, reason: string | null, now: number): Change {
    const was = this.status;
    this.evidence = status === 'silent' ? this.#evidence() : null;
    if (was === status) return null;
    this.status = status;
    this.reason = reason;
    this.since = now;
    if (status === 'silent' || status === 'slow')
      return status === 'slow' && was === 'silent' ? 'back' : status;
    return status === 'healthy' && was !== 'gone' ? 'back' : null;
  }

  /**
   * It took something. That the system took octets from us says nothing: it goes on doing so for a frozen program until
   * its buffers are full. Only what moves in full buffers, or is read by a program on this machine, tells of its life.
   */
  #took(before: PeerInfo, system: Look['system']): boolean {
    const { info } = this;
    const moved = info.bytesOut > before.bytesOut || info.untaken < before.untaken;
    if (before.stalled && moved) return true;
    if (system === null || system === 'mute') return false;
    const base = this.#base;
    this.#signs = system;
    this.#base ??= system;
    if (base === null) return false;
    const progress = progressed(base, system);
    if (progress) this.#base = system;
    else this.#checked = 0;
    return progress;
  }

  /** Where the system tells what a peer takes, it is asked before the verdict; not for ever. */
  #isSilent(interval: number, limit: number, system: Look['system']): boolean {
    if (this.quiet < limit) return false;
    if (this.status === 'silent' || system === 'mute') return true;
    return this.#checked <= interval || this.quiet >= 2 * limit;
  }

  /** Little's law without rates: is all that was queued at one moment gone after the limit? */
  #line(limit: number, elapsed: number): void {
    const { messagesOut, queuedOut, dropped } = this.info;
    const gone = messagesOut + dropped;
    if (queuedOut === 0) {
      this.#mark = null;
      this.#waited = 0;
      this.#behind = false;
    } else if (this.#mark === null || gone >= this.#mark) {
      if (this.#mark !== null && this.#waited < limit) this.#behind = false;
      this.#mark = gone + queuedOut;
      this.#waited = 0;
    } else {
      this.#waited += elapsed;
      if (this.#waited >= limit) this.#behind = true;
    }
  }

  #evidence(): Evidence | null {
    const signs = this.#signs;
    if (signs === null) return null;
    if (signs.timer === 'retransmit' && signs.retransmissions > 0) return 'network';
    return signs.timer === 'probe' || signs.unacknowledged === 0 ? 'program' : this.evidence;
  }
}

/** The far program has read something in between, and there was more to read all the time. */
function progressed(from: Sample, to: Sample): boolean {
  const [was, is] = [from.unacknowledged, to.unacknowledged];
  // Between two times that the system takes some of a long write.
  if (from.stalled && to.stalled) return is !== was;
  const written = to.least - from.most;
  if (from.unread === null || to.unread === null) return Math.min(was, is) >= BACKLOG && is - was < written;
  // Who has read everything has read the ping, too, and should have answered.
  if (Math.min(from.unread + was, to.unread + is) < BEHIND) return false;
  // What it has read is what was written without what is unacknowledged or unread. A little may be both: received, and
  // to be acknowledged in a moment.
  const both = Math.min(from.unread, was, DELAYED);
  return to.unread + is < from.unread + was - both + written;
}

/** Text where it is text, hex otherwise; null: it has none, or one that our ROUTER made up (it begins with 0, RFC 28). */
export function routingIdOf({ routingId }: PeerInfo): string | null {
  if (routingId === null || routingId.length === 0 || routingId[0] === 0) return null;
  const text = routingId.toString('latin1');
  return /^[\x20-\x7e]+$/.test(text) ? text : `0x${routingId.toString('hex')}`;
}
