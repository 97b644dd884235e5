/**
 * HTTP as the configuration centres need it.
 *
 * Guarantees: each question has a connection of its own that is gone when the answer is there, fails, takes too long or
 * the signal is aborted; what comes is given on as it comes and never more of it kept than the limit. Redirects are
 * not followed, so that credentials go to nobody else. Errors have no path, query, header or body of the question.
 */

import type { IncomingHttpHeaders, IncomingMessage, RequestOptions } from 'node:http';
import { request as plain } from 'node:http';
import { request as secure } from 'node:https';
import { tooSlow } from './follow.ts';

export interface Question {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Milliseconds until the end of the answer. */
  readonly timeout: number;
  readonly signal: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Octets of an answer that is not the text itself. */
const SMALL = 64 * 1024;

/** A whole answer of at most `limit` octets. Rejects with an Error that says what went wrong, for people. */
export async function ask(question: Question, limit: number = SMALL): Promise<Answer> {
  const parts: Buffer[] = [];
  let length = 0;
  const { end, status, headers } = await exchange(question, (chunk) => {
    length += chunk.length;
    parts.push(chunk);
    return length > limit;
  });
  if (end === 'timeout') throw tooSlow(question.timeout);
  if (end === 'enough') throw new Error(`the answer has more than ${limit} bytes`);
  return { status, headers, body: Buffer.concat(parts) };
}

export interface Exchange {
  /** The answer ended, `take` had enough, or the time was over. */
  readonly end: 'end' | 'enough' | 'timeout';
  /** 0: there was no answer. */
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
}

/** Gives each piece of the body to `take` until it returns true. */
export function exchange(question: Question, take: (chunk: Buffer) => boolean): Promise<Exchange> {
  const { method, url, headers, body, timeout, signal } = question;
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    let answer: IncomingMessage | null = null;
    const options: RequestOptions = {
      method,
      // No pool: nothing of it stays open behind our back.
      agent: false,
      headers: {
        ...headers,
        ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
      },
    };
    const request = (url.startsWith('https:') ? secure : plain)(url, options);
    const timer = setTimeout(() => finish('timeout'), timeout);
    const aborted = (): void => fail(signal.reason);
    signal.addEventListener('abort', aborted, { once: true });

    const clear = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', aborted);
      // What a destroyed request still says is of no interest.
      request.on('error', () => {});
      request.destroy();
    };
    const finish = (end: Exchange['end']): void => {
      clear();
      resolve({ end, status: answer?.statusCode ?? 0, headers: answer?.headers ?? {} });
    };
    const fail = (error: unknown): void => {
      clear();
      reject(error);
    };

    request.once('error', (error) => fail(new Error(reasonOf(error))));
    request.once('response', (response) => {
      answer = response;
      response.on('data', (chunk: Buffer) => {
        if (take(chunk)) finish('enough');
      });
      response.once('end', () => finish('end'));
      response.once('error', (error) => fail(new Error(reasonOf(error))));
    });
    request.end(body);
  });
}

/** Reasons of the system by their code; messages of node may hold what we sent. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: unknown };
  // One address after the other was tried.
  const first = (error as { errors?: readonly unknown[] }).errors?.[0];
  if (first !== undefined) return reasonOf(first);
  switch (code) {
    case 'ECONNREFUSED':
      return 'nobody listens there (ECONNREFUSED)';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `its name can't be resolved (${code})`;
    case 'ECONNRESET':
      return 'it closed the connection (ECONNRESET)';
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
      return `its certificate is of no known authority (${code}); NODE_EXTRA_CA_CERTS names the file of yours`;
    default:
      return typeof code === 'string' ? code : String(message);
  }
}

/** What a server says about an error, short and on one line, without what we told it in confidence. */
export function excerpt(body: Uint8Array, secrets: readonly string[]): string {
  let text = Buffer.from(body.subarray(0, 1024)).toString('utf8');
  for (const secret of secrets) {
    if (secret !== '') text = text.replaceAll(secret, '[redacted]');
  }
  return text
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim()
    .slice(0, 200);
}
