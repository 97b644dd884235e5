/**
 * ws and wss in a web page or a worker: ZWS 2.0 (RFC 45) over the browser's own WebSocket.
 *
 * - A page connects and can't bind. It is not told why a connection failed, nor can it ping: the other side may.
 * - What was given to WebSocket counts as taken up to {@link WINDOW} octets that it has not sent yet; beyond that the
 *   writer waits, and the browser is asked again and again, because it tells nobody when they are gone.
 * - Nor can a browser be told to stop reading. What comes while the socket is paused is kept here, up to
 *   {@link KEPT_MAX} octets; a peer that sends more is parted from.
 */
import { ZmqError } from '../errors.ts';
import { formatEndpoint, parseEndpoint } from '../transport/endpoint.ts';
import type {
  Connection,
  ConnectionHandler,
  DialCallback,
  Listener,
  Transport,
  TransportOptions,
} from '../transport/transport.ts';
import { offeredProtocols, readProtocol, ZwsReader, ZwsWriter } from '../zmtp/zws.ts';

/** Octets with the browser that don't hold up the writer. */
const WINDOW = 1 << 20;
/** How often a writer that waits looks whether they are gone, in ms. */
const POLL_MS = 4;
/** Octets that may wait while nobody receives. */
const KEPT_MAX = 64 << 20;

/** As much of the browser's WebSocket as is used. */
interface PageSocket {
  binaryType: 'arraybuffer';
  readonly bufferedAmount: number;
  readonly protocol: string;
  readonly readyState: number;
  onopen: (() => void) | null;
  onmessage: ((event: { readonly data: ArrayBuffer | string }) => void) | null;
  onclose:
    | ((event: { readonly code: number; readonly reason: string; readonly wasClean: boolean }) => void)
    | null;
  send(bytes: Uint8Array): void;
  close(): void;
}

declare const WebSocket: new (url: string, protocols: readonly string[]) => PageSocket;

/** `readyState` from which on nothing can be sent. */
const CLOSING = 2;
/** How an orderly end is told; 1005: without a code. */
const ORDERLY: ReadonlySet<number> = new Set([1000, 1001, 1005]);

export const wsTransport: Transport = { listen, dial };

function listen(address: string): Listener {
  const detail =
    'a web page can not be connected to: bind in a process, and connect to that; between sockets of one page there is inproc';
  throw new ZmqError('ENOTSUP', { address, detail });
}

function dial(address: string, options: TransportOptions, done: DialCallback): () => void {
  let socket: PageSocket | null = null;
  let timer: NodeJS.Timeout | undefined;
  const settle = (error: ZmqError | null, connection: Connection | null): void => {
    clearTimeout(timer);
    if (socket !== null) {
      socket.onopen = null;
      if (connection === null) letGo(socket);
    }
    socket = null;
    done(error, connection);
  };
  try {
    socket = open(address, offeredProtocols(options.mechanism, true));
  } catch (cause) {
    const detail = `the browser refuses to connect: ${cause instanceof Error ? cause.message : String(cause)}`;
    const error = new ZmqError('ERR_WEBSOCKET', { address, detail, cause });
    const refused = setImmediate(() => done(error, null));
    return () => clearImmediate(refused);
  }
  const dialled = socket;
  dialled.onopen = () => {
    const agreed = readProtocol(dialled.protocol);
    if (agreed !== null) settle(null, new PageConnection(dialled, address, agreed));
    else
      settle(
        new ZmqError('ERR_WEBSOCKET', { address, detail: 'the other side chose no subprotocol of ours' }),
        null,
      );
  };
  dialled.onclose = ({ code }) => {
    // Whatever it was, a page must not know: it could look around in a network.
    const detail = `no connection (${code}). Browsers don't tell why: ${reasons(address, options.mechanism)}`;
    settle(new ZmqError('ECONNREFUSED', { address, detail }), null);
  };
  if (options.connectTimeout > 0) {
    timer = setTimeout(() => {
      const detail = `no connection within ${options.connectTimeout} ms (connectTimeout)`;
      settle(new ZmqError('ETIMEDOUT', { address, detail }), null);
    }, options.connectTimeout);
  }
  return () => {
    clearTimeout(timer);
    if (socket !== null) letGo(socket);
    socket = null;
  };
}

function open(address: string, protocols: readonly string[]): PageSocket {
  const socket = new WebSocket(formatEndpoint(parseEndpoint(address, 'connect')), protocols);
  socket.binaryType = 'arraybuffer';
  return socket;
}

/** What it may have been. */
function reasons(address: string, mechanism: string): string {
  const tls = address.startsWith('wss:') ? 'the browser does not trust its certificate' : 'it wants wss://';
  return `nobody is there; or the other side speaks no ZeroMQ, has another mechanism than ${mechanism}, or does not let in pages of this origin (wsOrigins); or ${tls}. Look at peer:refused of the other side`;
}

/** Nothing of it is wanted any more. */
function letGo(socket: PageSocket): void {
  socket.onopen = null;
  socket.onmessage = null;
  socket.onclose = null;
  socket.close();
}

