/**
 * Who reads the log along with its destination.
 *
 * Guarantees: listeners come and go while the log is in use; what nobody listens to is not made.
 */
import type { EventRecord } from './events.ts';

export type LineListener = (line: string) => void;
export type RecordListener = (record: EventRecord) => void;

export class LogTap {
  /** Those that get each line that the log has, a JSON object. */
  readonly lines: Set<LineListener> = new Set();
  /** Those that get each event that the record of the system is to have, whatever the level of the log (events.ts). */
  readonly records: Set<RecordListener> = new Set();
  /**
   * Gets each event of level info and above that the log would have, and those for the record of the system; the
   * destination does not get them then. For a system whose log and record are the same (journald). Null: nobody.
   */
  journal: RecordListener | null = null;
}
