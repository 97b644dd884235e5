/**
 * One change of a running node, in two halves: `build` makes everything new, checks it and gives what runs from now on;
 * `finish` lets go of what is not part of it any more. A start is a change from nothing.
 *
 * Guarantees: when `build` rejects, everything that it made is gone, what it had to take away is back, and what runs is
 * what ran before. What did not change is not touched. What needs an address that somebody else gives up is built when
 * that is free; all else is built first, so that little is taken away before it is known that the rest works.
 */
import { isDeepStrictEqual } from 'node:util';
import { Pull } from '@zeroth/zmq';
import { streamsOf } from '../config/streams.ts';
import type { StreamSettings } from '../config/types.ts';
import { ZerothError } from '../errors.ts';
import type { StreamStore } from '../store/store.ts';
import { Holders } from './endpoints.ts';
import { reasonOf } from './errors.ts';
import { type Comer, goesOn, type Leaver, listRoutes, listSessions, type Work } from './moves.ts';
import type { Maker, Running } from './parts.ts';
import type { Plan } from './plan.ts';
import type { RouteReport } from './report.ts';
import type { Route } from './route.ts';

/** The system chooses the port, or the path. */
const ANY = /(?:\*|:0+)$|^ws:\/\/[^/]*:(?:\*|0+)\//;

export class Change {
  /** What could not be put back. */
  readonly lost: { readonly name: string; readonly reason: string }[] = [];
  readonly #work: Work;
  readonly #gone = new Set<Leaver>();
  /** What of that which goes is bound where. */
  readonly #holders = new Holders<Leaver>();

