/**
 * A {@link Connection} over a connected `net.Socket`: what tcp and ipc share.
 *
 * - Bytes leave in the order of `write`; several parts go in one `writev`.
 * - `write` says true only when the operating system has taken everything, so that the buffers are free.
 * - The end comes once, whatever led to it: the peer's end, an error, `end` or `destroy`.
 *
 * The functions that listen to a socket are shared by all connections and find theirs through a property of the
 * socket: an idle connection costs no closures, and a chunk costs one property read.
 */
import type { Socket } from 'node:net';
import { lendReads } from './lend.ts';
import { systemError } from './system-error.ts';
import type { Connection, ConnectionHandler } from './transport.ts';

const kConnection: unique symbol = Symbol('connection');
type OwnedSocket = Socket & { [kConnection]: StreamConnection };

/** How long `end` holds the process for the peer's end, after all bytes went out. */
const CLOSE_GRACE_MS = 1000;

/**
 * How long a peer that may still read is waited for: after its end, if it takes nothing of what is on the way to it, and
 * after ours, for its end.
 */
const STUCK_MS = 30_000;

const DISCARD: ConnectionHandler = {
  onData: () => {},
  onDrain: () => {},
  onEnd: () => {},
  onClose: () => {},
};

export class StreamConnection implements Connection {
  readonly remote: string;
  readonly local: string;
  readonly keepsBuffers: boolean = false;
  readonly #socket: Socket;
  /** Gets data and drains: the handler, or nobody before `start` and after the close began. */
  #sink: ConnectionHandler = DISCARD;
  #handler: ConnectionHandler | null = null;
  #error: Error | null = null;
  #waiting = false;
  #paused = false;
  #ending = false;
  /** Nothing more is written: after `endWriting`, or the peer's end. */
  #shut = false;
  #flushed = false;
  #destroyed = false;
  #closed = false;
  #grace: NodeJS.Timeout | undefined;
  /** One for all writes: a closure for each would be the cost of the write over again. */
  readonly #written: (error?: Error | null) => void;

