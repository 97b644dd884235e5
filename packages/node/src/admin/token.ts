/**
 * Who may: the bearer token, and what becomes of those who guess.
 *
 * Guarantees: tokens are compared in constant time, as digests; nobody can try more than {@link MAX_WAITING} wrong ones
 * a second from one address; the table of addresses is bounded; a token never stands in a message or a log.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { Log } from '../log/log.ts';
import { ApiError } from './operation.ts';

/** Wrong tokens of an address in a row that are answered at once. */
const FREE = 5;
/** Milliseconds that the answer to a later one takes. */
const DELAY = 1000;
/** Answers of one address that wait at a time: more are refused unseen. */
const MAX_WAITING = 4;
/** Addresses that are remembered; the one that was wrong longest ago goes first. */
const MAX_ADDRESSES = 1000;
/** Milliseconds after which an address begins anew. */
const FORGET = 60_000;

interface Guesser {
  wrong: number;
  waiting: number;
  last: number;
}

export class Tokens {
  readonly #log: Log;
  readonly #guessers: Map<string, Guesser> = new Map();
  readonly #delay: number;
  readonly #closing: AbortController = new AbortController();
  #digest: Buffer | null = null;

  constructor(log: Log, delay: number = DELAY) {
    this.#log = log;
    this.#delay = delay;
  }

  /** Empty: there is none, and nobody has it. */
  set(token: string): void {
    this.#digest = token === '' ? null : digestOf(token);
  }

  /** False: there is no token in the request, or none is configured. @throws ApiError 401 or 429 for a wrong one. */
  async check(authorization: string | undefined, remote: string): Promise<boolean> {
    if (authorization === undefined) return false;
    const guesser = this.#guessers.get(remote);
    if (guesser !== undefined && guesser.waiting >= MAX_WAITING)
      throw new ApiError(429, 'ADMIN_UNAUTHORIZED', 'too many wrong tokens from this address', {
        headers: { 'Retry-After': '1' },
      });
    const given = /^Bearer ([\x21-\x7e]{1,512})$/i.exec(authorization)?.[1];
    // Without a token the digest of nothing is compared, and never fits.
    const fits = timingSafeEqual(digestOf(given ?? ''), this.#digest ?? digestOf('\0'));
    if (fits && given !== undefined) {
      this.#guessers.delete(remote);
      return true;
    }
    await this.#wrong(remote);
    throw unauthorized('the token is wrong');
  }

  close(): void {
    this.#closing.abort();
    this.#guessers.clear();
  }

  async #wrong(remote: string): Promise<void> {
    const now = performance.now();
    const before = this.#guessers.get(remote);
    const guesser =
      before !== undefined && (before.waiting > 0 || now - before.last < FORGET)
        ? before
        : { wrong: 0, waiting: 0, last: now };
    guesser.wrong++;
    guesser.last = now;
    // At the end of the table, and the oldest goes.
    this.#guessers.delete(remote);
    this.#guessers.set(remote, guesser);
    if (this.#guessers.size > MAX_ADDRESSES) {
      const [oldest] = this.#guessers.keys();
      this.#guessers.delete(oldest as string);
    }
    this.#log.event('admin:unauthorized', { remote });
    if (guesser.wrong <= FREE) return;
    guesser.waiting++;
    const { signal } = this.#closing;
    await wait(this.#delay, undefined, { ref: false, signal }).catch(() => {});
    guesser.waiting--;
  }
}

export function unauthorized(message: string): ApiError {
  return new ApiError(401, 'ADMIN_UNAUTHORIZED', message, {
    hint: 'send Authorization: Bearer TOKEN, with the token of admin.token or admin.tokenFile',
    headers: { 'WWW-Authenticate': 'Bearer realm="zeroth"' },
  });
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
