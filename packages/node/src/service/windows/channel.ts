/**
 * What the thread of the program and the thread of the service control manager say to each other.
 *
 * Guarantees: imports types only. Two words are in shared memory because they must pass while a thread can't turn its
 * loop: that the program's loop has turned, and how many events are written.
 */

import type { HostState } from '../host.ts';
import type { Heard } from './reporter.ts';

/** Places in the shared Int32Array. */
export const SHARED = { turned: 0, recorded: 1, length: 2 } as const;

export interface WorkerStart {
  readonly name: string;
  readonly shared: SharedArrayBuffer;
}

export type ToWorker =
  | { readonly kind: 'offer'; readonly canPause: boolean; readonly canReload: boolean }
  | { readonly kind: 'tell'; readonly state: HostState; readonly within: number | null }
  | { readonly kind: 'record'; readonly id: number; readonly type: number; readonly text: string }
  | { readonly kind: 'ended'; readonly code: number };

export type FromWorker =
  /** The service control manager has started us. */
  | { readonly kind: 'service'; readonly environment: readonly string[]; readonly folder: string | null }
  /** It has not: error 1063. */
  | { readonly kind: 'none' }
  | { readonly kind: 'control'; readonly heard: Heard }
  /** Whoever's loop turns answers in shared memory. */
  | { readonly kind: 'ping' }
  | { readonly kind: 'ended' };
