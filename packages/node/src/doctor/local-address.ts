/**
 * Where an `ipc` endpoint is on this system, as the transport of @zeroth/zmq has it: a file, an abstract name (Linux), a named pipe
 * (Windows).
 */
import { connect } from 'node:net';
import { codeOf } from './check.ts';

/** What follows `ipc://`, for node:net. */
export function localAddress(path: string): string {
  if (process.platform === 'win32') {
    if (/^[\\/]{2}[.?][\\/]pipe[\\/]/i.test(path)) return `\\\\.\\pipe\\${path.slice(9)}`;
    return `\\\\.\\pipe\\${path.replaceAll('\\', '/').replaceAll('%', '%25').replaceAll('/', '%2F')}`;
  }
  return process.platform === 'linux' && path.startsWith('@') ? `\0${path.slice(1)}` : path;
}

/** Octets that it may have; of a pipe, characters. */
export function addressLimit(): number {
  if (process.platform === 'win32') return 256;
  return process.platform === 'linux' ? 107 : 103;
}

/** Whether somebody listens there. */
export function isAnswered(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect({ path: address });
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    // Who may not even ask learns that there is something.
    probe.once('error', (error) => resolve(!['ECONNREFUSED', 'ENOENT'].includes(codeOf(error))));
  });
}
