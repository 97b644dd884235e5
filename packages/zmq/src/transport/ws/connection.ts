/**
 * A {@link Connection} over a WebSocket that is open: the frames of RFC 6455 around what a {@link StreamConnection}
 * carries. Each write goes out as one, many messages in it; a read comes in as one chunk.
 *
 * - A Close frame is the end of a direction, as FIN is for tcp: who gets one still sends what it was given, answers with a
 *   Close and ends.
 * - The peer's pings are answered while it reads; to one that does not, the last answer alone waits.
 */
import { randomFillSync } from 'node:crypto';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { ZmqError } from '../../errors.ts';
import { COMMAND_MAX } from '../../zmtp/command.ts';
import { type WebSocketEvents, WebSocketReader } from '../../zmtp/websocket-reader.ts';
import { Masks, WebSocketWriter } from '../../zmtp/websocket-writer.ts';
import { BareReader, ZwsWriter } from '../../zmtp/zws.ts';
import { StreamConnection } from '../stream.ts';
import type { Connection, ConnectionHandler } from '../transport.ts';

/** Each says what is wrong with the peer, or that we go in good order (RFC 6455, 7.4.1). */
const NORMAL = 1000;
const GOING_AWAY = 1001;
const PROTOCOL_ERROR = 1002;
/** Never sent: the Close had none. */
const NO_CODE = 1005;
const TOO_BIG = 1009;

/** When one side has ended it: how long a peer that takes nothing is waited for. */
const STUCK_MS = 30_000;

/** A message without a limit of its own has this one. */
const CEILING = 0x7fff_ffff;

/** Our name in the header of the upgrade that has the software's: User-Agent of the client, Server of the server. */
export const PRODUCT = 'zeroth-zmq';

/**
 * Octets of a TLS record. libzmq (4.3.5) reads 8 KiB at a time and forgets what its TLS library still holds of a larger
 * record until more arrives, so that the end of a burst would not.
 */
const RECORD_MAX = 8192;

/**
 * To be called when the header of the upgrade is there, with the name that the peer gives itself. libzmq gives none; browsers,
 * proxies and we do, and read records of any size: 16 KiB, as TLS has them, take a tenth less processor time.
 */
export function fitRecords(socket: Socket, product: string | readonly string[] | undefined): void {
  if (product === undefined && socket instanceof TLSSocket) socket.setMaxSendFragment(RECORD_MAX);
}

/** Octets that are encoded at a time. */
const SLICE = 262_144;

const masks = new Masks((bytes) => randomFillSync(bytes));

/** What was agreed upon when the connection was made. */
export interface Agreement {
  readonly mechanism: string;
  /** There is none: see zmtp/zws.ts. */
  readonly bare: boolean;
  /** Our side of WebSocket, which decides who masks. */
  readonly server: boolean;
  /** The limit for a message, as it is at the time. */
  readonly limits: { readonly maxMessageSize: number };
}

export class WsConnection implements Connection, ConnectionHandler {
  readonly remote: string;
  readonly local: string;
  readonly keepsBuffers: boolean = false;
  readonly negotiated: string;
  readonly #socket: Socket;
  readonly #stream: StreamConnection;
  readonly #reader: WebSocketReader;
  readonly #writer: WebSocketWriter;
  readonly #outgoing: ZwsWriter | null;
  readonly #incoming: BareReader | null;
  #handler: ConnectionHandler | null = null;
  #error: Error | null = null;
  /** A write has not been taken yet. */
  #waiting = false;
  /** The payload of a ping that came meanwhile. */
  #pong: Uint8Array | null = null;
  /** The handshake of ZMTP is done. */
  #admitted = false;
  /** Our Close is sent. */
  #shut = false;
  /** The peer's Close, or its end, came. */
  #ended = false;
  /** We do not listen any more. */
  #over = false;
  #paused = false;
  #stuck: NodeJS.Timeout | undefined;
  /** What came after `pause`, in order: the data of one chunk of the stream, the end. */
  #held: (() => void)[] = [];

  /** `head`: octets that came behind the handshake. */
  constructor(socket: Socket, head: Buffer, agreement: Agreement, remote: string, local: string) {
    this.remote = remote;
    this.local = local;
    this.negotiated = agreement.mechanism;
    this.#socket = socket;
    if (head.length > 0) socket.unshift(head);
    this.#stream = new StreamConnection(socket, remote, local);
    const { limits, server, bare } = agreement;
    const limit = (): number => {
      const size = limits.maxMessageSize < 0 ? CEILING : limits.maxMessageSize;
      // A stranger has commands to say, no more: whoever it may be, this much is put together for it.
      return this.#admitted ? size : Math.min(size, COMMAND_MAX);
    };
    this.#reader = new WebSocketReader(server, limit, this.#events());
    this.#writer = new WebSocketWriter(server ? null : masks);
    this.#outgoing = bare ? new ZwsWriter(true) : null;
    this.#incoming = this.#outgoing === null ? null : new BareReader(this.#outgoing);
  }

  start(handler: ConnectionHandler): void {
    this.#handler = handler;
    this.#stream.start(this);
  }

  admitted(): void {
    this.#admitted = true;
  }

