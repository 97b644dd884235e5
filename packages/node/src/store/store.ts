/**
 * What a store of durable streams is, whatever it keeps them in. The one that is here keeps them in files
 * (open.ts); nothing in this interface knows about files.
 *
 * Guarantees of every implementation: a record that is committed is there after any crash, as the stream's `fsync`
 * says; sequences have no gaps but those that `read` reports; records are never reordered or changed; memory is
 * bounded.
 */
import type { Run } from '@zeroth/zmq/run';
import type { StreamSettings } from '../config/types.ts';
import type { ZerothError } from '../errors.ts';

export interface StreamStore {
  /** Opens a stream, and makes it if there is none of that name. The same object for the same name. */
  open(name: string, settings: StreamSettings): Promise<Stream>;
  /** A stream that is open. */
  get(name: string): Stream | null;
  /** All that are open. */
  all(): readonly Stream[];
  /** Commits what was appended, and closes the stream: `get` knows it no more. It stays where it is kept. */
  release(name: string): Promise<void>;
  /** Names of all streams that exist, open or not. */
  list(): Promise<string[]>;
  /** Commits what was appended, and closes everything. */
  close(): Promise<void>;
}

/** Who numbered the records of a run. */
export interface Producer {
  readonly name: string;
  /** The producer's number of the first record; the others follow it. */
  readonly sequence: number;
}

/** What became of a run. */
export interface Appended {
  /** Sequence of the first record that was appended; 0 when all of them were repetitions. */
  readonly first: number;
  /** Records appended. */
  readonly count: number;
  /** Records at the beginning of the run that the stream had already. */
  readonly repeated: number;
  /** All of the run is durable when `committed` has reached this. */
  readonly durableAt: number;
}

/** Records with consecutive sequences, or sequences that are gone. */
export type Span =
  | {
      readonly type: 'records';
      /** Sequence of the first record. */
      readonly first: number;
      readonly count: number;
      /** Milliseconds since 1970, of when they were appended; never less than that of the span before. */
      readonly timestamp: number;
      /** Whole messages in `bytes[start, end)`. This memory is never written again. */
      readonly bytes: Uint8Array;
      readonly start: number;
      readonly end: number;
    }
  | {
      readonly type: 'gap';
      readonly first: number;
      readonly last: number;
      readonly reason: 'retention' | 'damaged';
    };

export interface StreamStats {
  /** Octets on the disk. */
  readonly bytes: number;
  /** Appended since it was opened. */
  readonly records: number;
  /** Dropped as repetitions since it was opened. */
  readonly repeated: number;
  /** Octets appended and not committed. */
  readonly pending: number;
  /** Commits since it was opened, and how long the last one and all of them together took, in ms. */
  readonly commits: number;
  readonly lastCommit: number;
  readonly commitTime: number;
  /** Files that it is made of, and who is told of its changes. */
  readonly segments: number;
  readonly listeners: number;
}

/** Tells that something changed; look at the stream for what. */
export type StreamListener = (stream: Stream) => void;

export interface Stream {
  readonly name: string;
  readonly settings: StreamSettings;
  /** Other settings from now on; what was committed stays as it is until retention comes by. */
  configure(settings: StreamSettings): void;
  /** Sequence of the oldest record that is kept; the same as `next` when there is none. */
  readonly first: number;
  /** The sequence that the next record gets. Sequences begin at 1. */
  readonly next: number;
  /** Every record before this one is committed: durable as `fsync` says, and readable. */
  readonly committed: number;
  /** Null: it accepts records. Otherwise why it does not (disk full, I/O error); it goes on by itself when it can. */
  readonly trouble: ZerothError | null;
  /** False: `append` would return null, because too much waits to be written. */
  readonly hasRoom: boolean;
  readonly stats: StreamStats;
  /**
   * Appends whole messages; they are committed later, in order. The memory is the stream's from now on. Null: no room
   * now, a listener is told when there is. With a producer, records that the stream has already are left out.
   * @throws ZerothError STREAM_FAILED while there is `trouble`, STREAM_CLOSED.
   */
  append(run: Run, producer: Producer | null): Appended | null;
  /** The highest number of this producer that was appended; 0: none. */
  lastOf(producer: string): number;
  /**
   * Committed records from `from` on, about `maxBytes` of them and at least one; none when `from` is `committed`. What
   * was written lately comes at once, the rest by a promise. Begins with a gap if `from` is gone.
   */
  read(from: number, maxBytes: number): readonly Span[] | Promise<readonly Span[]>;
  /** Sequence of the first committed record that is not older than `time`; `committed` if there is none. */
  find(time: number): Promise<number>;
  /**
   * When a committed record was appended, in ms since 1970, as far as that is known without reading: never later than it
   * was. Null: nothing is known.
   */
  timeOf(sequence: number): number | null;
  /** Calls the listener after each commit, change of `trouble`, and when there is room again. Returns how to stop. */
  listen(listener: StreamListener): () => void;
  /** Retention spares records from `sequence` on, for a reader of this name that has to see all; null: no longer. */
  protect(reader: string, sequence: number | null): void;
  /** Removes records before `sequence`, by whole segments; returns the new `first`. */
  purge(sequence: number): Promise<number>;
  /** Places of readers: small values that are kept with the stream. */
  readonly places: Places;
}

/** Small values by name. They survive a crash of the process when `save` was called a moment before. */
export interface Places {
  names(): string[];
  get(name: string): Uint8Array | null;
  /** Written soon; the last one wins. */
  save(name: string, value: Uint8Array): void;
  /** Resolves when what was saved last under this name survives a power cut, too; rejects if that can't be had now. */
  settle(name: string): Promise<void>;
  remove(name: string): void;
}
