/**
 * inproc: connections within one process. No copy is made: the buffers that one side writes are the chunks that the
 * other side gets (`keepsBuffers`).
 *
 * - Names belong to one transport, and a Context has one transport. Bind and connect come in either order.
 * - `write` never calls the other side. It returns false, and the writer's `onDrain` follows when the reader has had
 *   everything; a reader that paused thereby holds up its writer.
 * - `end` delivers what is queued, then both sides close. `destroy` drops what is queued in both directions.
 */
import { ZmqError } from '../errors.ts';
import { parseEndpoint } from './endpoint.ts';
import type {
  Connection,
  ConnectionHandler,
  DialCallback,
  Listener,
  Transport,
  TransportOptions,
} from './transport.ts';

/** The transport of one context. */
export interface InprocTransport extends Transport {
  /** Whether somebody is bound to the endpoint now. */
  bound(endpoint: string): boolean;
}

/** A transport with names of its own. `connectTimeout` has no meaning: a name may be bound at any later time. */
export function createInproc(): InprocTransport {
  const registry = new Registry();
  return {
    listen: (endpoint, _options, accept) => registry.listen(endpoint, accept),
    dial: (endpoint: string, _options: TransportOptions, done: DialCallback) => registry.dial(endpoint, done),
    bound: (endpoint) => registry.bound(endpoint),
  };
}

interface Dial {
  readonly endpoint: string;
  readonly done: DialCallback;
  cancelled: boolean;
}

class Registry {
  readonly #bound = new Map<string, InprocListener>();
  readonly #waiting = new Map<string, Set<Dial>>();
  readonly #scheduler = new Scheduler();

  bound(text: string): boolean {
    return this.#bound.has(parseInproc(text).name);
  }

  listen(text: string, accept: (connection: Connection) => void): Listener {
    const { name, endpoint } = parseInproc(text);
    if (this.#bound.has(name)) {
      return new InprocListener(null, new ZmqError('EADDRINUSE', { address: name }), accept, () => {});
    }
    const listener = new InprocListener(endpoint, null, accept, () => this.#bound.delete(name));
    this.#bound.set(name, listener);
    const dials = this.#waiting.get(name);
    this.#waiting.delete(name);
    if (dials !== undefined) for (const dial of dials) this.#meet(name, dial);
    return listener;
  }

  dial(text: string, done: DialCallback): () => void {
    const { name, endpoint } = parseInproc(text);
    const dial: Dial = { endpoint, done, cancelled: false };
    if (this.#bound.has(name)) this.#meet(name, dial);
    else this.#wait(name, dial);
    return () => {
      dial.cancelled = true;
      const dials = this.#waiting.get(name);
      if (dials?.delete(dial) === true && dials.size === 0) this.#waiting.delete(name);
    };
  }

  #wait(name: string, dial: Dial): void {
    const dials = this.#waiting.get(name);
    if (dials === undefined) this.#waiting.set(name, new Set([dial]));
    else dials.add(dial);
  }

  #meet(name: string, dial: Dial): void {
    this.#scheduler.run(() => {
      if (dial.cancelled) return;
      const listener = this.#bound.get(name);
      if (listener === undefined) {
        // Unbound again in the meantime.
        this.#wait(name, dial);
        return;
      }
      const near = new InprocConnection(dial.endpoint, this.#scheduler);
      const far = new InprocConnection(dial.endpoint, this.#scheduler);
      near.peer = far;
      far.peer = near;
      listener.accept(far);
      dial.done(null, near);
    });
  }
}

class InprocListener implements Listener {
  readonly endpoint: string | null;
  readonly error: Error | null;
  readonly ready: Promise<void>;
  readonly accept: (connection: Connection) => void;
  #unbind: (() => void) | null;

  constructor(
    endpoint: string | null,
    error: Error | null,
    accept: (connection: Connection) => void,
    unbind: () => void,
  ) {
    this.endpoint = endpoint;
    this.error = error;
    this.accept = accept;
    this.#unbind = unbind;
    this.ready = error === null ? Promise.resolve() : Promise.reject(error);
    this.ready.catch(() => {});
  }

  close(): Promise<void> {
    this.#unbind?.();
    this.#unbind = null;
    return Promise.resolve();
  }
}

class InprocConnection implements Connection {
  readonly remote: string;
  readonly local: string;
  readonly keepsBuffers: boolean = true;
  /** Set right after the construction of both. */
  peer: InprocConnection = this;
  readonly #scheduler: Scheduler;
  #handler: ConnectionHandler | null = null;
  /** What the peer wrote and this side has not had yet. */
  #inbox: Uint8Array[] = [];
  /** How far the inbox is delivered, when a pause came in the middle. */
  #next = 0;
  #paused = false;
  /** Wrote something that the peer has not had yet. */
  #waiting = false;
  #ending = false;
  /** Nothing more is written: after `endWriting`, or the peer's end. */
  #shut = false;
  #closed = false;
  #told = false;
  #scheduled = false;
  readonly #run: () => void;

