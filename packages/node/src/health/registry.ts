/**
 * Services and their instances, as they tell of themselves: each PUT is good for a while.
 *
 * Guarantees: at most {@link MOST} instances, every name and text bounded; an instance that was not renewed in time is
 * unhealthy, and forgotten later. Time comes in as the milliseconds that this process was there to listen, so that its
 * own standstill makes nobody late.
 */
import { ZerothError } from '../errors.ts';
import type { Verdict } from './types.ts';

export const MOST = 10_000;
/** Characters. An instance may have the name of a routing id, which has 255 octets at most. */
const NAME_MOST = 255;
const TEXT_MOST = 1000;
/** Milliseconds. */
const TTL_LEAST = 100;
const TTL_MOST = 24 * 3600_000;
/** Milliseconds after which an instance that was not renewed is forgotten. */
const FORGET = 10 * 60_000;

/** What is told of an instance. */
export interface Registration {
  /** Milliseconds that it is good for. */
  readonly ttl: number;
  /** Default: `healthy`. */
  readonly status?: Verdict;
  readonly address?: string;
  readonly note?: string;
}

export interface Instance {
  readonly service: string;
  readonly instance: string;
  /** `unhealthy` also when it was not renewed in time. */
  readonly status: Verdict;
  readonly expired: boolean;
  readonly address: string | null;
  readonly note: string | null;
  readonly ttlMs: number;
  /** 0: it is expired. */
  readonly expiresInMs: number;
  /** Milliseconds since 1970. */
  readonly renewedAt: number;
}

interface Entry {
  readonly status: Verdict;
  readonly address: string | null;
  readonly note: string | null;
  readonly ttl: number;
  readonly renewedAt: number;
  /** In the time of the registry. */
  readonly expires: number;
}

export class Registry {
  readonly #services: Map<string, Map<string, Entry>> = new Map();
  #size = 0;
  /** Milliseconds that this process was there to listen. */
  #time = 0;

  get size(): number {
    return this.#size;
  }

  /** Registers or renews. @throws ZerothError SERVICE_INVALID, SERVICES_FULL. */
  put(service: string, instance: string, { ttl, status = 'healthy', address, note }: Registration): Instance {
    checkName('service', service);
    checkName('instance', instance);
    if (!(ttl >= TTL_LEAST && ttl <= TTL_MOST))
      throw invalid(`ttl is ${ttl} ms; it may be ${TTL_LEAST} ms to ${TTL_MOST} ms`);
    if (status !== 'healthy' && status !== 'degraded' && status !== 'unhealthy')
      throw invalid(
        `status is ${JSON.stringify(status)?.slice(0, 50)}; it may be healthy, degraded or unhealthy`,
      );
    checkText('address', address);
    checkText('note', note);
    let instances = this.#services.get(service);
    if (instances?.has(instance) !== true) {
      if (this.#size >= MOST) this.#forget(0);
      if (this.#size >= MOST)
        throw new ZerothError(
          'SERVICES_FULL',
          `the registry holds ${MOST} instances; remove some, or let them expire`,
        );
      // What was forgotten may have been the service itself.
      instances = this.#services.get(service) ?? new Map<string, Entry>();
      this.#services.set(service, instances);
      this.#size++;
    }
    const told = { status, address: address ?? null, note: note ?? null };
    const entry = { ...told, ttl, renewedAt: Date.now(), expires: this.#time + ttl };
    instances!.set(instance, entry);
    return this.#view(service, instance, entry);
  }

  /** False: there was none. */
  remove(service: string, instance: string): boolean {
    const instances = this.#services.get(service);
    if (instances?.delete(instance) !== true) return false;
    this.#size--;
    if (instances.size === 0) this.#services.delete(service);
    return true;
  }

  get(service: string, instance: string): Instance | null {
    const entry = this.#services.get(service)?.get(instance);
    return entry === undefined ? null : this.#view(service, instance, entry);
  }

  /** What counts for it now; null: it is not registered. */
  verdict(service: string, instance: string): Verdict | null {
    const entry = this.#services.get(service)?.get(instance);
    return entry === undefined ? null : this.#verdict(entry);
  }

  list(): Instance[] {
    const all: Instance[] = [];
    for (const [service, instances] of this.#services)
      for (const [instance, entry] of instances) all.push(this.#view(service, instance, entry));
    return all;
  }

  /** `elapsed` ms have gone by. */
  pass(elapsed: number): void {
    this.#time += elapsed;
  }

  /** Forgets those that were not renewed for long. */
  sweep(): void {
    this.#forget(FORGET);
  }

  #forget(after: number): void {
    for (const [service, instances] of this.#services)
      for (const [instance, { expires }] of instances)
        if (this.#time >= expires + after) this.remove(service, instance);
  }

  #verdict({ status, expires }: Entry): Verdict {
    return this.#time >= expires ? 'unhealthy' : status;
  }

  #view(service: string, instance: string, entry: Entry): Instance {
    const { address, note, ttl, renewedAt, expires } = entry;
    const expiresInMs = Math.max(0, Math.ceil(expires - this.#time));
    const state = { status: this.#verdict(entry), expired: expiresInMs === 0 };
    return { service, instance, ...state, address, note, ttlMs: ttl, expiresInMs, renewedAt };
  }
}

function checkName(what: string, name: string): void {
  if (name.length >= 1 && name.length <= NAME_MOST && /^[\x20-\x7e]+$/.test(name)) return;
  throw invalid(`the name of the ${what} needs 1 to ${NAME_MOST} printable ASCII characters`);
}

function checkText(what: string, text: string | undefined): void {
  if (text === undefined || (typeof text === 'string' && text.length <= TEXT_MOST)) return;
  throw invalid(`${what} may be a text of ${TEXT_MOST} characters at most`);
}

function invalid(message: string): ZerothError {
  return new ZerothError('SERVICE_INVALID', message);
}
