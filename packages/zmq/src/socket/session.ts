/**
 * A session joins one pipe to its connections, one after the other: it runs the handshake and the heartbeats, passes
 * bytes between the transport and the pattern, and parts from the peer (parting.ts). For an accepted connection it ends
 * with that.
 */
import { ZmqError } from '../errors.ts';
import type { Outbox } from '../patterns/outbox.ts';
import type { DropReason, Pattern } from '../patterns/pattern.ts';
import { Pipe, type PipeOwner } from '../patterns/pipe.ts';
import type { Connection, ConnectionHandler } from '../transport/transport.ts';
import type { Credentials, Verdict } from '../zmtp/mechanism/mechanism.ts';
import { EMPTY_METADATA } from '../zmtp/metadata.ts';
import type { PeerEvents, PeerIdentity, WirePeer } from '../zmtp/peer.ts';
import type { WireSocketType } from '../zmtp/sockets.ts';
import { Approach, type Dial } from './approach.ts';
import type { Context } from './context.ts';
import type { Event, PeerInfo } from './events.ts';
import { answers, Exchange, takesIn } from './exchange.ts';
import { flushSoon } from './flusher.ts';
import { Heartbeat } from './heartbeat.ts';
import { type OptionValues, sends } from './options.ts';
import { Parting, type SessionState } from './parting.ts';
import { PeerReport } from './peer-report.ts';
import type { Security } from './security.ts';

/** What a session needs of the socket that it belongs to. */
export interface SessionOwner {
  readonly type: WireSocketType;
  readonly options: OptionValues;
  readonly context: Context;
  readonly pattern: Pattern;
  /** The socket is closing. */
  readonly closed: boolean;
  /** Queued messages hold the process. */
  readonly blocky: boolean;
  /** The option `linger` was set. */
  readonly lingerGiven: boolean;
  close(): void;
  emit(event: Event): void;
  dropped(pipe: Pipe, reason: DropReason, count: number): void;
  /** Nothing more comes from the session. */
  sessionEnded(session: Session): void;
}

export class Session implements PipeOwner, ConnectionHandler, PeerEvents {
  readonly pipe: Pipe;
  readonly exchange: Exchange;
  readonly endpoint: string;
  /** Null for an accepted connection. */
  readonly #dial: Dial | null;
  readonly #owner: SessionOwner;
  readonly #report: PeerReport;
  readonly #approach: Approach;
  readonly #security: Security;
  #state: SessionState = 'connecting';
  #connection: Connection | null = null;
  #peer: WirePeer | null = null;
  #connectedAt: number | null = null;
  /** What the ZAP handler said of the peer, if anything. */
  #verdict: Verdict | null = null;
  /** Why the connection is being closed, for the event that follows. */
  #error: ZmqError | null = null;
  /** Set by `finish` and `retire`: send what is queued, then end. */
  #parting: Parting | null = null;
  /** Messages that were queued and given up. */
  undelivered = 0;
  #heartbeat: Heartbeat | null = null;
  #attached = false;

  constructor(
    owner: SessionOwner,
    endpoint: string,
    security: Security,
    dial: Dial | null,
    givenId: Buffer | null,
  ) {
    this.#owner = owner;
    this.endpoint = endpoint;
    this.#security = security;
    this.#report = new PeerReport(owner, endpoint);
    this.#dial = dial;
    const { options } = owner;
    // A conflating socket keeps one message itself; the mark would only get in the way.
    const receiveMark = options.conflate ? 0 : options.receiveHighWaterMark;
    this.pipe = new Pipe(this, options.conflate ? 0 : options.sendHighWaterMark, receiveMark, givenId);
    this.exchange = new Exchange(owner.type, this.pipe);
    this.#approach = new Approach(owner, this.pipe.outbox, this.#report, security);
  }

  /** Came in through a bound endpoint. */
  get accepted(): boolean {
    return this.#dial === null;
  }

  /** Connections after the first of a connect endpoint. */
  get reconnects(): number {
    return this.#dial === null ? 0 : Math.max(0, this.exchange.connections - 1);
  }

  get state(): SessionState {
    return this.#state;
  }

