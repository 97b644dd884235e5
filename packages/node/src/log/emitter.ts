/**
 * Brings events of the catalogue to the log and to those who record them.
 *
 * Guarantees: an event that nobody takes costs a look at the table; a storm is folded once for all who hear of it, by
 * event and by the route, side, stream, … that it is about (bounded by the configuration, never what a peer chose).
 */
import type { Logger } from 'pino';
import { pino } from 'pino';
import type { EventEntry } from './catalogue/entry.ts';
import type { EventFields, EventName, EventRecord } from './events.ts';
import { EVENTS, isKept } from './events.ts';
import type { Folded } from './fold.ts';
import { Fold } from './fold.ts';
import type { Log } from './log.ts';
import { plainFields } from './plain.ts';
import type { LogTap } from './tap.ts';

/** Fields that tell kinds of the same event apart. */
const ABOUT = ['route', 'side', 'stream', 'signal', 'key', 'source'];

/** An entry, made ready. */
interface Known extends EventEntry {
  readonly name: string;
  readonly number: number;
  readonly isKept: boolean;
}

type Fields = Readonly<Record<string, unknown>>;

const KNOWN: ReadonlyMap<string, Known> = new Map(
  Object.entries<EventEntry>(EVENTS).map(([name, entry]) => {
    const number = pino.levels.values[entry.level] as number;
    return [name, { ...entry, name, number, isKept: isKept(entry) }];
  }),
);

export class Emitter {
  readonly tap: LogTap;
  /** The line that is written now is in the journal already: it is for those who read along. */
  journaled = false;
  readonly #fold: Fold = new Fold();

  constructor(tap: LogTap) {
    this.tap = tap;
  }

  /** The method `event` of a logger with these fields. */
  of(target: Logger, gate: { readonly level: number }, scope: Fields): Log['event'] {
    const about = aboutOf('', scope);
    return <N extends EventName>(name: N, fields: EventFields<N>): void => {
      const known = KNOWN.get(name) as Known;
      const { records, journal } = this.tap;
      const logged = known.number >= gate.level;
      const kept = known.isKept && (records.size > 0 || journal !== null);
      if (!logged && !kept) return;
      const { fold = {} } = known;
      const weight = fold.sum === undefined ? 1 : Number((fields as Fields)[fold.sum]);
      const tell = (folded: Folded | null): void =>
        this.#emit(known, { target, scope, logged, kept }, foldedFields(known, fields, folded));
      // What ends the process is not held back.
      if (known.level === 'fatal') tell(null);
      else this.#fold.note(aboutOf(`${about}/${name}`, fields), tell, fold, weight);
    };
  }

  flush(): void {
    this.#fold.flush();
  }

  #emit(
    known: Known,
    { target, scope, logged, kept }: { target: Logger; scope: Fields; logged: boolean; kept: boolean },
    fields: Fields,
  ): void {
    const { id, name, level } = known;
    const { lines, records, journal } = this.tap;
    const message = 'folded' in fields ? `${known.message} (more of the same, folded)` : known.message;
    const journaled = journal !== null && level !== 'debug';
    if (level !== 'debug' && (kept || journaled)) {
      const record: EventRecord = {
        id,
        name,
        level,
        message,
        fields: plainFields({ ...scope, ...fields }),
        time: Date.now(),
      };
      if (kept) for (const listener of records) listener(record);
      journal?.(record);
    }
    if (!logged || (journaled && lines.size === 0)) return;
    this.journaled = journaled;
    try {
      target[level]({ event: name, id, ...fields }, message);
    } finally {
      this.journaled = false;
    }
  }
}

function aboutOf(prefix: string, fields: Fields): string {
  let about = prefix;
  for (const name of ABOUT) if (fields[name] !== undefined) about += `/${fields[name]}`;
  return about;
}

/** Those of the last one stand for all. */
function foldedFields({ fold }: Known, fields: Fields, folded: Folded | null): Fields {
  if (folded === null) return fields;
  const sum = fold?.sum === undefined ? {} : { [fold.sum]: folded.weight };
  return { ...fields, ...sum, folded: folded.events };
}
