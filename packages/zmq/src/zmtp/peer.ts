/**
 * One side of a ZMTP 3 connection, as a machine: bytes go in, bytes and events come out. It owns no socket, timer or
 * clock, never throws, and keeps no more than the one message that the last chunk tore.
 *
 * After the handshake a chunk is scanned once. What it holds in whole messages leaves as runs (see frame.ts), by
 * reference: one for the message that began in an earlier chunk, if any, and one for each stretch between commands.
 */
import { readU64 } from '../bytes/u64.ts';
import { view } from '../bytes/view.ts';
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
  READY,
  SUBSCRIBE,
} from './command.ts';
import { COMMAND, HEADER_MAX, LONG, MORE } from './frame.ts';
import { Handshake } from './handshake.ts';
import type { Cipher, Credentials, Mechanism, Verdict } from './mechanism/mechanism.ts';
import { bodiesOf, checkMessage, sizeAt } from './sizes.ts';
import type { WireSocketType } from './sockets.ts';
import { TornMessage } from './torn.ts';

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
  /** Since `ready`: nothing of a chunk is looked at any more when `receive` returns. */
  readonly borrows?: boolean;
  /** Says the first word. Call once, when the connection is there. */
  open(): void;
  /** Takes the next bytes from the far side. The chunk must not be written to afterwards, unless the peer `borrows`. */
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
type Stage = 'greeting' | 'handshake' | 'traffic' | 'failed';

export class ZmtpPeer implements WirePeer {
  readonly #socketType: WireSocketType;
  readonly #events: PeerEvents;
  #limit = MESSAGE_CEILING;
  #stage: Stage = 'greeting';
  /** Until traffic begins. */
  #handshake: Handshake | null;
  /** Set when what arrives is encrypted. */
  #cipher: Cipher | null = null;
  /** Where what we encrypt goes. */
  #connection: OutboxSink | null = null;
  readonly #tail = new TornMessage();

  /** Plain frames, out of what was encrypted. */
  readonly #opened = (plain: Uint8Array): void => {
    if (this.#stage === 'traffic') this.#receiveFrames(plain, 0);
  };

  constructor(options: PeerOptions, events: PeerEvents) {
    this.#socketType = options.socketType;
    this.#events = events;
    this.#handshake = new Handshake(options, events);
    this.maxMessageSize = options.maxMessageSize;
  }

  /** Holds for the next frame on. */
  set maxMessageSize(size: number) {
    this.#limit = size < 0 ? MESSAGE_CEILING : Math.min(size, MESSAGE_CEILING);
  }

  /** What is encrypted is decrypted to memory of its own. */
  get borrows(): boolean {
    return this.#cipher !== null;
  }