  /** `before` null: nothing runs. `signal`: what goes is given no more time. */
  constructor(maker: Maker, before: Running | null, plan: Plan, signal: AbortSignal) {
    this.#work = {
      maker,
      before,
      plan,
      signal,
      undo: [],
      leavers: [],
      comers: [],
      last: [],
      made: new Map(),
      drained: [],
      store: before?.store ?? null,
      sessions: before?.sessions ?? null,
    };
  }

  /** What runs from now on. Rejects with the reason why not, after everything is as it was, but for what is `lost`. */
  async build(): Promise<Running> {
    const { comers, last, leavers, made, undo } = this.#work;
    try {
      await this.#openStreams();
      listRoutes(this.#work);
      listSessions(this.#work);
      for (const leaver of leavers) for (const bound of leaver.bound) this.#holders.add(bound, leaver);
      const late: Comer[] = [];
      const first = new Set<Leaver>();
      for (const comer of comers) {
        const hindrances = this.#hindrances(comer);
        for (const leaver of hindrances) first.add(leaver);
        if (hindrances.length > 0) late.push(comer);
        else await comer.come();
      }
      await this.#probe(late);
      await inRows([...first], (leaver) => this.#leave(leaver));
      for (const comer of late) await comer.come();
      for (const route of made.values()) route.start();
      await this.#check();
      for (const step of last) step();
      return this.#swap();
    } catch (error) {
      for (const back of undo.splice(0).reverse()) await back().catch((err: unknown) => this.#tell(err));
      throw error;
    }
  }

  /** Drains and closes what goes. Nothing of it fails: what can't be delivered is in the reports. */
  async finish(): Promise<readonly RouteReport[]> {
    const { before, drained, leavers, maker, plan } = this.#work;
    const tell = (err: unknown): void => this.#tell(err);
    const rest = leavers.filter((leaver) => !this.#gone.has(leaver));
    await inRows(rest, (leaver) => leaver.go().catch(tell));
    for (const step of plan.routes) {
      if (step.how !== 'removed' && step.how !== 'replaced') continue;
      const { name } = step.before;
      // Another one that goes on where it ended has said by now what it needs.
      if (step.how === 'removed' || !goesOn(step.before, step.after)) before?.routes.get(name)?.forget();
      if (step.how === 'removed') maker.forget(name);
    }
    await this.#releaseStreams().catch(tell);
    const opened = plan.opened.map(({ name }) => name);
    await this.#work.sessions?.openDeadLetters(opened).catch(tell);
    return drained;
  }

  #tell(err: unknown): void {
    const { log } = this.#work.maker;
    log.event('reload:unfinished', { err });
  }

  /** Who has to go before this one can come. */
  #hindrances({ wants, after }: Comer): Leaver[] {
    const holders = wants.flatMap(({ endpoint }) => this.#holders.of(endpoint));
    return after === null ? holders : [...holders, after];
  }

  /** Binds what is free by now, for a moment: nothing is taken away for somebody who can't come all the same. */
  async #probe(comers: readonly Comer[]): Promise<void> {
    for (const { endpoint, ipv6, refused } of comers.flatMap(({ wants }) => wants)) {
      // In the process itself peers would be there at once, and any port is free.
      if (endpoint.startsWith('inproc:') || ANY.test(endpoint)) continue;
      if (this.#holders.of(endpoint).length > 0) continue;
      const probe = new Pull({ ipv6 });
      try {
        await probe.bind(endpoint);
      } catch (cause) {
        throw refused(cause);
      } finally {
        await probe.drain({ timeout: 0 });
      }
    }
  }

  async #leave(leaver: Leaver): Promise<void> {
    this.#gone.add(leaver);
    this.#work.undo.push(async () => {
      try {
        await leaver.back();
      } catch (error) {
        this.lost.push({ name: leaver.name, reason: reasonOf(error) });
      }
    });
    await leaver.go();
  }

  /** Everything new is bound, forwards, and its stream accepts records. */
  async #check(): Promise<void> {
    const { made, plan, signal, store } = this.#work;
    // Who can't forward says so in the next turn.
    await new Promise((resolve) => setImmediate(resolve));
    for (const [name, route] of made) {
      if (route.state === 'running') continue;
      const error = await route.ended;
      throw new ZerothError('ROUTE_FAILED', `route ${name} does not run: ${error?.message ?? route.state}`);
    }
    for (const { name } of plan.opened) {
      const trouble = store?.get(name)?.trouble ?? null;
      if (trouble !== null) throw trouble;
    }
    if (signal.aborted) throw new Error('the node stops');
  }

  /** Nothing in here can fail. */
  #swap(): Running {
    const { before, made, plan, sessions, store } = this.#work;
    const { config } = plan;
    const routes = new Map<string, Route>();
    for (const { name } of config.routes) {
      const route = made.get(name) ?? before?.routes.get(name);
      if (route !== undefined) routes.set(name, route);
    }
    const open = new Map(streamsOf(config).map((stream) => [stream.name, stream]));
    for (const stream of store?.all() ?? []) {
      const settings = open.get(baseOf(stream.name, open));
      if (settings === undefined) continue;
      const { retain, fsync, fsyncInterval } = settings;
      const wanted: StreamSettings = { retain, fsync, fsyncInterval };
      if (!isDeepStrictEqual(wanted, stream.settings)) stream.configure(wanted);
    }
    if (config.sessions === null) this.#work.sessions = null;
    else sessions?.configure(config.sessions);
    return { config, routes, store, sessions: this.#work.sessions };
  }

  // ---- streams

  async #openStreams(): Promise<void> {
    const { maker, plan, undo } = this.#work;
    const { config, opened } = plan;
    // A node that keeps nothing needs no folder.
    if (this.#work.store === null && (opened.length > 0 || config.sessions !== null)) {
      const made = await maker.store(config);
      this.#work.store = made;
      undo.push(() => made.close());
    }
    const { store } = this.#work;
    if (store === null) return;
    for (const { name, ...settings } of opened) {
      // Dead letters that get a name of their own are open already.
      if (store.get(name) !== null) continue;
      await maker.stream(store, name, settings, config);
      undo.push(() => this.#release(store, name));
    }
  }

  async #release(store: StreamStore, name: string): Promise<void> {
    const { maker, sessions } = this.#work;
    const stop = sessions?.release(name);
    try {
      await store.release(name);
    } finally {
      stop?.();
    }
    maker.log.event('stream:closed', { stream: name });
  }

  async #releaseStreams(): Promise<void> {
    const { plan, store } = this.#work;
    if (store === null) return;
    const names = new Map(streamsOf(plan.config).map((stream) => [stream.name, stream]));
    for (const { name } of store.all()) if (!names.has(baseOf(name, names))) await this.#release(store, name);
  }
}

/** Does something with each: with those on the same object one after the other, with the rest at once. */
async function inRows(leavers: readonly Leaver[], each: (leaver: Leaver) => Promise<void>): Promise<void> {
  const rows = new Map<object, Leaver[]>();
  for (const leaver of leavers) rows.set(leaver.on, [...(rows.get(leaver.on) ?? []), leaver]);
  const ends = [...rows.values()].map(async (row) => {
    for (const leaver of row) await each(leaver);
  });
  // All of them, also when one fails: what is under way can't be taken back.
  const failed = (await Promise.allSettled(ends)).find(({ status }) => status === 'rejected');
  if (failed !== undefined) throw (failed as PromiseRejectedResult).reason;
}

/** Dead letters of a stream go with it, unless they are a stream of their own. */
function baseOf(name: string, names: ReadonlyMap<string, unknown>): string {
  return names.has(name) ? name : name.replace(/\.dead$/, '');
}
