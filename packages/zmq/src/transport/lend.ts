/**
 * Reading into memory that is used again, for who is done with a chunk when the call with it returns. Node makes 64 KiB for
 * each read, and the collector, the allocator and the page faults behind that memory cost a CURVE receiver as much as the
 * copy out of the kernel. (bench: curve-64k)
 *
 * Node has this as the option `onread` of a socket that is to be connected. For one that was accepted, or is in use, the
 * same is put in place by hand, where all of it is found as node's own code leaves it; else the socket reads as before.
 */
import type { Socket } from 'node:net';
import { allocate, view } from '../bytes/view.ts';

/** Several large messages in one read: fewer calls, and most of them are whole. */
const SIZE = 262_144;

/** What `onread` sets; null where it was not given. */
type OnRead = Record<symbol, unknown>;
interface Handle {
  useUserBuffer?(buffer: Buffer): void;
}

// One for all connections of the thread: libuv asks for memory, reads, and tells at once. Not so on Windows, where the
// system may fill memory later.
let shared: Buffer | null = null;

/** From now on what `socket` reads goes to `take`, each time in the same memory. False: that can't be had here. */
export function lendReads(socket: Socket, take: (chunk: Buffer) => void): boolean {
  const handle = (socket as { _handle?: Handle | null })._handle;
  // What was read and not delivered yet must not be overtaken.
  if (process.platform === 'win32' || socket.readableLength > 0) return false;
  if (typeof handle?.useUserBuffer !== 'function') return false;
  const own = Object.getOwnPropertySymbols(socket);
  const find = (name: string): symbol | undefined => own.find(({ description }) => description === name);
  const buffer = find('kBuffer');
  const callback = find('kBufferCb');
  const generator = find('kBufferGen');
  if (buffer === undefined || callback === undefined || generator === undefined) return false;
  const fields = socket as unknown as OnRead;
  if (fields[buffer] !== null || fields[callback] !== null || fields[generator] !== null) return false;
  shared ??= allocate(SIZE);
  const memory = shared;
  fields[buffer] = memory;
  fields[callback] = (size: number): boolean => {
    take(view(memory, 0, size));
    return true;
  };
  handle.useUserBuffer(memory);
  return true;
}
