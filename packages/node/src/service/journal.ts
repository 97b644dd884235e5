/**
 * The events of a program that runs as a service and has no log of its own.
 *
 * Guarantees: each is in the record of the system; on Linux under systemd there only (the journal), elsewhere also on
 * standard error: plain words on a terminal, else one JSON object a line, the same as the log lines of a node. Written when
 * the call returns. More than 50 a second of a kind are folded into one with their number. Needs no package.
 */
import { isatty } from 'node:tty';
import { LIFECYCLE } from '../log/catalogue/lifecycle.ts';
import { SERVICE } from '../log/catalogue/service.ts';
import { createDestination, prioritised } from '../log/destination.ts';
import type { EventRecord } from '../log/events.ts';
import type { Folded } from '../log/fold.ts';
import { Fold } from '../log/fold.ts';
import { harmless, plainFields, reasonFields } from '../log/plain.ts';
import type { ServiceHost } from './host.ts';
import type { EventLevel } from './program.ts';
import type { Journal, RunnerEvent } from './runner.ts';
import { isJournal } from './systemd/journal.ts';

type Fields = Readonly<Record<string, unknown>>;

const EVENTS = { ...LIFECYCLE, ...SERVICE };
const BURST = { burst: 50 };
const STANDARD_ERROR = 2;

/** @param name of the program, in each line. */
export function createJournal(
  name: string,
  host: Pick<ServiceHost, 'kind' | 'record'>,
  { fd = STANDARD_ERROR, words = isatty(STANDARD_ERROR) }: { fd?: number; words?: boolean } = {},
): Journal {
  const plain = createDestination(fd);
  const destination = isJournal(process.env, fd) ? prioritised(plain) : plain;
  const fold = new Fold();
  const { kind, record } = host;
  const write = (event: EventRecord): void => {
    record?.(event);
    // What stands on standard error is in systemd's journal as well.
    if (kind === 'systemd' && record !== null) return;
    destination.write(words ? wordsOf(event) : lineOf(name, event));
  };
  const tell = (folded: Folded | null, event: Omit<EventRecord, 'time'>): void => {
    const fields = folded === null ? event.fields : { ...event.fields, folded: folded.events };
    write({ ...event, fields: plainFields(fields), time: Date.now() });
  };
  const emit = (event: Omit<EventRecord, 'time'>): void => {
    // What ends the process is not held back.
    if (event.level === 'fatal') tell(null, event);
    else fold.note(event.name + event.level, (folded) => tell(folded, event), BURST);
  };
  const report = (event: RunnerEvent | 'service:failed', fields: Fields): void => {
    const { id, level, message } = EVENTS[event];
    emit({ id, name: event, level, message, fields });
  };
  return {
    report,
    note: (level: EventLevel, message, fields) =>
      emit({ id: EVENTS['service:note'].id, name: 'service:note', level, message, fields }),
    failed: (error) => report('service:failed', { ...reasonFields(error), err: error }),
    flush: () => fold.flush(),
  };
}

function lineOf(service: string, { level, time, name, id, fields, message }: EventRecord): string {
  const head = { level, time: new Date(time).toISOString(), service, pid: process.pid, event: name, id };
  // No field takes the place of one of these.
  return `${JSON.stringify({ ...head, ...fields, ...head, msg: message })}\n`;
}

function wordsOf({ level, time, fields, message }: EventRecord): string {
  const { err, ...rest } = fields;
  const more = Object.keys(rest).length === 0 ? '' : ` ${JSON.stringify(rest)}`;
  const stack = typeof err === 'string' ? `\n${err}` : '';
  const head = `${level.toUpperCase()} [${new Date(time).toTimeString().slice(0, 8)}]`;
  return `${harmless(`${head}: ${message.replaceAll('\n', '\\n')}${more}${stack}`)}\n`;
}
