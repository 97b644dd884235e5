/**
 * The part of the zeromq.js API that the drivers use, and the additions of @zeroth/zmq over it.
 *
 * Guarantees: the driver of a row is the same code for both libraries; only the import differs.
 */
import { pathToFileURL } from 'node:url';

export interface BenchSocket extends AsyncIterable<Buffer[]> {
  bind(endpoint: string): Promise<void>;
  connect(endpoint: string): void;
  send(message: Buffer | readonly Buffer[]): Promise<void>;
  receive(): Promise<Buffer[]>;
  readonly lastEndpoint: string | null;
}

export interface BatchSocket extends BenchSocket {
  trySend(message: Buffer): boolean;
  waitWritable(): Promise<void>;
  receiveBatch(max?: number): Promise<Buffer[][]>;
}

interface SocketOptions {
  linger?: number;
  sendHighWaterMark?: number;
  receiveHighWaterMark?: number;
}

type Opens<S> = new (options: SocketOptions) => S;

export interface Library {
  Push: Opens<BatchSocket>;
  Pull: Opens<BatchSocket>;
  Publisher: Opens<BenchSocket>;
  Subscriber: Opens<BenchSocket & { subscribe(...prefixes: string[]): void }>;
  Request: Opens<BenchSocket>;
  Reply: Opens<BenchSocket>;
  Dealer: Opens<BenchSocket>;
  Router: Opens<BenchSocket>;
}

const NAMES: Readonly<Record<string, string>> = { zeroth: '@zeroth/zmq', 'zeromq.js': 'zeromq' };

/** `zeroth`, `zeromq.js`, or the path of a module with the same API. */
export async function loadLibrary(name: string): Promise<Library> {
  return (await import(NAMES[name] ?? pathToFileURL(name).href)) as Library;
}
