/**
 * What the rest of the package knows of a transport: a connection carries bytes in order, says when the operating
 * system has taken what was written, and ends once. Nothing here knows about ZMTP.
 */

/** Receives what happens on a {@link Connection}. All calls come from the event loop, never from inside `write`. */
export interface ConnectionHandler {
  /**
   * Bytes from the peer. The chunk belongs to the receiver from now on: the transport never writes to it again. After
   * `lend` it is the receiver's until the call returns.
   */
  onData(chunk: Uint8Array): void;
  /** Everything that was given to `write` is with the operating system. Follows each `write` that returned false. */
  onDrain(): void;
  /**
   * The peer sends nothing more. What was given to `write` still goes out where the peer takes it, nothing new does;
   * `onClose` follows. Not called when the connection breaks, or after our own `end` or `destroy`.
   */
  onEnd(): void;
  /** The connection is gone: exactly once, nothing follows. `null` when the peer or we ended it in good order. */
  onClose(error: Error | null): void;
}

/** One established connection. Delivers nothing before `start`. */
export interface Connection {
  /** Endpoint of the far side where it is known (`tcp://10.0.0.7:51234`), else the endpoint dialled or bound. */
  readonly remote: string;
  /** Endpoint of this side: the bound endpoint for an accepted connection. */
  readonly local: string;
  /** Octets of `write` that the system has not taken yet; absent where it takes all at once. */
  readonly untaken?: number;
  /**
   * True when the transport passes the very buffers to the other side (inproc). The receiver owns its chunks, so the
   * writer must never write into such a buffer again, not even after `onDrain`.
   */
  readonly keepsBuffers: boolean;
  /**
   * The mechanism that both sides agreed upon before the first byte: then there is no greeting, the peer counts as one of
   * ZMTP 3.0, and heartbeats are the transport's own (RFC 45). Absent: ZMTP begins with a greeting.
   */
  readonly negotiated?: string;
  /** Carries datagrams, not a stream: see udp.ts for what is written and what arrives. Nobody shakes hands. */
  readonly datagrams?: boolean;
  /** Asks for a sign of life, which arrives as a chunk without bytes. There where `negotiated` is, and pings can be sent. */
  ping?(): void;
  /** The handshake of ZMTP is done. For a transport that puts messages together itself: until now only small ones come. */
  admitted?(): void;
  /** From now on chunks may be memory that is used again: who receives is done with one when `onData` returns. */
  lend?(): void;
  start(handler: ConnectionHandler): void;
  /**
   * Hands over bytes, in order. True: the operating system took all of it at once and the buffers are free to be
   * reused. False: the transport keeps the buffers (do not touch them) until `onDrain`. May be called again before
   * `onDrain`; the parts queue.
   */
  write(parts: readonly Uint8Array[]): boolean;
  /** Stop reading: bytes stay with the operating system. A chunk already on its way may still arrive. */
  pause(): void;
  resume(): void;
  /** Send what is queued, then tell the peer that nothing follows. Reading goes on until it ends too; then `onClose`. */
  endWriting(): void;
  /** Send what is queued, then close. `onClose` follows. */
  end(): void;
  /** Close now. `onClose` follows asynchronously. No-op when closed. */
  destroy(): void;
}

/** A bound endpoint. */
export interface Listener {
  /** The resolved endpoint (a real port in place of 0 or `*`). `null` until it is known. */
  readonly endpoint: string | null;
  /** Settles when the endpoint accepts connections, or rejects with a ZmqError. Bind to an IP address, a path or an
   * inproc name is complete, or has failed, when `listen` returns (see `error`); only a path where something is already
   * takes longer. */
  readonly ready: Promise<void>;
  /** Why it failed, when that is known already. */
  readonly error: Error | null;
  /** Stops accepting; accepted connections stay open. Resolves when the port or path is free again. */
  close(): Promise<void>;
}

/** Options that reach the operating system. Units: milliseconds unless said otherwise. Defaults are libzmq's. */
export interface TransportOptions {
  /** Length of the queue of connections not yet accepted. */
  backlog: number;
  /** Give up a connection attempt after this long; 0: leave it to the operating system. */
  connectTimeout: number;
  /** Allow IPv6 names and addresses; with `*` bind both families. */
  ipv6: boolean;
  /** SO_KEEPALIVE: -1 system default, 0 off, 1 on. */
  tcpKeepalive: number;
  /** Seconds before the first keep-alive probe; -1: system default. */
  tcpKeepaliveIdle: number;
  /** Limit for one message in octets, below 0: none; where the transport can refuse it before it is all there. */
  maxMessageSize: number;
  /** How long a handshake of the transport's own may take (ws, wss); 0: any time. */
  handshakeInterval: number;
  /** The mechanism to offer, for a transport that agrees upon it (see `negotiated`). */
  readonly mechanism: 'NULL' | 'PLAIN' | 'CURVE';
  /** PEM texts, trust, names and origins of wss and ws: see socket/options.ts. */
  wssKeyPem: string | null;
  wssCertPem: string | null;
  wssTrustPem: string | null;
  wssHostname: string | null;
  wssTrustSystem: boolean;
  wsOrigins: string | null;
}

/** Called once with a connection or with the reason why there is none; never synchronously from `dial`. */
export type DialCallback = (error: Error | null, connection: Connection | null) => void;

export interface Transport {
  /** Address forms are checked before: see `parseEndpoint`. `accept` may be called as soon as `listen` returned. */
  listen(
    endpoint: string,
    options: TransportOptions,
    accept: (connection: Connection) => void,
    /** An accept that failed (for example EMFILE); the listener goes on. */
    onError: (error: Error) => void,
  ): Listener;
  /** Starts one attempt. Returns a function that cancels it (then `done` is not called). */
  dial(endpoint: string, options: TransportOptions, done: DialCallback): () => void;
}
