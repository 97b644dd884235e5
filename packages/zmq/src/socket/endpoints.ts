/**
 * The endpoints of a socket: those that it is bound to, with the peers that came through each, and those that it
 * connects to. One bind or unbind at a time.
 */
import { ZmqError } from '../errors.ts';
import { type Endpoint, type EndpointUse, formatEndpoint, parseEndpoint } from '../transport/endpoint.ts';
import { transportFor } from '../transport/registry.ts';
import type { Connection, Listener } from '../transport/transport.ts';
import type { WireSocketType } from '../zmtp/sockets.ts';
import { type Context, inprocOf } from './context.ts';
import { mechanismOf, type Security, securityOf, transportOptions } from './security.ts';
import { Session, type SessionOwner } from './session.ts';
import { expectBound } from './threads.ts';

/** How often it is looked whether a peer that waits can be let in. */
const PARKING_MS = 50;

/** Types that connect to an endpoint once, however often they are told to. */
const SINGLE_CONNECT: ReadonlySet<WireSocketType> = new Set(['DEALER', 'SUB', 'PUB', 'REQ']);

interface Bound {
  /** The text that was given, and the one that it became: either unbinds it. */
  readonly names: Set<string>;
  readonly listener: Listener;
  readonly security: Security;
  readonly sessions: Set<Session>;
}

/** What the endpoints need of their socket. */
export interface EndpointsOwner extends SessionOwner {
  readonly context: Context;
  lastEndpoint: string | null;
  /** So much waits to be received from peers that left that new ones have to wait. */
  readonly crowded: boolean;
  /** A session begins. */
  join(session: Session): void;
  /** A bind or unbind is over. */
  free(): void;
}

export class Endpoints {
  readonly #owner: EndpointsOwner;
  readonly #connects = new Map<string, Session[]>();
  readonly #bounds = new Set<Bound>();
  #accepted = 0;
  #busy = false;
  #securing = false;

  constructor(owner: EndpointsOwner) {
    this.#owner = owner;
  }

  /** A bind or unbind is under way. */
  get busy(): boolean {
    return this.#busy;
  }

  async bind(address: string): Promise<void> {
    this.#reserve();
    try {
      const bound = this.#listen(address);
      try {
        await bound.listener.ready;
      } catch (error) {
        throw this.#bindFailed(bound, error, address);
      }
      this.#bound(bound, address);
    } finally {
      this.#release();
    }
  }

  /** Bound, or connected to something. */
  get any(): boolean {
    return this.#bounds.size > 0 || this.#connects.size > 0;
  }

