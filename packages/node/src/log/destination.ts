/**
 * Writes log lines to a file descriptor.
 *
 * Guarantees: a line is written when the call returns; nothing is kept in memory; when the reader is gone, or does not read
 * although the descriptor would not block, or the disk is full, lines are dropped and the caller goes on; one that was cut is
 * not mixed with the next.
 */
import { writeSync } from 'node:fs';

/** What pino writes to. */
export interface Destination {
  write(line: string): void;
}

/** Milliseconds that a full pipe may hold up the caller: once, until it has taken a line again. */
const PATIENCE = 100;
const PAUSE = 5;
/** Of a disk, or of what one user may have of it: there may be room again. */
const FULL: readonly string[] = ['ENOSPC', 'EDQUOT', 'EFBIG'];

export function createDestination(fd: number): Destination {
  const clock = new Int32Array(new SharedArrayBuffer(4));
  let patience = PATIENCE;
  let gone = false;
  /** Of the line before only the beginning was written. */
  let cut = false;

  const write = (line: string): void => {
    if (gone) return;
    const bytes = Buffer.from(cut ? `\n${line}` : line);
    for (let at = 0; at < bytes.length; ) {
      try {
        at += writeSync(fd, bytes, at);
        patience = PATIENCE;
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code ?? '';
        gone = code !== 'EAGAIN' && !FULL.includes(code);
        if (gone) return;
        if (patience <= 0 || code !== 'EAGAIN') {
          cut ||= at > 0;
          return;
        }
        patience -= PAUSE;
        Atomics.wait(clock, 0, 0, PAUSE);
      }
    }
    cut = false;
  };
  return { write };
}

/** syslog(3). */
export const PRIORITIES = { fatal: 2, error: 3, warn: 4, info: 6, debug: 7, trace: 7 } as const;

/** Puts the priority before each JSON line that begins with its level (sd-daemon(3)). */
export function prioritised(destination: Destination): Destination {
  return {
    write: (line) => {
      const level = /^\{"level":"(fatal|error|warn|info|debug|trace)"/.exec(line)?.[1] ?? 'info';
      destination.write(`<${PRIORITIES[level as keyof typeof PRIORITIES]}>${line}`);
    },
  };
}
