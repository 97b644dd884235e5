/**
 * Moves records that were delivered too often to the dead-letter stream of their group.
 *
 * Guarantees: such a record counts as acknowledged only when it is durable in the dead-letter stream; after a crash in
 * between it may be there twice. A dead-letter stream that does not accept holds up the dead only; those of a group that
 * has no place and no members any more, whom nobody can wait for, are given up when it does not accept at once.
 */
import { countMessages, frameLength, MORE, messageEnd, type Run, writeHeader } from '@zeroth/zmq/run';
import type { Log } from '../log/log.ts';
import type { Span, Stream } from '../store/store.ts';
import { lastOf } from './core/window.ts';
import type { Runner } from './runner.ts';

/** Milliseconds until a stream that did not accept is tried again. */
const RETRY = 1000;
const READ = 64 * 1024;

type Records = Extract<Span, { type: 'records' }>;

export interface BurialHost {
  /** Opens the dead-letter stream of another, and makes it if need be. */
  deadLetters(name: string, of: Stream): Promise<Stream>;
  /** Aborted when the server stops. */
  readonly signal: AbortSignal;
  readonly log: Log;
}

/** Moves what is dying now, and what comes while it does. */
export async function bury(runner: Runner, host: BurialHost): Promise<void> {
  if (runner.burying) return;
  runner.burying = true;
  const { dying } = runner.group;
  while (dying.first !== null && !host.signal.aborted) {
    try {
      await buryFirst(runner, host);
    } catch (err) {
      if (host.signal.aborted) break;
      const { name, deadLetter, place } = runner.options;
      const given = place === null && runner.group.members.length === 0;
      const fields = { stream: runner.stream.name, group: name, deadLetter, err };
      host.log.event(given ? 'dead-letter:lost' : 'dead-letter:waits', fields);
      if (given) {
        dying.clear();
        break;
      }
      await pause(RETRY, host.signal);
    }
  }
  runner.burying = false;
}

async function buryFirst(runner: Runner, { deadLetters, signal }: BurialHost): Promise<void> {
  const { group, stream, options } = runner;
  const { first, last, deliveries } = group.dying.first!;
  const spans = await stream.read(first, READ);
  // The stream has gone meanwhile, and its dead letters with it.
  if (group.dying.first === null) return;
  const span = spans.find((each) => each.first <= first && lastOf(each) >= first);
  if (span === undefined) throw new Error(`record ${first} could not be read`);
  const end = Math.min(last, lastOf(span));
  if (span.type === 'records') {
    const dead = await deadLetters(options.deadLetter, stream);
    const run = letters(span, first, end, (sequence) => ({
      stream: stream.name,
      group: options.name,
      sequence,
      timestamp: span.timestamp,
      deliveries,
    }));
    const outcome = dead.append(run, null);
    if (outcome === null) throw new Error('the dead-letter stream has no room now');
    await durable(dead, outcome.durableAt, signal);
  }
  group.buried(first, end);
  runner.pump();
}

/** Records `first` to `last` of the span, each with one more frame in front. */
function letters(span: Records, first: number, last: number, about: (sequence: number) => object): Run {
  const parts: Uint8Array[] = [];
  let at = span.start;
  for (let sequence = span.first; sequence <= last; sequence++) {
    const end = messageEnd(span.bytes, at);
    if (sequence >= first) {
      const body = Buffer.from(JSON.stringify(about(sequence)));
      const frame = Buffer.alloc(frameLength(body.length));
      // More frames follow: those of the record.
      frame.set(body, writeHeader(frame, 0, MORE, body.length));
      parts.push(frame, span.bytes.subarray(at, end));
    }
    at = end;
  }
  const bytes = Buffer.concat(parts);
  return { bytes, start: 0, end: bytes.length, count: countMessages(bytes) };
}

/** Resolves when the stream has committed so far; rejects when it never will. */
function durable(stream: Stream, sequence: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (): void => {
      const there = stream.committed >= sequence;
      const closed = stream.trouble?.code === 'STREAM_CLOSED' ? stream.trouble : null;
      if (!there && closed === null && !signal.aborted) return;
      stop();
      signal.removeEventListener('abort', done);
      if (there) resolve();
      else reject(closed ?? new Error('the node stops'));
    };
    const stop = stream.listen(done);
    signal.addEventListener('abort', done, { once: true });
    done();
  });
}

function pause(time: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(end, time);
    timer.unref();
    function end(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    }
    signal.addEventListener('abort', end, { once: true });
  });
}
