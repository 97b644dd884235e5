/**
 * A stream in files: puts queue, writer, segments, tail and reader together (see store.ts for what it promises).
 */
import { join } from 'node:path';
import { type Run, skipMessages } from '@zeroth/zmq/run';
import type { RetainConfig, StreamSettings } from '../config/types.ts';
import { ZerothError } from '../errors.ts';
import type { Log } from '../log/log.ts';
import { HEAD, LENGTH_MAX, NAME_MAX } from './batch.ts';
import type { FileSystem, OpenFile } from './files.ts';
import { FilePlaces } from './places.ts';
import type { FilePool } from './pool.ts';
import type { Producers } from './producers.ts';
import { type Batch, Queue } from './queue.ts';
import { type Ahead, Reader } from './reader.ts';
import { type Recovered, recover } from './recover.ts';
import { Retention } from './retention.ts';
import { createSegment } from './segment.ts';
import { Segments } from './segments.ts';
import type { Appended, Producer, Span, Stream, StreamListener, StreamStats } from './store.ts';
import { Tail } from './tail.ts';
import { streamFailed } from './trouble.ts';
import { Writer, type WriterPolicy } from './writer.ts';

const SEGMENT_MAX = 128 * 1024 * 1024;
const SEGMENT_MIN = 64 * 1024;
/** A stream is kept in about this many segments at least, so that retention by whole segments comes close. */
const PARTS = 8;

/** Milliseconds that the clock may go back before that is told. */
const CLOCK_AHEAD = 60_000;

/** What the streams of a store share. */
export interface Shared {
  readonly files: FileSystem;
  readonly log: Log;
  readonly now: () => number;
  readonly pool: FilePool;
  readonly ahead: Ahead;
  /** Rejects when the folder is somebody else's by now. */
  readonly verify: () => Promise<void>;
  /** Told of each commit, and how many milliseconds it took. */
  readonly committed: (stream: string, milliseconds: number) => void;
  /** Told how far the opening of a stream is. */
  readonly progress: (stream: string, text: string) => void;
  /** Octets that each stream may keep in memory for readers, and of what is not written yet. */
  readonly tailMax: () => number;
  readonly pendingMax: () => number;
}

export class FileStream implements Stream {
  readonly name: string;
  settings: StreamSettings;
  readonly places: FilePlaces;
  readonly #folder: string;
  readonly #shared: Shared;
  readonly #log: Log;
  readonly #segments: Segments;
  readonly #producers: Producers;
  readonly #queue = new Queue();
  readonly #tail = new Tail();
  readonly #reader: Reader;
  readonly #writer: Writer;
  readonly #retention: Retention;
  readonly #listeners = new Set<StreamListener>();
  #next: number;
  #committed: number;
  #lastTime: number;
  #warned = false;
  #trouble: ZerothError | null = null;
  #fatal = false;
  #closed = false;
  #records = 0;
  #repeated = 0;
  #commits = 0;
  #lastCommit = 0;
  #commitTime = 0;