  constructor(endpoint: string, scheduler: Scheduler) {
    this.remote = endpoint;
    this.local = endpoint;
    this.#scheduler = scheduler;
    this.#run = () => this.#turn();
  }

  start(handler: ConnectionHandler): void {
    this.#handler = handler;
    this.#schedule();
  }

  write(parts: readonly Uint8Array[]): boolean {
    const peer = this.peer;
    if (this.#ending || this.#shut || this.#closed) return false;
    for (const part of parts) if (part.length !== 0) peer.#inbox.push(part);
    this.#waiting = true;
    peer.#schedule();
    return false;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#schedule();
  }

  endWriting(): void {
    if (this.#shut || this.#ending || this.#closed) return;
    this.#shut = true;
    this.peer.#schedule();
  }

  end(): void {
    if (this.#ending || this.#closed) return;
    this.#ending = true;
    // From here on nobody reads on this side. What the peer still writes is taken and dropped.
    this.#paused = false;
    this.#schedule();
    this.peer.#schedule();
  }

  destroy(): void {
    this.#close();
    this.peer.#close();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#inbox = [];
    this.#next = 0;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#scheduler.run(this.#run);
  }

  #turn(): void {
    this.#scheduled = false;
    if (this.#closed) {
      this.#tellClosed();
      return;
    }
    if (this.#ending) {
      // Dropped, not taken: the writer must not think that there is room.
      this.#inbox = [];
      this.#next = 0;
    } else {
      if (this.#handler === null || !this.#deliver(this.#handler)) return;
      const writer = this.peer;
      if (writer.#waiting) {
        writer.#waiting = false;
        writer.#handler?.onDrain();
      }
    }
    const peer = this.peer;
    // The peer ended, and its `onDrain` did not add to what it wrote before that.
    if (this.#closed || this.#inbox.length > 0) return;
    if (peer.#ending) {
      this.destroy();
      return;
    }
    if (!peer.#shut || this.#ending) return;
    if (this.#shut) {
      // Both have said their last, and this side has heard the other's: over when the other has heard ours.
      if (peer.#inbox.length === 0) this.destroy();
      return;
    }
    this.#shut = true;
    this.#handler?.onEnd();
    peer.#schedule();
  }

  /** True when the inbox is empty. Stops when the handler pauses or closes. */
  #deliver(handler: ConnectionHandler): boolean {
    // The handler may write, pause or close on either side; nothing of that runs this function again.
    try {
      while (!this.#paused && !this.#ending && this.#next < this.#inbox.length) {
        handler.onData(this.#inbox[this.#next++] as Uint8Array);
      }
    } catch (error) {
      this.#schedule(); // the rest still comes
      throw error;
    }
    if (this.#closed) return false;
    if (this.#ending) {
      this.#schedule();
      return false;
    }
    if (this.#next < this.#inbox.length) {
      // Let go of what was delivered, so that a paused reader does not hold it.
      this.#inbox.splice(0, this.#next);
      this.#next = 0;
      return false;
    }
    this.#inbox.length = 0;
    this.#next = 0;
    return true;
  }

  #tellClosed(): void {
    if (this.#told || this.#handler === null) return;
    this.#told = true;
    this.#handler.onClose(null);
  }
}

/**
 * Runs what was scheduled in batches, in order: soon (a microtask) while that is fair, else after the event loop has
 * looked at its sockets and timers. Two sockets that answer each other through microtasks alone would starve the rest.
 */
class Scheduler {
  static readonly #FAIR_BATCHES = 32;
  #queue: (() => void)[] = [];
  #pending = false;
  #credit = Scheduler.#FAIR_BATCHES;
  #refilling = false;

  run(task: () => void): void {
    this.#queue.push(task);
    if (!this.#pending) this.#arm();
  }

  #arm(): void {
    this.#pending = true;
    if (this.#credit === 0) {
      // The refill, which is armed, runs the batch.
      return;
    }
    this.#credit--;
    if (!this.#refilling) {
      this.#refilling = true;
      setImmediate(this.#refill);
    }
    queueMicrotask(this.#flush);
  }

  readonly #refill = (): void => {
    this.#refilling = false;
    const starved = this.#pending && this.#credit === 0;
    this.#credit = Scheduler.#FAIR_BATCHES;
    if (starved) this.#flush();
  };

  readonly #flush = (): void => {
    const batch = this.#queue;
    this.#queue = [];
    this.#pending = false;
    let done = 0;
    try {
      for (; done < batch.length; done++) (batch[done] as () => void)();
    } finally {
      // A handler threw: the others get their turn all the same.
      if (done < batch.length) for (const task of batch.slice(done + 1)) this.run(task);
    }
  };
}

function parseInproc(text: string): { name: string; endpoint: string } {
  const endpoint = parseEndpoint(text);
  if (endpoint.transport !== 'inproc') throw new ZmqError('EPROTONOSUPPORT', { address: text });
  return { name: endpoint.name, endpoint: text };
}
