/**
 * A security mechanism as the peer engine sees it: commands go back and forth until both sides know the other's
 * metadata. It holds the state of one connection's handshake, and what turns its traffic into what travels.
 */
import { ZmqError, type ZmqErrorCode } from '../../errors.ts';
import { type Command, ERROR, encodeCommand, printable } from '../command.ts';
import type { Metadata } from '../metadata.ts';

/** What we say of ourselves: names in their canonical case. */
export type Properties = readonly (readonly [name: string, value: Uint8Array])[];

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
  /** Whole plain frames, in order: what is to be sealed next. All that was taken before is sealed. */
  take(parts: readonly Uint8Array[]): void;
  /** The next part of it as it is to be written; null when all is sealed. The memory is ours again with the next call. */
  seal(): Uint8Array[] | null;
  /** Nobody looks any more at what `seal` returned. */
  taken(): void;
  /**
   * What arrived to whole plain frames in memory of their own, to be scanned as if they had arrived: `plain` is called with
   * them, any number of times. A torn frame is kept for the next call, nothing of the chunk itself is. Throws a ZmqError for what can't be opened or is over
   * `limit`, after what came before it.
   */
  open(chunk: Uint8Array, limit: number, plain: (bytes: Uint8Array) => void): void;
  /** Wipes keys. Nothing is called after it. */
  close(): void;
}

export interface Mechanism {
  /** As announced in the greeting. */
  readonly name: string;
  readonly asServer: boolean;
  /** The command frame to send now, or null when it is the peer's turn. Asked after the greeting, `receive`, `decide`. */
  next(): Uint8Array | null;
  /** Takes a handshake command, ERROR excepted. Throws a ZmqError when the peer breaks the rules. */
  receive(command: Command): void;
  /** The peer's metadata as soon as the handshake is complete, else null. */
  readonly metadata: Metadata | null;
  /** While somebody has to decide about the client: what is known of it. Else null. */
  readonly credentials: Credentials | null;
  /** The decision. After a refusal `next` gives the ERROR command, if the client is to be told, and then no more. */
  decide(verdict: Verdict): void;
  /** For the traffic after the handshake; null: it travels as it is. */
  readonly cipher: Cipher | null;
  /** The connection is gone: wipes keys, those of the cipher too. */
  close(): void;
}

/**
 * What a refused client is told: the status. Not after 300, which is no refusal for good: there it is disconnected
 * without a word (RFC 26, the ERROR Command, makes a client give its credentials up).
 */
export function refusal({ status }: Verdict): Uint8Array | null {
  if (status === 200 || status === 300) return null;
  const text = Buffer.from(`?${status}`, 'latin1');
  text[0] = text.length - 1;
  return encodeCommand(ERROR, text);
}

/** The command is not the one whose turn it is. */
export function unexpected(command: Command, due: string): ZmqError {
  const got = printable(command.name.slice(0, 32));
  return new ZmqError('ERR_ZMTP_UNEXPECTED_COMMAND', { detail: `got ${got} where ${due} was due` });
}

/** The command has not the form that its name asks for. */
export function malformed(name: 'HELLO' | 'WELCOME' | 'INITIATE' | 'READY', detail: string): ZmqError {
  const code: ZmqErrorCode = `ERR_ZMTP_MALFORMED_COMMAND_${name}`;
  return new ZmqError(code, { detail });
}
