/**
 * A log of everything that a socket's observer reports, and waiting for an entry. Made before the socket binds or
 * connects, because an observer reports nothing that happened before it was asked for.
 */
import { LIMIT, until } from './deadline.ts';

/** Any event, with the fields that the tests look at. */
export interface SeenEvent {
  type: string;
  address?: string;
  interval?: number;
  error?: Error & { code?: string; status?: number };
  peer?: { id: number; socketType: string | null; remote: string };
  count?: number;
  reason?: string;
}

interface Emitter {
  on(type: never, listener: (event: never) => void): unknown;
}

/** Every name, zeromq.js's and ours. */
const TYPES = [
  'accept',
  'accept:error',
  'bind',
  'bind:error',
  'connect',
  'connect:delay',
  'connect:retry',
  'close',
  'close:error',
  'disconnect',
  'end',
  'handshake',
  'handshake:error:protocol',
  'handshake:error:auth',
  'handshake:error:other',
  'unknown',
  'peer:unreachable',
  'peer:ready',
  'peer:gone',
  'peer:refused',
  'drop',
] as const;

export class EventLog {
  /** In the order of arrival. */
  readonly all: SeenEvent[] = [];
  readonly #taken = new Map<string, number>();

  constructor(observer: Emitter) {
    for (const type of TYPES) observer.on(type as never, (event: SeenEvent) => this.all.push(event));
  }

  of(type: string): SeenEvent[] {
    return this.all.filter((event) => event.type === type);
  }

  count(type: string): number {
    return this.of(type).length;
  }

  /** The next event of this type that `next` has not handed out yet. */
  async next(type: string, limit: number = LIMIT): Promise<SeenEvent> {
    const index = this.#taken.get(type) ?? 0;
    await until(() => this.count(type) > index, `event ${type} number ${index + 1}`, {
      limit,
      seen: () => this.all.map((event) => `${event.type} ${event.error?.code ?? event.address ?? ''}`),
    });
    this.#taken.set(type, index + 1);
    return this.of(type)[index] as SeenEvent;
  }
}

/**
 * Contexts of sockets whose `end` has not come. libzmq: a context that is collected before is shut down, its observers hear
 * nothing more, and each of them holds the process for ever. zeromq.js forgets the context when the socket is closed.
 */
const contexts = new Set<{ readonly context: unknown }>();

/** Starts a log on `socket.events`. */
export function watch(socket: { readonly events: unknown; readonly context?: unknown }): EventLog {
  const log = new EventLog(socket.events as Emitter);
  // Ours need nothing of the sort, and tests see their contexts go.
  if ('peers' in socket) return log;
  const kept = { context: socket.context };
  contexts.add(kept);
  (socket.events as Emitter).on('end' as never, () => contexts.delete(kept));
  return log;
}
