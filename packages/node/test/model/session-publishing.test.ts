/**
 * A producer whose connection breaks, whose messages are refused and whose stream fails at any moment: each record is in
 * the stream once and in order, STORED is said of committed records only, in order and without holes.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { NodeMessage } from '@zeroth/client/wire';
import { decodeMessage, messageEnd } from '@zeroth/zmq/run';
import fc from 'fast-check';
import { silentLog } from '../../src/log/log.ts';
import { Hubs } from '../../src/session/hub.ts';
import { Publishing } from '../../src/session/publishing.ts';
import { type Outlet, Session } from '../../src/session/session.ts';
import { Traces } from '../../src/session/traces.ts';
import type { Span } from '../../src/store/store.ts';
import { MemoryStore, type MemoryStream, SETTINGS } from '../support/memory-store.ts';
import { runOf } from '../support/session-client.ts';

type Step =
  | { readonly type: 'publish'; readonly count: number }
  | { readonly type: 'commit'; readonly all: boolean }
  | { readonly type: 'room' | 'fail' | 'reconnect' | 'restart' | 'read' };

/** A client as docs/wire.md describes it, with a connection that may lose what is on the way. */
class World {
  readonly stream: MemoryStream;
  readonly publishing: Publishing;
  readonly hubs: Hubs;
  session = this.meet();
  /** Answers that were sent and not read yet. */
  incoming: NodeMessage[] = [];
  /** Numbers given out, and the highest that is known to be stored. */
  made = 0;
  stored = 0;
  /** The next number to be sent. */
  cursor = 1;
  /** Waits for OPENED. */
  opening = false;

  constructor(stream: MemoryStream, store: MemoryStore) {
    this.stream = stream;
    stream.held = true;
    const outlet = {
      send: (session: Session, message: NodeMessage) => this.answer(session, message),
      answer: (connection: { session: Session | null }, message: NodeMessage) =>
        this.answer(connection.session!, message),
    };
    this.hubs = new Hubs(store, silentLog, (hub) => this.publishing.committed(hub));
    this.publishing = new Publishing(this.hubs, outlet as unknown as Outlet, silentLog, new Traces(null));
    this.open();
  }

  meet(): Session {
    const session = new Session('p', 'i');
    session.connection = { id: Buffer.from('c'), session, alone: 0, cut: false };
    return session;
  }

  answer(session: Session, message: NodeMessage): boolean {
    if (session !== this.session) return false;
    if (message.type === 'STORED')
      for (const { last } of message.receipts)
        assert.ok(last <= this.stream.lastOf('p') && this.committed(last), `${last} is not committed`);
    this.incoming.push(message);
    return true;
  }

  /** The numbers in the stream so far, and whether one is among those that are committed. */
  committed(number: number): boolean {
    return this.numbers(this.stream.committed).includes(number);
  }

  numbers(end: number): number[] {
    const before = this.stream.committed;
    this.stream.committed = end;
    const spans = this.stream.read(1, Number.POSITIVE_INFINITY) as readonly Span[];
    this.stream.committed = before;
    const found: number[] = [];
    for (const span of spans) {
      if (span.type === 'gap') continue;
      for (let at = span.start; at < span.end; ) {
        const next = messageEnd(span.bytes, at);
        found.push(Number(String(decodeMessage(span.bytes, at, next)[0])));
        at = next;
      }
    }
    return found;
  }

  open(): void {
    this.opening = true;
    this.publishing.open(this.session, 't');
  }

  publish(count: number): void {
    this.made += count;
    this.send();
  }

  /** Sends what was made and not sent over this connection, in runs of up to three. */
  send(): void {
    while (!this.opening && this.cursor <= this.made) {
      const first = this.cursor;
      const last = Math.min(this.made, first + 2);
      const records: string[][] = [];
      for (let at = first; at <= last; at++) records.push([`${at}`]);
      this.cursor = last + 1;
      this.publishing.publish(this.session, { type: 'PUBLISH', stream: 't', first, run: runOf(records) });
    }
    this.publishing.flush();
  }

  read(): void {
    const messages = this.incoming;
    this.incoming = [];
    for (const message of messages) {
      if (message.type === 'STORED') {
        for (const { first, last } of message.receipts) {
          assert.ok(first <= this.stored + 1, `a hole: ${first} after ${this.stored}`);
          assert.ok(last >= first);
          this.stored = Math.max(this.stored, last);
        }
      } else if (message.type === 'REFUSED') {
        assert.ok(message.refusal.retry, message.refusal.code);
        if (!this.opening) this.open();
      } else if (message.type === 'OPENED') {
        this.opening = false;
        this.cursor = Math.min(this.stored, message.last) + 1;
      }
    }
    this.send();
  }

  run(step: Step): void {
    switch (step.type) {
      case 'publish':
        this.publish(step.count);
        break;
      case 'commit': {
        const { committed, next } = this.stream;
        this.stream.commit(step.all ? next : Math.min(next, committed + 1));
        break;
      }
      case 'room':
        this.stream.hasRoom = !this.stream.hasRoom;
        break;
      case 'fail':
        if (this.stream.trouble === null) this.stream.fail('disk full');
        else this.stream.trouble = null;
        break;
      case 'reconnect':
      case 'restart':
        // What was said and not read is lost; a session that goes on forgets what it owed.
        this.incoming = [];
        for (const publisher of this.session.publishers.values()) publisher.forget();
        if (step.type === 'restart') this.session = this.meet();
        this.open();
        break;
      case 'read':
        this.read();
        break;
    }
  }

  finish(): void {
    this.stream.trouble = null;
    this.stream.hasRoom = true;
    for (let round = 0; this.stored < this.made; round++) {
      assert.ok(round < 100, 'stuck');
      this.read();
      this.stream.commit();
    }
    this.read();
    assert.deepEqual(
      this.numbers(this.stream.next),
      Array.from({ length: this.made }, (_, i) => i + 1),
    );
    assert.equal(this.session.unanswered, 0);
  }
}

const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ type: fc.constant('publish' as const), count: fc.integer({ min: 1, max: 8 }) }),
  },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('commit' as const), all: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('read' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constantFrom('room' as const, 'fail' as const, 'reconnect' as const, 'restart' as const),
    }),
  },
);

describe('publishing', () => {
  it('stores each record once and in order, whatever breaks', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { maxLength: 60 }), async (list) => {
        const store = new MemoryStore();
        const world = new World(await store.open('t', SETTINGS), store);
        for (const step of list) world.run(step);
        world.finish();
        world.hubs.close();
      }),
      { numRuns: 500, includeErrorInReport: true },
    );
  });
});
