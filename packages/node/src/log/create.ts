/**
 * The log of a running node: pino on standard error, or in a file.
 *
 * Guarantees: a line is written when the call returns (no worker thread, nothing to flush, nothing lost by a crash);
 * pretty for a person at a terminal, one JSON object for each line otherwise; a reader that goes away ends the log and
 * not the node; storms of events are folded.
 */

import type { Level, Logger } from 'pino';
import { pino } from 'pino';
import type { Destination } from './destination.ts';
import { createDestination, prioritised } from './destination.ts';
import { Emitter } from './emitter.ts';
import { LogFile } from './file.ts';
import type { Log, LogLine } from './log.ts';
import { harmless } from './plain.ts';
import { LogTap } from './tap.ts';

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
  /** Writes JSON lines to this file in place of `fd`, and keeps old ones (file.ts). */
  readonly file?: string;
  /** Each line begins with its priority for the system's log (`<4>`), as journald reads it from standard error. */
  readonly priorities?: boolean;
  /** Who reads along. */
  readonly tap?: LogTap;
}

/** A log whose level can change while it is written, with that of all its children. */
export interface LevelLog extends Log {
  setLevel(level: LogOptions['level']): void;
  /** Writes what is folded now. */
  flush(): void;
  /** The same, and closes the file. */
  close(): void;
}

/** Lines below `level` are not written. */
export interface Gate {
  level: number;
}

/** Whether the log is for a person: what `auto` means here. */
export function isPretty({
  format,
  terminal,
  file,
}: Pick<LogOptions, 'format' | 'terminal' | 'file'>): boolean {
  return file === undefined && (format === 'pretty' || (format === 'auto' && terminal));
}

/** Makes the log. pino-pretty is loaded only where it is used. */
export async function createLog(options: LogOptions): Promise<LevelLog> {
  const { fd = 2, tap = new LogTap() } = options;
  const pretty = isPretty(options);
  const file = options.file === undefined ? null : new LogFile(options.file);
  const plain = file ?? createDestination(fd);
  const json = options.priorities === true ? prioritised(plain) : plain;
  const destination = pretty ? await prettyDestination(fd, options.colour) : json;
  const base = pretty ? null : { node: options.name, pid: process.pid };
  const emitter = new Emitter(tap);
  const target = pino(
    { level: 'trace', base, timestamp: isoTime, formatters: { level: levelName } },
    tapped(destination, emitter),
  );
  const gate: Gate = { level: levelNumber(options.level) };
  const log = gated(target, { gate, emitter }, {});
  if (file !== null) tellDropped(file, log);
  return {
    ...log,
    setLevel: (level) => {
      gate.level = levelNumber(level);
    },
    flush: () => emitter.flush(),
    close: () => {
      emitter.flush();
      file?.close();
    },
  };
}

function tellDropped(file: LogFile, log: Log): void {
  file.recovered = ({ lines, reason }) => log.event('log:dropped', { file: file.path, lines, reason });
}

function tapped(destination: Destination, emitter: Emitter): Destination {
  const { lines } = emitter.tap;
  return {
    write: (line) => {
      if (!emitter.journaled) destination.write(line);
      if (lines.size > 0) for (const listener of lines) listener(line);
    },
  };
}

/** pino's children keep the level that they were made with: here one gate counts for all. */
function gated(target: Logger, parts: { gate: Gate; emitter: Emitter }, scope: Record<string, unknown>): Log {
  const { gate, emitter } = parts;
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
    event: emitter.of(target, gate, scope),
    child: (fields) => gated(target.child(fields), parts, { ...scope, ...fields }),
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
    ignore: 'pid,hostname,node,id',
    singleLine: true,
    levelFirst: true,
  });
  const destination = createDestination(fd);
  // Of a stack, and of what is not ASCII, it writes what it is given.
  const plain = (_key: string, value: unknown): unknown =>
    typeof value === 'string' ? harmless(value) : value;
  return { write: (line) => destination.write(prettify(JSON.parse(line, plain)) ?? line) };
}
