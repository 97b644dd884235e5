/**
 * What the operating system knows of a TCP connection: octets that nobody has acknowledged, and the timer that waits
 * for it. Linux tells in /proc/net/tcp and tcp6; other systems tell nothing.
 *
 * Guarantees: reads without blocking, one at a time, and rests twice as long as it read (a table costs the system ten
 * milliseconds or more); the answer holds connections that were asked for and no others; where the system tells nothing
 * there is no answer.
 */
import { readFile } from 'node:fs/promises';
import { endianness } from 'node:os';

export interface KernelSigns {
  /** Octets handed to the system that the far machine has not acknowledged. */
  readonly unacknowledged: number;
  /** `retransmit`: sent again because no acknowledgement came; `probe`: the far side has no room for more. */
  readonly timer: 'none' | 'retransmit' | 'probe' | 'other';
  /** How often it was sent again. */
  readonly retransmissions: number;
  /** Octets that the peer's program has not read; null: the peer is on another machine. */
  readonly unread: number | null;
}

/** `tcp://host:port` of both ends, as PeerInfo has them. */
export interface Ends {
  readonly local: string;
  readonly remote: string;
}

/** After a look it rests for so many times what that took. */
const REST = 2;
const LITTLE = endianness() === 'LE';

export class Kernel {
  readonly #read: (file: string) => Promise<string>;
  #works = true;
  #reading = false;
  #restUntil = 0;

  constructor(read: (file: string) => Promise<string> = (file) => readFile(file, 'latin1')) {
    this.#read = read;
  }

  /** False: not on this system. */
  get tells(): boolean {
    return this.#works;
  }

  /** Null: not now, or not here. The key of a connection is {@link keyOf}. */
  async look(wanted: readonly Ends[]): Promise<ReadonlyMap<string, KernelSigns> | null> {
    const began = performance.now();
    if (!this.#works || this.#reading || wanted.length === 0 || began < this.#restUntil) return null;
    this.#reading = true;
    const found = new Map<string, KernelSigns>();
    try {
      collect(await this.#read('/proc/net/tcp'), wanted, found);
      // A socket for both families stands in the second one. Without IPv6 there is none.
      if (found.size < wanted.length)
        collect(await this.#read('/proc/net/tcp6').catch(() => ''), wanted, found);
    } catch {
      this.#works = false;
      return null;
    } finally {
      this.#reading = false;
      const now = performance.now();
      this.#restUntil = now + REST * (now - began);
    }
    return found;
  }
}

export function keyOf({ local, remote }: Ends): string {
  return `${plain(local)} ${plain(remote)}`;
}

/** `host:port` without scheme, brackets and the prefix of IPv4 in IPv6. */
function plain(endpoint: string): string {
  const at = endpoint.lastIndexOf(':');
  const host = endpoint.slice(endpoint.indexOf('//') + 2, at).replace(/^\[|\]$|%.*$/g, '');
  return `${host.toLowerCase().replace(/^::ffff:(?=\d+\.)/, '')}:${endpoint.slice(at + 1)}`;
}

/** With our own counters at that time. */
export interface Sample extends KernelSigns {
  /** Octets that were written before the system was asked, and when it had answered. */
  readonly least: number;
  readonly most: number;
  /** A write was stuck all the time. */
  readonly stalled: boolean;
}

const ROW =
  /^\s*\d+: ([0-9A-F]+:[0-9A-F]{4}) ([0-9A-F]+:[0-9A-F]{4}) 0[1-9A-C] ([0-9A-F]{8}):([0-9A-F]{8}) (\d\d):[0-9A-F]+ ([0-9A-F]{8})/;
const TIMERS = ['none', 'retransmit', 'other', 'other', 'probe'] as const;

function collect(table: string, wanted: readonly Ends[], found: Map<string, KernelSigns>): void {
  const keys = new Set<string>();
  const ports = new Set<string>();
  for (const ends of wanted) {
    keys.add(keyOf(ends));
    ports.add(hexPort(ends.remote));
  }
  /** Octets that wait to be read, at the end that is called `local`. */
  const unread = new Map<string, number>();
  for (const line of table.split('\n')) {
    // Most rows are of others: their ports tell it before anything is parsed.
    const fields = line.split(' ', 12);
    if (!fields.some((field) => ports.has(field.slice(-4)))) continue;
    const row = ROW.exec(line);
    if (row === null) continue;
    const [, local, remote, out, into, timer, retransmissions] = row as unknown as string[];
    const [here, there] = [address(local!), address(remote!)];
    const key = `${here} ${there}`;
    if (keys.has(`${there} ${here}`)) unread.set(`${there} ${here}`, Number.parseInt(into!, 16));
    if (!keys.has(key)) continue;
    found.set(key, {
      unacknowledged: Number.parseInt(out!, 16),
      timer: TIMERS[Number(timer)] ?? 'other',
      retransmissions: Number.parseInt(retransmissions!, 16),
      unread: null,
    });
  }
  for (const [key, octets] of unread) {
    const signs = found.get(key);
    if (signs !== undefined) found.set(key, { ...signs, unread: octets });
  }
}

function hexPort(endpoint: string): string {
  const port = Number(endpoint.slice(endpoint.lastIndexOf(':') + 1));
  return port.toString(16).toUpperCase().padStart(4, '0');
}

/** `0100007F:1F90` as `127.0.0.1:8080`: each 32 bits stand in the byte order of the machine. */
function address(text: string): string {
  const [hex, port] = text.split(':') as [string, string];
  const bytes = Buffer.from(hex, 'hex');
  if (LITTLE) bytes.swap32();
  return `${bytes.length === 4 ? bytes.join('.') : sixteen(bytes)}:${Number.parseInt(port, 16)}`;
}

function sixteen(bytes: Buffer): string {
  const mapped = bytes.readUInt32BE(8) === 0xffff && bytes.readBigUInt64BE(0) === 0n;
  if (mapped) return bytes.subarray(12).join('.');
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16));
  // The parser of URLs writes it in the one short form.
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}