  /**
   * The options of security have changed: for a peer that refused us, where it is clear for whom they are meant. With several
   * endpoints it is not, and a password must not go to another server: there, disconnect and connect again.
   */
  secure(): void {
    if (this.#securing || this.#connects.size !== 1) return;
    this.#securing = true;
    // User name and password, or three keys, are set one after the other.
    queueMicrotask(() => {
      this.#securing = false;
      const sessions = [...this.#connects.values()].flat();
      const [session] = sessions;
      if (session === undefined || sessions.length > 1 || this.#owner.closed) return;
      const { endpoint } = session;
      let security: Security;
      try {
        security = securityOf(this.#owner.options, parseEndpoint(endpoint).transport, endpoint);
      } catch {
        return; // Not complete yet.
      }
      session.secure(security);
    });
  }

  bindSync(address: string): void {
    this.#reserve();
    try {
      const bound = this.#listen(address);
      const { listener } = bound;
      if (listener.error !== null) throw this.#bindFailed(bound, listener.error, address);
      if (listener.endpoint === null) {
        this.#bounds.delete(bound);
        void listener.close();
        const detail = 'bindSync takes an IP address, a path or an inproc name; a host name needs bind()';
        throw new ZmqError('EINVAL', { address, detail });
      }
      this.#bound(bound, address);
    } finally {
      this.#release();
    }
  }

  async unbind(address: string): Promise<void> {
    this.#reserve();
    try {
      // A turn for whoever closes the socket meanwhile: it closes when this is over, also when this fails.
      await Promise.resolve();
      await this.#unbind(address);
    } finally {
      this.#release();
    }
  }

  /** Takes an endpoint out, bound or connected. The sessions with its peers go on; `free` tells when the port is. */
  release(address: string): { sessions: readonly Session[]; free: Promise<void> } {
    this.#open();
    parseEndpoint(address);
    const session = this.#connects.get(address)?.[0];
    if (![...this.#bounds].some(({ names }) => names.has(address)) && session !== undefined) {
      this.#forgetConnect(session);
      return { sessions: [session], free: Promise.resolve() };
    }
    this.#reserve();
    try {
      const bound = this.#takeBound(address);
      return { sessions: [...bound.sessions], free: bound.listener.close().then(() => this.#release()) };
    } catch (error) {
      this.#release();
      throw error;
    }
  }

  unbindSync(address: string): void {
    this.#reserve();
    try {
      void this.#unbind(address);
    } finally {
      this.#release();
    }
  }

  /** Throws at once, then closes. */
  #unbind(address: string): Promise<void> {
    parseEndpoint(address, 'bind');
    const bound = this.#takeBound(address);
    // First: a peer that learns of its end would come back at once.
    const free = bound.listener.close();
    // As in libzmq, the peers that came in through it go as well.
    for (const session of [...bound.sessions]) session.finish(this.#owner.options.linger);
    return free;
  }

  #takeBound(address: string): Bound {
    const bound = [...this.#bounds].find(({ names }) => names.has(address));
    if (bound === undefined) {
      throw new ZmqError('ENOENT', { address, detail: 'this socket is not bound to it' });
    }
    this.#bounds.delete(bound);
    const endpoint = bound.listener.endpoint ?? address;
    if (!isInproc(endpoint)) this.#owner.emit({ type: 'close', address: endpoint });
    return bound;
  }

  connect(address: string, givenId: Buffer | null): void {
    this.#open();
    const endpoint = parseEndpoint(address, 'connect');
    this.#suits(endpoint.transport, 'connect', address);
    if (endpoint.transport === 'tcp' && endpoint.port === 0) {
      throw new ZmqError('EINVAL', { address, detail: 'connect needs a port; 0 and * are for bind only' });
    }
    // As in libzmq: a second connection would bring everything twice.
    if (SINGLE_CONNECT.has(this.#owner.type) && this.#connects.has(address)) return;
    const transport = transportFor(endpoint, inprocOf(this.#owner.context));
    const { options } = this.#owner;
    const security = securityOf(options, endpoint.transport, address);
    const session = new Session(
      this.#owner,
      address,
      security,
      (done) => transport.dial(address, transportOptions(options, security), done),
      givenId,
    );
    this.#owner.lastEndpoint = formatEndpoint(endpoint);
    this.#owner.join(session);
    try {
      session.connect();
    } catch (error) {
      this.#owner.sessionEnded(session);
      throw error;
    }
    const sessions = this.#connects.get(address);
    if (sessions === undefined) this.#connects.set(address, [session]);
    else sessions.push(session);
    if (endpoint.transport === 'inproc') {
      const inproc = inprocOf(this.#owner.context);
      expectBound(address, () => !inproc.bound(address) && this.#connects.has(address));
    }
  }

  disconnect(address: string): void {
    this.#open();
    parseEndpoint(address);
    const session = this.#connects.get(address)?.[0];
    if (session === undefined) {
      throw new ZmqError('ENOENT', { address, detail: 'this socket is not connected to it' });
    }
    this.#forgetConnect(session);
    session.finish(this.#owner.options.linger);
    // What is queued to a peer that is not there would keep the session for ever. One that had nothing left to send has ended
    // by now, and its connection goes in good order: what the peer has not read yet must not be taken back.
    if (session.state !== 'ready' && session.state !== 'ended') session.destroy();
  }

  #listen(address: string): Bound {
    const endpoint = parseEndpoint(address, 'bind');
    this.#suits(endpoint.transport, 'bind', address);
    const transport = transportFor(endpoint, inprocOf(this.#owner.context));
    const { options } = this.#owner;
    const security = securityOf(options, endpoint.transport, address);
    const listener: Listener = transport.listen(
      address,
      transportOptions(options, security),
      (connection) => this.#accept(bound, connection),
      (error) => this.#acceptFailed(address, ZmqError.fromSystem(error, { address })),
    );
    const bound: Bound = { names: new Set([address]), listener, security, sessions: new Set() };
    this.#bounds.add(bound);
    return bound;
  }

  #suits(transport: Endpoint['transport'], use: EndpointUse, address: string): void {
    const { type, options } = this.#owner;
    if ((transport === 'udp' || type === 'STREAM') && mechanismOf(options) !== 'NULL') {
      const detail = 'security options are set, and udp and STREAM sockets have no security mechanism';
      throw new ZmqError('EINVAL', { address, detail });
    }
    let detail: string;
    if (transport === 'udp') {
      if (use === 'bind' ? type === 'DISH' || type === 'DGRAM' : type === 'RADIO') return;
      detail = `over udp a DISH or DGRAM binds and a RADIO connects; a ${type} does not ${use}`;
    } else if (type === 'DGRAM') detail = 'a DGRAM socket takes udp';
    // A WebSocket carries messages, and a STREAM socket has none.
    else if (type === 'STREAM' && transport.startsWith('ws'))
      detail = 'a STREAM socket takes tcp, ipc and inproc';
    else return;
    throw new ZmqError('EPROTONOSUPPORT', { address, detail });
  }

  /** An accept that failed, or a stranger whom the transport itself sent away. */
  #acceptFailed(address: string, error: ZmqError): void {
    if (error.code.startsWith('ERR_'))
      this.#owner.emit({ type: 'peer:refused', address: error.address ?? address, error });
    else this.#owner.emit({ type: 'accept:error', address, error });
  }

  #bound(bound: Bound, address: string): void {
    const endpoint = bound.listener.endpoint ?? address;
    bound.names.add(endpoint);
    this.#owner.lastEndpoint = endpoint;
    if (!isInproc(endpoint)) this.#owner.emit({ type: 'bind', address: endpoint });
  }

  #bindFailed(bound: Bound, error: unknown, address: string): ZmqError {
    this.#bounds.delete(bound);
    const known = ZmqError.fromSystem(error, { address });
    // As in zeromq.js: the event has the address alone, the caller gets back what it gave.
    this.#owner.emit({ type: 'bind:error', address: known.address ?? address, error: known });
    const { code, detail, cause } = known;
    return new ZmqError(code, detail === undefined ? { address, cause } : { address, detail, cause });
  }

  #accept(bound: Bound, connection: Connection): void {
    if (this.#owner.closed || !this.#bounds.has(bound)) {
      connection.destroy();
      return;
    }
    const endpoint = bound.listener.endpoint ?? connection.local;
    const { maxPeers } = this.#owner.options;
    if (maxPeers > 0 && this.#accepted >= maxPeers) {
      const detail = `${this.#accepted} peers are connected, the limit is ${maxPeers} (maxPeers)`;
      const error = new ZmqError('ERR_TOO_MANY_PEERS', { address: connection.remote, detail });
      this.#owner.emit({ type: 'peer:refused', address: connection.remote, error });
      connection.destroy();
      return;
    }
    const session = new Session(this.#owner, endpoint, bound.security, null, null);
    this.#owner.join(session);
    bound.sessions.add(session);
    this.#accepted++;
    if (!isInproc(endpoint)) this.#owner.emit({ type: 'accept', address: endpoint });
    if (this.#owner.crowded) this.#park(session, connection);
    else session.open(connection);
  }

  /**
   * Lets a new peer wait before its handshake, so that its messages stay with it: a mark for each peer alone would be no
   * limit for peers that come, send and go.
   */
  #park(session: Session, connection: Connection): void {
    // A peer that leaves is not noticed here, so none waits longer than for a handshake; it may try again.
    const end = performance.now() + this.#owner.options.handshakeInterval;
    const timer = setInterval(() => {
      const late = this.#owner.options.handshakeInterval > 0 && performance.now() >= end;
      const over = late || this.#owner.closed || session.state === 'ended';
      if (this.#owner.crowded && !over) return;
      clearInterval(timer);
      if (!over) {
        session.open(connection);
        return;
      }
      session.destroy();
      connection.destroy();
    }, PARKING_MS);
    timer.unref();
  }

  #reserve(): void {
    this.#open();
    if (this.#busy) {
      throw new ZmqError('EBUSY', { message: 'Socket is blocked by a bind or unbind operation' });
    }
    this.#busy = true;
  }

  #release(): void {
    this.#busy = false;
    this.#owner.free();
  }

  #open(): void {
    if (this.#owner.closed) throw new ZmqError('EBADF');
  }

  /** The session is over. */
  forget(session: Session): void {
    this.#forgetConnect(session);
    if (session.accepted) this.#accepted--;
    for (const bound of this.#bounds) bound.sessions.delete(session);
  }

  #forgetConnect(session: Session): void {
    const sessions = this.#connects.get(session.endpoint);
    const index = sessions?.indexOf(session) ?? -1;
    if (sessions === undefined || index < 0) return;
    sessions.splice(index, 1);
    if (sessions.length === 0) this.#connects.delete(session.endpoint);
  }

  /** No new peers from here on; those that are here stay. Resolves when the ports are free. */
  async stopListening(): Promise<void> {
    const listeners = [...this.#bounds].map((bound) => bound.listener);
    this.#bounds.clear();
    await Promise.all(listeners.map((listener) => listener.close()));
    for (const { endpoint } of listeners) {
      if (endpoint !== null && !isInproc(endpoint)) this.#owner.emit({ type: 'close', address: endpoint });
    }
  }
}

function isInproc(endpoint: string): boolean {
  return endpoint.startsWith('inproc:');
}
