/** The two libraries behind one loose interface, for tests that swap them. */
import * as libzmq from 'zeromq';
import * as zmq from '../../src/index.ts';
import type { AnySocket } from './scope.ts';

export interface LooseSocket extends AnySocket {
  send(message: string | Uint8Array | null | readonly (string | Uint8Array)[]): Promise<void>;
  receive(): Promise<Buffer[]>;
  subscribe(...prefixes: (string | Buffer)[]): void;
  unsubscribe(...prefixes: (string | Buffer)[]): void;
  connect(address: string, options?: { routingId?: string }): void;
  disconnect(address: string): void;
  unbind(address: string): Promise<void>;
  readonly writable: boolean;
  readonly readable: boolean;
  sendTimeout: number;
  receiveTimeout: number;
}

export type SocketName =
  | 'Pair'
  | 'Publisher'
  | 'Subscriber'
  | 'XPublisher'
  | 'XSubscriber'
  | 'Request'
  | 'Reply'
  | 'Dealer'
  | 'Router'
  | 'Push'
  | 'Pull';

export interface Library {
  readonly name: 'ours' | 'libzmq';
  readonly sockets: Readonly<Record<SocketName, new (options?: object) => LooseSocket>>;
}

export const ours: Library = { name: 'ours', sockets: zmq as unknown as Library['sockets'] };
export const theirs: Library = { name: 'libzmq', sockets: libzmq as unknown as Library['sockets'] };

/** Both ways to give out the roles. */
export const assignments: readonly (readonly [first: Library, second: Library])[] = [
  [ours, theirs],
  [theirs, ours],
];
