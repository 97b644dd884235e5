/**
 * One side of a route: a socket and its endpoints, which may come and go while it runs.
 *
 * Guarantees: `endpoints` are those that peers find now; what can't be had throws a RouteError that says where.
 */
import type { DrainOptions, PeerInfo } from '@zeroth/zmq';
import { isolate, retire } from '@zeroth/zmq/run';
import type { SideConfig } from '../config/types.ts';
import type { Log } from '../log/log.ts';
import { pinned } from './endpoints.ts';
import type { Side } from './errors.ts';
import { RouteError } from './errors.ts';
import type { BackSocket, FrontSocket, SideWords } from './patterns.ts';
import type { EndpointStatus, SideStatus } from './status.ts';

export interface SideParts {
  readonly route: string;
  readonly side: Side;
  readonly words: SideWords;
  readonly socket: FrontSocket | BackSocket;
  /** Has the route and the side. */
  readonly log: Log;
}

export class RouteSide {
  readonly #parts: SideParts;
  #endpoints: readonly EndpointStatus[] = [];

  constructor(parts: SideParts) {
    this.#parts = parts;
  }

  get endpoints(): readonly EndpointStatus[] {
    return this.#endpoints;
  }

  /** Binds everything, a wildcard to the port that it had in `former`. */
  async bindAll({ bind }: SideConfig, former: readonly EndpointStatus[]): Promise<void> {
    const left = [...former];
    for (const endpoint of bind) {
      const known = left.findIndex(({ configured, how }) => how === 'bind' && configured === endpoint);
      const [before] = known < 0 ? [] : left.splice(known, 1);
      await this.bind(endpoint, before === undefined ? endpoint : pinned(before));
    }
  }

  connectAll({ connect }: SideConfig): void {
    for (const endpoint of connect) this.connect(endpoint);
  }

  /** @throws RouteError BIND_FAILED. */
  async bind(configured: string, at: string = configured): Promise<void> {
    const { route, side, socket, log } = this.#parts;
    try {
      await socket.bind(at);
    } catch (cause) {
      throw new RouteError('BIND_FAILED', { route, side, endpoint: at }, cause);
    }
    const address = socket.lastEndpoint ?? at;
    this.#endpoints = [...this.#endpoints, { how: 'bind', configured, address }];
    log.event('bound', { endpoint: address });
  }

  /** @throws RouteError CONNECT_FAILED. */
  connect(configured: string): void {
    const { route, side, socket } = this.#parts;
    try {
      socket.connect(configured);
    } catch (cause) {
      throw new RouteError('CONNECT_FAILED', { route, side, endpoint: configured }, cause);
    }
    this.#endpoints = [...this.#endpoints, { how: 'connect', configured, address: configured }];
  }

  /** Parts from an endpoint and its peers when what came through it, and is queued to them, is on its way. */
  async retire(endpoint: EndpointStatus, drain: DrainOptions): Promise<number> {
    this.#endpoints = this.#endpoints.filter((each) => each !== endpoint);
    const { socket, log } = this.#parts;
    const { address } = endpoint;
    const { undelivered, cut } = await retire(socket, address, drain);
    log.event(undelivered + cut > 0 ? 'retired:early' : 'retired', { endpoint: address, undelivered, cut });
    return undelivered;
  }

  peers(): PeerInfo[] {
    return this.#parts.socket.peers();
  }

  isolate(peer: number, on: boolean): boolean {
    return isolate(this.#parts.socket, peer, on);
  }

  status(): SideStatus {
    const { words, socket } = this.#parts;
    const { stats } = socket;
    // Named one by one: this is asked for often, and a spread is slow.
    return {
      messagesIn: stats.messagesIn,
      messagesOut: stats.messagesOut,
      bytesIn: stats.bytesIn,
      bytesOut: stats.bytesOut,
      dropped: stats.dropped,
      droppedBy: stats.droppedBy,
      peers: stats.peers,
      queuedIn: stats.queuedIn,
      queuedOut: stats.queuedOut,
      connections: stats.connections,
      reconnects: stats.reconnects,
      highWaterMarkHits: stats.highWaterMarkHits,
      socketType: words.socketType,
      peerType: words.peers,
      endpoints: this.#endpoints,
    };
  }
}
