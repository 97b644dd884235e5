/** Numbers and ranges as they stand in frames: unsigned, network byte order. */
import { readU64, writeU64 } from '@zeroth/zmq/run';

/** Sequences `first` to `last`, both included. */
export interface Range {
  readonly first: number;
  readonly last: number;
}

/** Records that were stored: their numbers from the producer, and where in the stream the first one is. */
export interface Receipt extends Range {
  /** 0: the stream had them already. */
  readonly sequence: number;
}

/** What stands before a run of RECORDS. */
export interface ChunkHead {
  /** Of the first record; the others follow it without a gap. */
  readonly sequence: number;
  /** Milliseconds since 1970, of when the node took them. */
  readonly timestamp: number;
  /** 1 the first time. */
  readonly deliveries: number;
}

export const RANGE_OCTETS = 16;
const RECEIPT_OCTETS = 24;
const HEAD_OCTETS = 20;

export function encodeU32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value, 0);
  return bytes;
}

export function encodeU64(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  writeU64(bytes, 0, value);
  return bytes;
}

export function encodeRanges(ranges: readonly Range[]): Buffer {
  const bytes = Buffer.allocUnsafe(ranges.length * RANGE_OCTETS);
  let at = 0;
  for (const { first, last } of ranges) {
    writeU64(bytes, at, first);
    writeU64(bytes, at + 8, last);
    at += RANGE_OCTETS;
  }
  return bytes;
}

export function encodeReceipts(receipts: readonly Receipt[]): Buffer {
  const bytes = Buffer.allocUnsafe(receipts.length * RECEIPT_OCTETS);
  let at = 0;
  for (const { first, last, sequence } of receipts) {
    writeU64(bytes, at, first);
    writeU64(bytes, at + 8, last);
    writeU64(bytes, at + 16, sequence);
    at += RECEIPT_OCTETS;
  }
  return bytes;
}

export function encodeHead({ sequence, timestamp, deliveries }: ChunkHead): Buffer {
  const bytes = Buffer.allocUnsafe(HEAD_OCTETS);
  writeU64(bytes, 0, sequence);
  writeU64(bytes, 8, timestamp);
  bytes.writeUInt32BE(deliveries, 16);
  return bytes;
}

/** Null: the frame has another size. */
export function decodeU32(frame: Uint8Array): number | null {
  if (frame.length !== 4) return null;
  return ((frame[0]! << 24) | (frame[1]! << 16) | (frame[2]! << 8) | frame[3]!) >>> 0;
}

/** Null: the frame has another size, or the number is not below 2^53. */
export function decodeU64(frame: Uint8Array): number | null {
  if (frame.length !== 8) return null;
  const value = readU64(frame, 0);
  return Number.isFinite(value) ? value : null;
}

/** Null: no whole ranges, or one whose end is before its beginning. */
export function decodeRanges(frame: Uint8Array): Range[] | null {
  if (frame.length === 0 || frame.length % RANGE_OCTETS !== 0) return null;
  const ranges: Range[] = [];
  for (let at = 0; at < frame.length; at += RANGE_OCTETS) {
    const first = readU64(frame, at);
    const last = readU64(frame, at + 8);
    if (first < 1 || !(last >= first) || !Number.isFinite(last)) return null;
    ranges.push({ first, last });
  }
  return ranges;
}

/** Null: no whole receipts, or wrong ones. */
export function decodeReceipts(frame: Uint8Array): Receipt[] | null {
  if (frame.length === 0 || frame.length % RECEIPT_OCTETS !== 0) return null;
  const receipts: Receipt[] = [];
  for (let at = 0; at < frame.length; at += RECEIPT_OCTETS) {
    const first = readU64(frame, at);
    const last = readU64(frame, at + 8);
    const sequence = readU64(frame, at + 16);
    if (first < 1 || !(last >= first) || !Number.isFinite(last) || !Number.isFinite(sequence)) return null;
    receipts.push({ first, last, sequence });
  }
  return receipts;
}

/** Null: another size, or numbers out of range. */
export function decodeHead(frame: Uint8Array): ChunkHead | null {
  if (frame.length !== HEAD_OCTETS) return null;
  const sequence = readU64(frame, 0);
  const timestamp = readU64(frame, 8);
  if (sequence < 1 || !Number.isFinite(sequence) || !Number.isFinite(timestamp)) return null;
  const deliveries = ((frame[16]! << 24) | (frame[17]! << 16) | (frame[18]! << 8) | frame[19]!) >>> 0;
  return { sequence, timestamp, deliveries };
}
