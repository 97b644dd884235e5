/**
 * One side of a ZMTP 3 connection, as a machine: bytes go in, bytes and events come out. It owns no socket, timer or
 * clock, never throws, and keeps no more than the one message that the last chunk tore.
 *
 * After the handshake a chunk is scanned once. What it holds in whole messages leaves as runs (see frame.ts), by
 * reference: one for the message that began in an earlier chunk, if any, and one for each stretch between commands.
 */
import { readU64 } from '../bytes/u64.ts';
import { allocate, view } from '../bytes/view.ts';
import { ZmqError } from '../errors.ts';
import {
  CANCEL,
  COMMAND_MAX,
  type Command,
  ERROR,
  encodeCommand,
  JOIN,
  LEAVE,
  PING,
  PONG,
  parseCommand,
  printable,
  READY,
  SUBSCRIBE,
} from './command.ts';
import { COMMAND, HEADER_MAX, LONG, MORE } from './frame.ts';
import { encodeGreeting, GREETING_VERSION_END, GreetingReader } from './greeting.ts';
import { asLibzmq, fromLibzmq } from './mechanism/libzmq-error.ts';
import type { Cipher, Credentials, Mechanism, Verdict } from './mechanism/mechanism.ts';
import { compatible, partners, type WireSocketType } from './sockets.ts';

/** What the far side said of itself. */
export interface PeerIdentity {
  readonly socketType: WireSocketType;
  /** Its Identity property; empty when it gave none. */
  readonly routingId: Buffer;
  /** Minor version of ZMTP 3: 0 or 1 (a higher one counts as 1). */
  readonly minor: number;
  readonly metadata: ReadonlyMap<string, Buffer>;
  /** It can't say what it wants, and gets everything. */
  readonly silent?: true;
}

/** Where the engine reports. None of the calls may throw. */
export interface PeerEvents {
  /** Bytes for the far side, to be sent in the order of the calls. */
  output(bytes: Uint8Array): void;
  /** Somebody has to decide whether this client is let in, and say so with `decide`. */
  authenticate(credentials: Credentials): void;
  /** The handshake is complete: messages may flow. */
  ready(identity: PeerIdentity): void;
  /** `bytes[start, end)` holds `count` whole messages. The memory is the receiver's from now on. */
  messages(bytes: Uint8Array, start: number, end: number, count: number): void;
  /** A SUBSCRIBE (or CANCEL) command; for a RADIO: JOIN or LEAVE. The topic is a view. */
  subscription(topic: Buffer, subscribe: boolean): void;
  /** A PING with a time-to-live in milliseconds: without traffic for that long the far side wants to be given up. */
  ping(timeToLive: number): void;
  /** The far side broke the rules. Nothing follows; close the connection. */
  failed(error: ZmqError): void;
}

/**
 * One side of a connection, whatever it speaks: bytes in, events and bytes out. A session knows no more of it than this.
 */
export interface WirePeer {
  /** Holds for the next frame on. */
  maxMessageSize: number;
  /** Says the first word. Call once, when the connection is there. */
  open(): void;
  /** Takes the next bytes from the far side. The chunk must not be written to afterwards. */
  receive(chunk: Uint8Array): void;
  /** The answer to `PeerEvents.authenticate`. */
  decide(verdict: Verdict): void;
  /** Where the outbox writes: the connection itself, or what encrypts on the way to it. Call when `ready`. */
  sink(connection: OutboxSink): OutboxSink;
  /** The system has taken what was written. True: that was all; false: more was, and this is called again. */
  drained?(): boolean;
  /** The connection is gone: wipes keys. */
  close(): void;
}

export interface PeerOptions {
  readonly socketType: WireSocketType;
  readonly mechanism: Mechanism;
  /** Limit for the bodies of one message together, in octets; below 0: no limit but {@link MESSAGE_CEILING}. */
  readonly maxMessageSize: number;
  /** There is no greeting: the transport agreed upon the mechanism (RFC 45). Default false. */
  readonly negotiated?: boolean;
}

/** Where frames go. */
export interface OutboxSink {
  /** True: taken by the operating system, the memory is free. False: `drained` of the outbox is called later. */
  write(parts: readonly Uint8Array[]): boolean;
  /** The sink passes the memory itself on: it must never be written again. */
  readonly keepsBuffers: boolean;
}

/** What a message may hold where no limit was set: a buffer can't be much larger. */
export const MESSAGE_CEILING = 0x7fff_ffff;
/** Octets that headers may take in one message, so that an endless row of empty frames ends too. */
const HEADER_ALLOWANCE = 1 << 20;
/** A torn message up to this size gets its memory at once; a larger one as it arrives, doubling. */
const ALLOCATE_AT_ONCE = 1 << 20;
/** Torn messages up to this size share a slab. */
const POOLED = 2048;

