/**
 * The session with a node: it is greeted, watched by heartbeats, and begun again whenever it is lost, at the endpoints
 * in turn, until `end`. Messages of the session go to the events; the rest is dealt with here.
 */
import { ClientError, fromNode } from '../errors.ts';
import { decodeNodeMessage, WireError } from '../wire/decode.ts';
import { encodeClientMessage } from '../wire/encode.ts';
import {
  type ClientMessage,
  type NodeMessage,
  PROTOCOL,
  type Trouble,
  type Welcome,
} from '../wire/messages.ts';
import { backoff, type ReconnectOptions } from './backoff.ts';
import type { Dial, Link } from './link.ts';
import type { Party, Port } from './port.ts';
import { StateFeed } from './states.ts';

export interface ConnectionOptions {
  readonly endpoints: readonly string[];
  readonly name: string;
  readonly instance: string;
  /** Milliseconds. */
  readonly heartbeat: number;
  /** Milliseconds that an attempt may take until WELCOME. */
  readonly patience: number;
  readonly reconnect: Required<ReconnectOptions>;
}

export interface ConnectionEvents extends Party {
  message(message: NodeMessage): void;
}

/** Whoever hears nothing for so many heartbeats takes the other for gone (docs/wire.md, Session). */
const SILENCE = 3;
/** Looks at the silence in each heartbeat. */
const LOOKS = 2;
/** The longest heartbeat that a node is believed: a day. A timer takes more than 24 of these for none at all. */
const LONGEST = 86_400_000;

export class Connection implements Port {
  session: Welcome | null = null;
  readonly states: StateFeed;
  readonly #options: ConnectionOptions;
  readonly #dial: Dial;
  readonly #events: ConnectionEvents;
  #link: Link | null = null;
  #attempts = 0;
  /** In a row. */
  #failures = 0;
  /** Until the attempt is given up, or begins. */
  #timer: NodeJS.Timeout | null = null;
  #heartbeat: NodeJS.Timeout | null = null;
  #spoke = false;
  /** Looks since something was heard. */
  #silent = 0;
  #over = false;
  /** Why the last attempt failed. */
  lastError: ClientError | null = null;

  constructor(options: ConnectionOptions, dial: Dial, events: ConnectionEvents) {
    this.#options = options;
    this.#dial = dial;
    this.#events = events;
    this.states = new StateFeed({ type: 'connecting', endpoint: this.#endpoint, attempt: 1 });
  }

  get over(): boolean {
    return this.#over;
  }

  get #endpoint(): string {
    const { endpoints } = this.#options;
    return endpoints[this.#attempts % endpoints.length]!;
  }

  /** Begins an attempt. */
  open(): void {
    const endpoint = this.#endpoint;
    this.states.push({ type: 'connecting', endpoint, attempt: this.#failures + 1 });
    try {
      const link = this.#dial(endpoint, {
        message: (frames) => {
          if (this.#link === link) this.#receive(frames);
        },
        lost: (error) => {
          if (this.#link === link) this.#lost(error);
        },
      });
      this.#link = link;
    } catch (cause) {
      const text = `${endpoint} is no endpoint to connect to: ${cause instanceof Error ? cause.message : cause}`;
      void this.end(new ClientError('ERR_OPTION', text, { endpoint, cause }), '', 0);
      return;
    }
    this.#greet();
  }

  send(message: ClientMessage): void {
    if (this.session !== null) this.#send(message);
  }

  fail(reason: string): void {
    this.#lost(new ClientError('ERR_PROTOCOL', `${this.#endpoint}: ${reason}`, { endpoint: this.#endpoint }));
  }

  /** Ends it for good; the promise is over when the connection is closed. */
  end(error: ClientError | null, reason: string, linger: number): Promise<void> {
    if (this.#over) return Promise.resolve();
    this.#over = true;
    this.send({ type: 'BYE', reason });
    // Without a session there is nothing to be said, and nobody to wait for.
    const patience = this.session === null ? 0 : linger;
    const link = this.#forget();
    this.#events.ended(error ?? new ClientError('ERR_CLOSED', 'the client is closed'));
    const closed = link?.close(patience) ?? Promise.resolve();
    this.states.push({ type: 'closed', error });
    return closed;
  }

  #send(message: ClientMessage): void {
    this.#spoke = true;
    this.#link?.send(encodeClientMessage(message));
  }

  #greet(): void {
    const { name, instance, heartbeat, patience } = this.#options;
    this.#timer = setTimeout(() => {
      const endpoint = this.#endpoint;
      const text = `${endpoint}: no answer within ${patience} ms`;
      this.#lost(new ClientError('ERR_CONNECTION_LOST', text, { endpoint }));
    }, patience);
    this.#send({ type: 'HELLO', hello: { protocol: PROTOCOL, name, instance, heartbeat } });
  }

  #receive(frames: readonly Uint8Array[]): void {
    this.#silent = 0;
    let message: NodeMessage;
    try {
      message = decodeNodeMessage(frames);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.fail(error.message);
      return;
    }
    switch (message.type) {
      case 'WELCOME':
        if (this.session === null) this.#welcome(message.welcome);
        return;
      case 'ERROR':
        this.#refused(message.trouble);
        return;
      case 'BYE': {
        const text = `${this.#endpoint}: the node ended the session${message.reason && `: ${message.reason}`}`;
        this.#lost(new ClientError('ERR_CONNECTION_LOST', text, { endpoint: this.#endpoint }));
        return;
      }
      default:
        if (this.session === null) return;
        // A session that does something is a success; one that is only welcome is not yet.
        this.#failures = 0;
        if (message.type !== 'PONG') this.#events.message(message);
    }
  }

