/**
 * A session joins one pipe to its connections: it dials and dials again, runs the handshake and the heartbeats, and
 * passes bytes between the transport and the peer owner. For an accepted connection it ends with the connection.
 */
import { ZmqError } from '../errors.ts';
import type { Outbox, OutboxSink } from '../patterns/outbox.ts';
import type { DropReason, Pattern } from '../patterns/pattern.ts';
import { Pipe, type PipeOwner } from '../patterns/pipe.ts';
import type { Connection, ConnectionHandler } from '../transport/transport.ts';
import { NullMechanism } from '../zmtp/mechanism/null.ts';
import { IDENTITY, SOCKET_TYPE } from '../zmtp/metadata.ts';
import { type PeerEvents, type PeerIdentity, ZmtpPeer } from '../zmtp/peer.ts';
import type { WireSocketType } from '../zmtp/sockets.ts';
import { backoff } from './backoff.ts';
import type { Event, PeerInfo } from './events.ts';
import { flushSoon } from './flusher.ts';
import { Heartbeat } from './heartbeat.ts';
import type { OptionValues } from './options.ts';

/** Starts an attempt to connect; returns the function that cancels it. */
export type Dial = (done: (error: Error | null, connection: Connection | null) => void) => () => void;

/** What a session needs of the socket that it belongs to. */
export interface SessionOwner {
  readonly type: WireSocketType;
  readonly options: OptionValues;
  readonly pattern: Pattern;
  /** The socket is closing. */
  readonly closed: boolean;
  /** Queued messages hold the process. */
  readonly blocky: boolean;
  emit(event: Event): void;
  dropped(pipe: Pipe, reason: DropReason, count: number): void;
  /** Nothing more comes from the session. */
  sessionEnded(session: Session): void;
}

type State = PeerInfo['state'] | 'ended';

export class Session implements PipeOwner, ConnectionHandler, PeerEvents {
  readonly pipe: Pipe;
  readonly endpoint: string;
  /** Null for an accepted connection. */
  readonly #dial: Dial | null;
  readonly #owner: SessionOwner;
  #state: State = 'connecting';
  #connection: Connection | null = null;
  #peer: ZmtpPeer | null = null;
  #cancelDial: (() => void) | null = null;
  #failures = 0;
  #connectedAt: number | null = null;
  /** Why the connection is being closed, for the event that follows. */
  #error: ZmqError | null = null;
  /** Set by `finish`: send what is queued, then end. */
  #finishing = false;
  /** Limit of the handshake, or delay before the next attempt. */
  #timer: NodeJS.Timeout | null = null;
  #heartbeat: Heartbeat | null = null;
  #lingering: NodeJS.Timeout | null = null;
  /** Sent less received when this connection began. */
  #unanswered = 0;
  #attached = false;
  /** The peer was reported as ready. */
  #announced = false;

  constructor(owner: SessionOwner, endpoint: string, dial: Dial | null, givenId: Buffer | null) {
    this.#owner = owner;
    this.endpoint = endpoint;
    this.#dial = dial;
    const { options } = owner;
    // A conflating socket keeps one message itself; the mark would only get in the way.
    const receiveMark = options.conflate ? 0 : options.receiveHighWaterMark;
    this.pipe = new Pipe(this, options.conflate ? 0 : options.sendHighWaterMark, receiveMark, givenId);
  }

  /** Came in through a bound endpoint. */
  get accepted(): boolean {
    return this.#dial === null;
  }

  /** Messages sent over this connection less those received: for a worker, the requests that it has not answered. */
  get outstanding(): number {
    const { outbox, receivedMessages } = this.pipe;
    return this.#state === 'ready'
      ? outbox.sentMessages + outbox.queued - receivedMessages - this.#unanswered
      : 0;
  }

  get state(): State {
    return this.#state;
  }

