/** Reading a stream of another process, and waiting for what comes. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { describe, it } from 'node:test';
import { silentLog } from '../../../src/log/log.ts';
import type { FileSystem } from '../../../src/store/files.ts';
import { realFiles } from '../../../src/store/files.ts';
import { inspectStore } from '../../../src/store/inspect.ts';
import { openStore } from '../../../src/store/open.ts';
import type { Span, Stream } from '../../../src/store/store.ts';

/** So small that a segment has 256 KiB. */
const SETTINGS = {
  retain: { bytes: 1024 * 1024, age: 0, count: 0 },
  fsync: 'never',
  fsyncInterval: 100,
} as const;

/** Appends a record of `size` octets; resolves when it is committed. */
async function append(stream: Stream, size: number): Promise<void> {
  const bytes = Buffer.alloc(9 + size, 'x');
  bytes[0] = 2;
  bytes.writeBigUInt64BE(BigInt(size), 1);
  const appended = stream.append({ bytes, start: 0, end: bytes.length, count: 1 }, null);
  assert.ok(appended !== null);
  await new Promise<void>((resolve) => {
    const stop = stream.listen(() => done());
    const done = (): void => {
      if (stream.committed < appended.durableAt) return;
      stop();
      resolve();
    };
    done();
  });
}

/** The file system, and how to wait until somebody has looked at a folder `times` times more. */
function watched(): { files: FileSystem; looks(times: number): Promise<void> } {
  let left = 0;
  let resolve = (): void => {};
  const list = (path: string): Promise<string[]> => {
    if (--left === 0) resolve();
    return realFiles.list(path);
  };
  const looks = (times: number): Promise<void> =>
    new Promise((done) => {
      left = times;
      resolve = done;
    });
  return { files: { ...realFiles, list }, looks };
}

async function following(t: TestContext) {
  const dir = await mkdtemp(join(tmpdir(), 'zeroth-follow-'));
  const store = await openStore({ dir, log: silentLog });
  t.after(async () => {
    await store.close();
    await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  });
  const stream = await store.open('events', SETTINGS);
  const { files, looks } = watched();
  const inspector = await inspectStore(dir, files);
  const stop = new AbortController();
  t.after(() => stop.abort());
  const spans = inspector.read('events', 1, stop.signal)[Symbol.asyncIterator]();
  const next = async (): Promise<Span> => (await spans.next()).value as Span;
  return { stream, looks, stop, spans, next };
}

describe('reading on and on', () => {
  it('has what is appended after the end was reached, once, over the ends of segments', async (t) => {
    const { stream, looks, spans, stop, next } = await following(t);
    await append(stream, 10);
    assert.equal((await next()).first, 1);
    // Each fills a segment, or half of one.
    for (let sequence = 2; sequence <= 5; sequence++) {
      const coming = next();
      await looks(4);
      await append(stream, 150 * 1024);
      const span = await coming;
      assert.equal(span.type, 'records');
      assert.equal(span.first, sequence);
      assert.ok(span.type === 'records' && span.count === 1 && span.end - span.start === 9 + 150 * 1024);
    }
    const last = spans.next();
    await looks(4);
    stop.abort();
    assert.deepEqual(await last, { done: true, value: undefined });
  });

  it('tells what retention has removed meanwhile', async (t) => {
    const { stream, next } = await following(t);
    await append(stream, 10);
    assert.equal((await next()).first, 1);
    for (let count = 0; count < 20; count++) await append(stream, 200 * 1024);
    await stream.purge(15);
    const gap = await next();
    assert.ok(gap.type === 'gap' && gap.first === 2 && gap.last > 10 && gap.reason === 'retention', `${gap}`);
    const after = await next();
    assert.deepEqual([after.type, after.first], ['records', gap.last + 1]);
  });
});
