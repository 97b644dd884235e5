/** The peers of a ROUTER by their routing ids: for programs that bound what waits for each of them by themselves. */
import { ZmqError } from '../errors.ts';
import type { RouterPattern } from '../patterns/router.ts';
import type { Engine } from './engine.ts';
import { engineOf } from './socket.ts';
import type { Router } from './types.ts';

/** The peers of one Router: what waits for each, and how to end one. */
export class RouterPeers {
  readonly #engine: Engine;
  readonly #pattern: RouterPattern;

  constructor(router: Router) {
    this.#engine = engineOf(router);
    this.#pattern = this.#engine.pattern as RouterPattern;
  }

  /** Octets that wait for the peer behind what the transport has already; 0 for one that is not here. */
  waiting(id: Uint8Array): number {
    return this.#pattern.peer(id)?.outbox.waitingBytes ?? 0;
  }

  /** Ends the connection at once, what waits for the peer is dropped. `peer:gone` tells of it, with this detail. */
  end(id: Uint8Array, detail: string): void {
    const pipe = this.#pattern.peer(id);
    if (pipe !== null) this.#engine.refuse(pipe, new ZmqError('ECONNRESET', { detail }));
  }
}