  /** Says the first word. Call once, when the connection is there. */
  open(): void {
    this.#proceed(() => {
      this.#handshake?.open();
      this.#advance();
    });
  }

  /** Takes the next bytes from the far side. The chunk must not be written to afterwards. */
  receive(chunk: Uint8Array): void {
    try {
      if (this.#cipher !== null) {
        if (this.#stage === 'traffic') this.#openFrames(this.#cipher, chunk);
        return;
      }
      let at = 0;
      if (this.#stage === 'greeting') {
        at = this.#handshake!.receiveGreeting(chunk);
        this.#advance();
      }
      if (this.#stage === 'traffic' || this.#stage === 'handshake') this.#receiveFrames(chunk, at);
    } catch (error) {
      this.#fail(error);
    }
  }

  decide(verdict: Verdict): void {
    const handshake = this.#handshake;
    if (handshake === null || this.#stage === 'failed') return;
    this.#proceed(() => {
      handshake.decide(verdict);
      this.#advance();
    });
  }

  sink(connection: OutboxSink): OutboxSink {
    const cipher = this.#cipher;
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
    const cipher = this.#cipher;
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
    this.#handshake?.close();
    this.#handshake = null;
    this.#cipher?.close();
    this.#cipher = null;
    this.#connection = null;
    this.#tail.bytes = null;
  }

  /** What goes wrong ends the connection, once. */
  #proceed(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.#stage = 'failed';
    this.#tail.bytes = null;
    this.#events.failed(ZmqError.fromSystem(error));
  }

  /** After each step of the handshake: on to the next stage, if it is time. */
  #advance(): void {
    const handshake = this.#handshake;
    if (handshake === null || this.#stage === 'failed') return;
    if (handshake.greeted) this.#stage = 'handshake';
    const { peer, cipher } = handshake;
    if (peer === null) return;
    // What came in the clear must not become the beginning of what is encrypted.
    if (cipher !== null && this.#tail.bytes !== null) throw early();
    this.#stage = 'traffic';
    this.#cipher = cipher;
    // What the peer said of itself, and we of ourselves, may be large.
    this.#handshake = null;
    this.#events.ready(peer);
  }

  /** The hot loop: finds the ends of messages, and touches no body. */
  #receiveFrames(chunk: Uint8Array, from: number): void {
    let at = from;
    if (this.#tail.bytes !== null) {
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
          if (at - messageStart > limit && bodiesOf(chunk, messageStart, at) > limit) break;
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
        this.#tail.begin();
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

  /** Takes the command at `at`. Returns where it ends, or -1 when it is not all there. */
  #receiveCommand(bytes: Uint8Array, at: number, end: number): number {
    const size = sizeAt(bytes, at, end, this.#limit);
    if (size < 0) return -1;
    const body = at + (bytes[at]! & LONG ? HEADER_MAX : 2);
    if (body + size > end) return -1;
    const command =
      parseCommand(bytes, body, body + size) ??
      this.#handshake?.misspelt(view(bytes, body, body + size)) ??
      null;
    if (command === null) {
      throw new ZmqError('ERR_ZMTP_MALFORMED_COMMAND_UNSPECIFIED', {
        detail: 'a command without a whole name',
      });
    }
    if (this.#handshake === null) this.#trafficCommand(command);
    else {
      this.#handshake.receive(command);
      this.#advance();
    }
    return body + size;
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
    } else if (this.#socketType === 'RADIO') {
      if (name === JOIN || name === LEAVE) this.#events.subscription(data, name === JOIN);
    } else if (name === SUBSCRIBE || name === CANCEL) {
      this.#events.subscription(data, name === SUBSCRIBE);
    }
    // PONG counts as traffic, which the session notes anyway; commands that we don't know are for others.
  }

  /**
   * Takes bytes of `chunk` from `at` on into the torn message until it is whole (then it is delivered) or the chunk is
   * used up. Returns where the rest of the chunk begins. Each octet is copied once, however many frames there are.
   */
  #completeTail(chunk: Uint8Array, from: number): number {
    const tail = this.#tail;
    const stranger = this.#handshake !== null;
    let at = from;
    for (;;) {
      if (at >= chunk.length) return at;
      // The header: straight from the chunk where it is all there, else put together in the tail.
      const torn = tail.frameAt < tail.length;
      const flags = torn ? tail.bytes![tail.frameAt]! : chunk[at]!;
      const header = flags & LONG ? HEADER_MAX : 2;
      if (torn) at = tail.take(chunk, at, tail.frameAt + header, stranger);
      const size = torn
        ? sizeAt(tail.bytes!, tail.frameAt, tail.length, this.#limit)
        : sizeAt(chunk, at, chunk.length, this.#limit);
      if (size < 0) return torn ? at : tail.take(chunk, at, tail.frameAt + header, stranger);
      const next = tail.frameAt + header + size;
      if ((flags & COMMAND) === 0) {
        if (this.#stage !== 'traffic') throw early();
        const bodies = tail.bodies + size;
        checkMessage(bodies, next - bodies, this.#limit);
      }
      at = tail.take(chunk, at, next, stranger);
      if (tail.length < next) return at;
      if (flags & COMMAND) {
        // libzmq may put a PING between the frames of a message: it is cut out, so that the message stays one slice.
        tail.length = tail.frameAt;
        const command = Buffer.from(tail.bytes!.subarray(tail.frameAt, next));
        if (tail.frameAt === 0) tail.bytes = null;
        this.#receiveCommand(command, 0, command.length);
        if (tail.bytes === null) return at;
        continue;
      }
      tail.bodies += size;
      tail.frameAt = next;
      if ((flags & MORE) === 0) {
        const whole = tail.bytes!;
        tail.bytes = null;
        this.#deliver(whole, 0, next, 1);
        return at;
      }
    }
  }
}

function early(): ZmqError {
  return new ZmqError('ERR_ZMTP_INVALID_SEQUENCE', {
    detail: 'a message arrived before the handshake was complete',
  });
}
