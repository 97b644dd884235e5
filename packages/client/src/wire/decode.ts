/**
 * Frames to messages of the session protocol. Everything is checked but the inside of runs: what decodes has the shape
 * that its type says. Runs are views into the frames.
 */
import {
  type Chunk,
  type ClientMessage,
  type ConsumeRequest,
  type From,
  type Hello,
  NAME,
  type NodeMessage,
  type Refusal,
  type Strategy,
  type StreamInfo,
  type Trouble,
  type Welcome,
} from './messages.ts';
import {
  decodeHead,
  decodeRanges,
  decodeReceipts,
  decodeU32,
  decodeU64,
  RANGE_OCTETS,
  type Range,
} from './numbers.ts';
import { decodeTrace, type TraceContexts } from './trace.ts';

/** A message is not as docs/wire.md says. */
export class WireError extends Error {
  override readonly name: string = 'WireError';
}

type Json = Readonly<Record<string, unknown>>;

/** @throws WireError */
export function decodeClientMessage(frames: readonly Uint8Array[]): ClientMessage {
  const type = command(frames);
  switch (type) {
    case 'HELLO':
      return { type, hello: hello(json(frames, 1, 2)) };
    case 'OPEN':
      return { type, stream: name(frames, 1, 2) };
    case 'PUBLISH': {
      const first = u64(frames, 2);
      if (first === 0) throw new WireError('PUBLISH: producer sequences begin at 1');
      const message = { type, stream: name(frames, 1, frames.length === 5 ? 5 : 4), first, run: frames[3]! };
      return frames.length === 5 ? { ...message, ...contexts(frames, 4) } : message;
    }
    case 'CONSUME':
      return { type, consumer: u32(frames, 1, 4), request: request(json(frames, 2)), prefix: frames[3]! };
    case 'ACK':
      return { type, consumer: u32(frames, 1, 3), ranges: ranges(frames, 2) };
    case 'NACK':
      return { type, consumer: u32(frames, 1, 4), ranges: ranges(frames, 2), delay: u32(frames, 3) };
    case 'CANCEL':
      return { type, consumer: u32(frames, 1, 2) };
    case 'INFO':
      return { type, request: u32(frames, 1, 3), stream: name(frames, 2) };
    case 'PING':
      return { type };
    case 'BYE':
      return { type, reason: text(json(frames, 1), 'reason', '') };
    default:
      throw new WireError(`unknown command ${printable(type)}`);
  }
}

/** @throws WireError */
export function decodeNodeMessage(frames: readonly Uint8Array[]): NodeMessage {
  const type = command(frames);
  switch (type) {
    case 'RECORDS':
      // Heads and runs come in pairs; what is left over are their contexts.
      return frames.length % 2 === 0
        ? { type, consumer: u32(frames, 1), chunks: chunks(frames, frames.length) }
        : {
            type,
            consumer: u32(frames, 1),
            chunks: chunks(frames, frames.length - 1),
            ...contexts(frames, frames.length - 1),
          };
    case 'STORED': {
      const receipts = decodeReceipts(frame(frames, 2, 3));
      if (receipts === null) throw new WireError('STORED: no receipts');
      return { type, stream: name(frames, 1), receipts };
    }
    case 'WELCOME':
      return { type, welcome: welcome(json(frames, 1, 2)) };
    case 'OPENED':
      return { type, stream: name(frames, 1, 3), last: u64(frames, 2) };
    case 'REFUSED':
      return {
        type,
        stream: name(frames, 1, 4),
        expected: u64(frames, 2),
        refusal: refusal(json(frames, 3)),
      };
    case 'CONSUMING':
      return { type, consumer: u32(frames, 1, 3), next: whole(json(frames, 2), 'next', 1) };
    case 'GAP': {
      const reason = text(json(frames, 4), 'reason', 'unknown');
      const [first, last] = [u64(frames, 2), u64(frames, 3)];
      if (first < 1 || last < first) throw new WireError('GAP: no range of sequences');
      return { type, consumer: u32(frames, 1, 5), first, last, reason };
    }
    case 'ENDED':
      return { type, consumer: u32(frames, 1, 3), trouble: trouble(json(frames, 2)) };
    case 'INFO': {
      const value = json(frames, 2, 3);
      // What tools print: its members are the node's word.
      const info = 'stream' in value ? (value as unknown as StreamInfo) : trouble(value);
      return { type, request: u32(frames, 1), info };
    }
    case 'PONG':
      return { type };
    case 'BYE':
      return { type, reason: text(json(frames, 1), 'reason', '') };
    case 'ERROR':
      return { type, trouble: trouble(json(frames, 1, 2)) };
    default:
      throw new WireError(`unknown command ${printable(type)}`);
  }
}

function command(frames: readonly Uint8Array[]): string {
  const first = frames[0];
  if (first === undefined || first.length > 16) throw new WireError('the first frame is no command');
  return Buffer.from(first.buffer, first.byteOffset, first.length).toString('latin1');
}

function frame(frames: readonly Uint8Array[], index: number, count?: number): Uint8Array {
  const bytes = frames[index];
  if (bytes === undefined || (count !== undefined && frames.length !== count)) {
    const wanted = count === undefined ? `at least ${index + 1}` : String(count);
    throw new WireError(`${command(frames)}: ${wanted} frames are needed, there are ${frames.length}`);
  }
  return bytes;
}

