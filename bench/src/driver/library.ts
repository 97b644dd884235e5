/**
 * The part of the zeromq.js API that the drivers use, and the additions of @zeroth/zmq over it.
 *
 * Guarantees: the driver of a row is the same code for both libraries; only the import differs.
 */
import { pathToFileURL } from 'node:url';

export interface Attachable {
  bind(endpoint: string): Promise<void>;
  connect(endpoint: string): void;
  readonly lastEndpoint: string | null;
}

interface Sender extends Attachable {
  send(message: Buffer | Buffer[]): Promise<void>;
}

export interface Receiver extends Attachable, AsyncIterable<Buffer[]> {
  receive(): Promise<Buffer[]>;
}

interface BatchSender extends Sender {
  trySend(message: Buffer): boolean;
  waitWritable(): Promise<void>;
}

interface BatchReceiver extends Receiver {
  receiveBatch(max?: number): Promise<Buffer[][]>;
}

export interface CurveOptions {
  curveServer?: boolean;
  curvePublicKey?: string;
  curveSecretKey?: string;
  curveServerKey?: string;
}

interface SendOptions extends CurveOptions {
  linger?: number;
  sendHighWaterMark?: number;
}

interface ReceiveOptions extends CurveOptions {
  receiveHighWaterMark?: number;
}

type Opens<S, O> = new (options: O) => S;

export interface Library {
  Push: Opens<BatchSender, SendOptions>;
  Pull: Opens<BatchReceiver, ReceiveOptions>;
  Publisher: Opens<Sender, SendOptions>;
  Subscriber: Opens<Receiver & { subscribe(...prefixes: string[]): void }, ReceiveOptions>;
  Request: Opens<Sender & Receiver, SendOptions>;
  Reply: Opens<Sender & Receiver, SendOptions>;
  Dealer: Opens<Sender & Receiver, SendOptions>;
  Router: Opens<Sender & Receiver, SendOptions>;
}

/** `zeroth`, `zeromq.js`, or the path of a module with the same API. */
export async function loadLibrary(name: string): Promise<Library> {
  if (name === 'zeroth') return import('@zeroth/zmq');
  // It has no batch API: the drivers use that with --batch only.
  if (name === 'zeromq.js') return (await import('zeromq')) as unknown as Library;
  return (await import(pathToFileURL(name).href)) as Library;
}