type Stage = 'greeting' | 'handshake' | 'traffic' | 'failed';

export class ZmtpPeer implements WirePeer {
  readonly #options: PeerOptions;
  readonly #events: PeerEvents;
  #limit = MESSAGE_CEILING;
  readonly #hello: Buffer;
  readonly #greeting = new GreetingReader();
  #stage: Stage = 'greeting';
  #minor = 1;
  /** The peer may be libzmq, whose ERROR of PLAIN has another form. */
  #libzmq = false;
  /** Somebody was asked about the peer. */
  #asked = false;
  /** Set when what arrives is encrypted. */
  #cipher: Cipher | null = null;
  /** Where what we encrypt goes. */
  #connection: OutboxSink | null = null;

  /** Plain frames, out of what was encrypted. */
  readonly #opened = (plain: Uint8Array): void => {
    if (this.#stage === 'traffic') this.#receiveFrames(plain, 0);
  };

  // The torn message: #tail[0, #tailLength) are its bytes so far, #frameAt is where its next frame begins and
  // #bodies the sum of its bodies before that frame.
  #tail: Buffer | null = null;
  #tailLength = 0;
  #frameAt = 0;
  #bodies = 0;

  constructor(options: PeerOptions, events: PeerEvents) {
    this.#options = options;
    this.#events = events;
    this.#hello = encodeGreeting(options.mechanism.name, options.mechanism.asServer);
    this.maxMessageSize = options.maxMessageSize;
  }

  /** Holds for the next frame on. */
  set maxMessageSize(size: number) {
    this.#limit = size < 0 ? MESSAGE_CEILING : Math.min(size, MESSAGE_CEILING);
  }

  /** Begins the greeting. Call once, when the connection is there. */
  open(): void {
    if (this.#options.negotiated === true) {
      this.#minor = 0;
      this.#stage = 'handshake';
      this.#proceed(() => this.#shakeHands());
      return;
    }
    // The rest follows when the peer's version is known (RFC 37, Version Negotiation). libzmq sends its mechanism then,
    // and closes without a word when it sees a wrong one first: in this order we can tell what was wrong.
    this.#events.output(this.#hello.subarray(0, GREETING_VERSION_END));
  }

  /** Takes the next bytes from the far side. The chunk must not be written to afterwards. */
  receive(chunk: Uint8Array): void {
    try {
      if (this.#cipher !== null) {
        if (this.#stage === 'traffic') this.#openFrames(this.#cipher, chunk);
        return;
      }
      let at = 0;
      if (this.#stage === 'greeting') at = this.#receiveGreeting(chunk);
      if (this.#stage === 'traffic' || this.#stage === 'handshake') this.#receiveFrames(chunk, at);
    } catch (error) {
      this.#stage = 'failed';
      this.#tail = null;
      this.#events.failed(ZmqError.fromSystem(error));
    }
  }

  decide(verdict: Verdict): void {
    if (this.#stage !== 'handshake') return;
    this.#proceed(() => {
      this.#options.mechanism.decide(verdict);
      this.#shakeHands();
      const { status } = verdict;
      if (status === 200) return;
      const detail = `the peer was not let in: the answer of who was asked about it is ${status}`;
      throw new ZmqError('ERR_AUTHENTICATION', { detail, status });
    });
  }

  sink(connection: OutboxSink): OutboxSink {
    const { cipher } = this.#options.mechanism;
    if (cipher === null) return connection;
    this.#connection = connection;
    return {
      keepsBuffers: false,
      write: (parts) => {
        cipher.take(parts);
        return this.drained();
      },
    };
  }

  drained(): boolean {
    const connection = this.#connection;
    const { cipher } = this.#options.mechanism;
    if (connection === null || cipher === null) return true;
    let done = false;
    this.#proceed(() => {
      // What the system takes at once is followed by more; else the rest waits until it has been taken.
      for (let sealed = cipher.seal(); sealed !== null; sealed = cipher.seal()) {
        if (!connection.write(sealed)) return;
      }
      done = true;
    });
    return done;
  }

  close(): void {
    this.#stage = 'failed';
    this.#cipher = null;
    this.#connection = null;
    this.#tail = null;
    this.#options.mechanism.close();
  }

