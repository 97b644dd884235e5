/**
 * The messages of the session protocol as objects: what docs/wire.md says in words. encode.ts writes them, decode.ts
 * reads them.
 */
import type { ChunkHead, Range, Receipt } from './numbers.ts';
import type { TraceContexts } from './trace.ts';

export const PROTOCOL = 1;

/** Names of clients, streams and groups. */
export const NAME: RegExp = /^[A-Za-z0-9._-]{1,64}$/;

export interface Hello {
  readonly protocol: number;
  readonly name: string;
  readonly instance: string;
  /** Milliseconds. */
  readonly heartbeat: number;
}

export interface Welcome {
  readonly protocol: number;
  /** The node's name. */
  readonly node: string;
  /** Milliseconds. */
  readonly heartbeat: number;
  /** Octets that may be published and not answered. */
  readonly window: number;
  /** Octets of a whole message. */
  readonly maxMessageSize: number;
  /** The session from before is there still. */
  readonly resumed: boolean;
  /** Trace contexts may go with records. */
  readonly trace: boolean;
}

export type Strategy = 'broadcast' | 'group' | 'sharded';

/** Where a place that the node does not know yet begins. */
export type From = 'first' | 'last' | 'new' | { readonly sequence: number } | { readonly time: number };

/** What CONSUME asks for; times are milliseconds. */
export interface ConsumeRequest {
  readonly stream: string;
  readonly strategy: Strategy;
  readonly group: string | null;
  readonly from: From;
  readonly credit: number;
  readonly ackTimeout: number;
  readonly maxDeliveries: number;
  readonly deadLetter: string | null;
  /** It wants the trace contexts of its records. */
  readonly trace: boolean;
}

/** Records with consecutive sequences. */
export interface Chunk extends ChunkHead {
  /** Whole messages back to back. */
  readonly run: Uint8Array;
}

/** A problem in words: the JSON of REFUSED, ENDED, ERROR and BYE. */
export interface Trouble {
  readonly code: string;
  readonly message: string;
}

export interface Refusal extends Trouble {
  readonly retry: boolean;
  /** Milliseconds to wait before the retry. */
  readonly delay: number;
}

export interface GroupInfo {
  readonly name: string;
  readonly strategy: Strategy;
  readonly consumers: number;
  /** Everything before this sequence is acknowledged. */
  readonly acknowledged: number;
  /** Delivered, not acknowledged. */
  readonly inFlight: number;
  /** Not acknowledged yet, in the stream. */
  readonly lag: number;
}

export interface StreamInfo {
  readonly stream: string;
  /** Sequence of the oldest record; the same as `next` when there is none. */
  readonly first: number;
  /** The sequence that the next record gets. */
  readonly next: number;
  readonly bytes: number;
  /** Null: it accepts. Otherwise why not. */
  readonly trouble: Trouble | null;
  readonly groups: readonly GroupInfo[];
}

export type ClientMessage =
  | { readonly type: 'HELLO'; readonly hello: Hello }
  | { readonly type: 'OPEN'; readonly stream: string }
  | {
      readonly type: 'PUBLISH';
      readonly stream: string;
      readonly first: number;
      readonly run: Uint8Array;
      /** By number of the producer. */
      readonly trace?: TraceContexts;
    }
  | {
      readonly type: 'CONSUME';
      readonly consumer: number;
      readonly request: ConsumeRequest;
      readonly prefix: Uint8Array;
    }
  | { readonly type: 'ACK'; readonly consumer: number; readonly ranges: readonly Range[] }
  | {
      readonly type: 'NACK';
      readonly consumer: number;
      readonly ranges: readonly Range[];
      readonly delay: number;
    }
  | { readonly type: 'CANCEL'; readonly consumer: number }
  | { readonly type: 'INFO'; readonly request: number; readonly stream: string }
  | { readonly type: 'PING' }
  | { readonly type: 'BYE'; readonly reason: string };

export type NodeMessage =
  | { readonly type: 'WELCOME'; readonly welcome: Welcome }
  | { readonly type: 'OPENED'; readonly stream: string; readonly last: number }
  | { readonly type: 'STORED'; readonly stream: string; readonly receipts: readonly Receipt[] }
  | {
      readonly type: 'REFUSED';
      readonly stream: string;
      readonly expected: number;
      readonly refusal: Refusal;
    }
  | { readonly type: 'CONSUMING'; readonly consumer: number; readonly next: number }
  | {
      readonly type: 'RECORDS';
      readonly consumer: number;
      readonly chunks: readonly Chunk[];
      /** By sequence. */
      readonly trace?: TraceContexts;
    }
  | {
      readonly type: 'GAP';
      readonly consumer: number;
      readonly first: number;
      readonly last: number;
      readonly reason: string;
    }
  | { readonly type: 'ENDED'; readonly consumer: number; readonly trouble: Trouble }
  | { readonly type: 'INFO'; readonly request: number; readonly info: StreamInfo | Trouble }
  | { readonly type: 'PONG' }
  | { readonly type: 'BYE'; readonly reason: string }
  | { readonly type: 'ERROR'; readonly trouble: Trouble };
