/**
 * How long the oldest message of each peer's queues has waited.
 *
 * Guarantees: looks once a second, from the first time that somebody asks until `close`, at numbers that are there anyway;
 * keeps something of queues only that are not empty.
 */
import type { PeerInfo } from '@zeroth/zmq';
import { Marks } from './marks.ts';
import type { NodeFigures } from './sources.ts';

/** Milliseconds between two looks. */
const PACE = 1000;

interface Queues {
  readonly in: Marks;
  readonly out: Marks;
}

/** Milliseconds. */
export interface PeerAges {
  readonly in: number;
  readonly out: number;
}

const NONE: PeerAges = { in: 0, out: 0 };

export class Ages {
  readonly #node: Pick<NodeFigures, 'peers'>;
  readonly #now: () => number;
  #queues: Map<number, Queues> = new Map();
  #timer: NodeJS.Timeout | null = null;

  constructor(node: Pick<NodeFigures, 'peers'>, now: () => number) {
    this.#node = node;
    this.#now = now;
  }

  /** Begins to look. */
  start(): void {
    if (this.#timer !== null) return;
    this.look();
    this.#timer = setInterval(() => this.look(), PACE);
    this.#timer.unref();
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  of(peer: PeerInfo): PeerAges {
    const queues = this.#queues.get(peer.id);
    if (queues === undefined) return NONE;
    const now = this.#now();
    return { in: queues.in.age(now), out: queues.out.age(now) };
  }

  /** Notes what has come and what waits. */
  look(): void {
    const time = this.#now();
    const noted = new Map<number, Queues>();
    for (const { info } of this.#node.peers()) {
      const { id, queuedIn, queuedOut, messagesIn, messagesOut } = info;
      if (queuedIn + queuedOut === 0) continue;
      const queues = this.#queues.get(id) ?? { in: new Marks(), out: new Marks() };
      queues.in.note(time, messagesIn, queuedIn);
      // Handed to the system, and to be.
      queues.out.note(time, messagesOut + queuedOut, queuedOut);
      noted.set(id, queues);
    }
    this.#queues = noted;
  }
}
