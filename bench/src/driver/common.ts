/**
 * What all drivers share: options, handshake lines and the meter.
 *
 * Guarantees: the same definitions of warm-up and counted part as bench/c/common.c, so that a figure of one side means
 * what the figure of the other side means.
 */
import { writeSync } from 'node:fs';
import type { CurveRole } from './curve.ts';
import type { Attachable, Library } from './library.ts';

export interface DriverOptions {
  readonly endpoint: string;
  readonly size: number;
  /** null: what the command does by default. */
  readonly bind: boolean | null;
  /** Both marks; null leaves the default of the library. */
  readonly hwm: number | null;
  readonly warm: number;
  readonly time: number;
  readonly window: number;
  readonly topics: number;
  readonly subs: number;
  readonly acks: string | null;
  readonly batch: boolean;
  readonly curve: CurveRole | null;
  /** Records of a stream. */
  readonly count: number;
  /** How an append is made durable. */
  readonly sync: 'fdatasync' | 'dsync';
}

export type Driver = (options: DriverOptions & { readonly lib: Library }) => Promise<void>;
/** One that brings its own client. */
export type ForeignDriver = (options: DriverOptions) => Promise<void>;

// Written at once: a loop that never leaves the microtask queue would never let a stream write.
function line(text: string): void {
  writeSync(1, `${text}\n`);
}

export function sayReady(...endpoints: readonly string[]): void {
  line(`READY ${endpoints.join(' ')}`);
}

export function sayResult(result: Readonly<Record<string, number>>): void {
  line(`RESULT ${JSON.stringify(result)}`);
}

export function sayCount(time: number, count: number): void {
  line(`COUNT ${time} ${count}`);
}

/** Binds or connects; the endpoint that peers connect to. */
export async function attach(socket: Attachable, endpoint: string, bind: boolean): Promise<string> {
  if (!bind) {
    socket.connect(endpoint);
    return endpoint;
  }
  await socket.bind(endpoint);
  return socket.lastEndpoint ?? endpoint;
}

/** Counts from one clock reading to another, each taken right after a message. */
export class Meter {
  readonly #warm: number;
  readonly #time: number;
  #start = 0;
  #first = 0;
  #last = 0;
  #counting = false;
  #seen = 0;
  #bytes = 0;

  constructor({ warm, time }: Pick<DriverOptions, 'warm' | 'time'>) {
    this.#warm = warm * 1000;
    this.#time = time * 1000;
  }

  /** One more message; true when the counted part is over. One message in 256 looks at the clock. */
  add(bytes: number): boolean {
    this.#bytes += bytes;
    return (++this.#seen & 255) === 0 && this.#tick();
  }

  #tick(): boolean {
    const now = performance.now();
    this.#start ||= now;
    if (this.#counting) {
      this.#last = now;
      return now - this.#first >= this.#time;
    }
    if (now - this.#start >= this.#warm) {
      this.#counting = true;
      this.#first = now;
      this.#seen = 0;
      this.#bytes = 0;
    }
    return false;
  }

  result(): Record<string, number> {
    const seconds = (this.#last - this.#first) / 1000;
    return { rate: this.#seen / seconds, count: this.#seen, bytes: this.#bytes, seconds };
  }
}
