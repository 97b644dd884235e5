/**
 * Addresses of hosts, as a socket would look them up.
 *
 * Guarantees: each name is asked for once, within the time given. A look-up of the system can't be ended, and keeps the
 * process for as long as its name servers are silent: so these are asked first, by themselves.
 */
import { lookup, Resolver } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { codeOf } from './check.ts';

export type Resolved = { readonly address: string } | { readonly code: string };

const HOSTS = process.platform === 'win32' ? 'C:\\Windows\\System32\\drivers\\etc\\hosts' : '/etc/hosts';

export class Names {
  readonly #known = new Map<string, Promise<Resolved>>();
  readonly #within: number;
  #hosts: Promise<ReadonlySet<string>> | null = null;

  /** `within`: milliseconds for the name servers. */
  constructor(within: number) {
    this.#within = within;
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
    if (!(await this.#hosts).has(host) && (await this.#isSilence(host))) return { code: 'ETIMEDOUT' };
    try {
      const { address } = await lookup(host, { family: ipv6 ? 0 : 4 });
      return { address };
    } catch (error) {
      return { code: codeOf(error) };
    }
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
