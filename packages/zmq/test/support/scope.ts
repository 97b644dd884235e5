/**
 * What a test opens is closed when it ends, in reverse order, whether it passed or not. Sockets get a linger of 0 and
 * timeouts, so that a test that waits for a message which never comes fails with EAGAIN and is not stuck.
 */
import type { TestContext } from 'node:test';
import { LIMIT, until } from './deadline.ts';
import { type EventLog, watch } from './events.ts';
import type { TestTransport } from './transports.ts';

interface Closable {
  close(): unknown;
}

/** What all sockets of both libraries have and the helpers need. */
export interface AnySocket extends Closable {
  linger: number;
  readonly closed: boolean;
  readonly lastEndpoint: string | null;
  readonly events: unknown;
  bind(address: string): Promise<void>;
  connect(address: string): void;
}

interface WithPeers {
  peers(): readonly { state: string }[];
}

const logs = new WeakMap<object, EventLog>();

function hasPeers(socket: object): socket is WithPeers {
  return 'peers' in socket;
}

export interface Scope {
  /** Closes `thing` at the end. */
  use<T extends Closable>(thing: T): T;
  /** Opens a socket with the test's defaults; its options win over them. */
  open<S extends AnySocket, O extends object>(Socket: new (options?: O) => S, options?: NoInfer<O>): S;
  /** Runs at the end, before what was opened earlier is closed. */
  after(work: () => unknown): void;
}

export function scope(t: TestContext, transport?: TestTransport): Scope {
  const work: (() => unknown)[] = [];
  t.after(async () => {
    for (const step of work.reverse()) await step();
  });
  const use = <T extends Closable>(thing: T): T => {
    work.push(() => thing.close());
    return thing;
  };
  return {
    use,
    after: (step) => void work.push(step),
    open: <S extends AnySocket, O extends object>(
      Socket: new (options?: O) => S,
      options?: NoInfer<O>,
    ): S => {
      const socket = new Socket({ ...transport?.options, ...options } as unknown as O);
      work.push(() => {
        if (!socket.closed) socket.linger = 0;
        socket.close();
      });
      const given: object = options ?? {};
      const loose = socket as S & { receiveTimeout?: number; sendTimeout?: number };
      if ('receiveTimeout' in loose && !('receiveTimeout' in given)) loose.receiveTimeout = LIMIT;
      if ('sendTimeout' in loose && !('sendTimeout' in given)) loose.sendTimeout = LIMIT;
      // libzmq has no peers(): its handshakes are counted from the start.
      if (!hasPeers(socket)) logs.set(socket, watch(socket));
      return socket;
    },
  };
}

/** Binds to a fresh endpoint of the transport; resolves with the endpoint to connect to. */
export async function bindTo(socket: AnySocket, transport: TestTransport): Promise<string> {
  await socket.bind(transport.endpoint());
  const endpoint = socket.lastEndpoint;
  if (endpoint === null) throw new Error('no lastEndpoint after bind');
  return endpoint;
}

/** Peers of a socket of libzmq, by its events. Over ws it tells of each handshake twice: of the upgrade, and of ZMTP. */
function here(log: EventLog, transport: TestTransport): number {
  const handshakes = log.count('handshake') / (transport.name === 'ws' ? 2 : 1);
  return Math.floor(handshakes) - log.count('disconnect');
}

/** Resolves when `socket` has `count` peers with a finished handshake. */
export async function ready(socket: AnySocket, transport: TestTransport, count: number = 1): Promise<void> {
  const log = logs.get(socket);
  if (log === undefined) {
    const counted = socket as unknown as WithPeers;
    const states = (): string[] => counted.peers().map((peer) => peer.state);
    await until(() => states().filter((state) => state === 'ready').length >= count, `${count} ready peers`, {
      seen: states,
    });
    return;
  }
  if (!transport.wire) return;
  await until(() => here(log, transport) >= count, `${count} handshakes`, {
    seen: () => log.all.map((event) => event.type),
  });
}

/** Resolves when `socket` has exactly `count` ready peers left. */
export async function left(socket: AnySocket, transport: TestTransport, count: number): Promise<void> {
  const log = logs.get(socket);
  if (log === undefined) {
    const counted = socket as unknown as WithPeers;
    const states = (): string[] => counted.peers().map((peer) => peer.state);
    await until(() => states().filter((state) => state === 'ready').length === count, `${count} peers left`, {
      seen: states,
    });
    return;
  }
  if (!transport.wire) throw new Error('the reference cannot say how many inproc peers are left');
  await until(() => here(log, transport) === count, `${count} peers left`);
}

/** Resolves when `count` messages wait in the receive queue of `socket`. */
export async function arrived(
  socket: { readonly stats: { queuedIn: number } },
  count: number,
): Promise<void> {
  await until(() => socket.stats.queuedIn >= count, `${count} messages in the queue`, {
    seen: () => socket.stats.queuedIn,
  });
}

/** Binds the first, connects the others, waits until all of them have shaken hands. */
export async function link(
  transport: TestTransport,
  binder: AnySocket,
  ...connectors: AnySocket[]
): Promise<string> {
  const endpoint = await bindTo(binder, transport);
  for (const connector of connectors) connector.connect(endpoint);
  await Promise.all([
    ready(binder, transport, connectors.length),
    ...connectors.map((connector) => ready(connector, transport)),
  ]);
  return endpoint;
}
