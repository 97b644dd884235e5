/**
 * Connections in memory to a model node: each direction keeps its order and takes a turn of the event loop for each
 * message, and a test says when a connection is cut. What is under way then is lost, as with TCP.
 */
import type { Client } from '../../src/client.ts';
import type { Dial, Link, LinkEvents } from '../../src/connection/link.ts';
import { ClientError } from '../../src/errors.ts';
import type { ModelNode, ModelPeer } from './model-node.ts';

export class Network {
  readonly node: ModelNode;
  /** Connections that were tried. */
  dials = 0;
  /** True: nobody answers. */
  down = false;
  /** True: nothing gets through, and nobody notices. */
  muted = false;
  /** Called before each message is delivered, in either direction; true: the connection is cut instead. */
  cuts: () => boolean = () => false;
  readonly #links = new Set<MemoryLink>();

  constructor(node: ModelNode) {
    this.node = node;
  }

  readonly dial: Dial = (endpoint, events) => {
    if (!endpoint.startsWith('tcp://')) throw new Error('Invalid argument');
    this.dials++;
    const link = new MemoryLink(this, endpoint, events, (gone) => this.#links.delete(gone));
    this.#links.add(link);
    return link;
  };

  get connections(): number {
    return this.#links.size;
  }

  cut(): void {
    for (const link of [...this.#links]) link.cut();
  }

  /** The node is killed and starts again. */
  crash(): void {
    this.node.crash();
    this.cut();
  }
}

class MemoryLink implements Link {
  readonly #network: Network;
  readonly #endpoint: string;
  readonly #events: LinkEvents;
  readonly #leave: (link: MemoryLink) => void;
  readonly #peer: ModelPeer;
  #queue: (() => void)[] = [];
  #over = false;

  constructor(network: Network, endpoint: string, events: LinkEvents, leave: (link: MemoryLink) => void) {
    this.#network = network;
    this.#endpoint = endpoint;
    this.#events = events;
    this.#leave = leave;
    this.#peer = network.node.connect((frames) => this.#later(() => this.#events.message(frames)));
    if (network.down) setImmediate(() => this.cut());
  }

  send(frames: Uint8Array[]): void {
    const copies = frames.map((frame) => Buffer.from(frame));
    this.#later(() => this.#peer.receive(copies));
  }

  async close(linger: number): Promise<void> {
    while (linger > 0 && this.#queue.length > 0 && !this.#over) await new Promise(setImmediate);
    this.#end();
  }

  cut(): void {
    if (this.#over) return;
    this.#end();
    this.#events.lost(new ClientError('ERR_CONNECTION_LOST', `${this.#endpoint}: cut`));
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#queue = [];
    this.#peer.gone();
    this.#leave(this);
  }

  #later(deliver: () => void): void {
    if (this.#over) return;
    this.#queue.push(deliver);
    if (this.#queue.length === 1) setImmediate(() => this.#turn());
  }

  #turn(): void {
    for (const deliver of this.#queue.slice()) {
      if (this.#over) return;
      if (this.#network.down || this.#network.cuts()) {
        this.cut();
        return;
      }
      if (!this.#network.muted) deliver();
      this.#queue.shift();
    }
    if (this.#queue.length > 0 && !this.#over) setImmediate(() => this.#turn());
  }
}

/** Waits until all clients are connected, and what that set off is delivered. */
export async function settle(clients: readonly Client[]): Promise<void> {
  while (clients.some(({ state }) => state.type !== 'connected')) await new Promise(setImmediate);
  for (let turn = 0; turn < 8; turn++) await new Promise(setImmediate);
}
