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
import { answers, owed, takesIn } from './exchange.ts';
import { flushSoon } from './flusher.ts';
import { Heartbeat } from './heartbeat.ts';
import { type OptionValues, sends } from './options.ts';
import { PeerReport } from './peer-report.ts';

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
  readonly #report: PeerReport;
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
  /** Set by `retire`: until the peer's end what it sends is taken. */
  #retiring = false;
  /** Our side of the connection is ended, the peer's may not be. */
  #shut = false;
  /** Completed handshakes. */
  connections = 0;
  /** Messages that were queued and given up. */
  undelivered = 0;
  /** Limit of the handshake, or delay before the next attempt. */
  #timer: NodeJS.Timeout | null = null;
  #heartbeat: Heartbeat | null = null;
  #lingering: NodeJS.Timeout | null = null;
  /** Sent less received when this connection began. */
  #unanswered = 0;
  #attached = false;

  constructor(owner: SessionOwner, endpoint: string, dial: Dial | null, givenId: Buffer | null) {
    this.#owner = owner;
    this.endpoint = endpoint;
    this.#report = new PeerReport(owner, endpoint);
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

  /** Connections after the first of a connect endpoint. */
  get reconnects(): number {
    return this.#dial === null ? 0 : Math.max(0, this.connections - 1);
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
      local: this.#connection?.local ?? null,
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
      heard: pipe.heard,
      unanswered: Math.max(0, this.outstanding),
      isolated: pipe.isolated,
      stalled: pipe.outbox.stalled,
      untaken: this.#connection?.untaken ?? 0,
      paused: pipe.paused,
      heartbeats: this.#heartbeat?.active ?? false,
      reconnects: this.reconnects,
      highWaterMarkHits: pipe.outbox.fullCount + pipe.stopCount,
    };
  }

  // ---- connecting

  /** First attempt of a connect endpoint. Without `immediate` messages may be queued from now on. */
  connect(): void {
    if (!this.#owner.options.immediate) this.#attach();
    this.#report.emit({ type: 'connect:delay', address: this.endpoint });
    this.#attempt();
  }

  #attempt(): void {
    this.#state = 'connecting';
    this.#cancelDial = this.#dial!((failure, connection) => {
      this.#cancelDial = null;
      if (connection === null) {
        const error = ZmqError.fromSystem(failure, { address: this.endpoint });
        this.#report.emit({ type: 'close', address: this.endpoint });
        this.#report.emit({ type: 'peer:unreachable', address: this.endpoint, error });
        this.#retry();
        return;
      }
      this.#report.emit({ type: 'connect', address: this.endpoint });
      this.open(connection);
    });
  }

  #retry(): void {
    const { options } = this.#owner;
    const done = this.#shut || (this.#finishing && this.pipe.outbox.idle);
    if (this.#dial === null || options.reconnectInterval < 0 || done) {
      this.#end();
      return;
    }
    this.#state = 'waiting';
    const interval = backoff(options, ++this.#failures, Math.random());
    this.#report.emit({ type: 'connect:retry', address: this.endpoint, interval });
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
    if (this.#shut) return;
    if (this.#state !== 'ready') this.#connection?.write([bytes]);
    else if (!this.pipe.outbox.stalled) this.pipe.outbox.pushControl(bytes);
  }

  ready(identity: PeerIdentity): void {
    this.#clearTimer();
    this.#state = 'ready';
    this.#connectedAt = Date.now();
    this.connections++;
    const { pipe } = this;
    pipe.identity = identity;
    this.#report.emit({ type: 'handshake', address: this.endpoint });
    // Who is parted from during the handshake may have sent something all the same: it was done on its side.
    const joins = !this.#finishing || (this.#retiring && answers(this.#owner.type));
    if (joins && !this.#attach()) return;
    pipe.reopened();
    pipe.outbox.open(this.#connection as OutboxSink);
    if (joins) this.#owner.pattern.ready(pipe);
    if (this.#state !== 'ready') return;
    this.#failures = 0;
    this.#unanswered = pipe.outbox.sentMessages - pipe.receivedMessages;
    this.#heartbeat = new Heartbeat(pipe, this.#connection!, this.#owner.options, (error) =>
      this.failed(error),
    );
    this.#report.ready(this.info());
    if (this.#finishing) {
      pipe.outbox.flush();
      if (!this.#retiring || !takesIn(this.#owner.type)) this.#finishIfIdle();
    }
  }

  messages(bytes: Uint8Array, start: number, end: number, count: number): void {
    // After close() nobody receives any more, and a refused peer has nothing to say.
    if ((this.#finishing && !(this.#retiring && takesIn(this.#owner.type))) || this.#state !== 'ready')
      return;
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
    this.pipe.heard++;
    this.#peer!.receive(chunk);
  }

  onDrain(): void {
    this.pipe.outbox.drained();
    if (this.#finishing) this.#finishIfIdle();
  }

  onEnd(): void {
    // Nor do answers to our pings come any more.
    this.#stopTimers();
    this.pipe.outbox.seal();
    // What it would be given from now on would be lost, unless there is a next connection to it.
    if (this.#dial === null || this.#owner.options.immediate) this.#detach();
  }

  onClose(error: Error | null): void {
    const connection = this.#connection!;
    const was = this.#state;
    const reason =
      this.#error ?? (error === null ? null : ZmqError.fromSystem(error, { address: connection.remote }));
    this.#over(connection, reason);
    this.#stopTimers();
    this.#connection = null;
    this.#peer = null;
    this.#error = null;
    this.#connectedAt = null;
    const { pipe } = this;
    const owner = this.#owner;
    pipe.identity = null;
    // First the pattern, then the outbox: room in it must not be taken for a way to send.
    if (this.#dial === null || this.#finishing || owner.options.immediate) this.#detach();
    else if (this.#attached && was === 'ready') owner.pattern.lost(pipe);
    this.#gaveUp(pipe.outbox.closed());
    if (was !== 'ended') this.#retry();
  }

  // ---- PipeOwner

  schedule(outbox: Outbox): void {
    flushSoon(outbox);
    if (this.#timer !== null) this.#refTimer();
    // With the last reply at once: a peer that hears of the end with it has not sent its next request yet.
    if (this.#retiring) process.nextTick(() => this.shutIfDone());
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
    if ((this.#finishing && !this.#retiring) || this.#state === 'ended') return;
    this.#finishing = true;
    this.#retiring = false;
    if (this.#shut) {
      this.destroy();
      return;
    }
    this.#detach();
    this.pipe.outbox.flush();
    if (time >= 0) this.#lingering = setTimeout(() => this.destroy(), time);
    this.#finishIfIdle();
  }

  /**
   * As `finish`, but what the peer sends goes on being received: our side of the connection ends with the last reply that
   * is due, or with `shutIfDone` after the handshake, and the session when the peer has ended its side too, or with `destroy`.
   */
  retire(): void {
    if (this.#finishing || this.#state === 'ended') return;
    this.#finishing = true;
    this.#retiring = true;
    const { pattern, type } = this.#owner;
    if (!pattern.isolate(this.pipe, true) && !answers(type)) this.#detach();
    this.pipe.outbox.flush();
    if (!takesIn(type) || this.#connection === null) this.shutIfDone();
  }

  /** Retiring: ends our side if all is sent, and answered unless `unanswered` is no matter. */
  shutIfDone(unanswered = false): void {
    if (!this.#retiring || this.#shut || this.#state === 'ended') return;
    const { outbox } = this.pipe;
    outbox.flush();
    const connection = this.#connection;
    if (!outbox.idle || (this.#state === 'ready' && this.owed !== 0 && !unanswered)) return;
    if (connection === null) {
      this.destroy();
      return;
    }
    if (this.#state !== 'ready') return;
    this.#shut = true;
    this.#heartbeat?.stop();
    this.#heartbeat = null;
    this.#detach();
    outbox.seal();
    this.pipe.release();
    connection.endWriting();
  }

  get type(): WireSocketType {
    return this.#owner.type;
  }

  /** Our side of the connection is ended. */
  get shut(): boolean {
    return this.#shut;
  }

  /** Messages that are due over this connection: see `owed`. */
  get owed(): number {
    return owed(this.#owner.type, this.outstanding);
  }

  /** Gives the peer nothing more, or lets it in again. False when the socket does not choose between peers. */
  isolate(on: boolean): boolean {
    return this.#attached && !this.#finishing && this.#owner.pattern.isolate(this.pipe, on);
  }

  /** Takes on what changed in the options and holds for connections that are there. */
  optionsChanged(): void {
    const { options } = this.#owner;
    this.#heartbeat?.begin(options);
    if (this.#peer !== null) this.#peer.maxMessageSize = options.maxMessageSize;
  }

  #gaveUp(count: number): void {
    this.undelivered += count;
    this.#owner.dropped(this.pipe, this.#owner.closed ? 'closed' : 'disconnected', count);
  }

  #finishIfIdle(): void {
    if (this.#retiring) {
      this.shutIfDone();
      return;
    }
    const { outbox } = this.pipe;
    if (this.#state === 'ended' || !outbox.idle) return;
    const connection = this.#connection;
    if (connection === null || this.#state !== 'ready') {
      this.destroy();
      return;
    }
    this.#over(connection, null);
    this.#end();
    // Where nothing was sent nothing can get lost on the way out; and who sends to us should not think that we read on.
    if (sends(this.#owner.type)) connection.end();
    else connection.destroy();
  }

  /** Closes now; what is queued is dropped and counted for the reason. */
  destroy(error: ZmqError | null = null): void {
    if (error !== null) this.#error = error;
    const connection = this.#connection;
    const dial = this.#dial;
    if (error !== null && dial !== null && connection !== null && this.#state !== 'ended') {
      // The peer is refused, the endpoint stays: the next attempt may find another peer.
      if (!this.#report.announced) this.#state = 'handshake';
      connection.destroy();
      return;
    }
    if (connection !== null) this.#over(connection, this.#error);
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
    this.#gaveUp(this.pipe.outbox.clear());
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

  /** The connection is over: of a peer that was there, or of one that was not let in. Once for each. */
  #over(connection: Connection, reason: ZmqError | null): void {
    if (this.#state !== 'ready' && this.#state !== 'handshake') return;
    this.#report.over(connection.remote, this.info(), reason, this.#finishing);
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
