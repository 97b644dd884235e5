/** A log for tests: each line and each event goes to one function, nothing is folded. */
import type { EventEntry } from '../../src/log/catalogue/entry.ts';
import { EVENTS } from '../../src/log/events.ts';
import type { Log, LogLine } from '../../src/log/log.ts';

export type Told = (level: string, fields: Record<string, unknown>, message: string) => void;

/** Events have their name as the field `event`, as in the log. */
export function testLog(told: Told): Log {
  const line =
    (level: string): LogLine =>
    (fields, message) =>
      told(level, fields as Record<string, unknown>, message);
  const log: Log = {
    trace: line('trace'),
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    fatal: line('fatal'),
    event: (name, fields) => {
      const { level, message } = EVENTS[name] as EventEntry;
      told(level, { event: name, ...fields }, message);
    },
    child: () => log,
  };
  return log;
}
