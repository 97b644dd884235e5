/**
 * The log of a running node: pino on standard error.
 *
 * Guarantees: a line is written when the call returns (no worker thread, nothing to flush, nothing lost by a crash);
 * pretty for a person at a terminal, one JSON object for each line otherwise; a reader that goes away ends the log and
 * not the node.
 */

import type { Level, Logger } from 'pino';
import { pino } from 'pino';
import type { Destination } from './destination.ts';
import { createDestination } from './destination.ts';
import type { Log, LogLine } from './log.ts';
import type { LogTap } from './tap.ts';

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
  /** Who reads along. */
  readonly tap?: LogTap;
}

/** A log whose level can change while it is written, with that of all its children. */
export interface LevelLog extends Log {
  setLevel(level: LogOptions['level']): void;
}

/** Whether the log is for a person: what `auto` means here. */
export function isPretty({ format, terminal }: Pick<LogOptions, 'format' | 'terminal'>): boolean {
  return format === 'pretty' || (format === 'auto' && terminal);
}

/** Makes the log. pino-pretty is loaded only where it is used. */
export async function createLog(options: LogOptions): Promise<LevelLog> {
  const fd = options.fd ?? 2;
  const pretty = isPretty(options);
  const destination = pretty ? await prettyDestination(fd, options.colour) : createDestination(fd);
  const base = pretty ? null : { node: options.name, pid: process.pid };
  const target = pino(
    { level: 'trace', base, timestamp: isoTime, formatters: { level: levelName } },
    options.tap === undefined ? destination : tapped(destination, options.tap),
  );
  const gate: Gate = { level: levelNumber(options.level) };
  const setLevel = (level: LogOptions['level']): void => {
    gate.level = levelNumber(level);
  };
  return { ...gated(target, gate), setLevel };
}

function tapped(destination: Destination, tap: LogTap): Destination {
  return {
    write: (line) => {
      destination.write(line);
      tap.listener?.(line);
    },
  };
}

interface Gate {
  /** Lines below it are not written. */
  level: number;
}

/** pino's children keep the level that they were made with: here one gate counts for all. */
function gated(target: Logger, gate: Gate): Log {
  const line = (name: Level): LogLine => {
    const level = levelNumber(name);
    return (fields, message) => {
      if (level >= gate.level) target[name](fields, message);
    };
  };
  return {
    trace: line('trace'),
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    fatal: line('fatal'),
    child: (fields) => gated(target.child(fields), gate),
  };
}

function levelNumber(level: LogOptions['level']): number {
  return level === 'silent' ? Number.POSITIVE_INFINITY : (pino.levels.values[level] as number);
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
