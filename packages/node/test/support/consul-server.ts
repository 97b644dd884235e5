/**
 * A stand-in for Consul: its key-value store over HTTP as the documentation of Consul describes it, and nothing else.
 *
 * https://developer.hashicorp.com/consul/api-docs/kv, https://developer.hashicorp.com/consul/api-docs/features/blocking
 *
 * - GET /v1/kv/KEY: `[{ CreateIndex, ModifyIndex, LockIndex, Key, Flags, Value }]` with the value in base64 (null: empty),
 *   or 404 without a body; `X-Consul-Index` with both.
 * - `index` and `wait` hold the question until the index is greater, or for `wait` and up to a sixteenth more; an index
 *   of 0 does not wait. PUT and DELETE answer `true`.
 * - `X-Consul-Token`: 403 with `Permission denied` or `ACL not found`, as its agents answer.
 * - `dc`: another datacenter than `dc1` answers 500 `No path to datacenter`.
 */
import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { TestContext } from 'node:test';

interface Entry {
  readonly created: number;
  readonly modified: number;
  readonly value: Buffer;
}

export class ConsulServer {
  /** Null: no ACLs. */
  token: string | null = null;
  /** Questions for a key, with their `index`. */
  readonly indexes: string[] = [];
  readonly #entries = new Map<string, Entry>();
  readonly #waiting = new Set<() => void>();
  readonly #port: number;
  #index = 10;
  #server: Server | null = null;

  constructor(t: TestContext, port: number) {
    this.#port = port;
    t.after(() => this.kill());
  }

  async start(): Promise<void> {
    this.#server = createServer((request, response) => void this.#answer(request, response));
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  async kill(): Promise<void> {
    const server = this.#server;
    if (!server?.listening) return;
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }

  /** As if a snapshot had been restored: the index goes back, by far. */
  restore(key: string, value: string): void {
    this.#index = 2;
    this.#entries.set(key, { created: 2, modified: 2, value: Buffer.from(value) });
    this.#wake();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', 'http://consul');
    const { searchParams: query, pathname } = url;
    if (!pathname.startsWith('/v1/kv/')) return void response.writeHead(404).end();
    const given = request.headers['x-consul-token'];
    if (this.token !== null && given !== this.token) {
      const reason = given === undefined ? 'Permission denied: token lacks key:read' : 'ACL not found';
      return void response.writeHead(403).end(reason);
    }
    if ((query.get('dc') ?? 'dc1') !== 'dc1') {
      return void response.writeHead(500).end('No path to datacenter');
    }
    const key = decodeURIComponent(pathname.slice('/v1/kv/'.length));
    if (request.method === 'PUT') {
      const parts: Buffer[] = [];
      for await (const part of request) parts.push(part as Buffer);
      const modified = ++this.#index;
      const created = this.#entries.get(key)?.created ?? modified;
      this.#entries.set(key, { created, modified, value: Buffer.concat(parts) });
      this.#wake();
      return void response.end('true');
    }
    if (request.method === 'DELETE') {
      this.#entries.delete(key);
      this.#index++;
      this.#wake();
      return void response.end('true');
    }
    this.indexes.push(query.get('index') ?? '');
    await this.#wait(key, query, response);
    this.#write(key, response);
  }

  /** The index of a key is that of its last change; of one that is not there, that of the store. */
  #indexOf(key: string): number {
    return this.#entries.get(key)?.modified ?? this.#index;
  }

  async #wait(key: string, query: URLSearchParams, response: ServerResponse): Promise<void> {
    const index = Number(query.get('index') ?? 0);
    const wait = Number.parseInt(query.get('wait') ?? '300s', 10) * 1000 * (1 + Math.random() / 16);
    let over = index === 0;
    let wake = (): void => {};
    const end = (): void => {
      over = true;
      wake();
    };
    const timer = setTimeout(end, wait);
    response.once('close', end);
    // A restored store has a lower one; who waits for the old one is let go.
    while (!over && this.#indexOf(key) <= index && this.#index >= index) {
      await new Promise<void>((resolve) => {
        wake = resolve;
        this.#waiting.add(resolve);
      });
    }
    clearTimeout(timer);
  }

  #write(key: string, response: ServerResponse): void {
    const entry = this.#entries.get(key);
    response.setHeader('x-consul-index', String(this.#indexOf(key)));
    response.setHeader('x-consul-knownleader', 'true');
    if (entry === undefined) return void response.writeHead(404).end();
    response.setHeader('content-type', 'application/json');
    response.end(
      JSON.stringify([
        {
          LockIndex: 0,
          Key: key,
          Flags: 0,
          Value: entry.value.length === 0 ? null : entry.value.toString('base64'),
          CreateIndex: entry.created,
          ModifyIndex: entry.modified,
        },
      ]),
    );
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}