  write(parts: readonly Uint8Array[]): boolean {
    // After the peer's Close, too, until ours: it reads on.
    if (this.#shut || this.#over) return false;
    // Not asked for: who writes waits until the last was taken.
    this.#writeRest();
    this.#writer.take(this.#outgoing === null ? parts : this.#outgoing.prepare(parts));
    return this.#writeOn();
  }

  ping(): void {
    this.#control('ping', EMPTY);
  }

  get untaken(): number {
    return this.#stream.untaken;
  }

  pause(): void {
    // Reading stops with the next data: a Close alone, which is data to TCP, has to be seen, as the end of a paused tcp is.
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    if (this.#held.length > 0) process.nextTick(() => this.#letGo());
    // The last of what was held may have led to a pause.
    else this.#stream.resume();
  }

  endWriting(): void {
    this.#sendClose(NORMAL);
    // The peer's Close came before: that was the last of it.
    if (this.#ended) this.#stream.end();
  }

  end(): void {
    this.#sendClose(NORMAL);
    this.#over = true;
    this.#stream.end();
  }

  destroy(): void {
    this.#over = true;
    this.#stream.destroy();
  }

  /**
   * Writes what the system takes. The rest is encoded when that has gone: a long queue is not in memory twice, and leaves
   * while it is in the cache.
   */
  #writeOn(): boolean {
    for (let bytes = this.#writer.next(SLICE); bytes !== null; bytes = this.#writer.next(SLICE)) {
      const taken = this.#stream.write(bytes);
      this.#writer.release(taken);
      this.#waiting = !taken;
      if (!taken) return false;
    }
    return true;
  }

  /** So that something may follow. */
  #writeRest(): void {
    const bytes = this.#writer.next(Number.POSITIVE_INFINITY);
    if (bytes === null) return;
    this.#waiting = !this.#stream.write(bytes);
    this.#writer.release(!this.#waiting);
  }

  // ---- ConnectionHandler, of the stream underneath

  onData(chunk: Uint8Array): void {
    if (this.#over || this.#ended) return;
    try {
      this.#reader.receive(chunk);
    } catch (error) {
      this.#failed(error);
    }
  }

  onDrain(): void {
    this.#waiting = false;
    this.#writer.drained();
    const pong = this.#pong;
    this.#pong = null;
    if (pong !== null) this.#control('pong', pong);
    if (this.#writeOn()) this.#handler?.onDrain();
  }

  onEnd(): void {
    // Without a Close: a process that ended. The stream does the rest.
    if (this.#ended || this.#over) return;
    this.#ended = true;
    this.#later(() => {
      if (!this.#shut && !this.#over) this.#handler?.onEnd();
    });
  }

  onClose(error: Error | null): void {
    clearTimeout(this.#stuck);
    // What came before, paused or not: who sends must learn of the end, though nobody receives.
    this.#letGo(true);
    this.#over = true;
    // Who has said goodbye may go as it likes.
    this.#handler?.onClose(this.#error ?? (this.#ended ? null : error));
  }

  // ---- what the reader finds

  #events(): WebSocketEvents {
    return {
      data: (chunk) => this.#data(chunk),
      ping: (payload) => {
        if (this.#waiting) this.#pong = payload;
        else this.#control('pong', payload);
      },
      pong: () => {
        if (!this.#over) this.#handler?.onData(EMPTY);
      },
      close: (code, reason) => {
        this.#ended = true;
        this.#later(() => this.#closed(code, reason));
      },
    };
  }

  #letGo(all = false): void {
    try {
      while ((all || !this.#paused) && this.#held.length > 0) this.#held.shift()!();
    } catch (error) {
      this.#failed(error);
    }
    if (this.#held.length === 0 && !this.#paused) this.#stream.resume();
  }

  #data(chunk: Uint8Array): void {
    if (this.#over) return;
    if (this.#paused || this.#held.length > 0) {
      this.#held.push(() => this.#deliver(chunk));
      this.#stream.pause();
    } else this.#deliver(chunk);
  }

  #deliver(chunk: Uint8Array): void {
    if (this.#over) return;
    if (this.#incoming === null) this.#handler?.onData(chunk);
    else for (const each of this.#incoming.push(chunk)) this.#handler?.onData(each);
  }

  /** In order, behind what is held. */
  #later(work: () => void): void {
    if (this.#held.length > 0) this.#held.push(work);
    else work();
  }

  #closed(code: number, reason: string): void {
    if (this.#over) return;
    if (code !== NORMAL && code !== GOING_AWAY && code !== NO_CODE) {
      const why = reason === '' ? '' : `: ${JSON.stringify(reason)}`;
      const detail = `the peer closed the WebSocket with the code ${code}${why}`;
      this.#error = new ZmqError('ERR_WEBSOCKET', { detail, address: this.remote });
    }
    if (this.#shut) {
      this.#stream.end();
      return;
    }
    this.#handler?.onEnd();
    if (this.#over) return;
    // What is on its way still goes out, in front of the answer.
    this.#sendClose(NORMAL);
    this.#socket.setTimeout(STUCK_MS, () => this.#stream.destroy());
    this.#stream.end();
  }

  // ----

  #control(opcode: 'ping' | 'pong', payload: Uint8Array): void {
    if (this.#shut || this.#ended || this.#over) return;
    if (!this.#stream.write([this.#writer.control(opcode, payload)])) this.#waiting = true;
  }

  #sendClose(code: number): void {
    if (this.#shut || this.#over) return;
    this.#shut = true;
    this.#writeRest();
    this.#stream.write([this.#writer.control('close', Uint8Array.of(code >> 8, code & 0xff))]);
  }

  #failed(error: unknown): void {
    const known = ZmqError.fromSystem(error);
    const { code, detail } = known;
    this.#error = new ZmqError(code, { address: this.remote, ...(detail === undefined ? {} : { detail }) });
    this.#sendClose(code === 'ERR_ZMTP_MESSAGE_SIZE' ? TOO_BIG : PROTOCOL_ERROR);
    this.#over = true;
    // So that the peer hears why: what it sends meanwhile is thrown away. One that does not read is not waited for.
    this.#stuck = setTimeout(() => this.#stream.destroy(), STUCK_MS).unref();
    this.#stream.end();
  }
}

const EMPTY = Buffer.alloc(0);
