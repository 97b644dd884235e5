/** How long frames and messages are, held against a limit before anything of them is kept. */
import { readU64 } from '../bytes/u64.ts';
import { ZmqError } from '../errors.ts';
import { COMMAND_MAX } from './command.ts';
import { COMMAND, HEADER_MAX, LONG } from './frame.ts';

/** Octets that headers may take in one message, so that an endless row of empty frames ends too. */
const HEADER_ALLOWANCE = 1 << 20;

/**
 * Size of the body of the frame at `at`, or -1 when its header is not complete.
 * Throws ERR_ZMTP_MESSAGE_SIZE: `limit` is for frames of messages, commands have theirs.
 */
export function sizeAt(bytes: Uint8Array, at: number, end: number, limit: number): number {
  // libzmq takes reserved bits without a word, so they are ignored here as well.
  const flags = bytes[at]!;
  if ((flags & LONG) === 0) return at + 2 > end ? -1 : bytes[at + 1]!;
  if (at + HEADER_MAX > end) return -1;
  const size = readU64(bytes, at + 1);
  if (flags & COMMAND) {
    if (size > COMMAND_MAX) throw tooLarge('a command', size, `${COMMAND_MAX}`);
  } else if (size > limit) throw tooLarge('a frame', size, `${limit} (maxMessageSize)`);
  return size;
}

/** Sum of the bodies of whole frames. */
export function bodiesOf(bytes: Uint8Array, start: number, end: number): number {
  let bodies = 0;
  for (let at = start; at < end; ) {
    const long = bytes[at]! & LONG;
    const size = long ? readU64(bytes, at + 1) : bytes[at + 1]!;
    bodies += size;
    at += (long ? HEADER_MAX : 2) + size;
  }
  return bodies;
}

/** Throws ERR_ZMTP_MESSAGE_SIZE for a message with so many octets in its bodies, and so many in its headers. */
export function checkMessage(bodies: number, headers: number, limit: number): void {
  if (bodies > limit) throw tooLarge('a message', bodies, `${limit} (maxMessageSize)`);
  if (headers > HEADER_ALLOWANCE) {
    const detail = 'a message of too many frames: their headers alone take more than 1 MiB';
    throw new ZmqError('ERR_ZMTP_MESSAGE_SIZE', { detail });
  }
}

function tooLarge(what: string, size: number, limit: string): ZmqError {
  const number = Number.isFinite(size) ? String(size) : 'more than 2^53';
  return new ZmqError('ERR_ZMTP_MESSAGE_SIZE', {
    detail: `${what} of ${number} octets; the limit is ${limit}`,
  });
}