  /** `socket` is connected, and nobody else listens to it from now on. */
  constructor(socket: Socket, remote: string, local: string) {
    this.remote = remote;
    this.local = local;
    this.#socket = socket;
    this.#written = (error) => {
      // A write that failed is followed by the close.
      if (error === undefined || error === null) this.#onWritten();
    };
    (socket as OwnedSocket)[kConnection] = this;
    socket.on('error', onError);
    socket.on('close', onClose);
    socket.on('end', onEnd);
    // An open connection does not hold the process; bytes that are being written do.
    socket.unref();
  }

  start(handler: ConnectionHandler): void {
    this.#handler = handler;
    if (this.#closed) {
      process.nextTick(() => handler.onClose(this.#error));
      return;
    }
    if (this.#ending || this.#destroyed) return;
    this.#sink = handler;
    // Until now the socket had no listener for data, so it kept at most its own buffer. This sets it flowing.
    this.#socket.on('data', onData);
    // A pause and resume before `start` left it paused for good.
    if (!this.#paused) this.#socket.resume();
  }

  write(parts: readonly Uint8Array[]): boolean {
    const socket = this.#socket;
    if (this.#ending || this.#shut || this.#destroyed) return false;
    // Empty parts are left out: a write of no bytes means "end" to the reader of a Windows pipe.
    let last = parts.length - 1;
    while (last >= 0 && (parts[last] as Uint8Array).length === 0) last--;
    if (last === 0) {
      socket.write(parts[0] as Uint8Array, this.#written);
    } else if (last > 0) {
      socket.cork();
      for (let i = 0; i < last; i++) {
        const part = parts[i] as Uint8Array;
        if (part.length !== 0) socket.write(part);
      }
      socket.write(parts[last] as Uint8Array, this.#written);
      socket.uncork();
    }
    // Node takes bytes off this count as soon as the system call took them, in the same turn if it can. It does so, too,
    // when the call failed: the close follows.
    if (socket.writableLength === 0 && !socket.errored) return true;
    this.#waiting = true;
    return false;
  }

  get untaken(): number {
    // What node's own `setTimeout` of a socket looks at to see that a long write moves.
    const { _handle } = this.#socket as Socket & { _handle?: { writeQueueSize?: number } | null };
    return _handle?.writeQueueSize ?? 0;
  }

  lend(): void {
    const socket = this.#socket;
    if (this.#destroyed || !lendReads(socket, (chunk) => this.received(chunk))) return;
    // A pause that came before stopped what the stream delivers. What it would have kept until then is delivered now.
    if (this.#paused) socket.pause();
  }

  pause(): void {
    if (this.#paused || this.#ending) return;
    this.#paused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    // Before `start` nobody listens, and a flowing socket would throw its bytes away.
    if (this.#handler !== null) this.#socket.resume();
  }

  endWriting(): void {
    if (this.#shut || this.#ending || this.#destroyed) return;
    this.#shut = true;
    this.#socket.end();
  }

  end(): void {
    if (this.#ending || this.#destroyed) return;
    this.#ending = true;
    this.#sink = DISCARD;
    const socket = this.#socket;
    // A socket that is closed with unread bytes sends a reset, and that takes back what the peer has not read yet.
    // So: finish writing, read on and discard until the peer ends too, then close.
    // Until then the process has to stay.
    socket.ref();
    socket.resume();
    if (socket.writableFinished) this.flushed();
    else socket.once('finish', onFinish);
    socket.end();
  }

  destroy(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.#sink = DISCARD;
    this.#socket.destroy();
  }

  /** @internal For the socket's listeners below. */
  received(chunk: Uint8Array): void {
    this.#sink.onData(chunk);
  }

  /** @internal */
  ended(): void {
    // After our own end the rest of our bytes still goes out; node closes the socket when both directions are done.
    if (this.#ending || this.#shut) return;
    this.#shut = true;
    this.#sink.onEnd();
    // The handler may have closed it.
    if (this.#destroyed || this.#ending) return;
    const socket = this.#socket;
    if (socket.writableLength === 0) this.destroy();
    // The peer may have ended its own side only. Node writes on, ends our side and closes.
    else socket.setTimeout(STUCK_MS, () => this.destroy());
  }

  /** @internal All that was written before `end` is with the operating system. */
  flushed(): void {
    this.#flushed = true;
    if (this.#destroyed) return;
    const socket = this.#socket;
    // A peer that is slow to read may write, heartbeats at least. If the socket were closed by then, its system would be told
    // to throw away what it has not read.
    this.#grace = setTimeout(() => {
      socket.unref();
      this.#grace = setTimeout(() => socket.destroy(), STUCK_MS - CLOSE_GRACE_MS).unref();
    }, CLOSE_GRACE_MS);
  }

  /** @internal */
  failed(error: Error): void {
    // Once all is sent and we only wait for the peer's end, a reset is as good as that.
    if (this.#error === null && !this.#flushed) this.#error = systemError(error, this.remote);
    this.#destroyed = true; // by node
  }

  /** @internal */
  gone(): void {
    this.#closed = true;
    this.#destroyed = true;
    this.#sink = DISCARD;
    clearTimeout(this.#grace);
    this.#handler?.onClose(this.#error);
  }

  #onWritten(): void {
    // Runs for every write, also one that was reported as taken: then nobody waits, or later bytes are still queued, or
    // have failed.
    const socket = this.#socket;
    if (!this.#waiting || socket.writableLength !== 0 || socket.errored) return;
    this.#waiting = false;
    if (!this.#destroyed) this.#handler?.onDrain();
  }
}

function onData(this: Socket, chunk: Uint8Array): void {
  (this as OwnedSocket)[kConnection].received(chunk);
}

function onEnd(this: Socket): void {
  (this as OwnedSocket)[kConnection].ended();
}

function onFinish(this: Socket): void {
  (this as OwnedSocket)[kConnection].flushed();
}

function onError(this: Socket, error: Error): void {
  (this as OwnedSocket)[kConnection].failed(error);
}

function onClose(this: Socket): void {
  (this as OwnedSocket)[kConnection].gone();
}
