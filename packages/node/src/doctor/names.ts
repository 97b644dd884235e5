/**
 * Addresses of hosts, as a socket would look them up.
 *
 * Guarantees: each name is asked for once, all of them within one and a half times the time given. A look-up of the system can't be
 * ended, and keeps the process for as long as its name servers are silent: so these are asked first, by themselves, and
 * no more look-ups wait than the system does at a time.
 */
import { lookup, Resolver } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { codeOf } from './check.ts';

/** In place of a code: there was no time for it. */
export const LATE = 'no answer in time';
/** Half of the threads that node has: the others are for files. */
const LANES = 2;

export type Resolved = { readonly address: string } | { readonly code: string };

const HOSTS = process.platform === 'win32' ? 'C:\\Windows\\System32\\drivers\\etc\\hosts' : '/etc/hosts';

export type LookUp = (
  host: string,
  options: { readonly family: number },
) => Promise<{ readonly address: string }>;

export class Names {
  readonly #known = new Map<string, Promise<Resolved>>();
  readonly #within: number;
  readonly #ask: LookUp;
  readonly #deadline: number;
  readonly #lanes: Promise<unknown>[] = Array.from({ length: LANES }, () => Promise.resolve());
  #turn = 0;
  #hosts: Promise<ReadonlySet<string>> | null = null;

  /** `within`: milliseconds for the name servers. Tests hand in a look-up. */
  constructor(within: number, lookUp: LookUp = lookup) {
    this.#ask = lookUp;
    this.#within = within;
    this.#deadline = performance.now() + 1.5 * within;
  }

  resolve(host: string, ipv6: boolean): Promise<Resolved> {
    const key = `${host} ${ipv6}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const found = this.#resolve(host, ipv6);
    this.#known.set(key, found);
    return found;
  }

  async #resolve(host: string, ipv6: boolean): Promise<Resolved> {
    this.#hosts ??= hostsOf(HOSTS);
    if (!(await this.#hosts).has(host.toLowerCase()) && (await this.#isSilence(host)))
      return { code: 'ETIMEDOUT' };
    const lane = this.#turn++ % LANES;
    const found = (this.#lanes[lane] as Promise<unknown>).then(() => this.#lookUp(host, ipv6));
    this.#lanes[lane] = found;
    return this.#inTime(found);
  }

  async #lookUp(host: string, ipv6: boolean): Promise<Resolved> {
    if (performance.now() >= this.#deadline) return { code: LATE };
    try {
      const { address } = await this.#ask(host, { family: ipv6 ? 0 : 4 });
      return { address };
    } catch (error) {
      return { code: codeOf(error) };
    }
  }

  #inTime(found: Promise<Resolved>): Promise<Resolved> {
    const rest = Math.max(0, this.#deadline - performance.now());
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve({ code: LATE }), rest);
      void found.then((resolved) => {
        clearTimeout(timer);
        resolve(resolved);
      });
    });
  }

  /** Whether no name server says anything, be it that there is no such name. */
  async #isSilence(host: string): Promise<boolean> {
    const resolver = new Resolver({ timeout: this.#within, tries: 1 });
    const timer = setTimeout(() => resolver.cancel(), this.#within);
    try {
      await resolver.resolve4(host);
      return false;
    } catch (error) {
      return ['ETIMEOUT', 'ECANCELLED'].includes(codeOf(error));
    } finally {
      clearTimeout(timer);
    }
  }
}

/** The names that need no server. */
async function hostsOf(path: string): Promise<ReadonlySet<string>> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const lines = text.split('\n').map((line) => line.replace(/#.*/, '').trim().toLowerCase());
  return new Set(['localhost', ...lines.flatMap((line) => line.split(/\s+/).slice(1))]);
}