  private constructor(
    name: string,
    settings: StreamSettings,
    folder: string,
    shared: Shared,
    recovered: Recovered,
    places: FilePlaces,
    file: OpenFile,
  ) {
    this.name = name;
    this.settings = settings;
    this.places = places;
    this.#folder = folder;
    this.#shared = shared;
    this.#log = shared.log.child({ stream: name });
    this.#segments = new Segments(recovered.segments);
    this.#producers = recovered.producers;
    this.#next = recovered.next;
    this.#committed = recovered.next;
    this.#lastTime = recovered.lastTime;
    const { files, pool, ahead, now, verify } = shared;
    const { mark } = recovered;
    const log = this.#log;
    this.#reader = new Reader({ stream: name, files, pool, ahead, mark, log }, this.#segments);
    this.#writer = new Writer(
      {
        stream: name,
        folder,
        policy: policyOf(settings),
        files,
        log,
        now,
        verify,
        mark,
        segments: this.#segments,
        queue: this.#queue,
        producers: this.#producers,
        file,
        next: recovered.next,
      },
      {
        committed: (batches, took) => this.#onCommitted(batches, took),
        failed: (error) => this.#onFailed(error),
        rolled: () => void this.#retention.run(),
      },
    );
    this.#retention = new Retention({
      retain: () => this.settings.retain,
      files,
      pool,
      log,
      now,
      segments: this.#segments,
      committed: () => this.#committed,
      sealed: () => this.#writer.sealed(),
      roll: () => this.#writer.roll(),
      removed: () => {
        this.#tail.drop(this.first);
        this.#tell();
      },
    });
  }

  /** @throws ZerothError, or an error of the file system. */
  static async open(
    name: string,
    settings: StreamSettings,
    folder: string,
    shared: Shared,
  ): Promise<FileStream> {
    const { files, log, now } = shared;
    let recovered = await recover({
      files,
      folder,
      stream: name,
      log,
      now,
      progress: (text) => shared.progress(name, text),
    });
    const places = await FilePlaces.open(files, folder, log.child({ stream: name }));
    const durable = settings.fsync === 'always';
    let file: OpenFile;
    try {
      const last = recovered.segments.at(-1);
      if (last !== undefined && recovered.writable)
        file = await files.open(last.path, durable ? 'durable' : 'write');
      else {
        const first = recovered.next;
        const { mark, producers } = recovered;
        const made = await createSegment(files, folder, { mark, first, created: now(), producers }, durable);
        file = made.file;
        // It replaces one of the same name, which holds nothing.
        const before = recovered.segments.filter((older) => older.first < first);
        recovered = { ...recovered, segments: [...before, made.segment] };
      }
    } catch (error) {
      await places.close();
      throw error;
    }
    // Retention waits for the first tick: who opens the stream has to say first what it protects.
    return new FileStream(name, settings, folder, shared, recovered, places, file);
  }

  configure(settings: StreamSettings): void {
    this.settings = settings;
    this.#writer.configure(policyOf(settings));
    void this.#retention.run();
  }

  get first(): number {
    return this.#segments.oldest.first;
  }

  get next(): number {
    return this.#next;
  }

  get committed(): number {
    return this.#committed;
  }

  get trouble(): ZerothError | null {
    return this.#trouble;
  }

  get hasRoom(): boolean {
    return this.#pending < this.#shared.pendingMax() && !this.#retention.isFull(this.#pending, this.#next);
  }

  get #pending(): number {
    return this.#queue.size + this.#writer.flying;
  }

  get stats(): StreamStats {
    return {
      bytes: this.#segments.bytes,
      records: this.#records,
      repeated: this.#repeated,
      pending: this.#pending,
      commits: this.#commits,
      lastCommit: this.#lastCommit,
      commitTime: this.#commitTime,
      segments: this.#segments.count,
      listeners: this.#listeners.size,
    };
  }

  append(run: Run, producer: Producer | null): Appended | null {
    if (this.#closed) throw closed(this.name);
    if (this.#trouble !== null) throw this.#trouble;
    if (producer !== null && Buffer.byteLength(producer.name) > NAME_MAX)
      throw new RangeError(`a producer's name has ${NAME_MAX} octets at most`);
    if (run.end - run.start > LENGTH_MAX - NAME_MAX)
      throw new RangeError(`a run has ${LENGTH_MAX} octets at most`);
    if (!this.hasRoom) return null;
    let rest = run;
    let repeated = 0;
    if (producer !== null) {
      repeated = Math.min(
        run.count,
        Math.max(0, this.#producers.last(producer.name) + 1 - producer.sequence),
      );
      this.#repeated += repeated;
      if (repeated > 0) rest = cutRun(run, repeated);
    }
    const { count } = rest;
    if (count === 0) return { first: 0, count, repeated, durableAt: this.#next };
    const first = this.#next;
    this.#lastTime = Math.max(this.#lastTime, this.#shared.now());
    if (producer === null) this.#queue.add(rest, first, this.#lastTime, '', 0);
    else {
      const number = producer.sequence + repeated;
      this.#queue.add(rest, first, this.#lastTime, producer.name, number);
      this.#producers.append(producer.name, number + count - 1);
    }
    this.#next = first + count;
    this.#records += count;
    this.#writer.kick();
    return { first, count, repeated, durableAt: this.#next };
  }

  lastOf(producer: string): number {
    return this.#producers.last(producer);
  }

  read(from: number, maxBytes: number): readonly Span[] | Promise<readonly Span[]> {
    if (from >= this.#committed) return [];
    if (from >= this.#tail.first) return this.#tail.read(from, maxBytes);
    const { first } = this;
    if (from >= first) return this.#reader.read(Math.max(1, from), maxBytes, this.#tail.first);
    const gap: Span = { type: 'gap', first: Math.max(1, from), last: first - 1, reason: 'retention' };
    return [gap];
  }

  async find(time: number): Promise<number> {
    const committed = this.#committed;
    return (await this.#reader.find(time)) ?? committed;
  }

  timeOf(sequence: number): number | null {
    if (sequence >= this.#committed || sequence < this.first) return null;
    if (sequence >= this.#tail.first) return this.#tail.timeOf(sequence);
    const { firstTime, sparse } = this.#segments.holding(sequence);
    return sparse?.timeOf(sequence) ?? (firstTime === 0 ? null : firstTime);
  }

  listen(listener: StreamListener): () => void {
    // The same function may listen twice; each has its own end.
    const own: StreamListener = (stream) => listener(stream);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  protect(reader: string, sequence: number | null): void {
    this.#retention.protect(reader, sequence);
  }

  async purge(sequence: number): Promise<number> {
    await this.#retention.purge(Math.min(sequence, this.#committed));
    return this.first;
  }

  /** Once in a while: what has to be tried again, and what has become old. */
  tick(): void {
    if (this.#closed) return;
    this.places.retry();
    if (this.#fatal) return;
    this.#watchClock();
    this.#writer.tick();
    void this.#retention.run();
  }

  #watchClock(): void {
    const now = this.#shared.now();
    const { active } = this.#segments;
    if (Math.max(active.began, active.written) > now) this.#retention.clockWentBack();
    const ahead = this.#lastTime - now;
    if (ahead > CLOCK_AHEAD && !this.#warned)
      this.#log.event('store:clock', { ahead, until: new Date(this.#lastTime).toISOString() });
    this.#warned = ahead > CLOCK_AHEAD;
  }

  /** Another process has taken the folder: nothing may be written any more. */
  lose(error: ZerothError): void {
    this.#fatal = true;
    this.#writer.stop();
    this.#trouble = error;
    this.#tell();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#writer.close();
    const lost = this.#next - this.#committed;
    if (lost > 0) {
      this.#log.event('store:lost', { records: lost, first: this.#committed });
      // Who waits for their commit waits in vain.
      this.#trouble = closed(this.name);
      this.#tell();
    }
    await this.#retention.close();
    await this.places.close();
    for (const segment of this.#segments.all) this.#shared.pool.drop(segment.path);
    this.#shared.ahead.forget(this.name);
    this.#tail.clear();
    this.#listeners.clear();
  }

  #onCommitted(batches: readonly Batch[], took: number): void {
    for (const { first, timestamp, parts, name } of batches) {
      let sequence = first;
      // Small records lie in one piece of memory with the head and the name.
      let beside = HEAD + name.length;
      for (const { bytes, start, end, count } of parts) {
        this.#tail.push({ type: 'records', first: sequence, count, timestamp, bytes, start, end }, beside);
        beside = 0;
        sequence += count;
      }
      this.#committed = sequence;
    }
    this.#tail.trim(this.#shared.tailMax());
    if (this.#retention.isOver) void this.#retention.run();
    this.#commits++;
    this.#lastCommit = took;
    this.#commitTime += took;
    this.#shared.committed(this.name, took);
    this.#tell();
  }

  #onFailed(error: unknown): void {
    if (this.#fatal) return;
    if (error === null) {
      this.#trouble = null;
      this.#log.event('store:recovered', {});
    } else {
      const before = this.#trouble;
      this.#trouble = streamFailed(this.name, this.#folder, error);
      if (before?.message === this.#trouble.message) return;
      this.#log.event('store:failed', { code: 'STREAM_FAILED', reason: this.#trouble.message });
    }
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener(this);
  }
}

function closed(name: string): ZerothError {
  return new ZerothError('STREAM_CLOSED', `Stream ${name} is closed.`);
}

export function streamFolder(dir: string, name: string): string {
  return join(dir, 'streams', name);
}

function policyOf(settings: StreamSettings): WriterPolicy {
  const { retain } = settings;
  return {
    settings,
    segmentBytes: segmentBytes(retain),
    segmentAge: retain.age / PARTS,
    segmentCount: Math.ceil(retain.count / PARTS),
  };
}

function segmentBytes({ bytes }: RetainConfig): number {
  return bytes === 0 ? SEGMENT_MAX : Math.min(SEGMENT_MAX, Math.max(SEGMENT_MIN, Math.floor(bytes / PARTS)));
}

/** A run without its first `n` messages. */
function cutRun(run: Run, n: number): Run {
  return {
    bytes: run.bytes,
    start: skipMessages(run.bytes, run.start, n),
    end: run.end,
    count: run.count - n,
  };
}
