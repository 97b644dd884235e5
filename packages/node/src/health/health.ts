/**
 * The health of a running node: its peers, services, components and the event loop, looked at again and again.
 *
 * Guarantees: a late look (the process was held up, the machine slept) is never taken for silence of others; looking
 * takes a twentieth of a CPU at most; the timers hold no process and are gone after `stop`.
 */
import type { PeerInfo } from '@zeroth/zmq';
import type { Config } from '../config/types.ts';
import type { RoutePeer } from '../flow/status.ts';
import { Disk, reportOf } from './components.ts';
import { type Ends, Kernel, keyOf, type Sample } from './kernel.ts';
import { type LoopDelay, LoopMonitor } from './loop.ts';
import type { Change, Peer } from './peer.ts';
import { routingIdOf } from './peer.ts';
import { Peers } from './peers.ts';
import { Registry } from './registry.ts';
import type { HealthOptions, HealthReport, PeerHealth } from './types.ts';

/** Milliseconds between two looks. */
const PACE_LEAST = 25;
const PACE_MOST = 1000;
/** The pace is so many times the CPU that a look takes, at least, and no longer than this for that. */
const REST = 20;
const PACE_LONGEST = 5000;
/** Milliseconds between two looks at the disk, and at what can be forgotten. */
const SELDOM = 10_000;

export function startHealth(options: HealthOptions): Health {
  return new Health(options);
}

export class Health {
  readonly registry: Registry = new Registry();
  readonly #options: HealthOptions;
  readonly #peers: Peers;
  readonly #loop: LoopMonitor = new LoopMonitor();
  readonly #disk: Disk = new Disk();
  readonly #kernel: Kernel = new Kernel();
  readonly #unwatch: () => void;
  /** What the system said since the last look. */
  #samples: ReadonlyMap<string, Sample> | null = null;
  #config: Config;
  #timer: NodeJS.Timeout | null = null;
  #seldom = 0;
  #stopped = false;

  constructor(options: HealthOptions) {
    const { node } = options;
    this.#options = options;
    this.#config = options.config;
    this.#peers = new Peers({
      node,
      said: (service, instance) => this.registry.verdict(service, instance),
      changed: (peer, change) => this.#tell(peer, change),
    });
    this.#unwatch = node.watch((event) => this.#peers.event(event, Date.now()));
    this.#look(0);
  }

  report(): HealthReport {
    const { sources, reload, node } = this.#options;
    return reportOf({
      config: this.#config,
      routes: node.status(),
      streams: node.streams(),
      sessions: node.sessionStatus(),
      peers: this.peers(),
      registry: this.registry,
      disk: this.#disk.figures,
      loop: this.#loop.delay(),
      sources: sources?.() ?? [],
      reload: reload?.() ?? null,
      pausedSince: node.pausedSince,
      stopping: this.#stopped,
    });
  }

  peers(): readonly PeerHealth[] {
    return this.#peers.all();
  }

  loop(): LoopDelay {
    return this.#loop.delay();
  }

  /** What the node runs with from now on. */
  apply(config: Config): void {
    this.#config = config;
    this.#peers.keep(new Set(config.routes.map(({ name }) => name)));
    void this.#disk.look(config);
  }

  /** The node stops: it is not ready any more, and nobody is judged. */
  stop(): void {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#unwatch();
    this.#loop.stop();
  }

  /** `elapsed`: milliseconds since the last look, as far as this process was there to see. */
  #look(elapsed: number): void {
    const began = process.cpuUsage();
    const { node } = this.#options;
    const { health } = this.#config;
    const peers = node.peers();
    this.registry.pass(elapsed);
    this.#loop.collect();
    const samples = this.#kernel.tells ? this.#samples : 'mute';
    this.#peers.look(peers, samples, { elapsed, missed: health.missedHeartbeats, now: Date.now() });
    this.#samples = null;
    const suspects = this.#peers.suspects(peers);
    if (suspects.length > 0) void this.#ask(suspects, peers);
    this.#seldom -= elapsed;
    if (this.#seldom <= 0) {
      this.#seldom = SELDOM;
      this.registry.sweep();
      void this.#disk.look(this.#config);
    }
    let least = PACE_MOST;
    for (const { heartbeatInterval: interval } of peers)
      if (interval > 0) least = Math.min(least, interval / 4);
    const { user, system } = process.cpuUsage(began);
    this.#later(Math.max(PACE_LEAST, least, Math.min(PACE_LONGEST, ((user + system) / 1000) * REST)));
  }

  #later(pace: number): void {
    const since = performance.now();
    this.#timer = setTimeout(() => {
      // A timer that is late was held up by this process: what came meanwhile is not read yet.
      this.#look(Math.min(performance.now() - since, pace * 1.5));
    }, pace);
    this.#timer.unref();
  }

  async #ask(suspects: readonly Ends[], peers: readonly RoutePeer[]): Promise<void> {
    const signs = await this.#kernel.look(suspects);
    if (signs === null || this.#stopped) return;
    const before = byConnection(peers, signs);
    const after = byConnection(this.#options.node.peers(), signs);
    const samples = new Map<string, Sample>();
    for (const [key, sign] of signs) {
      const [then, now] = [before.get(key), after.get(key)];
      if (then === undefined || now === undefined) continue;
      const stalled = then.stalled && now.stalled && then.bytesOut === now.bytesOut;
      samples.set(key, { ...sign, least: then.bytesOut, most: now.bytesOut, stalled });
    }
    this.#samples = samples;
  }

  #tell(peer: Peer, change: Exclude<Change, null>): void {
    const { log } = this.#options;
    const { route, side, info, reason, evidence, isolated } = peer;
    const routingId = routingIdOf(info);
    log.event(TOLD[change], {
      route,
      side,
      remote: info.remote,
      isolated,
      ...(routingId === null ? {} : { routingId }),
      ...(reason === null ? {} : { reason }),
      ...(evidence === null ? {} : { evidence }),
    });
  }
}

function byConnection(
  peers: readonly RoutePeer[],
  wanted: ReadonlyMap<string, unknown>,
): Map<string, PeerInfo> {
  const found = new Map<string, PeerInfo>();
  for (const { info } of peers) {
    const { local, remote } = info;
    const key = local === null ? '' : keyOf({ local, remote });
    if (wanted.has(key)) found.set(key, info);
  }
  return found;
}

const TOLD = { silent: 'peer:silent', slow: 'peer:slow', back: 'peer:back' } as const;
