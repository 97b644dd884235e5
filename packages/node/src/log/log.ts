/**
 * The logger as the rest of the node sees it: events of the catalogue, and plain lines for whoever looks for a mistake.
 *
 * Guarantees: needs nothing; {@link silentLog} is one.
 */
import type { EventFields, EventName } from './events.ts';

/** One level of a {@link Log}. What varies goes into `fields`; `message` is the same for each line of its kind. */
export type LogLine = (fields: object, message: string) => void;

export interface Log {
  readonly trace: LogLine;
  readonly debug: LogLine;
  readonly info: LogLine;
  readonly warn: LogLine;
  readonly error: LogLine;
  readonly fatal: LogLine;
  /** What an operator may want to know: level and message stand in the catalogue (events.ts). Storms are folded. */
  event<N extends EventName>(name: N, fields: EventFields<N>): void;
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
  event: () => {},
  child: () => silentLog,
};
