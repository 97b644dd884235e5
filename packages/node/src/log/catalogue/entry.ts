/** What the catalogue has of each event. Imports nothing. */

/** `debug`: of the log only. */
export type EventLevel = 'debug' | 'info' | 'warn' | 'error' | 'fatal';

export interface EventEntry {
  /** 1 to 65535, in the hundred of its area; never used again for another event. */
  readonly id: number;
  readonly level: EventLevel;
  /** The same for each event of the name: what varies is in the fields. */
  readonly message: string;
  /** Name of each field, and what it is, with its unit. */
  readonly fields: Readonly<Record<string, string>>;
  /** An event of level info that the system's record has as well; those above are there anyway. */
  readonly kept?: true;
  /** How a storm is folded, where the first ten of a second are not what an operator wants. */
  readonly fold?: {
    /** Events that are told one by one in each window. */
    readonly burst?: number;
    /** Milliseconds. */
    readonly window?: number;
    /** A field with a number: what is folded has the sum. */
    readonly sum?: string;
  };
}

export interface EventArea {
  /** A heading. */
  readonly title: string;
  /** Ids of the area: from here, to the next one's. */
  readonly from: number;
  readonly events: Readonly<Record<string, EventEntry>>;
}