  info(): PeerInfo {
    const { pipe } = this;
    return {
      id: pipe.id,
      endpoint: this.endpoint,
      remote: this.#connection?.remote ?? this.endpoint,
      state: this.#state === 'ended' ? 'waiting' : this.#state,
      socketType: pipe.identity?.socketType ?? null,
      routingId: pipe.routingId.length > 0 ? pipe.routingId : (pipe.identity?.routingId ?? null),
      connectedAt: this.#connectedAt,
      messagesIn: pipe.receivedMessages,
      messagesOut: pipe.outbox.sentMessages,
      bytesIn: pipe.receivedBytes,
      bytesOut: pipe.outbox.sentBytes,
      queuedIn: pipe.inbox.queued,
      queuedOut: pipe.outbox.queued,
      dropped: pipe.dropped,
    };
  }

  // ---- connecting

  /** First attempt of a connect endpoint. Without `immediate` messages may be queued from now on. */
  connect(): void {
    if (!this.#owner.options.immediate) this.#attach();
    this.#emit({ type: 'connect:delay', address: this.endpoint });
    this.#attempt();
  }

  #attempt(): void {
    this.#state = 'connecting';
    this.#cancelDial = this.#dial!((failure, connection) => {
      this.#cancelDial = null;
      if (connection === null) {
        const error = ZmqError.fromSystem(failure, { address: this.endpoint });
        this.#emit({ type: 'close', address: this.endpoint });
        this.#emit({ type: 'peer:unreachable', address: this.endpoint, error });
        this.#retry();
        return;
      }
      this.#emit({ type: 'connect', address: this.endpoint });
      this.open(connection);
    });
  }

  #retry(): void {
    const { options } = this.#owner;
    if (this.#dial === null || options.reconnectInterval < 0 || (this.#finishing && this.pipe.outbox.idle)) {
      this.#end();
      return;
    }
    this.#state = 'waiting';
    const interval = backoff(options, ++this.#failures, Math.random());
    this.#emit({ type: 'connect:retry', address: this.endpoint, interval });
    this.#timer = setTimeout(() => this.#attempt(), interval);
    this.#refTimer();
  }

  /** Takes over an established connection and begins the handshake. */
  open(connection: Connection): void {
    const { options, type } = this.#owner;
    this.#connection = connection;
    this.#state = 'handshake';
    this.#error = null;
    const properties: [string, Uint8Array][] = [[SOCKET_TYPE, Buffer.from(type)]];
    // RFC 37, The NULL Security Mechanism: REQ, DEALER and ROUTER sockets announce their identity.
    if (type === 'REQ' || type === 'DEALER' || type === 'ROUTER') {
      properties.push([IDENTITY, Buffer.from(options.routingId ?? '')]);
    }
    const mechanism = new NullMechanism(properties);
    this.#peer = new ZmtpPeer({ socketType: type, mechanism, maxMessageSize: options.maxMessageSize }, this);
    // 0 is no limit, and a timer all the same: it holds the process while there is something to send.
    const limit = options.handshakeInterval > 0 ? options.handshakeInterval : 0x7fff_ffff;
    this.#timer = setTimeout(() => {
      const detail = `no complete handshake within ${limit} ms (handshakeInterval)`;
      this.#error = new ZmqError('ERR_ZMTP_HANDSHAKE_TIMEOUT', { detail, address: connection.remote });
      connection.destroy();
    }, limit);
    this.#refTimer();
    connection.start(this);
    this.#peer.open();
  }

  // ---- PeerEvents

  output(bytes: Uint8Array): void {
    // In the handshake there are no messages to wait for. After it this is a PONG, and a peer that pings without reading
    // gets none: they would pile up.
    if (this.#state !== 'ready') this.#connection?.write([bytes]);
    else if (!this.pipe.outbox.stalled) this.pipe.outbox.pushControl(bytes);
  }

  ready(identity: PeerIdentity): void {
    this.#clearTimer();
    this.#state = 'ready';
    this.#connectedAt = Date.now();
    const { pipe } = this;
    pipe.identity = identity;
    this.#emit({ type: 'handshake', address: this.endpoint });
    if (!this.#finishing && !this.#attach()) return;
    pipe.reopened();
    pipe.outbox.open(this.#connection as OutboxSink);
    if (!this.#finishing) this.#owner.pattern.ready(pipe);
    if (this.#state !== 'ready') return;
    this.#failures = 0;
    this.#unanswered = pipe.outbox.sentMessages - pipe.receivedMessages;
    this.#heartbeat = new Heartbeat(pipe, this.#connection!, this.#owner.options, (error) =>
      this.failed(error),
    );
    this.#announced = true;
    this.#emit({ type: 'peer:ready', address: this.endpoint, peer: this.info() });
    if (this.#finishing) {
      pipe.outbox.flush();
      this.#finishIfIdle();
    }
  }

  messages(bytes: Uint8Array, start: number, end: number, count: number): void {
    // After close() nobody receives any more, and a refused peer has nothing to say.
    if (this.#finishing || this.#state !== 'ready') return;
    this.pipe.receivedMessages += count;
    this.pipe.receivedBytes += end - start;
    this.#owner.pattern.arrive(this.pipe, bytes, start, end, count);
  }

  subscription(topic: Buffer, subscribe: boolean): void {
    // Nor does anybody publish to a peer that is parted from: the pattern has let go of its pipe.
    if (this.#finishing || this.#state !== 'ready') return;
    this.#owner.pattern.subscription(this.pipe, topic, subscribe);
  }

  ping(timeToLive: number): void {
    this.#heartbeat?.pinged(timeToLive);
  }

  failed(error: ZmqError): void {
    this.#error ??= error;
    // What was said in the handshake should get there, so that the far side learns what is wrong, too.
    if (this.#state === 'handshake') this.#connection?.end();
    else this.#connection?.destroy();
  }

  // ---- ConnectionHandler

  onData(chunk: Uint8Array): void {
    this.#heartbeat?.heard();
    this.#peer!.receive(chunk);
  }

  onDrain(): void {
    this.pipe.outbox.drained();
    if (this.#finishing) this.#finishIfIdle();
  }

  onClose(error: Error | null): void {
    const connection = this.#connection!;
    const was = this.#state;
    const reason =
      this.#error ?? (error === null ? null : ZmqError.fromSystem(error, { address: connection.remote }));
    this.#report(connection, reason);
    this.#stopTimers();
    this.#connection = null;
    this.#peer = null;
    this.#error = null;
    this.#connectedAt = null;
    const { pipe } = this;
    const owner = this.#owner;
    pipe.identity = null;
    // First the pattern, then the outbox: room in it must not be taken for a way to send.
    if (this.#dial === null || owner.options.immediate) this.#detach();
    else if (this.#attached && was === 'ready') owner.pattern.lost(pipe);
    owner.dropped(pipe, owner.closed ? 'closed' : 'disconnected', pipe.outbox.closed());
    if (was !== 'ended') this.#retry();
  }

  // ---- PipeOwner

  schedule(outbox: Outbox): void {
    flushSoon(outbox);
    if (this.#timer !== null) this.#refTimer();
  }

  room(pipe: Pipe): void {
    this.#owner.pattern.room(pipe);
  }

  pause(): void {
    this.#connection?.pause();
  }

  resume(): void {
    this.#connection?.resume();
  }

  // ---- the end

  /**
   * Sends what is queued, then closes; what is not sent in `time` ms (below 0: no limit) is dropped. From now on the
   * pattern does not know the peer. Reports to the owner through `sessionEnded`.
   */
  finish(time: number): void {
    if (this.#finishing || this.#state === 'ended') return;
    this.#finishing = true;
    this.#detach();
    this.pipe.outbox.flush();
    if (time >= 0) this.#lingering = setTimeout(() => this.destroy(), time);
    this.#finishIfIdle();
  }

  #finishIfIdle(): void {
    const { outbox } = this.pipe;
    if (this.#state === 'ended' || !outbox.idle) return;
    const connection = this.#connection;
    if (connection === null || this.#state !== 'ready') {
      this.destroy();
      return;
    }
    this.#report(connection, null);
    this.#end();
    connection.end();
  }

  /** Closes now; what is queued is dropped and counted for the reason. */
  destroy(error: ZmqError | null = null): void {
    if (error !== null) this.#error = error;
    const connection = this.#connection;
    const dial = this.#dial;
    if (error !== null && dial !== null && connection !== null && this.#state !== 'ended') {
      // The peer is refused, the endpoint stays: the next attempt may find another peer.
      if (!this.#announced) this.#state = 'handshake';
      connection.destroy();
      return;
    }
    if (connection !== null) this.#report(connection, this.#error);
    this.#end();
    connection?.destroy();
  }

  #end(): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#stopTimers();
    if (this.#lingering !== null) clearTimeout(this.#lingering);
    this.#cancelDial?.();
    this.#cancelDial = null;
    this.pipe.ended = true;
    this.#detach();
    this.#owner.dropped(this.pipe, this.#owner.closed ? 'closed' : 'disconnected', this.pipe.outbox.clear());
    this.#owner.sessionEnded(this);
  }

  #attach(): boolean {
    if (this.#attached) return true;
    this.#attached = this.#owner.pattern.attach(this.pipe);
    if (!this.#attached) {
      const detail = 'a PAIR socket has one peer at a time, and this one has it';
      if (this.#connection !== null) this.failed(new ZmqError('ERR_TOO_MANY_PEERS', { detail }));
      this.#state = this.#connection === null ? this.#state : 'handshake';
    }
    return this.#attached;
  }

  #detach(): void {
    if (!this.#attached) return;
    this.#attached = false;
    this.#owner.pattern.detach(this.pipe);
  }

  // ---- events, timers

  /** zeromq.js reports nothing of inproc peers; our own events go for every transport. */
  #emit(event: Event): void {
    if (event.type.startsWith('peer:') || !this.endpoint.startsWith('inproc:')) this.#owner.emit(event);
  }

  /** The connection is over: of a peer that was there, or of one that was not let in. Once for each. */
  #report(connection: Connection, reason: ZmqError | null): void {
    if (this.#state !== 'ready' && this.#state !== 'handshake') return;
    if (this.#announced) {
      this.#announced = false;
      this.#emit({ type: 'disconnect', address: this.endpoint });
      const event = { type: 'peer:gone', address: this.endpoint, peer: this.info() } as const;
      this.#emit(reason === null ? event : { ...event, error: reason });
      return;
    }
    const address = connection.remote;
    const detail = this.#finishing
      ? 'the socket was closed during the handshake'
      : 'the peer closed during the handshake';
    const error = reason ?? new ZmqError('ECONNRESET', { detail, address });
    const type = PROTOCOL_CODES.test(error.code) ? 'handshake:error:protocol' : 'handshake:error:other';
    this.#emit({ type, address: this.endpoint, error });
    this.#emit({ type: 'peer:refused', address, error });
    this.#emit({ type: 'disconnect', address: this.endpoint });
  }

  /** On the way to a connection the process waits if there is something to send, and not otherwise. */
  #refTimer(): void {
    if (this.#owner.blocky && !this.pipe.outbox.idle) this.#timer?.ref();
    else this.#timer?.unref();
  }

  /** What belongs to one connection. */
  #stopTimers(): void {
    this.#clearTimer();
    this.#heartbeat?.stop();
    this.#heartbeat = null;
  }

  #clearTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}

const PROTOCOL_CODES = /^ERR_ZMTP_(?!HANDSHAKE_TIMEOUT|PEER_ERROR)/;
