/**
 * A ZAP handler that is a function (RFC 27). Calls of one function run side by side, at most {@link CALLS_MAX} at a time; the
 * others wait in order of arrival. A call that never ends gives its place up after its time.
 */
import { ZmqError } from '../errors.ts';
import type { Metadata } from '../zmtp/metadata.ts';
import { EMPTY_METADATA, encodeMetadata, parseMetadata } from '../zmtp/metadata.ts';
import { ZAP_METADATA_MAX, type ZapAnswer, type ZapQuestion, zapAnswer } from '../zmtp/zap.ts';

/** What a handler is asked: may this client talk to this socket? */
export interface ZapRequest {
  /** The option `zapDomain` of the socket that was connected to; empty when it is not set. */
  readonly domain: string;
  /** The client's IP address; empty where there is none (ipc). */
  readonly address: string;
  /** The routing id of the socket that asks, as libzmq sends it; mostly empty. */
  readonly identity: Buffer;
  /** How the peer shows who it is. */
  readonly mechanism: 'NULL' | 'PLAIN' | 'CURVE';
  /** PLAIN. */
  readonly username?: string;
  /** PLAIN. Not enumerable, so that printing or serialising a request does not show it. */
  readonly password?: string;
  /** CURVE: the client's long-term public key, which it has proved to own; 40 characters of Z85. */
  readonly publicKey?: string;
}

/** The answer. */
export interface ZapReply {
  /** 200: let in. 400: no, for these credentials. 300: not now. 500: the handler could not find out. */
  readonly status: 200 | 300 | 400 | 500;
  /** Why, for a person: at most 255 octets. It stands in the `detail` of our own side's event; the client is not told. */
  readonly text?: string;
  /** Who it is: `userId` of `peers()`. At most 255 octets. Kept with a 200 only. */
  readonly userId?: string;
  /** What else is known: `metadata` of `peers()`. Names of letters, digits and `-_.+`; 16 KiB together. Kept with a 200 only. */
  readonly metadata?: Readonly<Record<string, string | Uint8Array>>;
}

/** See `Context.zapHandler`. A handler that throws, rejects or takes longer than `handshakeInterval` counts as a 500. */
export type ZapHandler = (request: ZapRequest) => ZapReply | PromiseLike<ZapReply>;

/** Calls of a handler that may be under way at once. */
const CALLS_MAX = 1000;

/** Turns what is asked into what a function is told. */
export function toRequest(question: ZapQuestion, z85: (key: Uint8Array) => string): ZapRequest {
  const { domain, address, identity, credentials } = question;
  const { mechanism, frames } = credentials;
  const request = { domain, address, identity: Buffer.from(identity), mechanism };
  if (mechanism === 'PLAIN') {
    Object.defineProperty(request, 'password', { value: String(frames[1]), enumerable: false });
    return Object.assign(request, { username: String(frames[0]) });
  }
  return mechanism === 'CURVE' ? Object.assign(request, { publicKey: z85(frames[0]!) }) : request;
}

/** The answer of a function, checked. Throws ERR_ZAP_*. */
export function fromReply(reply: unknown): ZapAnswer {
  const { status, text = '', userId = '', metadata = {} } = (reply ?? {}) as Partial<ZapReply>;
  if (typeof text !== 'string' || typeof userId !== 'string') {
    throw new ZmqError('ERR_ZAP_MALFORMED_REPLY', { detail: 'text and userId are strings' });
  }
  return zapAnswer(Number(status), text, userId, () => toMetadata(metadata));
}

function toMetadata(properties: Readonly<Record<string, string | Uint8Array>>): Metadata {
  if (typeof properties !== 'object' || properties === null) throw invalid('it is no object');
  const list: (readonly [string, Uint8Array])[] = [];
  let size = 0;
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value !== 'string' && !(value instanceof Uint8Array)) {
      throw invalid('a value is neither text nor octets');
    }
    const octets = Buffer.from(value as string);
    if (name.length === 0 || name.length > 255) throw invalid('a name has 1 to 255 characters');
    size += 5 + name.length + octets.length;
    if (size > ZAP_METADATA_MAX) throw invalid(`more than ${ZAP_METADATA_MAX} octets`);
    list.push([name, octets]);
  }
  if (list.length === 0) return EMPTY_METADATA;
  // Through the codec, so that both kinds of handler may say the same.
  return parseMetadata(encodeMetadata(list));
}

function invalid(detail: string): ZmqError {
  return new ZmqError('ERR_ZAP_INVALID_METADATA', { detail });
}

interface Call {
  readonly request: ZapRequest;
  readonly time: number;
  readonly done: (error: unknown, reply: unknown) => void;
}

/** The calls of one handler that are under way, and those that wait. */
export class ZapCalls {
  readonly #handler: ZapHandler;
  #running = 0;
  readonly #waiting = new Set<Call>();

  constructor(handler: ZapHandler) {
    this.#handler = handler;
  }

  /**
   * Calls the handler, now or later. `done` is called once, never from within this call. Returns what takes it back: a call
   * that waits is not made, and of one that is under way nothing is heard.
   */
  call(request: ZapRequest, time: number, done: Call['done']): () => void {
    let wanted = true;
    const call: Call = {
      request,
      time,
      done: (error, reply) => {
        if (wanted) done(error, reply);
      },
    };
    this.#waiting.add(call);
    // Not from within: who asks is in the middle of something.
    queueMicrotask(() => this.#begin());
    return () => {
      wanted = false;
      this.#waiting.delete(call);
    };
  }

  #begin(): void {
    for (const call of this.#waiting) {
      if (this.#running >= CALLS_MAX) return;
      this.#waiting.delete(call);
      this.#run(call);
    }
  }

  #run({ request, time, done }: Call): void {
    this.#running++;
    let over = false;
    const end = (): void => {
      if (over) return;
      over = true;
      clearTimeout(timer);
      this.#running--;
      this.#begin();
    };
    const timer = setTimeout(end, time);
    timer.unref();
    const settle = (error: unknown, reply: unknown): void => {
      end();
      done(error, reply);
    };
    const handler = this.#handler;
    // Whatever the handler is (a promise of another library, a thenable that throws) it ends here.
    new Promise<unknown>((resolve) => resolve(handler(request))).then(
      (reply) => settle(null, reply),
      (error: unknown) => settle(error ?? new Error('no reason was given'), null),
    );
  }
}

const all = new WeakMap<ZapHandler, ZapCalls>();

/** The calls of a handler, whichever contexts have it. */
export function callsOf(handler: ZapHandler): ZapCalls {
  let calls = all.get(handler);
  if (calls === undefined) {
    calls = new ZapCalls(handler);
    all.set(handler, calls);
  }
  return calls;
}
