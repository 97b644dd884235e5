/** PUSH, PULL and DEALER: round robin out, fair queueing in (RFC 30; RFC 28, The DEALER Socket Type). */
import { messageEnd, skipMessages } from '../zmtp/frame.ts';
import { LoadBalancer } from './load-balancer.ts';
import type { Sendable } from './message.ts';
import { Pattern, probe, queue } from './pattern.ts';
import type { Pipe } from './pipe.ts';
import type { Receipts } from './receipts.ts';

/** DEALER, and what PUSH has in common with it. */
export class DealerPattern extends Pattern {
  protected readonly outbound: LoadBalancer = new LoadBalancer();

  override attach(pipe: Pipe): boolean {
    this.outbound.add(pipe);
    this.host.writable();
    return true;
  }

  override detach(pipe: Pipe): void {
    this.outbound.remove(pipe);
    pipe.isolated = false;
  }

  override ready(pipe: Pipe): void {
    this.isolate(pipe, false);
    if (this.host.options.probeRouter) probe(pipe);
  }

  override lost(pipe: Pipe): void {
    // Whoever comes next may do better.
    this.isolate(pipe, false);
  }

  override isolate(pipe: Pipe, on: boolean): boolean {
    if (pipe.isolated === on) return true;
    pipe.isolated = on;
    if (on) this.outbound.remove(pipe);
    else {
      this.outbound.add(pipe);
      this.host.writable();
    }
    return true;
  }

  override room(pipe: Pipe): void {
    this.outbound.room(pipe);
    this.host.writable();
  }

  override send(message: Sendable): boolean {
    const pipe = this.outbound.next();
    if (pipe === null) return false;
    if (this.host.options.conflate) this.host.dropped(pipe, 'conflated', pipe.outbox.discardOpen());
    queue(pipe.outbox, message);
    return true;
  }

  override get writable(): boolean {
    return this.outbound.writable;
  }

  override sendRun(
    prefix: Uint8Array | null,
    bytes: Uint8Array,
    start: number,
    end: number,
    count: number,
  ): number {
    return balance(this.outbound, prefix, bytes, start, end, count);
  }
}

export class PushPattern extends DealerPattern {
  /** Where somebody wants to know what became of each message. To be set before the first peer. */
  receipts: Receipts | null = null;

  override attach(pipe: Pipe): boolean {
    pipe.outbox.ledger ??= this.receipts?.ledger() ?? null;
    return super.attach(pipe);
  }

  override arrive(pipe: Pipe, _bytes: Uint8Array, _start: number, _end: number, count: number): void {
    // RFC 30, The PUSH Socket Type: it does not receive. A peer that sends all the same is not worth a buffer.
    this.host.dropped(pipe, 'malformed', count);
  }

  override next(): null {
    return null;
  }
}

export class PullPattern extends Pattern {
  override attach(_pipe: Pipe): boolean {
    return true;
  }

  override detach(_pipe: Pipe): void {}
}

/**
 * Spreads a run over all pipes with room. With one it goes out as one slice; with several each gets an equal stretch,
 * so that a burst which arrived in one read is shared like one that was sent message by message.
 */
function balance(
  outbound: LoadBalancer,
  prefix: Uint8Array | null,
  bytes: Uint8Array,
  start: number,
  end: number,
  count: number,
): number {
  let at = start;
  let left = count;
  let turns = prefix === null ? outbound.ready : Number.POSITIVE_INFINITY;
  const extra = count % Math.max(1, turns);
  while (left > 0) {
    const pipe = outbound.next();
    if (pipe === null) break;
    if (prefix !== null) {
      const next = messageEnd(bytes, at);
      pipe.outbox.raw(prefix, 0, prefix.length);
      pipe.outbox.raw(bytes, at, next);
      pipe.outbox.commit();
      at = next;
      left--;
      continue;
    }
    const share = Math.ceil(left / Math.max(1, turns--));
    const stretch = share === left ? end : skipMessages(bytes, at, share);
    const taken = pipe.outbox.pushRun(bytes, at, stretch, share);
    at = taken === share ? stretch : skipMessages(bytes, at, taken);
    left -= taken;
  }
  // The first ones got one more each: next time others come first.
  if (turns === 0) outbound.skip(extra);
  return count - left;
}
