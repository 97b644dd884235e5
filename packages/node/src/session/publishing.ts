/** OPEN and PUBLISH: checks, appends, and answers with STORED as soon as the stream has committed. */
import type { ClientMessage, TraceContexts } from '@zeroth/client/wire';
import { countMessages } from '@zeroth/zmq/run';
import { messageOf, ZerothError } from '../errors.ts';
import type { Log } from '../log/log.ts';
import type { Appended } from '../store/store.ts';
import type { Hub, Hubs } from './hub.ts';
import { Publisher } from './publisher.ts';
import type { Outlet, Session } from './session.ts';
import type { Traces } from './traces.ts';

/** Octets that a client may have published and not seen answered. Twice that is refused. */
export const WINDOW: number = 8 * 1024 * 1024;

/** Milliseconds until a client tries again what was refused. */
const BUSY_DELAY = 20;
const FAILED_DELAY = 1000;

type Publish = Extract<ClientMessage, { type: 'PUBLISH' }>;

export class Publishing {
  readonly #hubs: Hubs;
  readonly #outlet: Outlet;
  readonly #log: Log;
  readonly #traces: Traces;
  /** Streams with publishers that may be told something now. */
  readonly #due: Set<Hub> = new Set();
  /** Nothing is taken: PUBLISH is refused, and the OPEN that follows is answered later. */
  held = false;

  constructor(hubs: Hubs, outlet: Outlet, log: Log, traces: Traces) {
    this.#hubs = hubs;
    this.#outlet = outlet;
    this.#log = log;
    this.#traces = traces;
  }

  open(session: Session, name: string): void {
    const { connection } = session;
    const hub = this.#hubs.get(name);
    if (connection === null) return;
    if (hub === null) {
      this.#refuse(session, name, 1, 'STREAM_UNKNOWN', unknown(name));
      return;
    }
    if (this.held) {
      session.opening.add(name);
      return;
    }
    let publisher = session.publishers.get(name);
    if (publisher === undefined) {
      publisher = new Publisher(session, hub);
      session.publishers.set(name, publisher);
    }
    this.#outlet.answer(connection, { type: 'OPENED', stream: name, last: publisher.expected - 1 });
  }

  /** It takes again: answers what was left open. */
  resume(session: Session): void {
    const streams = [...session.opening];
    session.opening.clear();
    for (const name of streams) this.open(session, name);
  }

  publish(session: Session, { stream: name, first, run, trace }: Publish): void {
    const publisher = session.publishers.get(name);
    if (publisher === undefined) {
      const stream = this.#hubs.get(name)?.stream;
      if (stream === undefined) this.#refuse(session, name, first, 'STREAM_UNKNOWN', unknown(name));
      else
        this.#refuse(
          session,
          name,
          stream.lastOf(session.name) + 1,
          'NOT_OPEN',
          'OPEN comes before PUBLISH',
          0,
        );
      return;
    }
    const { expected, hub } = publisher;
    if (first > expected) {
      this.#refuse(session, name, expected, 'OUT_OF_ORDER', `${first} came, ${expected} was expected`, 0);
      return;
    }
    if (this.held) {
      this.#refuse(session, name, first, 'NODE_PAUSED', 'the node is paused', 0);
      return;
    }
    const count = countMessages(run);
    if (count <= 0) {
      const message = count === 0 ? 'the run is empty' : 'the run is not whole records';
      this.#refuse(session, name, first, 'RUN_INVALID', message);
      return;
    }
    const octets = run.length;
    if (publisher.full || (session.unanswered > 0 && session.unanswered + octets > 2 * WINDOW)) {
      this.#refuse(session, name, first, 'STREAM_BUSY', 'more than the window is not answered', BUSY_DELAY);
      return;
    }
    try {
      const producer = { name: session.name, sequence: first };
      const outcome = hub.stream.append({ bytes: run, start: 0, end: octets, count }, producer);
      if (outcome === null) {
        this.#refuse(session, name, first, 'STREAM_BUSY', 'too much waits to be written', BUSY_DELAY);
        return;
      }
      publisher.appended(first, outcome, octets);
      if (trace !== undefined) this.#keep(trace, name, first, outcome);
      // Repetitions may be there already, and some streams don't wait for a disk.
      if (outcome.durableAt <= hub.stream.committed) this.#due.add(hub);
    } catch (error) {
      if (!(error instanceof ZerothError)) this.#log.event('session:append', { stream: name, err: error });
      this.#refuse(session, name, first, 'STREAM_FAILED', messageOf(error), FAILED_DELAY);
    }
  }

  /** The stream of a hub is gone: who still waits for a commit waits in vain. Others are told when they publish next. */
  released({ stream, waiting }: Hub): void {
    for (const publisher of waiting) {
      const { session, first } = publisher;
      publisher.forget();
      // Who has opened one of that name since then knows.
      if (!session.publishers.has(stream.name))
        this.#refuse(session, stream.name, first, 'STREAM_UNKNOWN', unknown(stream.name));
    }
  }

  /** Answers what can be answered without a commit. To be called when the messages that are there were taken. */
  flush(): void {
    if (this.#due.size === 0) return;
    for (const hub of this.#due) this.committed(hub);
    this.#due.clear();
  }

  /** The stream has committed something: tells those who wait for it. */
  committed(hub: Hub): void {
    for (const publisher of hub.waiting) {
      const { session } = publisher;
      try {
        const receipts = publisher.receipts();
        if (receipts.length === 0) continue;
        this.#outlet.send(session, { type: 'STORED', stream: hub.stream.name, receipts });
      } catch (err) {
        if (session.connection !== null) this.#outlet.fault(session.connection, 'STORED', err);
        else this.#log.event('session:fault', { err, client: session.name, command: 'STORED' });
      }
    }
  }

  /** Keeps the contexts of the records that are new. */
  #keep(trace: TraceContexts, stream: string, first: number, { repeated, count, first: at }: Appended): void {
    for (const [number, traceparent] of trace) {
      const place = number - first - repeated;
      if (place >= 0 && place < count) this.#traces.add(stream, at + place, traceparent);
    }
  }

  /** `delay` -1: there is no use in trying again. */
  #refuse(
    session: Session,
    stream: string,
    expected: number,
    code: string,
    message: string,
    delay = -1,
  ): void {
    if (session.connection === null) return;
    const refusal = { code, message, retry: delay >= 0, delay: Math.max(0, delay) };
    this.#outlet.answer(session.connection, { type: 'REFUSED', stream, expected, refusal });
  }
}

function unknown(stream: string): string {
  return `the node has no stream ${stream}`;
}
