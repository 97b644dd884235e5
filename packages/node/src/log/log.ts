/**
 * The logger as the rest of the node sees it: structured fields first, then a sentence that never changes.
 *
 * Guarantees: imports nothing. A pino logger is one; so is {@link silentLog}.
 */

/** One level of a {@link Log}. What varies goes into `fields`; `message` is the same for each line of its kind. */
export type LogLine = (fields: object, message: string) => void;

export interface Log {
  readonly trace: LogLine;
  readonly debug: LogLine;
  readonly info: LogLine;
  readonly warn: LogLine;
  readonly error: LogLine;
  readonly fatal: LogLine;
  /** A logger that adds `fields` to each line. */
  child(fields: Record<string, unknown>): Log;
}

const nothing: LogLine = () => {};

/** Says nothing. */
export const silentLog: Log = {
  trace: nothing,
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  fatal: nothing,
  child: () => silentLog,
};
