/**
 * The log of a running node: pino on standard error.
 *
 * Guarantees: a line is written when the call returns (no worker thread, nothing to flush, nothing lost by a crash);
 * pretty for a person at a terminal, one JSON object for each line otherwise; a reader that goes away ends the log and
 * not the node.
 */

import { pino } from 'pino';
import type { Destination } from './destination.ts';
import { createDestination } from './destination.ts';
import type { Log } from './log.ts';

export interface LogOptions {
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
  /** `auto` is `pretty` on a terminal and `json` anywhere else. */
  readonly format: 'auto' | 'pretty' | 'json';
  /** The `node` field of each line. */
  readonly name: string;
  /** Whether standard error is a terminal: decides what `auto` means. */
  readonly terminal: boolean;
  /** Whether to colour the pretty form. */
  readonly colour: boolean;
  /** File descriptor, default 2. */
  readonly fd?: number;
}

/** Whether the log is for a person: what `auto` means here. */
export function isPretty({ format, terminal }: Pick<LogOptions, 'format' | 'terminal'>): boolean {
  return format === 'pretty' || (format === 'auto' && terminal);
}

/** Makes the log. pino-pretty is loaded only where it is used. */
export async function createLog(options: LogOptions): Promise<Log> {
  const fd = options.fd ?? 2;
  const pretty = isPretty(options);
  const destination = pretty ? await prettyDestination(fd, options.colour) : createDestination(fd);
  const base = pretty ? null : { node: options.name, pid: process.pid };
  const log: Log = pino(
    { level: options.level, base, timestamp: isoTime, formatters: { level: levelName } },
    destination,
  );
  return log;
}

// Names, not pino's numbers: a person greps for them, and log collectors map them without a table.
const levelName = (label: string): { level: string } => ({ level: label });
const isoTime = (): string => `,"time":"${new Date().toISOString()}"`;

async function prettyDestination(fd: number, colour: boolean): Promise<Destination> {
  const { prettyFactory } = await import('pino-pretty');
  // The stream that pino-pretty also offers writes a tick later, and would lose the last lines before an exit.
  const prettify = prettyFactory({
    colorize: colour,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'pid,hostname,node',
    singleLine: true,
    levelFirst: true,
  });
  const destination = createDestination(fd);
  return { write: (line) => destination.write(prettify(line) ?? line) };
}
