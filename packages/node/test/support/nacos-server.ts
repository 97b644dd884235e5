/**
 * A stand-in for Nacos: its open API for configurations (v1) as the documentation and the public source of Nacos describe
 * it, and nothing else.
 *
 * https://nacos.io/en/docs/open-api, config/…/LongPollingService.java of alibaba/nacos
 *
 * - GET /nacos/v1/cs/configs?dataId=&group=&tenant=: the content, with `Content-MD5`; 404 `config data not exist`.
 * - POST and DELETE of the same, with form fields or a query: `true`.
 * - POST /nacos/v1/cs/configs/listener with `Listening-Configs` (dataId ^2 group ^2 md5 [^2 tenant] ^1, percent-encoded once
 *   more or not) and the header `Long-Pulling-Timeout`: answered at once with `dataId%02group[%02tenant]%01` when the MD5 is
 *   another (that of no configuration is empty), otherwise when it changes, or with nothing half a second before the
 *   timeout, which is at least 10 s.
 * - POST /nacos/v1/auth/login (username, password): `{ accessToken, tokenTtl, globalAdmin }`; 403 `unknown user!`. With
 *   users, everything wants `accessToken` in the query: 403 `token invalid!`.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { TestContext } from 'node:test';

const EARLY = 500;
const SHORTEST = 10_000;

interface Waiting {
  readonly key: string;
  readonly end: (changed: boolean) => void;
}

export class NacosServer {
  /** Empty: no users. */
  password = '';
  /** Tokens that are good. */
  readonly tokens = new Set<string>();
  logins = 0;
  /** Set to answer questions of listeners at once. */
  hold = true;
  /** Questions of listeners. */
  polls = 0;
  readonly #configs = new Map<string, Buffer>();
  readonly #waiting = new Set<Waiting>();
  readonly #port: number;
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

  /** What an administrator does in the console. */
  publish(dataId: string, group: string, tenant: string, content: Uint8Array): void {
    const key = keyOf(dataId, group, tenant);
    this.#configs.set(key, Buffer.from(content));
    this.#changed(key);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', 'http://nacos');
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const form = new URLSearchParams(Buffer.concat(parts).toString());
    const field = (name: string): string => form.get(name) ?? url.searchParams.get(name) ?? '';
    const route = `${request.method} ${url.pathname}`;
    if (route === 'POST /nacos/v1/auth/login') return this.#login(field, response);
    if (this.password !== '' && !this.tokens.has(url.searchParams.get('accessToken') ?? '')) {
      return this.#forbid('token invalid!', response);
    }
    const key = keyOf(field('dataId'), field('group'), field('tenant'));
    switch (route) {
      case 'GET /nacos/v1/cs/configs':
        return this.#get(key, response);
      case 'POST /nacos/v1/cs/configs':
        this.#configs.set(key, Buffer.from(field('content')));
        this.#changed(key);
        return void response.end('true');
      case 'DELETE /nacos/v1/cs/configs':
        this.#configs.delete(key);
        this.#changed(key);
        return void response.end('true');
      case 'POST /nacos/v1/cs/configs/listener':
        return this.#listen(request, field('Listening-Configs'), response);
      default:
        return void response.writeHead(404).end();
    }
  }

  #get(key: string, response: ServerResponse): void {
    const content = this.#configs.get(key);
    if (content === undefined) {
      return void response.writeHead(404).end('config data not exist');
    }
    response.setHeader('content-type', 'text/plain;charset=UTF-8');
    response.setHeader('content-md5', md5(content));
    response.end(content);
  }

  #listen(request: IncomingMessage, probe: string, response: ServerResponse): void {
    this.polls++;
    const fields = decodeURIComponent(probe).split('\u0001')[0]?.split('\u0002') ?? [];
    const [dataId = '', group = '', digest = '', tenant = ''] = fields;
    if (group === '') return void response.writeHead(400).end('invalid probeModify');
    const key = keyOf(dataId, group, tenant);
    const names = tenant === '' ? [dataId, group] : [dataId, group, tenant];
    const said = `${encodeURIComponent(`${names.join('\u0002')}\u0001`)}\n`;
    if (this.#digest(key) !== digest) return void response.end(said);
    if (!this.hold) return void response.end();
    const timeout = Math.max(SHORTEST, Number(request.headers['long-pulling-timeout']) - EARLY);
    const waiting: Waiting = {
      key,
      end: (changed) => {
        clearTimeout(timer);
        this.#waiting.delete(waiting);
        response.end(changed ? said : '');
      },
    };
    const timer = setTimeout(() => waiting.end(false), timeout);
    this.#waiting.add(waiting);
    response.once('close', () => waiting.end(false));
  }

  #login(field: (name: string) => string, response: ServerResponse): void {
    this.logins++;
    if (field('username') !== 'nacos' || field('password') !== this.password) {
      this.#forbid('unknown user!', response);
      return;
    }
    const token = `token-${this.logins}`;
    this.tokens.add(token);
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ accessToken: token, tokenTtl: 18_000, globalAdmin: true }));
  }

  #forbid(message: string, response: ServerResponse): void {
    response.writeHead(403, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ status: 403, error: 'Forbidden', message }));
  }

  #digest(key: string): string {
    const content = this.#configs.get(key);
    return content === undefined ? '' : md5(content);
  }

  #changed(key: string): void {
    for (const waiting of [...this.#waiting]) if (waiting.key === key) waiting.end(true);
  }
}

function keyOf(dataId: string, group: string, tenant: string): string {
  return JSON.stringify([dataId, group, tenant]);
}

function md5(content: Uint8Array): string {
  return createHash('md5').update(content).digest('hex');
}
