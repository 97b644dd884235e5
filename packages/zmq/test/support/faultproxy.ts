/**
 * A TCP proxy that misbehaves on demand: holds bytes back without closing, cuts connections, slows them down, splits
 * chunks. Bytes are never lost or reordered on a connection that is not cut, so what a test sees on top is the
 * library's doing.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { until } from './deadline.ts';

interface Pair {
  readonly client: Socket;
  readonly target: Socket;
}

export class FaultProxy {
  /** Connections that clients made, including those that are gone. */
  accepted = 0;
  /** Bytes that went from clients to the target. */
  forwarded = 0;
  readonly #server: Server;
  readonly #host: string;
  #port: number;
  #pairs: Pair[] = [];
  #paused = false;
  #refusing = false;
  #chunk = Number.POSITIVE_INFINITY;
  #delay = 0;
  readonly #timers = new Set<NodeJS.Timeout>();

  private constructor(server: Server, host: string, port: number) {
    this.#server = server;
    this.#host = host;
    this.#port = port;
    server.on('connection', (client) => this.#connect(client));
  }

  /** A proxy in front of a `tcp://host:port` endpoint. */
  static async start(endpoint: string): Promise<FaultProxy> {
    const { hostname, port } = new URL(endpoint.replace('tcp:', 'http:'));
    const server = createServer();
    const proxy = new FaultProxy(server, hostname, Number(port));
    server.listen(0, '127.0.0.1');
    await until(() => server.listening, 'the proxy to listen');
    return proxy;
  }

  get endpoint(): string {
    return `tcp://127.0.0.1:${(this.#server.address() as { port: number }).port}`;
  }

  /** Connections open now. */
  get open(): number {
    return this.#pairs.length;
  }

  /** New connections go to another endpoint. */
  retarget(endpoint: string): void {
    this.#port = Number(new URL(endpoint.replace('tcp:', 'http:')).port);
  }

  /** Holds everything back in both directions; connections stay open, also new ones. */
  pause(): void {
    this.#paused = true;
    for (const { client, target } of this.#pairs) {
      client.pause();
      target.pause();
    }
  }

  resume(): void {
    this.#paused = false;
    for (const { client, target } of this.#pairs) {
      client.resume();
      target.resume();
    }
  }

  /** Breaks every open connection, the way a lost cable with a reset does. */
  cut(): void {
    for (const { client, target } of this.#pairs.splice(0)) {
      client.resetAndDestroy();
      target.resetAndDestroy();
    }
  }

  /** While on, connections are closed as soon as they are made. */
  refuse(on: boolean): void {
    this.#refusing = on;
  }

  /** Writes at most `size` bytes at a time. */
  split(size: number): void {
    this.#chunk = size;
  }

  /** Holds each chunk for `ms`; the order stays. */
  delay(ms: number): void {
    this.#delay = ms;
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    for (const { client, target } of this.#pairs.splice(0)) {
      client.destroy();
      target.destroy();
    }
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #connect(client: Socket): void {
    this.accepted += 1;
    client.on('error', () => undefined);
    if (this.#refusing) {
      client.destroy();
      return;
    }
    const target = connect(this.#port, this.#host);
    const pair = { client, target };
    this.#pairs.push(pair);
    target.on('error', () => undefined);
    const drop = (): void => {
      client.destroy();
      target.destroy();
      const index = this.#pairs.indexOf(pair);
      if (index >= 0) this.#pairs.splice(index, 1);
    };
    client.on('close', drop);
    target.on('close', drop);
    client.setNoDelay(true);
    target.setNoDelay(true);
    this.#forward(client, target, true);
    this.#forward(target, client, false);
    if (this.#paused) {
      client.pause();
      target.pause();
    }
  }

  #forward(from: Socket, to: Socket, count: boolean): void {
    const write = (chunk: Buffer): void => {
      if (to.destroyed) return;
      if (count) this.forwarded += chunk.length;
      const proceed = (): void => {
        if (!this.#paused) from.resume();
      };
      if (chunk.length > this.#chunk) {
        from.pause();
        trickle(to, chunk, this.#chunk, proceed);
      } else if (!to.write(chunk)) {
        from.pause();
        to.once('drain', proceed);
      }
    };
    from.on('data', (chunk: Buffer) => {
      if (this.#delay === 0) {
        write(chunk);
        return;
      }
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        write(chunk);
      }, this.#delay);
      this.#timers.add(timer);
    });
    from.on('end', () => to.end());
  }
}

/** Writes piece by piece, a turn of the event loop apart, so that the pieces arrive as chunks of their own. */
function trickle(to: Socket, chunk: Buffer, size: number, done: () => void): void {
  let at = 0;
  const next = (): void => {
    if (to.destroyed || at >= chunk.length) {
      done();
      return;
    }
    const piece = chunk.subarray(at, at + size);
    at += size;
    to.write(piece, () => setImmediate(next));
  };
  next();
}
