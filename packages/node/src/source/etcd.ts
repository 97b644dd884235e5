/**
 * A key of etcd 3.4 or later, through the JSON gateway that every member has.
 *
 * Guarantees: no change is missed: the watch begins at the revision after that of the answer before it, and what comes,
 * be it an event or word that the revision was compacted, leads to the next question. So of a watch only the beginning
 * of a line is kept, whatever it holds.
 */

import type { SourceConfig } from '../config/types.ts';
import type { Centre, State } from './follow.ts';
import { tooSlow, watchTime } from './follow.ts';
import type { Answer } from './http.ts';
import { ask, excerpt, exchange } from './http.ts';
import type { Token } from './login.ts';
import { Login } from './login.ts';
import { Pace } from './pace.ts';
import { keyMissing, MAX_TEXT } from './source.ts';
import { objectOf, textOfBase64 } from './text.ts';

/** Octets of a line that are looked at. */
const LINE = 16 * 1024;
/** Octets of an answer: base64 and what is around it. */
const ANSWER = Math.ceil((MAX_TEXT * 4) / 3) + LINE;
/** etcd forgets a token that nobody used for five minutes; signed ones have five minutes by default. */
const TOKEN = 4 * 60_000;

export function etcd(config: SourceConfig, name: string, servers: readonly string[]): Centre {
  return {
    name,
    servers,
    states: (server, timeout, signal) => new Member(config, name, server, timeout, signal).states(),
  };
}

/** The parts of answers that we read. int64 comes as text. */
interface Range {
  readonly header?: { readonly revision?: unknown };
  readonly kvs?: readonly { readonly mod_revision?: unknown; readonly value?: unknown }[];
}
interface Watch {
  readonly canceled?: unknown;
  readonly cancel_reason?: unknown;
  readonly compact_revision?: unknown;
}

class Member {
  readonly #config: SourceConfig;
  readonly #name: string;
  readonly #server: string;
  readonly #timeout: number;
  readonly #signal: AbortSignal;
  readonly #login: Login | null;
  readonly #key: string;

  constructor(config: SourceConfig, name: string, server: string, timeout: number, signal: AbortSignal) {
    this.#config = config;
    this.#name = name;
    this.#server = server;
    this.#timeout = timeout;
    this.#signal = signal;
    this.#key = Buffer.from(config.key).toString('base64');
    const refused = ({ status }: Answer): boolean => status === 400 || status === 401;
    this.#login = config.user === '' ? null : new Login(() => this.#authenticate(), refused);
  }

  async *states(): AsyncGenerator<State, void, undefined> {
    const pace = new Pace();
    for (;;) {
      await pace.turn(this.#signal);
      const range = await this.#range();
      yield this.#stateOf(range);
      await this.#changedAfter(revisionOf(range.header?.revision));
    }
  }

  async #range(): Promise<Range> {
    const send = (token: string): Promise<Answer> =>
      this.#post('/v3/kv/range', { key: this.#key }, token, ANSWER);
    const answer = await (this.#login?.with(send) ?? send(''));
    return this.#objectOf(answer) as Range;
  }

  #stateOf({ kvs }: Range): State {
    const entry = kvs?.[0];
    if (entry === undefined) {
      return keyMissing(this.#name, `etcdctl put ${this.#config.key} < zeroth.yaml puts it there`);
    }
    // An empty value is left out.
    const revision = String(revisionOf(entry.mod_revision));
    return textOfBase64(this.#name, entry.value ?? '', revision);
  }

  /** Resolves when something may have changed after this revision. */
  async #changedAfter(revision: bigint): Promise<void> {
    const create = { key: this.#key, start_revision: String(revision + 1n) };
    const token = (await this.#login?.token()) ?? '';
    const timeout = watchTime(this.#timeout);
    const lines = new FirstLine();
    const { end, status } = await exchange(
      {
        method: 'POST',
        url: `${this.#server}/v3/watch`,
        headers: headersOf(token),
        body: JSON.stringify({ create_request: create }),
        timeout,
        signal: this.#signal,
      },
      (chunk) => lines.add(chunk),
    );
    if (status === 0) throw tooSlow(timeout);
    const watch = objectOf(lines.line)?.result as Watch | undefined;
    if (status !== 200 || typeof watch !== 'object') throw this.#refusal(status, lines.line);
    if (watch.canceled === true && watch.compact_revision === undefined) {
      throw this.#refusal(status, Buffer.from(String(watch.cancel_reason)));
    }
    if (end === 'end') throw new Error('it ended the watch');
  }

  async #authenticate(): Promise<Token> {
    const { user, password } = this.#config;
    const answer = await this.#post('/v3/auth/authenticate', { name: user, password }, '');
    const token = this.#objectOf(answer).token;
    if (typeof token !== 'string') throw new Error('it gave no token to source.user');
    return { text: token, lifetime: TOKEN };
  }

  #post(path: string, body: object, token: string, limit?: number): Promise<Answer> {
    return ask(
      {
        method: 'POST',
        url: `${this.#server}${path}`,
        headers: headersOf(token),
        body: JSON.stringify(body),
        timeout: this.#timeout,
        signal: this.#signal,
      },
      limit,
    );
  }

  #objectOf({ status, body }: Answer): Readonly<Record<string, unknown>> {
    const value = status === 200 ? objectOf(body) : null;
    if (value === null) throw this.#refusal(status, body);
    return value;
  }

  #refusal(status: number, body: Uint8Array): Error {
    const message = objectOf(body)?.message;
    const said = typeof message === 'string' ? Buffer.from(message) : body;
    const secrets = [this.#config.password, this.#login?.secret ?? ''];
    return new Error(`it answered ${status}: ${excerpt(said, secrets)}`);
  }
}

function headersOf(token: string): Record<string, string> {
  const type = { 'content-type': 'application/json' };
  return token === '' ? type : { ...type, authorization: token };
}

function revisionOf(value: unknown): bigint {
  if (typeof value !== 'string' || !/^[0-9]{1,19}$/.test(value)) {
    throw new Error('the answer has no revision');
  }
  return BigInt(value);
}

/** The first line of a body. */
class FirstLine {
  readonly #bytes = Buffer.alloc(LINE);
  #length = 0;
  #end = -1;

  /** True: there is more than a first line which says that all is well. */
  add(chunk: Buffer): boolean {
    if (this.#end !== -1) return true;
    const taken = chunk.copy(this.#bytes, this.#length);
    this.#length += taken;
    this.#end = this.#bytes.subarray(0, this.#length).indexOf(10);
    if (this.#end === -1) return this.#length === LINE;
    if (this.#length > this.#end + 1 || taken < chunk.length) return true;
    return (objectOf(this.line)?.result as Watch | undefined)?.canceled === true;
  }

  get line(): Uint8Array {
    return this.#bytes.subarray(0, this.#end === -1 ? this.#length : this.#end);
  }
}
