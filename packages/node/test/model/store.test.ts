/**
 * A stream against a plain list, over a file system that fails, tears writes and forgets what was not synced.
 *
 * Whatever happens: what was committed is there, once, in order and unchanged; nothing is there that was not appended;
 * sequences have no gaps but those of retention; producers' numbers are those of the records that are there; and when
 * the file system works again, so does the stream.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { FsyncPolicy, RetainConfig } from '../../src/config/types.ts';
import { silentLog } from '../../src/log/log.ts';
import { FilePool } from '../../src/store/pool.ts';
import { Ahead } from '../../src/store/reader.ts';
import { FileStream } from '../../src/store/stream.ts';
import { MemoryFiles } from '../support/memory-files.ts';
import { readAll, runOf, textOf } from '../support/streams.ts';

type Command =
  | { readonly do: 'append'; readonly count: number; readonly size: number }
  | {
      readonly do: 'produce';
      readonly who: number;
      readonly back: number;
      readonly count: number;
      readonly size: number;
    }
  | { readonly do: 'read'; readonly from: number; readonly size: number }
  | { readonly do: 'purge' | 'protect'; readonly at: number }
  | { readonly do: 'fail'; readonly operation: 'write' | 'sync' | 'rename' | 'open'; readonly code: string }
  | { readonly do: 'full'; readonly room: number }
  | { readonly do: 'crash'; readonly seed: number; readonly turns: number }
  | { readonly do: 'settle' | 'heal' | 'free' | 'kill' | 'reopen' | 'later' };

const size = fc.oneof({ weight: 5, arbitrary: fc.nat(300) }, { weight: 2, arbitrary: fc.nat(30_000) });
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('append' as const), count: fc.integer({ min: 1, max: 6 }), size }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('produce' as const),
      who: fc.nat(2),
      back: fc.nat(4),
      count: fc.integer({ min: 1, max: 6 }),
      size,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('read' as const), from: fc.nat(1000), size: fc.nat(60_000) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom('purge' as const, 'protect' as const), at: fc.nat(1000) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('fail' as const),
      operation: fc.constantFrom('write' as const, 'sync' as const, 'rename' as const, 'open' as const),
      code: fc.constantFrom('EIO', 'ENOSPC', 'EROFS'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('full' as const), room: fc.nat(20_000) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('crash' as const), seed: fc.nat(), turns: fc.nat(12) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'settle' as const,
        'settle' as const,
        'heal' as const,
        'free' as const,
        'kill' as const,
        'reopen' as const,
        'later' as const,
      ),
    }),
  },
);

/** Random numbers from 0 to 1 that are the same for the same seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

class Harness {
  readonly #fsync: FsyncPolicy;
  readonly #retain: RetainConfig;
  #files = new MemoryFiles();
  #stream!: FileStream;
  #now = 1_000_000;
  /** Bodies by sequence, from 1 on; null: lost, which only a policy other than `always` may do. */
  #log: (string | null)[] = [];
  #unique = 0;
  /** No record from here on may go; null: nothing is protected. */
  #spared: number | null = null;

  constructor(fsync: FsyncPolicy, retain: RetainConfig) {
    this.#fsync = fsync;
    this.#retain = retain;
  }

  async open(): Promise<void> {
    const files = this.#files;
    this.#stream = await FileStream.open(
      's',
      { retain: this.#retain, fsync: this.#fsync, fsyncInterval: 1 },
      '/data/streams/s',
      {
        files,
        log: silentLog,
        now: () => this.#now,
        pool: new FilePool(files),
        ahead: new Ahead(),
        verify: async () => {},
        committed: () => {},
        progress: () => {},
        tailMax: () => 20_000,
        pendingMax: () => 200_000,
      },
    );
  }

  async run(command: Command): Promise<void> {
    const stream = this.#stream;
    if (this.#spared !== null) assert.ok(stream.first <= this.#spared, `${this.#spared} is protected`);
    switch (command.do) {
      case 'append':
        this.#append(null, 0, command.count, command.size);
        break;
      case 'produce': {
        const name = `producer-${command.who}`;
        const number = Math.max(1, stream.lastOf(name) + 1 - command.back);
        this.#append(name, number, command.count, command.size);
        break;
      }
      case 'read':
        await this.#read(command.from, command.size);
        break;
      case 'settle':
        if (stream.trouble === null) await this.#settle();
        break;
      case 'purge':
        // Who purges means it, whatever is protected.
        this.#protect(null);
        await stream.purge(command.at % (stream.next + 1));
        break;
      case 'protect':
        this.#protect(command.at % 3 === 0 ? null : command.at % (stream.next + 1));
        break;
      case 'fail': {
        let once = true;
        this.#files.fault = (operation) => {
          if (!once || operation !== command.operation) return null;
          once = false;
          return command.code;
        };
        break;
      }
      case 'full':
        this.#files.capacity = this.#files.used + command.room;
        break;
      case 'free':
        this.#files.capacity = Number.POSITIVE_INFINITY;
        break;
      case 'later':
        this.#now += 40_000;
        stream.tick();
        break;
      case 'heal':
        await this.heal();
        break;
      case 'reopen':
        await this.heal();
        await stream.close();
        await this.#again(this.#files, this.#log.length);
        break;
      case 'kill': {
        const { committed } = stream;
        await this.#crash(this.#files.kill(), committed - 1);
        break;
      }
      case 'crash': {
        for (let i = 0; i < command.turns; i++) await turn();
        const { committed } = stream;
        await this.#crash(
          this.#files.powerLoss(randomFrom(command.seed)),
          this.#fsync === 'always' ? committed - 1 : 0,
        );
        break;
      }
    }
  }

  #protect(sequence: number | null): void {
    this.#stream.protect('reader', sequence);
    this.#spared = sequence === null ? null : Math.max(sequence, this.#stream.first);
  }

  /** Everything works again: the stream has to, as well. */
  async heal(): Promise<void> {
    this.#files.fault = () => null;
    this.#files.capacity = Number.POSITIVE_INFINITY;
    const stream = this.#stream;
    // A write that is under way may fail yet.
    for (let i = 0; stream.trouble !== null || stream.committed < stream.next; i++) {
      assert.ok(i < 1000, `still not well: ${stream.trouble?.message}`);
      stream.tick();
      await turn();
    }
  }

  async close(): Promise<void> {
    await this.heal();
    await this.#check();
    await this.#stream.close();
  }

  /** Resolves when all is committed, or it is clear that it will not be. */
  async #settle(): Promise<void> {
    const stream = this.#stream;
    await new Promise<void>((resolve) => {
      const stop = stream.listen(() => {
        if (stream.committed === stream.next || stream.trouble !== null) {
          stop();
          resolve();
        }
      });
      if (stream.committed === stream.next) {
        stop();
        resolve();
      }
    });
  }

  #append(name: string | null, number: number, count: number, length: number): void {
    const stream = this.#stream;
    if (stream.trouble !== null) {
      assert.throws(() => stream.append(runOf('x'), null), { code: 'STREAM_FAILED' });
      return;
    }
    // A table of producers may know numbers whose records a power loss has cost: only `always` rules that out.
    const known = (who: string): number =>
      this.#fsync === 'always' ? this.#lastOf(who) : stream.lastOf(who);
    const last = name === null ? 0 : known(name);
    const bodies: string[] = [];
    for (let i = 0; i < count; i++) {
      this.#unique++;
      const body = `${name ?? ''}#${number + i}#${this.#unique}#`;
      bodies.push(body + 'x'.repeat(length));
    }
    const room = stream.hasRoom;
    const { next } = stream;
    const appended = stream.append(runOf(...bodies), name === null ? null : { name, sequence: number });
    assert.equal(appended !== null, room);
    if (appended === null) return;
    const repeated = name === null ? 0 : Math.min(count, Math.max(0, last + 1 - number));
    const fresh = count - repeated;
    assert.deepEqual(appended, {
      first: fresh === 0 ? 0 : next,
      count: fresh,
      repeated,
      durableAt: next + fresh,
    });
    this.#log.push(...bodies.slice(repeated));
    assert.equal(stream.next, this.#log.length + 1);
  }

  /** The highest number of a producer among the records that are there. */
  #lastOf(name: string): number {
    let last = 0;
    for (const body of this.#log) {
      const [who, number] = (body ?? '').split('#');
      if (who === name) last = Math.max(last, Number(number));
    }
    return last;
  }

  async #read(at: number, length: number): Promise<void> {
    const stream = this.#stream;
    const from = 1 + (at % stream.next);
    let spans: Awaited<ReturnType<FileStream['read']>>;
    const { committed } = stream;
    try {
      spans = await stream.read(from, length);
    } catch (error) {
      // The read itself was made to fail.
      assert.equal((error as { code: string }).code, 'STREAM_FAILED');
      return;
    }
    if (from >= committed) return assert.deepEqual(spans, []);
    assert.equal(spans[0]?.first, from);
    this.#compare(textOf(spans), from);
  }

  /** Lines of {@link textOf} against the list. */
  #compare(lines: readonly string[], from: number): number {
    let sequence = from;
    for (const line of lines) {
      const gap = /^(\d+)-(\d+) (\w+)$/.exec(line);
      if (gap === null) {
        assert.equal(line, `${sequence}:${this.#log[sequence - 1]}`);
        sequence++;
        continue;
      }
      assert.equal(Number(gap[1]), sequence);
      const end = Number(gap[2]) + 1;
      if (gap[3] === 'damaged') {
        for (let gone = sequence; gone < end; gone++)
          assert.equal(this.#log[gone - 1], null, `${gone} is damaged`);
      } else assert.ok(end <= this.#stream.first, `${line}, but the first is ${this.#stream.first}`);
      sequence = end;
    }
    return sequence;
  }

  async #check(): Promise<void> {
    const stream = this.#stream;
    const { first, committed } = stream;
    const lines = await readAll(stream, first);
    assert.equal(this.#compare(lines, first), committed);
  }

  async #crash(files: MemoryFiles, kept: number): Promise<void> {
    await this.#stream.close();
    await this.#again(files, kept);
  }

  async #again(files: MemoryFiles, kept: number): Promise<void> {
    files.fault = () => null;
    files.capacity = Number.POSITIVE_INFINITY;
    this.#files = files;
    await this.open();
    this.#spared = null;
    const stream = this.#stream;
    assert.ok(stream.next > kept, `${kept} records were committed, the next is ${stream.next}`);
    assert.ok(stream.next <= this.#log.length + 1, `the next is ${stream.next} of ${this.#log.length + 1}`);
    assert.equal(stream.committed, stream.next);
    this.#log.length = stream.next - 1;
    if (this.#fsync !== 'always') await this.#forget();
    await this.#check();
    for (const name of ['producer-0', 'producer-1', 'producer-2']) {
      const known = stream.lastOf(name);
      if (this.#fsync === 'always') assert.equal(known, this.#lastOf(name));
      else assert.ok(known >= this.#lastOf(name));
    }
  }

  /** Takes what the power loss has cost out of the list. */
  async #forget(): Promise<void> {
    const stream = this.#stream;
    for (const line of await readAll(stream, stream.first)) {
      const gap = /^(\d+)-(\d+) damaged$/.exec(line);
      if (gap !== null) this.#log.fill(null, Number(gap[1]) - 1, Number(gap[2]));
    }
  }
}

const cases: readonly {
  readonly name: string;
  readonly fsync: FsyncPolicy;
  readonly retain: RetainConfig;
  readonly runs: number;
}[] = [
  { name: 'all of it', fsync: 'always', retain: { bytes: 0, age: 0, count: 0 }, runs: 60 },
  { name: 'a number of records', fsync: 'always', retain: { bytes: 0, age: 0, count: 24 }, runs: 120 },
  { name: 'some octets', fsync: 'always', retain: { bytes: 300_000, age: 0, count: 0 }, runs: 60 },
  { name: 'some time', fsync: 'always', retain: { bytes: 0, age: 100_000, count: 0 }, runs: 60 },
  {
    name: 'a number of records, synced now and then',
    fsync: 'interval',
    retain: { bytes: 0, age: 0, count: 24 },
    runs: 60,
  },
  {
    name: 'a number of records, never synced',
    fsync: 'never',
    retain: { bytes: 0, age: 0, count: 24 },
    runs: 60,
  },
];

describe('a stream over a file system that fails', () => {
  for (const { name, fsync, retain, runs } of cases) {
    it(`keeps ${name} (fsync: ${fsync})`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(command, { minLength: 5, maxLength: 60 }), async (commands) => {
          const harness = new Harness(fsync, retain);
          await harness.open();
          for (const command of commands) await harness.run(command);
          await harness.close();
        }),
        { numRuns: Number(process.env.MODEL_RUNS ?? runs) },
      );
    });
  }
});
