/**
 * One attempt to connect a `net.Socket`: what tcp and ipc share. `done` is called once at most, never after a cancel,
 * and an attempt that failed, timed out or was cancelled leaves no socket and no timer.
 */
import type { Socket } from 'node:net';
import { ZmqError } from '../errors.ts';
import { systemError } from './system-error.ts';
import type { Connection, DialCallback, TransportOptions } from './transport.ts';

// Out here, where it keeps nothing alive of what waited for the attempt: the system may take its time to give it up.
const ignore = (): void => {};

/** Waits for `socket`, which is connecting. Returns the function that cancels. */
export function dialSocket(
  socket: Socket,
  address: string,
  options: TransportOptions,
  done: DialCallback,
  connected: (socket: Socket) => Connection,
): () => void {
  let timer: NodeJS.Timeout | undefined;
  const stop = (): void => {
    clearTimeout(timer);
    socket.off('connect', onConnect);
    socket.off('error', onError);
  };
  const giveUp = (): void => {
    stop();
    // A late error of an attempt that nobody waits for.
    socket.on('error', ignore);
    socket.destroy();
  };
  const onConnect = (): void => {
    stop();
    done(null, connected(socket));
  };
  const onError = (error: Error): void => {
    giveUp();
    done(systemError(error, address), null);
  };
  socket.on('connect', onConnect);
  socket.on('error', onError);
  if (options.connectTimeout > 0) {
    timer = setTimeout(() => {
      giveUp();
      const detail = `no connection within ${options.connectTimeout} ms (connectTimeout)`;
      done(new ZmqError('ETIMEDOUT', { address, detail }), null);
    }, options.connectTimeout);
  }
  return giveUp;
}