  /** What goes wrong ends the connection, once. */
  #proceed(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#stage = 'failed';
      this.#tail = null;
      this.#events.failed(ZmqError.fromSystem(error));
    }
  }

  #receiveGreeting(chunk: Uint8Array): number {
    const knew = this.#greeting.versionKnown;
    const taken = this.#greeting.push(chunk);
    if (!knew && this.#greeting.versionKnown) this.#events.output(this.#hello.subarray(GREETING_VERSION_END));
    if (this.#greeting.done) {
      const { mechanism, minor, asServer, padded } = this.#greeting.result();
      const { name: ours, asServer: serves } = this.#options.mechanism;
      if (mechanism !== ours) {
        const detail = `the peer wants ${mechanism}, this socket ${ours}: give both the same security options`;
        throw new ZmqError('ERR_ZMTP_MECHANISM_MISMATCH', { detail });
      }
      // libzmq announces 0 in either role, so that only this much can be told.
      if (serves && asServer) {
        const detail = `both sides are ${ours} servers: one of them has to be the client`;
        throw new ZmqError('ERR_ZMTP_MECHANISM_MISMATCH', { detail });
      }
      this.#minor = Math.min(minor, 1);
      this.#libzmq = padded && ours === 'PLAIN';
      this.#stage = 'handshake';
      this.#shakeHands();
    }
    return taken;
  }

  #shakeHands(): void {
    const { mechanism } = this.#options;
    for (let bytes = mechanism.next(); bytes !== null; bytes = mechanism.next())
      this.#events.output(this.#libzmq ? asLibzmq(bytes) : bytes);
    const { metadata, credentials } = mechanism;
    if (credentials !== null && !this.#asked) {
      this.#asked = true;
      this.#events.authenticate(credentials);
      return;
    }
    if (metadata === null || this.#stage !== 'handshake') return;
    const socketType = metadata.get('socket-type')?.toString('latin1') ?? '';
    const ours = this.#options.socketType;
    if (!compatible(ours, socketType)) {
      const theirs =
        socketType === '' ? 'a peer without a Socket-Type' : `a ${printable(socketType.slice(0, 32))}`;
      const detail = `${theirs} connected to a ${ours}, which talks to ${partners(ours).join(', ')}`;
      throw new ZmqError('ERR_ZMTP_SOCKET_TYPE', { detail });
    }
    const routingId = metadata.get('identity') ?? Buffer.alloc(0);
    // RFC 28, The ROUTER Socket Type: at most 255 octets; a first octet of zero is reserved for generated ids.
    if (routingId.length > 255) {
      throw new ZmqError('ERR_ZMTP_INVALID_METADATA', {
        detail: `an Identity of ${routingId.length} octets; at most 255`,
      });
    }
    // What came in the clear must not become the beginning of what is encrypted.
    if (mechanism.cipher !== null && this.#tail !== null) throw early();
    this.#stage = 'traffic';
    this.#cipher = mechanism.cipher;
    // Copied: the property is a view into a chunk that would be kept alive for as long as the peer.
    this.#events.ready({ socketType, routingId: Buffer.from(routingId), minor: this.#minor, metadata });
  }

  /** The hot loop: finds the ends of messages, and touches no body. */
  #receiveFrames(chunk: Uint8Array, from: number): void {
    let at = from;
    if (this.#tail !== null) {
      const shaking = this.#stage === 'handshake';
      at = this.#completeTail(chunk, from);
      if (shaking && this.#turned(chunk, at)) return;
    }
    const end = chunk.length;
    const limit = this.#limit;
    while (at < end) {
      const start = at;
      let messageStart = at;
      let count = 0;
      let command = false;
      while (at < end) {
        const flags = chunk[at]!;
        let next: number;
        if (flags <= MORE) {
          if (at + 2 > end) break;
          next = at + 2 + chunk[at + 1]!;
        } else {
          if (flags & COMMAND) {
            // Between messages only: inside one it is taken out by the tail, which can move bytes.
            if (at === messageStart) command = true;
            break;
          }
          // Incomplete, or over the limit: the tail deals with it, after what is in front of it was delivered.
          if ((flags & LONG) !== 0 && at + HEADER_MAX > end) break;
          if (at + 2 > end) break;
          const size = flags & LONG ? readU64(chunk, at + 1) : chunk[at + 1]!;
          if (size > limit) break;
          next = at + (flags & LONG ? HEADER_MAX : 2) + size;
        }
        if (next > end) break;
        at = next;
        if ((flags & MORE) === 0) {
          if (at - messageStart > limit && this.#bodiesOf(chunk, messageStart, at) > limit) break;
          count++;
          messageStart = at;
        }
      }
      if (count > 0) this.#deliver(chunk, start, messageStart, count);
      if (command) {
        const shaking = this.#stage === 'handshake';
        const next = this.#receiveCommand(chunk, messageStart, end);
        if (next >= 0) {
          if (shaking && this.#turned(chunk, next)) return;
          at = next;
          continue;
        }
      }
      if (messageStart < end) {
        this.#startTail();
        at = this.#completeTail(chunk, messageStart);
      }
    }
  }

  #openFrames(cipher: Cipher, bytes: Uint8Array): void {
    // What is inside may be a command, which has a limit of its own.
    cipher.open(bytes, Math.max(this.#limit, COMMAND_MAX), this.#opened);
  }

  /** After a command of the handshake: true when the rest of the chunk is not to be scanned as it is. */
  #turned(chunk: Uint8Array, at: number): boolean {
    if (this.#stage === 'failed') return true;
    if (this.#cipher === null) return false;
    if (at < chunk.length) this.#openFrames(this.#cipher, view(chunk, at, chunk.length));
    return true;
  }

  #deliver(bytes: Uint8Array, start: number, end: number, count: number): void {
    if (this.#stage !== 'traffic') throw early();
    this.#events.messages(bytes, start, end, count);
  }

  /** Size of the body of the frame at `at`, checked against the limit, or -1 when its header is not complete. */
  #sizeAt(bytes: Uint8Array, at: number, end: number): number {
    // libzmq takes reserved bits without a word, so they are ignored here as well.
    const flags = bytes[at]!;
    if ((flags & LONG) === 0) return at + 2 > end ? -1 : bytes[at + 1]!;
    if (at + HEADER_MAX > end) return -1;
    const size = readU64(bytes, at + 1);
    const limit = flags & COMMAND ? COMMAND_MAX : this.#limit;
    if (size > limit) throw this.#tooLarge(flags & COMMAND ? 'a command' : 'a frame', size, limit);
    return size;
  }

  #bodiesOf(bytes: Uint8Array, start: number, end: number): number {
    let bodies = 0;
    for (let at = start; at < end; ) {
      const long = bytes[at]! & LONG;
      const size = long ? readU64(bytes, at + 1) : bytes[at + 1]!;
      bodies += size;
      at += (long ? HEADER_MAX : 2) + size;
    }
    return bodies;
  }

  #tooLarge(what: string, size: number, limit: number): ZmqError {
    const number = Number.isFinite(size) ? String(size) : 'more than 2^53';
    const name = what === 'a command' ? '' : ' (maxMessageSize)';
    const detail = `${what} of ${number} octets; the limit is ${limit}${name}`;
    return new ZmqError('ERR_ZMTP_MESSAGE_SIZE', { detail });
  }

  /** Takes the command at `at`. Returns where it ends, or -1 when it is not all there. */
  #receiveCommand(bytes: Uint8Array, at: number, end: number): number {
    const size = this.#sizeAt(bytes, at, end);
    if (size < 0) return -1;
    const body = at + (bytes[at]! & LONG ? HEADER_MAX : 2);
    if (body + size > end) return -1;
    const command =
      parseCommand(bytes, body, body + size) ??
      (this.#libzmq && this.#stage === 'handshake' ? fromLibzmq(view(bytes, body, body + size)) : null);
    if (command === null) {
      throw new ZmqError('ERR_ZMTP_MALFORMED_COMMAND_UNSPECIFIED', {
        detail: 'a command without a whole name',
      });
    }
    if (this.#stage === 'handshake') this.#handshakeCommand(command);
    else this.#trafficCommand(command);
    return body + size;
  }

  #handshakeCommand(command: Command): void {
    if (command.name === ERROR) {
      const { data } = command;
      if (data.length < 1 || data.length < 1 + data[0]!) {
        throw new ZmqError('ERR_ZMTP_MALFORMED_COMMAND_ERROR', {
          detail: 'an ERROR command without a whole reason',
        });
      }
      const reason = printable(data.toString('latin1', 1, 1 + data[0]!));
      // RFC 27, Reply: what who was asked about us said.
      if (/^[345]00$/.test(reason)) {
        const detail = `the peer did not let us in: the answer of who it asked about us is ${reason}`;
        throw new ZmqError('ERR_AUTHENTICATION', { detail, status: Number(reason) });
      }
      throw new ZmqError('ERR_ZMTP_PEER_ERROR', { detail: `the peer gave the reason "${reason}"` });
    }
    this.#options.mechanism.receive(command);
    this.#shakeHands();
  }

  #trafficCommand(command: Command): void {
    const { name, data } = command;
    if (name === PING) {
      if (data.length < 2 || data.length > 18) {
        const detail = `a PING with ${data.length} octets; it has a TTL of 2 and a context of 0 to 16`;
        throw new ZmqError('ERR_ZMTP_MALFORMED_COMMAND_UNSPECIFIED', { detail });
      }
      this.#events.output(encodeCommand(PONG, view(data, 2, data.length)));
      this.#events.ping(data.readUInt16BE(0) * 100);
    } else if (name === READY || name === ERROR) {
      throw new ZmqError('ERR_ZMTP_UNEXPECTED_COMMAND', { detail: `${name} after the handshake` });
    } else if (this.#options.socketType === 'RADIO') {
      if (name === JOIN || name === LEAVE) this.#events.subscription(data, name === JOIN);
    } else if (name === SUBSCRIBE || name === CANCEL) {
      this.#events.subscription(data, name === SUBSCRIBE);
    }
    // PONG counts as traffic, which the session notes anyway; commands that we don't know are for others.
  }

  #startTail(): void {
    this.#tailLength = 0;
    this.#frameAt = 0;
    this.#bodies = 0;
  }

  /**
   * Takes bytes of `chunk` from `at` on into the torn message until it is whole (then it is delivered) or the chunk is
   * used up. Returns where the rest of the chunk begins. Each octet is copied once, however many frames there are.
   */
  #completeTail(chunk: Uint8Array, from: number): number {
    let at = from;
    for (;;) {
      if (at >= chunk.length) return at;
      // The header: straight from the chunk where it is all there, else put together in the tail.
      const torn = this.#frameAt < this.#tailLength;
      const flags = torn ? this.#tail![this.#frameAt]! : chunk[at]!;
      const header = flags & LONG ? HEADER_MAX : 2;
      if (torn) at = this.#take(chunk, at, this.#frameAt + header);
      const size = torn
        ? this.#sizeAt(this.#tail!, this.#frameAt, this.#tailLength)
        : this.#sizeAt(chunk, at, chunk.length);
      if (size < 0) return torn ? at : this.#take(chunk, at, this.#frameAt + header);
      const next = this.#frameAt + header + size;
      if ((flags & COMMAND) === 0) {
        if (this.#stage !== 'traffic') throw early();
        const bodies = this.#bodies + size;
        if (bodies > this.#limit) throw this.#tooLarge('a message', bodies, this.#limit);
        if (next - bodies > HEADER_ALLOWANCE) {
          const detail = 'a message of too many frames: their headers alone take more than 1 MiB';
          throw new ZmqError('ERR_ZMTP_MESSAGE_SIZE', { detail });
        }
      }
      at = this.#take(chunk, at, next);
      if (this.#tailLength < next) return at;
      if (flags & COMMAND) {
        // libzmq may put a PING between the frames of a message: it is cut out, so that the message stays one slice.
        this.#tailLength = this.#frameAt;
        const command = Buffer.from(this.#tail!.subarray(this.#frameAt, next));
        if (this.#frameAt === 0) this.#tail = null;
        this.#receiveCommand(command, 0, command.length);
        if (this.#tail === null) return at;
        continue;
      }
      this.#bodies += size;
      this.#frameAt = next;
      if ((flags & MORE) === 0) {
        const whole = this.#tail!;
        this.#tail = null;
        this.#deliver(whole, 0, next, 1);
        return at;
      }
    }
  }

  /** Copies from `chunk` until the tail holds `target` octets or the chunk is used up; returns the new position. */
  #take(chunk: Uint8Array, at: number, target: number): number {
    const missing = Math.min(target - this.#tailLength, chunk.length - at);
    if (missing <= 0) return at;
    const needed = this.#tailLength + missing;
    let tail = this.#tail;
    if (tail === null || tail.length < needed) {
      // Memory follows what has arrived, not what a header claims: all of it at once only up to 1 MiB.
      const claimed = Math.min(target, Math.max(2 * needed, ALLOCATE_AT_ONCE));
      // Doubling, so that a message of many frames is not copied once for each of them.
      const size = tail === null ? claimed : Math.max(claimed, 2 * tail.length);
      // Small ones from Node's pool, which is ten times cheaper than memory of their own.
      const grown = size <= POOLED ? Buffer.allocUnsafe(size) : allocate(size);
      if (tail !== null) grown.set(tail.subarray(0, this.#tailLength));
      tail = grown;
      this.#tail = tail;
    }
    tail.set(view(chunk, at, at + missing), this.#tailLength);
    this.#tailLength = needed;
    return at + missing;
  }
}

function early(): ZmqError {
  return new ZmqError('ERR_ZMTP_INVALID_SEQUENCE', {
    detail: 'a message arrived before the handshake was complete',
  });
}
