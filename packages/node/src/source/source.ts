/**
 * A configuration centre, as the rest of the node sees it.
 *
 * Guarantees: nothing here and nothing in `name`, a revision or an error has a secret. A text is UTF-8 and has at most
 * {@link MAX_TEXT} bytes, which is checked while it comes; whether it is a configuration is for others to say.
 */

import { MAX_FILE_SIZE } from '../config/source.ts';
import { ZerothError } from '../errors.ts';

/** Bytes of a configuration, the limit that files have. */
export const MAX_TEXT: number = MAX_FILE_SIZE;

/** What a centre holds under its key. */
export interface SourceText {
  readonly text: string;
  /** As the centre counts, or a digest. For people. */
  readonly revision: string;
}

export interface SourceEvents {
  /** The text as it is now; never twice the same text and revision after each other. */
  changed(text: SourceText): void;
  /** Once for each outage: it can't be reached, refuses us, or the key is gone or holds no text. */
  down(error: ZerothError): void;
  /** The outage is over; called before `changed` if there is one. */
  up(): void;
}

/** One key of one centre. */
export interface Source {
  /** Kind, servers and key: `etcd http://127.0.0.1:2379 zeroth/config`. */
  readonly name: string;
  /**
   * The text as it is now. Each of the servers is asked at most once, and the whole takes at most the timeout.
   *
   * @throws ZerothError SOURCE_FAILED: no server gave a valid answer. SOURCE_KEY_MISSING: there is no such key.
   * @throws the reason of the signal.
   */
  read(signal: AbortSignal): Promise<SourceText>;
  /**
   * Reports the text, and each one that follows, until the signal is aborted; then resolves, with nothing left open.
   * Never gives up, never throws. The first text is reported as well: what changed between `read` and `follow` is not
   * missed, and a receiver that has it already knows it by text and revision.
   */
  follow(events: SourceEvents, signal: AbortSignal): Promise<void>;
}

/** An error that says which source; the cause is its message only, for an error object may hold the request. */
export function sourceFailed(name: string, reason: string): ZerothError {
  return new ZerothError('SOURCE_FAILED', `${name}: ${reason}`);
}

export function keyMissing(name: string, way: string): ZerothError {
  return new ZerothError('SOURCE_KEY_MISSING', `${name}: there is no such key; ${way}`);
}
