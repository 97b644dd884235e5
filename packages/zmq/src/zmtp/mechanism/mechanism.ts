/**
 * A security mechanism as the peer engine sees it: commands go back and forth until both sides know the other's
 * metadata. It holds the state of one connection's handshake.
 */
import type { Command } from '../command.ts';
import type { Metadata } from '../metadata.ts';

export interface Mechanism {
  /** As announced in the greeting. */
  readonly name: string;
  readonly asServer: boolean;
  /** The command frame to send now, or null when it is the peer's turn. Asked after the greeting and each `receive`. */
  next(): Uint8Array | null;
  /** Takes a handshake command. Throws a ZmqError when the peer breaks the rules. */
  receive(command: Command): void;
  /** The peer's metadata as soon as the handshake is complete, else null. */
  readonly metadata: Metadata | null;
}
