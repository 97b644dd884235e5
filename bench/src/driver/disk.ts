/**
 * What the disk under a stream can do, by the plainest of programs: appends to one file, nothing else. Figures of streams
 * are held against it.
 */
import { closeSync, constants, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { DriverOptions, ForeignDriver } from './common.ts';
import { sayReady, sayResult } from './common.ts';
import { roundTrips } from './reqrep.ts';

const { O_WRONLY, O_CREAT, O_EXCL, O_DSYNC } = constants;

/** Of a group commit under full load, and of what one checksum covers. */
const BATCH = 4 * 1024 * 1024;
const SPAN = 64 * 1024;

/** Durable when it returns. */
function appender({ endpoint, sync }: DriverOptions): (bytes: Uint8Array) => void {
  const flags = O_WRONLY | O_CREAT | O_EXCL | (sync === 'dsync' ? O_DSYNC : 0);
  const file = openSync(join(endpoint, `append-${sync}`), flags);
  process.once('exit', () => closeSync(file));
  return (bytes) => {
    for (let from = 0; from < bytes.length; ) from += writeSync(file, bytes, from);
    if (sync === 'fdatasync') fdatasyncSync(file);
  };
}

/** Octets per second, in appends of 4 MiB whose octets are checksummed first. */
export const diskAppend: ForeignDriver = async (options) => {
  const append = appender(options);
  const bytes = new Uint8Array(BATCH).fill(7);
  const rateFor = (seconds: number): number => {
    const start = performance.now();
    let now = start;
    let count = 0;
    for (; now - start < seconds * 1000; now = performance.now(), count++) {
      for (let from = 0; from < BATCH; from += SPAN) crc32(bytes.subarray(from, from + SPAN));
      append(bytes);
    }
    return (count * BATCH) / ((now - start) / 1000);
  };
  sayReady(options.endpoint);
  rateFor(options.warm);
  sayResult({ rate: rateFor(options.time) });
};

/** One append of SIZE octets after the other. */
export const diskOne: ForeignDriver = async (options) => {
  const append = appender(options);
  const bytes = new Uint8Array(options.size).fill(7);
  sayReady(options.endpoint);
  await roundTrips(options, () => {
    append(bytes);
    return Promise.resolve();
  });
};
