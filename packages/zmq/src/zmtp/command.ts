/**
 * Commands: a name with its length in front, then data (RFC 37, Commands). Only what this package sends or
 * understands has a name here; other commands are skipped by the peer engine.
 */
import { view } from '../bytes/view.ts';
import { COMMAND, frameLength, writeHeader } from './frame.ts';

export const READY = 'READY';
export const ERROR = 'ERROR';
export const PING = 'PING';
export const PONG = 'PONG';
export const SUBSCRIBE = 'SUBSCRIBE';
export const CANCEL = 'CANCEL';
// RFC 48.
export const JOIN = 'JOIN';
export const LEAVE = 'LEAVE';

/** The largest command accepted, in octets: none of ours comes near, topics of subscriptions included. */
export const COMMAND_MAX = 65_536;

/** The longest topic of a subscription: what fits into a SUBSCRIBE command that every peer of this package accepts. */
export const TOPIC_MAX: number = COMMAND_MAX - 16;

export interface Command {
  readonly name: string;
  readonly data: Buffer;
}

/** The command in a frame body, or null when its name does not fit into the body. */
export function parseCommand(bytes: Uint8Array, start: number, end: number): Command | null {
  if (start >= end) return null;
  const nameEnd = start + 1 + bytes[start]!;
  if (nameEnd > end || nameEnd === start + 1) return null;
  return { name: view(bytes, start + 1, nameEnd).toString('latin1'), data: view(bytes, nameEnd, end) };
}

/** A whole command frame. */
export function encodeCommand(name: string, data: Uint8Array): Buffer {
  const size = 1 + name.length + data.length;
  const bytes = Buffer.allocUnsafe(frameLength(size));
  let at = writeHeader(bytes, 0, COMMAND, size);
  bytes[at++] = name.length;
  at += bytes.write(name, at, 'latin1');
  bytes.set(data, at);
  return bytes;
}

/** RFC 37, Connection Heartbeating. `ttl` in milliseconds; it travels in tenths of a second. */
export function encodePing(ttl: number): Buffer {
  // libzmq keeps the TTL as milliseconds in 16 bits, so that more than 65.5 s would wrap there.
  const deciseconds = Math.min(Math.max(0, Math.round(ttl / 100)), 655);
  return encodeCommand(PING, Uint8Array.of(deciseconds >> 8, deciseconds & 0xff));
}

/** What a stranger sent, for a message to a person: no control characters, which a terminal would obey. */
export function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?');
}
