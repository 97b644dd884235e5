/**
 * A TCP proxy that misbehaves by a plan: it cuts connections in the middle of a frame (with a reset or an orderly end),
 * delays, delivers octet by octet, stands still in one direction, delivers the last octets of a dead connection after
 * the next one has begun, and lets new connections reach the target in another order than they came.
 *
 * Guarantees: the octets of one direction of one connection are never lost in the middle, doubled or reordered: it has
 * them, in order, up to where it was cut. The plan of a connection follows from the seed and its place in the order of
 * connections, and tells by octets, not by time, what happens; so a seed repeats a run as far as its traffic repeats.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { CALM, type Cut, type Faults } from './faults.ts';
import { Random } from './random.ts';

/** What a direction holds at most before it stops reading. */
const HOLD = 256 * 1024;
/** Octets of a piece that come one by one. */
const SINGLES = 64;
/** How long the other side may take to end a connection, in ms. */
const PATIENCE = 500;
/** How long a connection that is cut `late` still takes what the client sends, in ms. */
const SENDING = 5;

export interface ProxyCounts {
  readonly connections: number;
  readonly cuts: number;
  readonly late: number;
  readonly stalls: number;
  readonly octets: number;
}

/** Waits that can be ended all at once. */
class Waits {
  readonly #open = new Map<NodeJS.Timeout, () => void>();
  #over = false;

  sleep(ms: number): Promise<void> {
    if (this.#over || ms <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#open.delete(timer);
        resolve();
      }, ms);
      this.#open.set(timer, resolve);
    });
  }

  end(): void {
    this.#over = true;
    for (const [timer, resolve] of this.#open) {
      clearTimeout(timer);
      resolve();
    }
    this.#open.clear();
  }
}

/** One direction of a connection. */
class Lane {
  readonly #to: Socket;
  readonly #from: Socket;
  readonly #random: Random;
  readonly #link: Link;
  readonly #queue: Buffer[] = [];
  #queued = 0;
  #ended = false;
  #pumping = false;
  #closed = false;
  /** Octets until the next piece begins. */
  #left = 0;
  /** Pieces of one octet that follow. */
  #singles = 0;
  /** While it is there, nothing is delivered. */
  #gate: Promise<void> | null = null;

