/**
 * One event as the Windows Event Log shows it: the message, then `key: value` lines.
 *
 * Guarantees: at most {@link LIMIT} characters (ReportEventW refuses more than 31,839); no NUL, which would cut it; no
 * "%1", which Event Viewer takes for a place to put something else in ("fe80::1%5" is one).
 */

import type { EventRecord } from '../../log/events.ts';

const LIMIT = 30_000;

/** wType of ReportEventW. */
const EVENT_TYPE = { error: 1, warning: 2, information: 4 } as const;

export function eventType(level: EventRecord['level']): number {
  if (level === 'info') return EVENT_TYPE.information;
  return level === 'warn' ? EVENT_TYPE.warning : EVENT_TYPE.error;
}

export function eventText({ message, fields }: EventRecord): string {
  const lines = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}: ${valueText(value)}`);
  const text = lines.length === 0 ? message : `${message}\r\n\r\n${lines.join('\r\n')}`;
  return clean(text);
}

function clean(text: string): string {
  const whole = text.replaceAll('\0', '\u{FFFD}').replace(/%(?=\d)/g, '% ');
  return whole.length <= LIMIT ? whole : `${whole.slice(0, LIMIT - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

/** An error with its stack, a text as it is, anything else as JSON. */
function valueText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value instanceof Error) return value.stack ?? value.message;
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    // A cycle, a bigint: better a bad text than no event.
    return String(value);
  }
}