  #welcome(welcome: Welcome): void {
    this.#clearTimer();
    if (welcome.protocol !== PROTOCOL) {
      this.#giveUp({ code: 'PROTOCOL_VERSION', message: `the node speaks version ${welcome.protocol}` });
      return;
    }
    this.session = welcome;
    this.#heartbeat = setInterval(() => this.#look(), Math.min(welcome.heartbeat, LONGEST) / LOOKS);
    const { node, resumed } = welcome;
    this.states.push({ type: 'connected', endpoint: this.#endpoint, node, resumed });
    this.#events.joined(welcome);
  }

  #refused(trouble: Trouble): void {
    const endpoint = this.#endpoint;
    switch (trouble.code) {
      case 'NO_SESSION':
        // What was sent before HELLO is answered so, too.
        if (this.session === null) return;
        this.#leave();
        this.#greet();
        return;
      case 'REPLACED':
      case 'PROTOCOL_VERSION':
        this.#giveUp(trouble);
        return;
      default:
        this.#lost(fromNode(trouble, 'ERR_PROTOCOL', { endpoint }));
    }
  }

  #giveUp(trouble: Trouble): void {
    void this.end(fromNode(trouble, 'ERR_PROTOCOL', { endpoint: this.#endpoint }), '', 0);
  }

  #look(): void {
    if (++this.#silent > SILENCE * LOOKS) {
      const text = `${this.#endpoint}: nothing was heard for ${SILENCE} heartbeats`;
      this.#lost(new ClientError('ERR_CONNECTION_LOST', text, { endpoint: this.#endpoint }));
      return;
    }
    if (!this.#spoke) this.#send({ type: 'PING' });
    this.#spoke = false;
  }

  #lost(error: ClientError): void {
    if (this.#over) return;
    void this.#forget()?.close(0);
    this.lastError = error;
    const failures = ++this.#failures;
    const { reconnect } = this.#options;
    if (reconnect.attempts > 0 && failures >= reconnect.attempts) {
      const text = `gave up after ${failures} failures in a row; the last: ${error.message}`;
      const details = { endpoint: this.#endpoint, cause: error };
      void this.end(new ClientError('ERR_CONNECT', text, details), '', 0);
      return;
    }
    const retryIn = backoff(reconnect, failures, Math.random());
    const endpoint = this.#endpoint;
    this.#attempts++;
    this.#timer = setTimeout(() => this.open(), retryIn);
    this.states.push({ type: 'disconnected', endpoint, error, retryIn, attempt: failures + 1 });
    if (failures === reconnect.failingAfter) this.states.push({ type: 'failing', error, failures });
  }

  #forget(): Link | null {
    const link = this.#link;
    this.#link = null;
    this.#leave();
    return link;
  }

  #leave(): void {
    this.#clearTimer();
    if (this.#heartbeat !== null) clearInterval(this.#heartbeat);
    this.#heartbeat = null;
    this.#silent = 0;
    if (this.session === null) return;
    this.session = null;
    this.#events.lost();
  }

  #clearTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