  constructor(from: Socket, to: Socket, random: Random, link: Link) {
    this.#from = from;
    this.#to = to;
    this.#random = random;
    this.#link = link;
    from.on('data', (chunk: Buffer) => {
      if (this.#closed || this.#ended) return;
      this.#queue.push(chunk);
      this.#queued += chunk.length;
      if (this.#queued > HOLD) from.pause();
      this.#start();
    });
    from.on('end', () => this.finish());
  }

  /** Delivers what it has, then ends the other side. */
  finish(): void {
    this.#ended = true;
    this.#start();
  }

  /** Goes on reading, and delivers only after `gate`. */
  hold(gate: Promise<void>): void {
    this.#gate = gate;
  }

  close(): void {
    this.#closed = true;
    this.#queue.length = 0;
  }

  #start(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    void this.#pump().finally(() => {
      this.#pumping = false;
    });
  }

  async #pump(): Promise<void> {
    while (!this.#closed) {
      const [chunk] = this.#queue;
      if (chunk === undefined) {
        if (this.#ended) this.#to.end();
        return;
      }
      if (this.#left === 0) await this.#nextPiece();
      if (this.#gate !== null) await this.#gate;
      if (this.#closed) return;
      const size = this.#link.spend(Math.min(chunk.length, this.#left));
      if (size > 0) {
        this.#left -= size;
        this.#queued -= size;
        if (size === chunk.length) this.#queue.shift();
        else this.#queue[0] = chunk.subarray(size);
        if (this.#queued <= HOLD && !this.#ended) this.#from.resume();
        await this.#write(chunk.subarray(0, size));
      }
      this.#link.spent();
    }
  }

  /** Draws where the next piece ends, and what happens before it. */
  async #nextPiece(): Promise<void> {
    if (this.#singles > 0) {
      this.#singles -= 1;
      this.#left = 1;
      return;
    }
    const { faults, waits } = this.#link;
    const size = this.#random.between(...faults.piece);
    const single = this.#random.chance(faults.octets);
    const stall = this.#random.chance(faults.stall.share);
    const delay = this.#random.chance(faults.delay.share);
    const ms = this.#random.between(...(stall ? faults.stall.ms : faults.delay.ms));
    this.#left = single ? 1 : size;
    this.#singles = single ? Math.min(size, SINGLES) - 1 : 0;
    if (stall) this.#link.stalled();
    if (stall || delay) await waits.sleep(ms);
  }

  async #write(bytes: Buffer): Promise<void> {
    const to = this.#to;
    if (to.destroyed || to.writableEnded) return;
    // One at a time, so that pieces stay pieces; a socket that is cut meanwhile calls back with an error.
    await new Promise<void>((resolve) => void to.write(bytes, () => resolve()));
    // A turn for the receiver: what is written in one go is read in one.
    await new Promise<void>((resolve) => void setImmediate(resolve));
  }
}

/** A connection from a client and the one to the target. */
class Link {
  readonly waits: Waits = new Waits();
  readonly #client: Socket;
  readonly #target: Socket;
  readonly #proxy: FaultProxy;
  readonly #random: Random;
  readonly #up: Lane;
  readonly #down: Lane;
  #life: number;
  #cutting = false;
  /** Is destroyed by its own time. */
  #lingering = false;

  constructor(client: Socket, target: Socket, random: Random, proxy: FaultProxy) {
    this.#client = client;
    this.#target = target;
    this.#random = random;
    this.#proxy = proxy;
    const { life } = proxy.faults;
    this.#life = life === null ? Number.POSITIVE_INFINITY : random.between(...life);
    for (const [socket, other] of [
      [client, target],
      [target, client],
    ] as const) {
      socket.setNoDelay(true);
      socket.on('close', (broken) => this.#gone(socket, other, broken));
    }
    this.#up = new Lane(client, target, random.fork('up'), this);
    this.#down = new Lane(target, client, random.fork('down'), this);
  }

  get faults(): Faults {
    return this.#proxy.faults;
  }

  /** How many of these octets may pass before the connection is cut. */
  spend(octets: number): number {
    const size = Math.min(octets, this.#life);
    this.#life -= size;
    this.#proxy.passed(size);
    return size;
  }

  /** After the octets were written: cuts when that were all. */
  spent(): void {
    if (this.#life <= 0) this.cut(this.#random.pick(this.faults.cuts));
  }

  stalled(): void {
    this.#proxy.stalled();
  }

  /** No more faults. */
  calm(): void {
    this.#life = Number.POSITIVE_INFINITY;
  }

  cut(kind: Cut): void {
    if (this.#cutting) return;
    this.#cutting = true;
    this.#proxy.wasCut(kind);
    this.#life = Number.POSITIVE_INFINITY;
    if (kind === 'late' || kind === 'deaf') {
      this.#lingering = true;
      void this.#linger(kind);
      return;
    }
    this.#closeLanes();
    for (const socket of [this.#client, this.#target]) {
      if (kind === 'reset') reset(socket);
      else {
        socket.end();
        socket.resume();
      }
    }
    if (kind === 'reset') this.destroy();
    // An orderly end that the other side may not answer.
    else void this.waits.sleep(PATIENCE).then(() => this.destroy());
  }

  destroy(): void {
    this.#closeLanes();
    this.waits.end();
    this.#client.destroy();
    this.#target.destroy();
    this.#proxy.forget(this);
  }

  async #linger(kind: 'late' | 'deaf'): Promise<void> {
    const { waits } = this;
    const ms = this.#random.between(...this.faults.afterwards);
    this.#down.close();
    if (kind === 'late') {
      // A moment in which the client sends what will arrive when it has its next connection.
      this.#up.hold(waits.sleep(SENDING + ms));
      this.#target.resume();
      await waits.sleep(SENDING);
      reset(this.#client);
      await waits.sleep(ms);
      this.#up.finish();
      await waits.sleep(PATIENCE);
    } else {
      this.#up.close();
      reset(this.#target);
      this.#client.resume();
      await waits.sleep(ms);
      reset(this.#client);
    }
    this.destroy();
  }

  #closeLanes(): void {
    this.#up.close();
    this.#down.close();
  }

  #gone(socket: Socket, other: Socket, broken: boolean): void {
    if (broken && !this.#cutting) {
      this.#closeLanes();
      reset(other);
    }
    if (socket.destroyed && other.destroyed && !this.#lingering) this.destroy();
  }
}

export class FaultProxy {
  faults: Faults;
  readonly #server: Server;
  readonly #links = new Set<Link>();
  readonly #waits = new Waits();
  readonly #random: Random;
  #target: number;
  #connections = 0;
  #cuts = 0;
  #late = 0;
  #stalls = 0;
  #octets = 0;

  private constructor(server: Server, target: number, seed: number, faults: Faults) {
    this.#server = server;
    this.#target = target;
    this.#random = new Random(seed);
    this.faults = faults;
    server.on('connection', (client) => void this.#accept(client));
  }

  /** A proxy in front of a `tcp://127.0.0.1:port` endpoint. */
  static async start(target: string, seed: number, faults: Faults): Promise<FaultProxy> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    const proxy = new FaultProxy(server, portOf(target), seed, faults);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  get endpoint(): string {
    return `tcp://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get counts(): ProxyCounts {
    return {
      connections: this.#connections,
      cuts: this.#cuts,
      late: this.#late,
      stalls: this.#stalls,
      octets: this.#octets,
    };
  }

  /** Connections that are open now. */
  get open(): number {
    return this.#links.size;
  }

  /** From now on everything passes; waits that have begun are waited for. */
  calm(): void {
    this.faults = CALM;
    for (const link of this.#links) link.calm();
  }

  /** Cuts what is open now. */
  cut(kind: Cut): void {
    for (const link of [...this.#links]) link.cut(kind);
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#waits.end();
    for (const link of [...this.#links]) link.destroy();
    await closed;
  }

  passed(octets: number): void {
    this.#octets += octets;
  }

  stalled(): void {
    this.#stalls += 1;
  }

  wasCut(kind: Cut): void {
    this.#cuts += 1;
    if (kind === 'late') this.#late += 1;
  }

  forget(link: Link): void {
    this.#links.delete(link);
  }

  async #accept(client: Socket): Promise<void> {
    const random = this.#random.fork(this.#connections);
    this.#connections += 1;
    client.on('error', () => undefined);
    client.pause();
    await this.#waits.sleep(random.between(...this.faults.accept));
    if (!this.#server.listening || client.destroyed) {
      client.destroy();
      return;
    }
    const target = connect({ port: this.#target, host: '127.0.0.1', allowHalfOpen: true });
    target.on('error', () => undefined);
    const link = new Link(client, target, random, this);
    this.#links.add(link);
    client.resume();
  }
}

/**
 * A reset, unless an orderly end has begun: Node 20 loses such a socket (EINVAL of uv_tcp_close_reset) and then turns for
 * ever when the process ends.
 */
function reset(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

export function portOf(endpoint: string): number {
  return Number(new URL(endpoint.replace('tcp:', 'http:')).port);
}
