/**
 * Credentials that are exchanged for a token, as etcd and Nacos want it.
 *
 * Guarantees: the token is only in memory; it is fetched when there is none, when it is old, and once more when the
 * server does not take it.
 */

import type { Answer } from './http.ts';

export interface Token {
  readonly text: string;
  /** Milliseconds that it may be used. */
  readonly lifetime: number;
}

export class Login {
  readonly #fetch: () => Promise<Token>;
  readonly #refused: (answer: Answer) => boolean;
  #token = '';
  #until = 0;

  /** `refused` says whether an answer may mean that another token is needed. */
  constructor(fetch: () => Promise<Token>, refused: (answer: Answer) => boolean) {
    this.#fetch = fetch;
    this.#refused = refused;
  }

  async with(ask: (token: string) => Promise<Answer>): Promise<Answer> {
    const known = this.#token;
    const answer = await ask(await this.token());
    if (known === '' || known !== this.#token || !this.#refused(answer)) return answer;
    this.#until = 0;
    return ask(await this.token());
  }

  async token(): Promise<string> {
    if (performance.now() < this.#until) return this.#token;
    const { text, lifetime } = await this.#fetch();
    this.#token = text;
    this.#until = performance.now() + lifetime;
    return text;
  }

  /** For taking it out of what a server says; empty: there was none yet. */
  get secret(): string {
    return this.#token;
  }
}
