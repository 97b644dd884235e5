/**
 * Counts messages and bytes, and the spread of round trip times.
 *
 * Guarantees: memory does not grow with the number of messages (an HDR histogram, 3 digits).
 */

import type { RecordableHistogram } from 'node:perf_hooks';
import { createHistogram } from 'node:perf_hooks';

export interface Summary {
  readonly messages: number;
  readonly bytes: number;
  /** From the first message to the last, or to the end of the delivery. */
  readonly seconds: number;
  /** Null for a single message, and below 10 ms, where it would be noise. */
  readonly messagesPerSecond: number | null;
  /** Milliseconds. */
  readonly roundTrip: {
    readonly p50: number;
    readonly p90: number;
    readonly p99: number;
    readonly p100: number;
  } | null;
}

const MIN_SECONDS = 0.01;

export class Timing {
  #messages = 0;
  #bytes = 0;
  #first: number | null = null;
  #last = 0;
  #histogram: RecordableHistogram | null = null;

  get messages(): number {
    return this.#messages;
  }

  /** Starts the clock, if it is not running. */
  start(): void {
    this.#first ??= performance.now();
  }

  add(messages: number, bytes: number): void {
    this.start();
    this.#messages += messages;
    this.#bytes += bytes;
    this.#last = performance.now();
  }

  /** One round trip, in milliseconds. */
  roundTrip(milliseconds: number): void {
    this.#histogram ??= createHistogram();
    this.#histogram.record(Math.max(1, Math.round(milliseconds * 1000)));
  }

  /** The work ended now, not with the last message. */
  finish(): void {
    if (this.#first !== null) this.#last = performance.now();
  }

  summary(): Summary {
    const seconds = this.#first === null ? 0 : (this.#last - this.#first) / 1000;
    const histogram = this.#histogram;
    const at = (percent: number): number => (histogram?.percentile(percent) ?? 0) / 1000;
    return {
      messages: this.#messages,
      bytes: this.#bytes,
      seconds: Number(seconds.toFixed(6)),
      messagesPerSecond:
        seconds >= MIN_SECONDS && this.#messages > 1 ? Math.round(this.#messages / seconds) : null,
      roundTrip: histogram === null ? null : { p50: at(50), p90: at(90), p99: at(99), p100: at(100) },
    };
  }
}

/** `sent 1000 messages, 64.0 kB in 0.120 s: 8333 messages/s, 0.53 MB/s`. */
export function summaryText(verb: string, summary: Summary): string {
  const { messages, bytes, seconds, messagesPerSecond, roundTrip } = summary;
  const count = `${verb} ${messages} ${messages === 1 ? 'message' : 'messages'}, ${sizeText(bytes)}`;
  const rate =
    messagesPerSecond === null ? '' : `: ${messagesPerSecond} messages/s, ${sizeText(bytes / seconds)}/s`;
  const lines = [`${count} in ${seconds.toFixed(3)} s${rate}`];
  if (roundTrip !== null) {
    const { p50, p90, p99, p100 } = roundTrip;
    lines.push(`round trip ms: p50 ${p50}  p90 ${p90}  p99 ${p99}  max ${p100}`);
  }
  return lines.join('\n');
}

function sizeText(bytes: number): string {
  if (bytes < 1000) return `${Math.round(bytes)} B`;
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(1)} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(2)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}
