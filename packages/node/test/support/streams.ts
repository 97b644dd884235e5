/** What tests of streams share: runs, settings, reading all there is. */
import { decodeMessage, messageEnd, messageLength, type Run, writeMessage } from '@zeroth/zmq/run';
import type { StreamSettings } from '../../src/config/types.ts';
import { type Log, silentLog } from '../../src/log/log.ts';
import { FilePool } from '../../src/store/pool.ts';
import { Ahead } from '../../src/store/reader.ts';
import type { Span, Stream } from '../../src/store/store.ts';
import { FileStream } from '../../src/store/stream.ts';
import { testLog } from './log.ts';
import type { MemoryFiles } from './memory-files.ts';

export const KEEP_ALL: StreamSettings = {
  retain: { bytes: 0, age: 0, count: 0 },
  fsync: 'always',
  fsyncInterval: 1000,
};

/** A run of messages of one frame each. */
export function runOf(...bodies: (string | Buffer)[]): Run {
  const messages = bodies.map((body) => [Buffer.from(body)]);
  const bytes = Buffer.allocUnsafeSlow(messages.reduce((sum, message) => sum + messageLength(message), 0));
  let end = 0;
  for (const message of messages) end = writeMessage(bytes, end, message);
  return { bytes, start: 0, end, count: bodies.length };
}

/** Resolves when all that was appended is committed. */
export function settled(stream: Stream): Promise<void> {
  return until(stream, () => stream.committed === stream.next);
}

/** Resolves when `condition` holds; it is looked at after each change. */
export function until(stream: Stream, condition: () => boolean): Promise<void> {
  if (condition()) return Promise.resolve();
  return new Promise((resolve) => {
    const stop = stream.listen(() => {
      if (!condition()) return;
      stop();
      resolve();
    });
  });
}

/** What spans hold: `sequence:body` of each record, `first-last reason` of each gap. */
export function textOf(spans: readonly Span[]): string[] {
  const lines: string[] = [];
  for (const span of spans) {
    if (span.type === 'gap') {
      lines.push(`${span.first}-${span.last} ${span.reason}`);
      continue;
    }
    let at = span.start;
    for (let i = 0; i < span.count; i++) {
      const end = messageEnd(span.bytes, at);
      lines.push(`${span.first + i}:${decodeMessage(span.bytes, at, end).at(-1)!.toString()}`);
      at = end;
    }
  }
  return lines;
}

/** Everything from `from` on, in pieces of about `size` octets. */
export async function readAll(stream: Stream, from = 1, size = 4096): Promise<string[]> {
  const lines: string[] = [];
  for (let next = from; next < stream.committed; ) {
    const spans = await stream.read(next, size);
    if (spans.length === 0) throw new Error(`nothing at ${next}, committed is ${stream.committed}`);
    for (const span of spans) {
      if (span.first !== next) throw new Error(`${span.first} where ${next} was to come`);
      next = span.type === 'gap' ? span.last + 1 : span.first + span.count;
    }
    lines.push(...textOf(spans));
  }
  return lines;
}

export interface Logged {
  readonly level: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** A log that keeps its lines. */
export function listLog(lines: Logged[]): Log {
  return testLog((level, fields, message) => lines.push({ level, fields, message }));
}

export interface MemoryStreamOptions {
  readonly settings?: StreamSettings;
  readonly log?: Log;
  readonly now?: () => number;
  readonly tailMax?: number;
}

/** A real stream over a file system in memory, in the folder `/s`. */
export function openMemoryStream(files: MemoryFiles, options: MemoryStreamOptions = {}): Promise<FileStream> {
  const { settings = KEEP_ALL, log = silentLog, now = Date.now, tailMax = 0 } = options;
  return FileStream.open('s', settings, '/s', {
    files,
    log,
    now,
    pool: new FilePool(files),
    ahead: new Ahead(),
    verify: async () => {},
    committed: () => {},
    progress: () => {},
    tailMax: () => tailMax,
    pendingMax: () => 4_000_000,
  });
}
