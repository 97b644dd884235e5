/**
 * A configuration of Nacos, through its open HTTP API (v1, which 2.x has as well), with its long-polling listener.
 *
 * Guarantees: the listener is told the MD5 of the text that was read, so no change between the two is missed. The
 * revision is that MD5, for the API has no other.
 */

import { createHash } from 'node:crypto';
import type { SourceConfig } from '../config/types.ts';
import type { Centre, State } from './follow.ts';
import type { Answer, Question } from './http.ts';
import { ask, excerpt } from './http.ts';
import type { Token } from './login.ts';
import { Login } from './login.ts';
import { Pace } from './pace.ts';
import { keyMissing, MAX_TEXT, sourceFailed } from './source.ts';
import { objectOf, textOf } from './text.ts';

/** Milliseconds that Nacos holds a question; it answers half a second before. */
const HOLD = 30_000;
/** Between fields and after a configuration. */
const FIELD = '\u0002';
const END = '\u0001';
/** What a data id and a group may be. */
const NAME = /^[A-Za-z0-9_.:-]{1,255}$/;

export function nacos(config: SourceConfig, name: string, servers: readonly string[]): Centre {
  for (const [key, value] of [
    ['source.key', config.key] as const,
    ['source.bucket', config.bucket] as const,
  ]) {
    if (NAME.test(value)) continue;
    throw sourceFailed(
      name,
      `Nacos has no "${value}": ${key} is 1 to 255 letters, digits and "_.:-" there, for example zeroth.yaml`,
    );
  }
  return {
    name,
    servers,
    states: (server, timeout, signal) => new Server(config, name, server, timeout, signal).states(),
  };
}

class Server {
  readonly #config: SourceConfig;
  readonly #name: string;
  readonly #server: string;
  readonly #timeout: number;
  readonly #signal: AbortSignal;
  readonly #login: Login | null;

  constructor(config: SourceConfig, name: string, server: string, timeout: number, signal: AbortSignal) {
    this.#config = config;
    this.#name = name;
    // Without a path of its own it stands where Nacos stands by default.
    this.#server = new URL(server).pathname === '/' ? `${server}/nacos` : server;
    this.#timeout = timeout;
    this.#signal = signal;
    const refused = ({ status }: Answer): boolean => status === 401 || status === 403;
    this.#login = config.user === '' ? null : new Login(() => this.#authenticate(), refused);
  }

  async *states(): AsyncGenerator<State, void, undefined> {
    const pace = new Pace();
    for (;;) {
      const answer = await this.#get();
      const state = this.#stateOf(answer);
      yield state;
      for (;;) {
        await pace.turn(this.#signal);
        if (await this.#changedFrom(digestOf(answer))) break;
        // It has answered, and nothing is new.
        yield state;
      }
    }
  }

  #stateOf(answer: Answer): State {
    switch (answer.status) {
      case 200:
        return textOf(this.#name, answer.body, digestOf(answer));
      case 404:
        return this.#missing();
      default:
        throw this.#refusal(answer);
    }
  }

  #get(): Promise<Answer> {
    const { key, bucket, namespace } = this.#config;
    const query = new URLSearchParams({ dataId: key, group: bucket });
    if (namespace !== '') query.set('tenant', namespace);
    return this.#ask({ method: 'GET', path: '/v1/cs/configs', query }, this.#timeout, MAX_TEXT);
  }

  /** Waits up to {@link HOLD}. */
  async #changedFrom(digest: string): Promise<boolean> {
    const { key, bucket, namespace } = this.#config;
    const fields = [key, bucket, digest, ...(namespace === '' ? [] : [namespace])];
    const answer = await this.#ask(
      {
        method: 'POST',
        path: '/v1/cs/configs/listener',
        query: new URLSearchParams(),
        headers: { 'long-pulling-timeout': String(HOLD) },
        form: new URLSearchParams({ 'Listening-Configs': fields.join(FIELD) + END }),
      },
      HOLD + this.#timeout,
    );
    if (answer.status !== 200) throw this.#refusal(answer);
    return answer.body.length > 0;
  }

  async #authenticate(): Promise<Token> {
    const { user, password } = this.#config;
    const answer = await this.#send(
      {
        method: 'POST',
        path: '/v1/auth/login',
        query: new URLSearchParams(),
        form: new URLSearchParams({ username: user, password }),
      },
      this.#timeout,
    );
    if (answer.status !== 200) throw this.#refusal(answer);
    const value = objectOf(answer.body);
    const token = value?.accessToken;
    if (typeof token !== 'string') throw new Error('it gave no token to source.user');
    const seconds = Number(value?.tokenTtl);
    // Half of it: a question may be under way for long.
    return { text: token, lifetime: Number.isFinite(seconds) ? seconds * 500 : 0 };
  }

  #ask(request: Request, timeout: number, limit?: number): Promise<Answer> {
    const send = (token: string): Promise<Answer> => {
      if (token === '') return this.#send(request, timeout, limit);
      const query = new URLSearchParams(request.query);
      query.set('accessToken', token);
      return this.#send({ ...request, query }, timeout, limit);
    };
    return this.#login?.with(send) ?? send('');
  }

  #send({ method, path, query, headers, form }: Request, timeout: number, limit?: number): Promise<Answer> {
    return ask(
      {
        method,
        url: `${this.#server}${path}?${query}`,
        headers: { ...headers, ...(form === undefined ? {} : FORM) },
        ...(form === undefined ? {} : { body: form.toString() }),
        timeout,
        signal: this.#signal,
      },
      limit,
    );
  }

  #missing(): State {
    return keyMissing(
      this.#name,
      `curl -X POST ${this.#server}/v1/cs/configs -d dataId=${this.#config.key} -d group=${this.#config.bucket} --data-urlencode content@zeroth.yaml puts it there`,
    );
  }

  #refusal({ status, body }: Answer): Error {
    const secrets = [this.#config.password, this.#login?.secret ?? ''];
    return new Error(`it answered ${status}: ${excerpt(body, secrets)}`);
  }
}

/** What its server calculated, if it says so; empty: there is no configuration. */
function digestOf({ status, headers, body }: Answer): string {
  if (status === 404) return '';
  const said = headers['content-md5'];
  if (typeof said === 'string' && /^[0-9a-f]{32}$/.test(said)) return said;
  return createHash('md5').update(body).digest('hex');
}

interface Request extends Pick<Question, 'method' | 'headers'> {
  readonly path: string;
  readonly query: URLSearchParams;
  readonly form?: URLSearchParams;
}

const FORM: Readonly<Record<string, string>> = {
  'content-type': 'application/x-www-form-urlencoded; charset=UTF-8',
};