  info(): PeerInfo {
    return this.#report.info(this.pipe, this.#connection, {
      state: this.#state === 'ended' ? 'waiting' : this.#state,
      connectedAt: this.#connectedAt,
      unanswered: Math.max(0, this.exchange.outstanding),
      heartbeats: this.#heartbeat?.active ?? false,
      reconnects: this.reconnects,
      userId: this.#verdict?.userId ?? null,
      metadata: this.#verdict?.metadata ?? null,
    });
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
    this.#approach.attempt(this.#dial!, (connection) => {
      if (connection === null) this.#retry();
      else this.open(connection);
    });
  }

  #retry(): void {
    const done = this.shut || (this.#parting !== null && this.pipe.outbox.idle);
    if (this.#dial === null || this.#owner.options.reconnectInterval < 0 || done) {
      this.#end();
      return;
    }
    this.#state = 'waiting';
    this.#approach.pause(() => this.#attempt());
  }

  /** Takes over an established connection and begins the handshake. */
  open(connection: Connection): void {
    this.#connection = connection;
    this.#state = 'handshake';
    this.#error = null;
    const loading = this.#security.loading();
    if (loading === null) this.#shakeHands(connection);
    else {
      // Until then the connection is not read: what the peer says stays with the system.
      const start = (): void => this.#shakeHands(connection);
      void loading.then(start, (error: unknown) => {
        this.#error = ZmqError.fromSystem(error, { address: connection.remote });
        connection.destroy();
        connection.start(this);
      });
    }
  }

  #shakeHands(connection: Connection): void {
    if (this.#state !== 'handshake') {
      connection.start(this);
      return;
    }
    this.#peer = this.#approach.handshake(connection, this, (error) => {
      this.#error = error;
      connection.destroy();
    });
    connection.start(this);
    this.#peer.open();
  }

  // ---- PeerEvents

  output(bytes: Uint8Array): void {
    // In the handshake there are no messages to wait for. After it this is a PONG, and a peer that pings without reading
    // gets none: they would pile up.
    if (this.shut) return;
    if (this.#state !== 'ready') this.#connection?.write([bytes]);
    else if (!this.pipe.outbox.stalled) this.pipe.outbox.pushControl(bytes);
  }

  authenticate(credentials: Credentials): void {
    this.#approach.authenticate(credentials, this.#connection!.remote, ({ verdict, error }) => {
      // What we know, in place of the little that the peer engine could say; not of what went wrong before.
      this.#error ??= error;
      if (verdict === null) this.failed(error!);
      else {
        if (verdict.userId !== '' || verdict.metadata.size > 0) this.#verdict = verdict;
        this.#peer?.decide(verdict);
      }
    });
  }

  /** The options of security have changed. */
  secure(security: Security): void {
    this.#approach.secure(security);
  }

  ready(identity: PeerIdentity): void {
    this.#approach.clear();
    this.#connection!.admitted?.();
    if (this.#peer!.borrows) this.#connection!.lend?.();
    this.#state = 'ready';
    this.#connectedAt = Date.now();
    this.exchange.connections++;
    const { pipe } = this;
    // What else it said of itself may be large, and nobody asks.
    pipe.identity = { ...identity, metadata: EMPTY_METADATA };
    this.#report.emit({ type: 'handshake', address: this.endpoint });
    // Who is parted from during the handshake may have sent something all the same: it was done on its side.
    const parting = this.#parting;
    const joins = parting === null || (parting.retiring && answers(this.#owner.type));
    if (joins && !this.#attach()) return;
    pipe.reopened();
    pipe.outbox.open(this.#peer!.sink(this.#connection!));
    if (joins) this.#owner.pattern.ready(pipe);
    if (this.#state !== 'ready') return;
    this.#approach.arrived();
    this.exchange.begin();
    this.#heartbeat = new Heartbeat(pipe, this.#connection!, this.#owner.options, (error) =>
      this.failed(error),
    );
    this.#report.ready(this.info());
    if (this.#parting !== null) {
      pipe.outbox.flush();
      if (!this.#parting.retiring || !takesIn(this.#owner.type)) this.#parting.goOn();
    }
  }

  messages(bytes: Uint8Array, start: number, end: number, count: number): void {
    // After close() nobody receives any more, and a refused peer has nothing to say.
    const parting = this.#parting;
    if (this.#state !== 'ready' || (parting !== null && !(parting.retiring && takesIn(this.#owner.type))))
      return;
    this.pipe.receivedMessages += count;
    this.pipe.receivedBytes += end - start;
    this.#owner.pattern.arrive(this.pipe, bytes, start, end, count);
  }

  subscription(topic: Buffer, subscribe: boolean): void {
    // Nor does anybody publish to a peer that is parted from: the pattern has let go of its pipe.
    if (this.#parting !== null || this.#state !== 'ready') return;
    this.#owner.pattern.subscription(this.pipe, topic, subscribe);
  }

  ping(timeToLive: number): void {
    this.#heartbeat?.pinged(timeToLive);
  }

  failed(error: ZmqError): void {
    this.#error ??= error;
    // What was said in the handshake should get there, so that the far side learns what is wrong, too.
    const connection = this.#connection;
    if (this.#state === 'handshake') {
      connection?.end();
      this.#approach.failed(() => connection?.destroy());
    } else connection?.destroy();
  }

  // ---- ConnectionHandler

  onData(chunk: Uint8Array): void {
    this.pipe.heard++;
    this.#peer!.receive(chunk);
  }

  onDrain(): void {
    if (this.#peer?.drained?.() === false) return;
    this.pipe.outbox.drained();
    this.#parting?.goOn();
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
    this.#peer?.close();
    this.#peer = null;
    this.#error = null;
    this.#connectedAt = null;
    this.#verdict = null;
    if (was !== 'ready') this.#approach.ended(reason);
    const { pipe } = this;
    const owner = this.#owner;
    pipe.identity = null;
    // What the pattern may give it from now on is for the next connection.
    pipe.outbox.seal();
    // First the pattern, then the outbox: room in it must not be taken for a way to send.
    if (this.#dial === null || this.#parting !== null || owner.options.immediate) this.#detach();
    else if (this.#attached && was === 'ready') owner.pattern.lost(pipe);
    this.#gaveUp(pipe.outbox.closed());
    if (was !== 'ended') this.#retry();
  }

  // ---- PipeOwner

  schedule(outbox: Outbox): void {
    flushSoon(outbox);
    this.#approach.queued();
    // With the last reply at once: a peer that hears of the end with it has not sent its next request yet.
    if (this.#parting?.retiring) process.nextTick(() => this.shutIfDone());
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
    if (this.#state === 'ended') return;
    this.#parting ??= this.#part();
    this.#parting.finish(time);
  }

  /**
   * As `finish`, but what the peer sends goes on being received: our side of the connection ends with the last reply that
   * is due, or with `shutIfDone` after the handshake, and the session when the peer has ended its side too, or with `destroy`.
   */
  retire(): void {
    if (this.#parting !== null || this.#state === 'ended') return;
    this.#parting = this.#part();
    this.#parting.retire();
  }

  /** Retiring: ends our side if all is sent, and answered unless `unanswered` is no matter. */
  shutIfDone(unanswered = false): void {
    this.#parting?.shutIfDone(unanswered);
  }

  // Not in the constructor: most sessions live long, and part once.
  #part(): Parting {
    const { pattern, type } = this.#owner;
    return new Parting({
      type,
      pattern,
      pipe: this.pipe,
      exchange: this.exchange,
      state: () => this.#state,
      connection: () => this.#connection,
      detach: () => this.#detach(),
      stopHeartbeat: () => this.#stopHeartbeat(),
      destroy: () => this.destroy(),
      leave: (connection) => {
        this.#over(connection, null);
        this.#end();
        this.#close(connection);
      },
    });
  }

  get type(): WireSocketType {
    return this.#owner.type;
  }

  /** Our side of the connection is ended. */
  get shut(): boolean {
    return this.#parting?.shut === true;
  }

  /** Gives the peer nothing more, or lets it in again. False when the socket does not choose between peers. */
  isolate(on: boolean): boolean {
    return this.#attached && this.#parting === null && this.#owner.pattern.isolate(this.pipe, on);
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
    if (connection === null) return;
    // All is sent: the last of it must not be taken back.
    if (this.shut) this.#close(connection);
    else connection.destroy();
  }

  /** The end of a connection over which all is sent. */
  #close(connection: Connection): void {
    // Where nothing was sent nothing can get lost on the way out; and who sends to us should not think that we read on.
    if (sends(this.#owner.type)) connection.end();
    else connection.destroy();
  }

  #end(): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#stopTimers();
    this.#parting?.over();
    this.#approach.stop();
    this.pipe.ended = true;
    this.#detach();
    this.#gaveUp(this.pipe.outbox.clear());
    this.#owner.sessionEnded(this);
  }

  #attach(): boolean {
    if (this.#attached) return true;
    this.#attached = this.#owner.pattern.attach(this.pipe);
    if (!this.#attached) {
      const detail = `a ${this.#owner.type} socket has one peer at a time, and this one has it`;
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
    this.#report.over(connection.remote, this.info(), reason, this.#parting !== null);
  }

  /** What belongs to one connection. */
  #stopTimers(): void {
    this.#approach.clear();
    this.#stopHeartbeat();
  }

  #stopHeartbeat(): void {
    this.#heartbeat?.stop();
    this.#heartbeat = null;
  }
}