class PageConnection implements Connection {
  readonly remote: string;
  readonly local: string;
  readonly keepsBuffers: boolean = false;
  readonly negotiated: string;
  readonly #socket: PageSocket;
  readonly #reader: ZwsReader;
  readonly #writer: ZwsWriter;
  #handler: ConnectionHandler | null = null;
  #paused = false;
  /** What came while it was paused or not started. */
  #kept: Uint8Array[] = [];
  #keptOctets = 0;
  /** Messages are with the reader, which is flushed at the end of the turn. */
  #reading = false;
  #waiting: NodeJS.Timeout | null = null;
  #ending = false;
  #closed = false;
  #error: ZmqError | null = null;

  constructor(socket: PageSocket, address: string, agreed: { mechanism: string; bare: boolean }) {
    this.remote = address;
    this.local = address;
    this.negotiated = agreed.mechanism;
    this.#socket = socket;
    this.#writer = new ZwsWriter(agreed.bare);
    this.#reader = new ZwsReader(agreed.bare, this.#writer, (chunk) => this.#deliver(chunk));
    socket.onmessage = ({ data }) => this.#received(data);
    socket.onclose = ({ code, reason }) => this.#gone(code, reason);
  }

  start(handler: ConnectionHandler): void {
    this.#handler = handler;
    // Never from inside of this call.
    if (this.#kept.length > 0) setImmediate(() => this.#deliverKept());
  }

  get untaken(): number {
    return this.#socket.bufferedAmount;
  }

  write(parts: readonly Uint8Array[]): boolean {
    const socket = this.#socket;
    if (this.#ending || this.#closed || socket.readyState >= CLOSING) return false;
    // `send` copies.
    for (const message of this.#writer.messages(parts)) socket.send(message);
    if (socket.bufferedAmount <= WINDOW) return true;
    this.#waiting ??= setInterval(() => this.#look(), POLL_MS);
    return false;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (this.#kept.length > 0) setImmediate(() => this.#deliverKept());
  }

  /** WebSocket has no half: a page that has said its last hears no more, either. */
  endWriting(): void {
    this.end();
  }

  end(): void {
    if (this.#ending || this.#closed) return;
    this.#ending = true;
    this.#forget();
    // What was sent goes out first.
    this.#socket.close();
  }

  destroy(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#forget();
    letGo(this.#socket);
    setImmediate(() => this.#handler?.onClose(this.#error));
  }

  #look(): void {
    if (this.#socket.bufferedAmount > WINDOW / 2) return;
    this.#stopLooking();
    this.#handler?.onDrain();
  }

  #stopLooking(): void {
    if (this.#waiting !== null) clearInterval(this.#waiting);
    this.#waiting = null;
  }

  #forget(): void {
    this.#stopLooking();
    this.#kept = [];
    this.#keptOctets = 0;
  }

  #received(data: ArrayBuffer | string): void {
    if (this.#ending) return;
    if (typeof data === 'string') {
      this.#fail('a WebSocket message of text; RFC 45 has binary ones');
      return;
    }
    try {
      this.#reader.push(new Uint8Array(data));
    } catch (error) {
      this.#failed(ZmqError.fromSystem(error, { address: this.remote }));
      return;
    }
    if (this.#reading) return;
    this.#reading = true;
    // Many messages come in a row, each as a task: then they are one chunk.
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#reading = false;
    if (this.#ending || this.#closed) return;
    try {
      this.#reader.flush();
    } catch (error) {
      this.#failed(ZmqError.fromSystem(error, { address: this.remote }));
    }
  }

  #deliver(chunk: Uint8Array): void {
    if (this.#closed || this.#ending) return;
    if (this.#handler !== null && !this.#paused && this.#kept.length === 0) {
      this.#handler.onData(chunk);
      return;
    }
    this.#kept.push(chunk);
    this.#keptOctets += chunk.length;
    if (this.#keptOctets > KEPT_MAX) {
      this.#fail(
        `${KEPT_MAX} octets wait to be received (receiveHighWaterMark), and a browser can't stop reading: receive faster, or have less sent`,
      );
    }
  }

  #deliverKept(): void {
    while (
      this.#kept.length > 0 &&
      !this.#paused &&
      !this.#ending &&
      !this.#closed &&
      this.#handler !== null
    ) {
      const chunk = this.#kept.shift()!;
      this.#keptOctets -= chunk.length;
      this.#handler.onData(chunk);
    }
  }

  #fail(detail: string): void {
    this.#failed(new ZmqError('ERR_WEBSOCKET', { address: this.remote, detail }));
  }

  #failed(error: ZmqError): void {
    this.#error ??= error;
    this.destroy();
  }

  #gone(code: number, reason: string): void {
    if (this.#closed) return;
    this.#flush();
    if (this.#closed) return;
    // What came before the end counts, also where nobody has had it yet.
    if (this.#kept.length > 0 && !this.#ending) {
      setTimeout(() => this.#gone(code, reason), POLL_MS);
      return;
    }
    this.#closed = true;
    this.#forget();
    if (!this.#ending && !ORDERLY.has(code)) {
      const address = this.remote;
      const detail = code === 1006 ? 'the connection broke' : `closed with ${code} ${JSON.stringify(reason)}`;
      this.#error ??= new ZmqError(code === 1006 ? 'ECONNRESET' : 'ERR_WEBSOCKET', { address, detail });
    }
    this.#handler?.onClose(this.#error);
  }
}
