/**
 * What stands between a tool and its peers: endpoints that can't be reached, peers that were refused, peers that cut the
 * connection off.
 *
 * Guarantees: each obstacle is told once (each time with --verbose); what is over is not given as a cause.
 */
import { lookup } from 'node:dns/promises';
import { existsSync } from 'node:fs';
import { isIP } from 'node:net';
import type { Socket, ZmqError } from '@zeroth/zmq';
import { wordsOf } from '../../flow/errors.ts';
import type { CommonOptions } from './options.ts';

export type Notice = (event: string, text: string, fields?: Record<string, unknown>) => void;

/** Why nothing came or went, for an error. */
export interface Cause {
  readonly text: string;
  /** The words of a hint; null: nothing better than what the tool says itself. */
  readonly hint: string | null;
}

/** With these the other side is most often not the one that was meant. */
const WRONG_PORT = /^ERR_ZMTP_(SOCKET_TYPE|GREETING|VERSION|PEER_ERROR|INVALID|UNEXPECTED)|^ECONNRESET$/;

export class Obstacles {
  #endpoints: readonly string[];
  readonly #options: CommonOptions;
  readonly #notice: Notice;
  readonly #told: Set<string> = new Set();
  /** Endpoint -> why. */
  readonly #unreachable: Map<string, string> = new Map();
  readonly #closed: Set<string> = new Set();
  #refused: { readonly address: string; readonly error: ZmqError } | null = null;
  /** The endpoint whose peer went last, and whether nobody came since. */
  #gone: string | null = null;
  #alone = false;
  readonly #socket: Socket;

  constructor(
    socket: Socket,
    endpoints: readonly string[],
    { options, notice }: { options: CommonOptions; notice: Notice },
  ) {
    this.#socket = socket;
    this.#endpoints = endpoints;
    this.#options = options;
    this.#notice = notice;
    const { events } = socket;
    // A port of the system's choice is known now.
    const bound: string[] = [];
    events.on('bind', ({ address }) => {
      bound.push(address);
      this.#endpoints = bound;
    });
    // An attempt that failed is a close and a retry; a retry alone follows a connection that was there.
    events.on('close', ({ address }) => this.#closed.add(address));
    events.on('connect', ({ address }) => {
      this.#closed.delete(address);
      this.#unreachable.delete(address);
    });
    events.on('connect:retry', ({ address, interval }) => {
      if (this.#closed.delete(address)) void this.#failed(address, interval);
    });
    events.on('peer:ready', () => {
      this.#refused = null;
      this.#alone = false;
    });
    events.on('peer:refused', ({ address, error }) => this.#refuse(address, error));
    events.on('peer:gone', ({ address }) => {
      this.#gone = address;
      this.#alone = true;
    });
  }

  /** The endpoint whose peer went last while messages may have been on their way; or all that there are. */
  get where(): string {
    return this.#gone ?? this.#endpoints.join(', ');
  }

  /** What is most likely behind a wait that came to nothing. */
  cause(): Cause {
    if (this.#refused !== null) {
      const { address, error } = this.#refused;
      const hint = WRONG_PORT.test(error.code) ? 'wrong port?' : null;
      return { text: `: refused ${address}: ${wordsOf(error)} (${error.code})`, hint };
    }
    const { disconnected = 0 } = this.#socket.stats.droppedBy;
    if (this.#gone !== null && disconnected > 0) {
      const hint = 'it may have refused the message: see its log and its maxMessageSize';
      return { text: `: ${this.#gone} closed the connection`, hint };
    }
    const [first] = this.#unreachable;
    if (first !== undefined)
      return { text: `: cannot reach ${first[0]}: ${first[1]}`, hint: 'is it running there?' };
    if (this.#gone !== null && this.#alone)
      return { text: `: ${this.#gone} closed the connection`, hint: null };
    return { text: ` (${this.#endpoints.join(', ')})`, hint: null };
  }

  async #failed(endpoint: string, interval: number): Promise<void> {
    // Until the name is looked up the cause is this one.
    if (!this.#unreachable.has(endpoint)) this.#unreachable.set(endpoint, 'nobody answers there');
    const first = !this.#told.has(endpoint);
    this.#told.add(endpoint);
    const reason = await unreachableReason(endpoint);
    if (this.#unreachable.has(endpoint)) this.#unreachable.set(endpoint, reason);
    const { verbose } = this.#options;
    if (!first && !verbose) return;
    const again = verbose ? `trying again in ${interval} ms` : 'trying again';
    this.#notice('unreachable', `cannot reach ${endpoint}: ${reason}; ${again}`, {
      endpoint,
      reason,
      interval,
    });
  }

  #refuse(address: string, error: ZmqError): void {
    // Both sides refuse a wrong socket type; when the other one is faster, all that is seen here is that it closed.
    if (this.#refused === null || error.code !== 'ECONNRESET') this.#refused = { address, error };
    // Somebody is there: that the attempt failed is no news (ws).
    this.#closed.delete(address);
    const words = wordsOf(error);
    // Whoever connects to us comes from a new port each time.
    const kind = `${this.#options.bind ? '' : address} ${error.code} ${words}`;
    if (this.#told.has(kind) && !this.#options.verbose) return;
    this.#told.add(kind);
    const hint = WRONG_PORT.test(error.code) && !this.#options.bind ? '; wrong port?' : '';
    this.#notice('refused', `refused ${address}: ${words} (${error.code})${hint}`, {
      remote: address,
      code: error.code,
      reason: words,
    });
  }
}

/** The events of a socket do not say why an attempt failed: this is what can be known of an endpoint by itself. */
async function unreachableReason(endpoint: string): Promise<string> {
  if (endpoint.startsWith('ipc://')) {
    const path = endpoint.slice('ipc://'.length);
    return path.startsWith('@') || existsSync(path) ? 'nobody listens there' : 'no such socket';
  }
  const host = endpoint.replace(/^\w+:\/\/(?:.*;)?/, '').replace(/:\d+(?:\/.*)?$/, '');
  const bare = host.replace(/^\[|\]$/g, '');
  // Nothing but an absent listener keeps a machine from reaching itself.
  if (bare === 'localhost' || bare === '::1' || (isIP(bare) === 4 && bare.startsWith('127.')))
    return 'connection refused';
  if (isIP(bare) === 0) {
    try {
      await lookup(bare);
    } catch {
      return `unknown host ${bare}`;
    }
  }
  return 'nobody listens there, or there is no way to it';
}
