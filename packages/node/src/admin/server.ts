/**
 * The control API of a running node: HTTP over a local socket, and over the endpoints of `admin.bind`.
 *
 * Guarantees: `apply` changes everything or throws and changes nothing; after `close` no socket, timer or file is left; a
 * node for whose local socket there is no folder runs without. What becomes of a request: serve.ts.
 */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { hostname } from 'node:os';
import type { AdminConfig, Config } from '../config/types.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log/log.ts';
import type { Entrance, Limits } from './endpoint.ts';
import { AdminEndpoint, LIMITS } from './endpoint.ts';
import type { LocalEnvironment } from './local.ts';
import { localPath, removeStale } from './local.ts';
import type { AdminParts } from './operation.ts';
import { Tokens } from './token.ts';
import { readTokenFile } from './token-file.ts';

export interface AdminOptions {
  readonly parts: Omit<AdminParts, 'details'>;
  readonly config: Config;
  readonly log: Log;
  readonly environment: LocalEnvironment;
  readonly limits?: Limits;
  /** Milliseconds that a wrong token waits, after the first ones. */
  readonly tokenDelay?: number;
}

/** @throws ZerothError BIND_FAILED, ADMIN_TOKEN_FILE. */
export async function startAdmin(options: AdminOptions): Promise<Admin> {
  const admin = new Admin(options);
  try {
    await admin.open();
  } catch (error) {
    await admin.close();
    throw error;
  }
  return admin;
}

/** Milliseconds for answers over an endpoint that is no longer configured. */
const GRACE = 5000;

export class Admin {
  readonly #options: AdminOptions;
  readonly #log: Log;
  readonly #tokens: Tokens;
  /** By what stands in the configuration. */
  readonly #endpoints: Map<string, { endpoint: AdminEndpoint; address: string }> = new Map();
  readonly #retiring: Set<Promise<void>> = new Set();
  readonly #names: Set<string> = new Set();
  #config: AdminConfig;
  #local: AdminEndpoint | null = null;
  #localPath: string | null = null;

  constructor(options: AdminOptions) {
    this.#options = options;
    this.#config = options.config.admin;
    this.#log = options.log.child({ component: 'admin' });
    this.#tokens = new Tokens(this.#log, options.tokenDelay);
  }

  /** Path of the local socket; null when no folder was good for one. */
  get local(): string | null {
    return this.#localPath;
  }

  /** Addresses of `admin.bind`: port 0 is resolved. */
  get addresses(): readonly string[] {
    return [...this.#endpoints.values()].map(({ address }) => address);
  }

  /** What there is, for who looks for leaks. Who asks over a connection counts. */
  census(): Readonly<Record<string, number>> {
    const all = [...this.#endpoints.values()].map(({ endpoint }) => endpoint);
    if (this.#local !== null) all.push(this.#local);
    return {
      'control endpoints': all.length,
      'control endpoints retiring': this.#retiring.size,
      'control connections': all.reduce((sum, { connections }) => sum + connections, 0),
    };
  }

  async open(): Promise<void> {
    await this.apply(this.#options.config);
    await this.#openLocal();
  }

  /** Endpoints come and go, the token is read again. @throws ZerothError BIND_FAILED, ADMIN_TOKEN_FILE. */
  async apply({ admin }: Config): Promise<void> {
    const token = admin.tokenFile === '' ? admin.token : readTokenFile(admin.tokenFile, this.#log);
    const wanted = admin.bind.filter((text) => !this.#endpoints.has(text));
    const going = [...this.#endpoints].filter(([text]) => !admin.bind.includes(text));
    // From 127.0.0.1 to all hosts, for one: the port has to be free first.
    const ports = new Set(wanted.map(portOf).filter((port) => port !== 0));
    const inTheWay = going.filter(([, { address }]) => ports.has(portOf(address)));
    for (const [text] of inTheWay) this.#retire(text);
    const added: string[] = [];
    try {
      for (const text of wanted) {
        await this.#add(text);
        added.push(text);
      }
    } catch (error) {
      for (const text of added) this.#retire(text);
      for (const [text] of inTheWay) await this.#add(text);
      throw error;
    }
    this.#tokens.set(token);
    this.#config = admin;
    for (const [text] of going) this.#retire(text);
    this.#rename();
  }

  async close(): Promise<void> {
    const all = [...this.#endpoints.values()].map(({ endpoint }) => endpoint);
    this.#endpoints.clear();
    if (this.#local !== null) all.push(this.#local);
    await Promise.all([...all.map((one) => one.close(0)), ...this.#retiring]);
    this.#tokens.close();
  }

  async #add(text: string): Promise<void> {
    const endpoint = this.#endpoint(text);
    this.#endpoints.set(text, { endpoint, address: await endpoint.open() });
  }

  /** Listens no more. Who asked for this change over it gets the answer first. */
  #retire(text: string): void {
    const one = this.#endpoints.get(text);
    if (one === undefined) return;
    this.#endpoints.delete(text);
    const closed = one.endpoint.close(GRACE).finally(() => this.#retiring.delete(closed));
    this.#retiring.add(closed);
  }

  #endpoint(text: string): AdminEndpoint {
    const { limits = LIMITS } = this.#options;
    const serve = (request: IncomingMessage, response: ServerResponse, entrance: Entrance): void => {
      this.#serve(request, response, entrance).catch((error: unknown) => {
        // Its modules can't be loaded any more, for one: somebody has replaced them.
        this.#log.event('admin:failed', { err: error });
        response.destroy();
      });
    };
    return new AdminEndpoint(text, serve, limits);
  }

  /** A node without it works: its commands need --url then. */
  async #openLocal(): Promise<void> {
    const { environment, config } = this.#options;
    try {
      await removeStale(environment);
      const path = localPath(environment, config.node.name, process.pid);
      this.#local = this.#endpoint(path);
      this.#localPath = await this.#local.open();
    } catch (error) {
      this.#local = null;
      this.#log.event('admin:no-local-socket', { reason: messageOf(error) });
    }
  }

  /** Hosts by which this node is known. */
  #rename(): void {
    this.#names.clear();
    const own = hostname().toLowerCase();
    this.#names.add(own);
    for (const text of this.#endpoints.keys()) {
      const host = /^tcp:\/\/\[?([^\]]*)\]?:[^:]*$/.exec(text)?.[1];
      if (host !== undefined) this.#names.add(host.toLowerCase());
    }
  }

  async #serve(request: IncomingMessage, response: ServerResponse, entrance: Entrance): Promise<void> {
    // Loaded with the first request: a start does not wait for it.
    const { serve } = await import('./serve.ts');
    const { details } = this.#config;
    const parts = { ...this.#options.parts, details };
    await serve(request, response, {
      entrance,
      tokens: this.#tokens,
      names: this.#names,
      parts,
      log: this.#log,
    });
  }
}

/** Of an endpoint or an address of TCP; 0: none, or any. */
function portOf(text: string): number {
  return Number(/^(?:tcp|http):.*:(\d+)$/.exec(text)?.[1] ?? 0);
}
