/**
 * What is said about a running configuration: to health, metrics, the control API, and whoever asks.
 *
 * Guarantees: no text in any of these holds the value of a secret key; a {@link Snapshot} never changes, it is
 * replaced as a whole.
 */

import type { ConfigChange } from '../config/diff.ts';
import type { Problem } from '../config/problem.ts';
import type { Config } from '../config/types.ts';
import type { ErrorCode } from '../errors.ts';
import type { Applied as NodeApplied } from '../flow/topology.ts';

/** Who asked for a change. */
export interface Actor {
  readonly via: 'start' | 'file' | 'signal' | 'source' | 'socket' | 'http' | 'service' | 'expiry';
  /** A user, an address, the name of a file, source or signal. */
  readonly who: string;
}

/** A key that was set by hand, above the file and the centre. Ends with `unset`, its expiry or the node. */
export interface Override {
  readonly key: string;
  /** As it was typed; `[redacted]` for secrets. */
  readonly value: string;
  readonly by: Actor;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Milliseconds since 1970; null: does not expire. */
  readonly expiresAt: number | null;
}

export interface Snapshot {
  /** Of the texts that the configuration is made of; goes on counting after a restart. */
  readonly version: number;
  /** With the overrides. */
  readonly config: Config;
  /** Milliseconds since 1970. */
  readonly appliedAt: number;
  /** The file, or what stands for its name; `version 7` after a rollback. With a centre, its name comes first. */
  readonly origin: string;
  readonly by: Actor;
  readonly overrides: readonly Override[];
  /** Keys whose new value counts from the next start. */
  readonly restart: readonly string[];
}

/** What control needs to know of what the node has done; the node's own report says more. */
export type Applied = Omit<NodeApplied, 'drained'>;

/** What takes configurations over: all of one or nothing of it. A node does. */
export interface Reloadable<A extends Applied = Applied> {
  /** @throws when it can't; then everything runs as before. */
  apply(config: Config): Promise<A>;
}

export interface Refused {
  readonly ok: false;
  /** CONFIG_INVALID has problems; the others say all in the message. */
  readonly code: ErrorCode;
  readonly message: string;
  readonly problems: readonly Problem[];
}

export interface Reloaded<A extends Applied = Applied> {
  readonly ok: true;
  /** Of the snapshot that counts now; the same as before if nothing changed, or overrides alone. */
  readonly version: number;
  readonly changes: readonly ConfigChange[];
  /** Null: nothing changed. */
  readonly applied: A | null;
  readonly warnings: readonly string[];
}

export type ReloadReport<A extends Applied = Applied> = Reloaded<A> | Refused;

export type DiffReport = { readonly ok: true; readonly changes: readonly ConfigChange[] } | Refused;

export interface HistoryEntry {
  readonly version: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly by: Actor;
  readonly origin: string;
  /** Of the texts: equal texts have equal digests. */
  readonly digest: string;
  readonly current: boolean;
}

export interface SourceStatus {
  readonly name: string;
  /** `copy`: runs from the last good copy, and the centre was not reached yet. */
  readonly state: 'up' | 'down' | 'copy';
  /** Milliseconds since 1970. */
  readonly since: number;
  /** Of the text that counts. */
  readonly revision: string;
  /** Why it is not `up`, or why the text that it has now is refused. */
  readonly error: string | null;
}

/** The last attempt to load the file or the centre. */
export interface ReloadOutcome {
  readonly ok: boolean;
  readonly message: string | null;
  /** Milliseconds since 1970. */
  readonly at: number;
}

export interface SetOptions {
  /** Milliseconds; null: until `unset`, or the end of the node. */
  readonly for: number | null;
  readonly by: Actor;
}

/** After each change; `changes` is what differs from the snapshot before. */
export type Listener = (snapshot: Snapshot, changes: readonly ConfigChange[]) => void;