function u32(frames: readonly Uint8Array[], index: number, count?: number): number {
  const value = decodeU32(frame(frames, index, count));
  if (value === null) throw new WireError(`${command(frames)}: frame ${index + 1} is no 32-bit number`);
  return value;
}

function u64(frames: readonly Uint8Array[], index: number): number {
  const value = decodeU64(frame(frames, index));
  if (value === null) throw new WireError(`${command(frames)}: frame ${index + 1} is no number below 2^53`);
  return value;
}

/** Of one message. */
const MAX_RANGES = 65_536;

function ranges(frames: readonly Uint8Array[], index: number): Range[] {
  const bytes = frame(frames, index);
  const list = bytes.length <= MAX_RANGES * RANGE_OCTETS ? decodeRanges(bytes) : null;
  if (list === null)
    throw new WireError(
      `${command(frames)}: frame ${index + 1} is no list of at most ${MAX_RANGES} ranges of sequences`,
    );
  return list;
}

function name(frames: readonly Uint8Array[], index: number, count?: number): string {
  const bytes = frame(frames, index, count);
  const value =
    bytes.length > 64 ? '' : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  if (!NAME.test(value)) throw new WireError(`${command(frames)}: frame ${index + 1} is no name`);
  return value;
}

function chunks(frames: readonly Uint8Array[], end: number): Chunk[] {
  if (end < 4) throw new WireError('RECORDS: heads and runs come in pairs');
  const list: Chunk[] = [];
  for (let index = 2; index < end; index += 2) {
    const head = decodeHead(frames[index]!);
    if (head === null) throw new WireError(`RECORDS: frame ${index + 1} is no head`);
    list.push({ ...head, run: frames[index + 1]! });
  }
  return list;
}

function contexts(frames: readonly Uint8Array[], index: number): { trace?: TraceContexts } {
  const trace = decodeTrace(json(frames, index));
  return trace === null ? {} : { trace };
}

/** JSON that is longer than this is no request. */
const JSON_LIMIT = 1024 * 1024;

function json(frames: readonly Uint8Array[], index: number, count?: number): Json {
  const bytes = frame(frames, index, count);
  let value: unknown = null;
  try {
    if (bytes.length <= JSON_LIMIT)
      value = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8'));
  } catch {
    // Said below.
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new WireError(`${command(frames)}: frame ${index + 1} is no JSON object`);
  return value as Json;
}

function text(value: Json, key: string, fallback?: string): string {
  const found = value[key] ?? fallback;
  if (typeof found !== 'string') throw new WireError(`"${key}" has to be a text`);
  return found;
}

function named(value: Json, key: string): string {
  const found = text(value, key);
  if (!NAME.test(found)) throw new WireError(`"${key}": ${printable(found)} is no name`);
  return found;
}

function whole(value: Json, key: string, min: number, fallback?: number): number {
  const found = value[key] ?? fallback;
  if (typeof found !== 'number' || !Number.isSafeInteger(found) || found < min)
    throw new WireError(`"${key}" has to be a whole number of ${min} or more`);
  return found;
}

function hello(value: Json): Hello {
  const instance = text(value, 'instance');
  if (instance.length === 0 || instance.length > 64) throw new WireError('"instance" has 1 to 64 characters');
  return {
    protocol: whole(value, 'protocol', 1),
    name: named(value, 'name'),
    instance,
    heartbeat: whole(value, 'heartbeat', 1, 5000),
  };
}

function welcome(value: Json): Welcome {
  return {
    protocol: whole(value, 'protocol', 1),
    node: text(value, 'node'),
    heartbeat: whole(value, 'heartbeat', 1),
    window: whole(value, 'window', 1),
    maxMessageSize: whole(value, 'maxMessageSize', 1),
    resumed: value.resumed === true,
    trace: value.trace === true,
  };
}

function request(value: Json): ConsumeRequest {
  const strategy = text(value, 'strategy', 'broadcast');
  if (strategy !== 'broadcast' && strategy !== 'group' && strategy !== 'sharded')
    throw new WireError(`"strategy": ${printable(strategy)} is not broadcast, group or sharded`);
  const group = value.group === undefined || value.group === null ? null : named(value, 'group');
  if (group === null && strategy !== 'broadcast')
    throw new WireError(`"group" is needed for the strategy ${strategy}`);
  const dead = value.deadLetter;
  return {
    stream: named(value, 'stream'),
    strategy: strategy satisfies Strategy,
    group,
    from: from(value.from ?? 'new'),
    credit: whole(value, 'credit', 1, 1000),
    ackTimeout: whole(value, 'ackTimeout', 0, 30_000),
    maxDeliveries: whole(value, 'maxDeliveries', 0, 0),
    deadLetter: dead === undefined || dead === null ? null : named(value, 'deadLetter'),
    trace: value.trace === true,
  };
}

function from(value: unknown): From {
  if (value === 'first' || value === 'last' || value === 'new') return value;
  if (typeof value === 'object' && value !== null) {
    if ('sequence' in value) return { sequence: whole(value as Json, 'sequence', 1) };
    if ('time' in value) return { time: whole(value as Json, 'time', 0) };
  }
  throw new WireError('"from" has to be "first", "last", "new", {"sequence":N} or {"time":MS}');
}

function trouble(value: Json): Trouble {
  return { code: text(value, 'code'), message: text(value, 'message', '') };
}

function refusal(value: Json): Refusal {
  return { ...trouble(value), retry: value.retry === true, delay: whole(value, 'delay', 0, 0) };
}

function printable(value: string): string {
  return JSON.stringify(value.slice(0, 64));
}
