/**
 * The catalogue of events: whatever an operator may want to know, or to be woken by. docs/events.md is made from it.
 *
 * Guarantees: an event has one id, one level and one message, which stand here and nowhere else (see `Log.event`); an id
 * is never used again. Where events go:
 * - the log has those that `log.level` lets through;
 * - the record of the system (Windows Event Log) has warn and above, and of level info those that are `kept`: the life of
 *   the node, what was changed by whom, and what ends a trouble that is recorded. Whatever `log.level` says. Peers that
 *   come and go would wash everything else out of it;
 * - a storm is folded in both: ten of a kind in a second are told one by one, the rest as one with its number (fold.ts).
 *
 * To add one: an entry in the file of its area, with the next free id, and `log.event('its:name', { … })` where it happens.
 */
import { CONFIG } from './catalogue/config.ts';
import { CONTROL } from './catalogue/control.ts';
import type { EventArea, EventEntry } from './catalogue/entry.ts';
import { LIFECYCLE } from './catalogue/lifecycle.ts';
import { PEERS } from './catalogue/peers.ts';
import { ROUTES } from './catalogue/routes.ts';
import { SERVICE } from './catalogue/service.ts';
import { SESSIONS } from './catalogue/sessions.ts';
import { STREAMS } from './catalogue/streams.ts';
import { TELEMETRY } from './catalogue/telemetry.ts';

export const AREAS: readonly EventArea[] = [
  { title: 'The node', from: 100, events: LIFECYCLE },
  { title: 'Configuration', from: 200, events: CONFIG },
  { title: 'Routes and endpoints', from: 300, events: ROUTES },
  { title: 'Peers', from: 400, events: PEERS },
  { title: 'Streams', from: 500, events: STREAMS },
  { title: 'Sessions', from: 600, events: SESSIONS },
  { title: 'Control API', from: 700, events: CONTROL },
  { title: 'Telemetry', from: 800, events: TELEMETRY },
  { title: 'The service', from: 900, events: SERVICE },
];

type Events = typeof LIFECYCLE &
  typeof CONFIG &
  typeof ROUTES &
  typeof PEERS &
  typeof STREAMS &
  typeof SESSIONS &
  typeof CONTROL &
  typeof TELEMETRY &
  typeof SERVICE;

export const EVENTS: Events = {
  ...LIFECYCLE,
  ...CONFIG,
  ...ROUTES,
  ...PEERS,
  ...STREAMS,
  ...SESSIONS,
  ...CONTROL,
  ...TELEMETRY,
  ...SERVICE,
};

export type EventName = keyof Events;

/** What `Log.event` takes with a name. A field may also come from the child logger. */
export type EventFields<N extends EventName> = N extends EventName
  ? { readonly [F in keyof Events[N]['fields']]?: unknown }
  : never;

/** One event, as every system keeps it. */
export interface EventRecord {
  /** 1 to 65535. */
  readonly id: number;
  readonly name: string;
  readonly level: 'info' | 'warn' | 'error' | 'fatal';
  readonly message: string;
  /** Plain values: an error is the text of its stack. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** Milliseconds since 1970. */
  readonly time: number;
}

/** Whether the record of the system has it. */
export function isKept({ level, kept }: Pick<EventEntry, 'level' | 'kept'>): boolean {
  return kept === true || !(level === 'debug' || level === 'info');
}
