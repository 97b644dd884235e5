/**
 * Where clients connect: the endpoints of the ROUTER, which may come and go while it serves.
 *
 * Guarantees: `bound` are those that clients find now.
 */
import type { DrainOptions, Router } from '@zeroth/zmq';
import { retire } from '@zeroth/zmq/run';
import { messageOf, ZerothError } from '../errors.ts';

/** As it stands in the configuration, and the real address. */
export interface SessionEndpoint {
  readonly configured: string;
  readonly address: string;
}

export function notBound(endpoint: string, cause: unknown): ZerothError {
  const reason = messageOf(cause);
  return new ZerothError('BIND_FAILED', `sessions: cannot bind to ${endpoint}: ${reason}`, { cause });
}

export class Listening {
  readonly #router: Router;
  #bound: readonly SessionEndpoint[] = [];

  constructor(router: Router) {
    this.#router = router;
  }

  get bound(): readonly SessionEndpoint[] {
    return this.#bound;
  }

  /**
   * Accepts clients at an endpoint of the configuration; `at`: at this address, which it had before.
   * @throws ZerothError BIND_FAILED.
   */
  async bind(configured: string, at: string = configured): Promise<void> {
    try {
      await this.#router.bind(at);
    } catch (cause) {
      throw notBound(at, cause);
    }
    this.#bound = [...this.#bound, { configured, address: this.#router.lastEndpoint ?? at }];
  }

  /** Parts from an endpoint and from the clients that came through it; their sessions stay. */
  async retire(endpoint: SessionEndpoint, drain: DrainOptions): Promise<void> {
    this.#bound = this.#bound.filter((bound) => bound !== endpoint);
    await retire(this.#router, endpoint.address, drain);
  }
}
