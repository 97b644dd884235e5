/**
 * A security mechanism as the peer engine sees it: commands go back and forth until both sides know the other's
 * metadata. It holds the state of one connection's handshake, and what turns its traffic into what travels.
 */
import type { Command } from '../command.ts';
import type { Metadata } from '../metadata.ts';

/** What a server has learned of a client, for who decides whether it is let in (RFC 27, Request). */
export interface Credentials {
  readonly mechanism: 'NULL' | 'PLAIN' | 'CURVE';
  /** NULL: none; PLAIN: user name and password; CURVE: the client's long-term public key, 32 octets. */
  readonly frames: readonly Buffer[];
}

/** The answer to {@link Credentials} (RFC 27, Reply). */
export interface Verdict {
  /** 200: let in; 300: not now; 400: no; 500: the handler failed. */
  readonly status: 200 | 300 | 400 | 500;
  /** Who it is, for our own side; empty when not let in. */
  readonly userId: string;
  /** What else the handler said of it; for our own side. */
  readonly metadata: Metadata;
}

/** Turns traffic into what travels, and back. It has the state of one connection, in both directions. */
export interface Cipher {
  /** Whole plain frames, in order, to what is to be written. The result is the caller's; `parts` is not kept. */
  seal(parts: readonly Uint8Array[]): Uint8Array[];
  /**
   * What arrived to whole plain frames in memory of their own, to be scanned as if they had arrived; a torn frame is kept
   * for the next call. Throws a ZmqError for what can't be opened or is over `limit`.
   */
  open(chunk: Uint8Array, limit: number): Uint8Array;
  /** Wipes keys. Nothing is called after it. */
  close(): void;
}

export interface Mechanism {
  /** As announced in the greeting. */
  readonly name: string;
  readonly asServer: boolean;
  /** The command frame to send now, or null when it is the peer's turn. Asked after the greeting, `receive`, `decide`. */
  next(): Uint8Array | null;
  /** Takes a handshake command. Throws a ZmqError when the peer breaks the rules, or refuses us (ERROR). */
  receive(command: Command): void;
  /** The peer's metadata as soon as the handshake is complete, else null. */
  readonly metadata: Metadata | null;
  /** While somebody has to decide about the client: what is known of it. Else null. */
  readonly credentials: Credentials | null;
  /** The decision. After a refusal `next` gives the ERROR command, if the client is to be told, and then no more. */
  decide(verdict: Verdict): void;
  /** For the traffic after the handshake; null: it travels as it is. */
  readonly cipher: Cipher | null;
}
