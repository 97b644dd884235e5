/**
 * A batch: what a stream is written in. Records with consecutive sequences, appended together, under one checksum.
 *
 *      0  u32  the stream's mark: a random number, so that no record can look like a batch
 *      4  u32  length of what follows this head: producer's name and run
 *      8  u32  CRC-32 of the run, then the name, then the head from octet 12 on
 *     12  u32  number of records
 *     16  u64  sequence of the first record
 *     24  u64  time, ms since 1970
 *     32  u64  the producer's number of the first record; 0: no producer
 *     40  u32  offset in this file before which all was known to be on the disk when this batch was written
 *     44  u8   length of the producer's name, then three octets of 0
 *     48       producer's name in UTF-8, run
 *
 * Numbers are in network byte order. The run comes first in the checksum so that it can be computed while an earlier
 * batch is written; the head is known last. The offset at 40 tells a write that a crash has torn (nobody was told that
 * it is stored) from damage to what was stored.
 */
import { crc32 } from 'node:zlib';
import { readU64, writeU64 } from '@zeroth/zmq/run';

export const HEAD = 48;
/** The longest producer's name, in octets. */
export const NAME_MAX = 255;
/** What follows a head is at most this long: one write of the system takes no more. */
export const LENGTH_MAX = 0x7000_0000;

/** What stands in a head, but mark and checksum. */
export interface BatchHead {
  readonly length: number;
  readonly count: number;
  readonly first: number;
  readonly timestamp: number;
  readonly number: number;
  readonly durable: number;
}

/** Writes head and name at `at`. `crc`: that of the run. */
export function writeHead(
  bytes: Buffer,
  at: number,
  mark: number,
  head: BatchHead,
  name: Uint8Array,
  crc: number,
): void {
  bytes.writeUInt32BE(mark, at);
  bytes.writeUInt32BE(head.length, at + 4);
  bytes.writeUInt32BE(head.count, at + 12);
  writeU64(bytes, at + 16, head.first);
  writeU64(bytes, at + 24, head.timestamp);
  writeU64(bytes, at + 32, head.number);
  bytes.writeUInt32BE(head.durable, at + 40);
  bytes.writeUInt32BE(name.length * 2 ** 24, at + 44);
  bytes.set(name, at + HEAD);
  const end = at + HEAD;
  const named = name.length === 0 ? crc : crc32(bytes.subarray(end, end + name.length), crc);
  bytes.writeUInt32BE(crc32(bytes.subarray(at + 12, end), named), at + 8);
}

/** The mark in octets, to search for. */
export function markBytes(mark: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(mark);
  return bytes;
}

/** Nothing that begins here is a batch. */
export const BAD = -1;

/**
 * Octets of the batch at `at` by what its head says; more than `end - at` when it is not whole; {@link BAD} when it
 * can't be one. Its checksum is not looked at.
 */
export function batchLength(bytes: Buffer, at: number, end: number, mark: number): number {
  if (end - at < HEAD) return HEAD;
  if (bytes.readUInt32BE(at) !== mark) return BAD;
  const length = bytes.readUInt32BE(at + 4);
  const count = bytes.readUInt32BE(at + 12);
  // A record has two octets at least.
  if (length > LENGTH_MAX || count === 0 || count * 2 + bytes[at + 44]! > length) return BAD;
  const first = readU64(bytes, at + 16);
  if (first === 0 || first + count > Number.MAX_SAFE_INTEGER) return BAD;
  return HEAD + length;
}

/** Whether the whole batch in `bytes[at, end)` is as it was written. */
export function isIntact(bytes: Buffer, at: number, end: number): boolean {
  const run = runStart(bytes, at);
  let crc = crc32(bytes.subarray(run, end));
  if (run > at + HEAD) crc = crc32(bytes.subarray(at + HEAD, run), crc);
  return crc32(bytes.subarray(at + 12, at + HEAD), crc) === bytes.readUInt32BE(at + 8);
}

export function countOf(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at + 12);
}

export function firstOf(bytes: Buffer, at: number): number {
  return readU64(bytes, at + 16);
}

export function timeOf(bytes: Buffer, at: number): number {
  return readU64(bytes, at + 24);
}

export function durableOf(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at + 40);
}

/** Where the run begins. */
export function runStart(bytes: Buffer, at: number): number {
  return at + HEAD + bytes[at + 44]!;
}

/** The producer's number of the first record; 0: no producer. */
export function numberOf(bytes: Buffer, at: number): number {
  return readU64(bytes, at + 32);
}

export function producerOf(bytes: Buffer, at: number): string {
  return bytes.toString('utf8', at + HEAD, runStart(bytes, at));
}
