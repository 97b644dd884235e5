/**
 * Sends datagrams to Unix sockets, which Node can't.
 *
 * Guarantees: a call returns at once; a datagram is sent whole or not at all; the descriptor is not inherited by programs
 * that are started from here.
 */
import type { Koffi } from '../koffi.ts';

export interface Datagrams {
  /** Null: sent; otherwise the name of what is wrong: `EAGAIN` when the reader does not keep up. */
  send(address: Uint8Array, data: Uint8Array): string | null;
  close(): void;
}

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const MSG_NOSIGNAL = 0x4000;
/** Octets of `sun_path`, unix(7). */
const MAX_PATH = 108;

/** A `sockaddr_un`; null for what is none. `@name` is an abstract one. */
export function unixAddress(path: string): Uint8Array | null {
  const name = Buffer.from(path);
  const abstract = path.startsWith('@');
  // One octet is left for the zero at the end of a path.
  if (!(abstract || path.startsWith('/')) || name.length < 2 || name.length >= MAX_PATH) return null;
  const address = Buffer.alloc(2 + name.length + (abstract ? 0 : 1));
  new Uint16Array(address.buffer, address.byteOffset, 1)[0] = AF_UNIX;
  name.copy(address, 2);
  if (abstract) address[2] = 0;
  return address;
}

/** Null: the system gives no socket. */
export function openDatagrams(koffi: Koffi): Datagrams | null {
  // Null: what this process has loaded already, the C library among it.
  const library = koffi.load(null);
  const socket = library.func('int socket(int, int, int)');
  const sendto = library.func('intptr_t sendto(int, const void *, size_t, int, const void *, uint32_t)');
  const close = library.func('int close(int)');
  const fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0) as number;
  if (fd < 0) return null;
  const names = new Map(Object.entries(koffi.os.errno).map(([name, value]) => [value, name]));
  let open = true;
  return {
    send: (address, data) => {
      // The number of the descriptor may be somebody else's by then.
      if (!open) return 'EBADF';
      const sent = Number(sendto(fd, data, data.length, MSG_NOSIGNAL, address, address.length));
      return sent >= 0 ? null : (names.get(koffi.errno()) ?? `errno ${koffi.errno()}`);
    },
    close: () => {
      if (open) close(fd);
      open = false;
    },
  };
}
