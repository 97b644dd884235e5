/**
 * A peer engine with a notebook: what it reports is written down in a form that does not depend on how the octets were
 * cut into chunks. Runs are kept by reference and read at the end, so memory that the engine uses twice shows.
 */
import assert from 'node:assert/strict';
import type { ZmqError } from '../../src/errors.ts';
import { NullMechanism } from '../../src/zmtp/mechanism/null.ts';
import { type PeerEvents, type PeerIdentity, ZmtpPeer } from '../../src/zmtp/peer.ts';
import type { WireSocketType } from '../../src/zmtp/sockets.ts';
import { messagesIn, show } from './wire.ts';

export interface PeerLogOptions {
  socketType?: WireSocketType;
  maxMessageSize?: number;
  properties?: readonly (readonly [string, Uint8Array])[];
}

interface KeptRun {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly count: number;
}

type Entry = string | KeptRun;

export class PeerLog implements PeerEvents {
  readonly peer: ZmtpPeer;
  /** What the engine sent, in one piece. */
  sent: Buffer = Buffer.alloc(0);
  identity: PeerIdentity | null = null;
  error: ZmqError | null = null;
  /** Octets fed until `error`, the chunk that it came from included. */
  consumed = 0;
  /** Calls of any kind. */
  calls = 0;
  readonly #entries: Entry[] = [];

  constructor(options: PeerLogOptions = {}) {
    const socketType = options.socketType ?? 'PULL';
    const properties = options.properties ?? [['Socket-Type', Buffer.from(socketType)] as const];
    const mechanism = new NullMechanism(properties);
    this.peer = new ZmtpPeer({ socketType, mechanism, maxMessageSize: options.maxMessageSize ?? -1 }, this);
    this.peer.open();
  }

  /** Feeds a copy of the chunk, which nobody writes to afterwards. */
  feed(chunk: Uint8Array): this {
    if (this.error === null) this.consumed += chunk.length;
    this.peer.receive(Uint8Array.from(chunk));
    return this;
  }

  /** Feeds `bytes` cut into chunks of `sizes`, again and again. */
  feedIn(bytes: Uint8Array, sizes: readonly number[]): this {
    for (let at = 0, i = 0; at < bytes.length; i++) {
      const size = Math.max(1, sizes[i % sizes.length] ?? 1);
      this.feed(bytes.subarray(at, at + size));
      at += size;
    }
    return this;
  }

  /** What happened, one line each, runs taken apart into messages. */
  get log(): string[] {
    return this.#happened.map((each) =>
      typeof each === 'string' ? each : `message ${show(each).join(' ')}`,
    );
  }

  /** The messages that arrived. */
  get received(): Buffer[][] {
    return this.#happened.filter((each) => typeof each !== 'string');
  }

  /** What an engine must never do, seen so far. Noted, because the engine would catch what a listener throws. */
  readonly violations: string[] = [];

  get #happened(): (string | Buffer[])[] {
    assert.deepEqual(this.violations, []);
    return this.#entries.flatMap<string | Buffer[]>((entry) => {
      if (typeof entry === 'string') return [entry];
      const messages = messagesIn(entry.bytes.subarray(entry.start, entry.end));
      assert.equal(messages.length, entry.count, 'the count of a run is the number of its messages');
      return messages;
    });
  }

  #note(what: string, entry: Entry | null): void {
    this.calls++;
    if (this.error !== null) this.violations.push(`${what} after failed`);
    if (entry !== null) this.#entries.push(entry);
  }

  output(bytes: Uint8Array): void {
    this.#note('output', null);
    this.sent = Buffer.concat([this.sent, bytes]);
  }

  authenticate(): void {}

  ready(identity: PeerIdentity): void {
    if (this.identity !== null) this.violations.push('ready came twice');
    this.identity = identity;
    this.#note('ready', `ready ${identity.socketType} 3.${identity.minor} ${show([identity.routingId])[0]}`);
  }

  messages(bytes: Uint8Array, start: number, end: number, count: number): void {
    if (this.identity === null) this.violations.push('messages before ready');
    if (count <= 0 || start >= end || end > bytes.length)
      this.violations.push(`a run of ${count} in ${start}..${end}`);
    this.#note('messages', { bytes, start, end, count });
  }

  subscription(topic: Buffer, subscribe: boolean): void {
    this.#note('subscription', `${subscribe ? 'subscribe' : 'cancel'} ${show([topic])[0]}`);
  }

  ping(timeToLive: number): void {
    this.#note('ping', `ping ${timeToLive}`);
  }

  failed(error: ZmqError): void {
    this.#note('failed', `failed ${error.code}`);
    this.error = error;
  }
}
