/**
 * All peers of all routes: those that are connected, and for a while those that are gone.
 *
 * Guarantees: a silent peer, and one that the registry calls unhealthy, is given nothing until it is well again; what
 * is remembered of peers that are gone is bounded in number and time. Time and signs are handed in.
 */
import type { PeerInfo } from '@zeroth/zmq';
import { wordsOf } from '../flow/errors.ts';
import type { PeerEvent, RoutePeer } from '../flow/status.ts';
import type { Ends, Sample } from './kernel.ts';
import { keyOf } from './kernel.ts';
import { type Change, type Look, Peer, routingIdOf } from './peer.ts';
import type { PeerHealth, Verdict, WatchedNode } from './types.ts';

/** Peers that are gone and remembered, and for how many milliseconds. */
const GONE_MOST = 1000;
const GONE_FOR = 5 * 60_000;

/** By connection. Null: it was not asked since the last look; `mute`: it says nothing, ever. */
export type Samples = ReadonlyMap<string, Sample> | null | 'mute';

export interface PeersHost {
  readonly node: Pick<WatchedNode, 'isolate'>;
  /** Of the instance with the routing id of the peer in the service with the name of the route. */
  said(service: string, instance: string): Verdict | null;
  changed(peer: Peer, change: Exclude<Change, null>): void;
}

export class Peers {
  readonly #host: PeersHost;
  readonly #here: Map<number, Peer> = new Map();
  /** By who they were, the oldest first. */
  readonly #gone: Map<string, Peer> = new Map();

  constructor(host: PeersHost) {
    this.#host = host;
  }

  all(): PeerHealth[] {
    return [...this.#here.values(), ...this.#gone.values()].map((peer) => peer.health());
  }

  /** Those about whose connections the system should be asked. */
  suspects(peers: readonly RoutePeer[]): Ends[] {
    const ends: Ends[] = [];
    for (const { info, heartbeatInterval } of peers) {
      const { local, remote } = info;
      const peer = this.#here.get(info.id);
      if (peer === undefined || local === null || info.state !== 'ready') continue;
      if (remote.startsWith('tcp:') && peer.isSuspect(heartbeatInterval)) ends.push({ local, remote });
    }
    return ends;
  }

  look(peers: readonly RoutePeer[], samples: Samples, moment: Omit<Look, 'system'>): void {
    const { now } = moment;
    const present = new Set(peers.map(({ info }) => info.id));
    for (const [id, peer] of this.#here) if (!present.has(id)) this.#leave(peer, 'the connection ended', now);
    for (const each of peers) {
      const { info } = each;
      const known = this.#here.get(info.id);
      if (info.state === 'ready') {
        // Of a peer that is new nothing is known about the time before.
        const change = known?.look(each, { ...moment, system: systemOf(info, samples) }) ?? null;
        this.#judge(known ?? this.#met(each, now), change);
      } else if (known !== undefined || info.state !== 'handshake') {
        // An endpoint that we connect to: it stays the same peer without a connection.
        const peer = known ?? this.#met(each, now);
        if (peer.status !== 'gone') peer.lost(info, 'not connected yet', now);
        peer.info = info;
      }
    }
    for (const [key, peer] of this.#gone) {
      if (now - peer.since < GONE_FOR) break;
      this.#gone.delete(key);
    }
  }

  /** What a socket reported, at once. */
  event({ route, side, type, peer: info, address, error }: PeerEvent, now: number): void {
    const reason = error === null ? null : wordsOf(error);
    if (type === 'gone' && info !== null) {
      // It may have come since the last look. The next one sees whether it is still an endpoint to connect to.
      const peer = this.#here.get(info.id) ?? new Peer({ route, side, info, pattern: 'pubsub' }, now);
      this.#here.set(info.id, peer);
      peer.lost(info, reason, now);
    } else if (type === 'unreachable') {
      for (const peer of this.#here.values())
        if (
          peer.status === 'gone' &&
          peer.info.endpoint === address &&
          peer.route === route &&
          peer.side === side
        )
          peer.reason = reason;
    }
  }

  /** Forgets what is known of other routes. */
  keep(routes: ReadonlySet<string>): void {
    for (const [key, { route }] of this.#gone) if (!routes.has(route)) this.#gone.delete(key);
  }

  #met(each: RoutePeer, now: number): Peer {
    const peer = new Peer(each, now);
    this.#here.set(each.info.id, peer);
    this.#gone.delete(whoIs(peer));
    return peer;
  }

  #leave(peer: Peer, reason: string, now: number): void {
    if (peer.status !== 'gone') peer.lost(peer.info, reason, now);
    this.#here.delete(peer.info.id);
    const key = whoIs(peer);
    this.#gone.delete(key);
    this.#gone.set(key, peer);
    if (this.#gone.size > GONE_MOST) this.#gone.delete(this.#gone.keys().next().value as string);
  }

  #judge(peer: Peer, change: Change): void {
    const { node, said, changed } = this.#host;
    const { route, side, info } = peer;
    const name = routingIdOf(info);
    peer.said = (name === null ? null : said(route, name)) ?? 'healthy';
    const isolated = peer.verdict === 'unhealthy';
    peer.isolated = info.isolated;
    if (peer.chooses && isolated !== info.isolated && node.isolate(route, side, info.id, isolated))
      peer.isolated = isolated;
    if (change !== null) changed(peer, change);
  }
}

function systemOf({ local, remote }: PeerInfo, samples: Samples): Look['system'] {
  if (samples === 'mute' || local === null || !remote.startsWith('tcp:')) return 'mute';
  return samples?.get(keyOf({ local, remote })) ?? null;
}

function whoIs({ route, side, info }: Peer): string {
  return `${route}/${side}/${routingIdOf(info) ?? info.remote}`;
}
