import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Connection, Session } from '../../../src/session/session.ts';
import { SessionTable } from '../../../src/session/table.ts';

const connection = (name: string): Connection => ({
  id: Buffer.from(name),
  session: null,
  alone: 0,
  cut: false,
});

function tableOf(maxSessions = 10): { table: SessionTable; events: string[] } {
  const events: string[] = [];
  const table = new SessionTable({
    node: 'plant-7',
    limits: () => ({ maxSessions, maxMessageSize: 1000, heartbeatInterval: 5000 }),
    window: 77,
    suspended: (session: Session) => events.push(`suspended ${session.name}/${session.instance}`),
    ended: (session: Session, lost: boolean) =>
      events.push(`ended ${session.name}/${session.instance}${lost ? ' lost' : ''}`),
    replaced: ({ id }: Connection) => events.push(`replaced at ${id}`),
  });
  return { table, events };
}

const hello = (name: string, instance = 'i', heartbeat = 1000, protocol = 1) => ({
  protocol,
  name,
  instance,
  heartbeat,
});

describe('the table of sessions', () => {
  it('welcomes', () => {
    const { table } = tableOf();
    const at = connection('c');
    assert.deepEqual(table.hello(at, hello('a')), {
      type: 'WELCOME',
      welcome: {
        protocol: 1,
        node: 'plant-7',
        heartbeat: 1000,
        window: 77,
        maxMessageSize: 1000,
        resumed: false,
        trace: true,
      },
    });
    assert.equal(at.session?.name, 'a');
    assert.equal(at.session?.connection, at);
  });

  it('bounds the heartbeat on both sides', () => {
    const { table } = tableOf();
    const beat = (asked: number): number => {
      const answer = table.hello(connection('c'), hello('a', 'i', asked));
      return answer.type === 'WELCOME' ? answer.welcome.heartbeat : 0;
    };
    assert.equal(beat(60_000), 5000);
    assert.equal(beat(1), 50);
  });

  it('refuses another protocol, and too many', () => {
    const { table } = tableOf(1);
    const code = (answer: ReturnType<SessionTable['hello']>): string =>
      answer.type === 'ERROR' ? answer.trouble.code : answer.type;
    assert.equal(code(table.hello(connection('c'), hello('a', 'i', 1000, 2))), 'PROTOCOL_VERSION');
    assert.equal(code(table.hello(connection('c'), hello('a'))), 'WELCOME');
    assert.equal(code(table.hello(connection('d'), hello('b'))), 'TOO_MANY_SESSIONS');
    assert.equal(code(table.hello(connection('e'), hello('a'))), 'WELCOME', 'who comes back finds its place');
    assert.equal(code(table.hello(connection('f'), hello('a', 'j'))), 'WELCOME', 'so does who replaces');
  });

  it('knows who comes back over another connection, and forgets the former', () => {
    const { table, events } = tableOf();
    const [first, second] = [connection('c'), connection('d')];
    table.hello(first, hello('a'));
    const { session } = first;
    const answer = table.hello(second, hello('a'));
    assert.ok(answer.type === 'WELCOME' && answer.welcome.resumed);
    assert.equal(second.session, session);
    assert.equal(first.session, null);
    assert.deepEqual(events, ['suspended a/i']);
  });

  it('replaces an older instance, and tells it', () => {
    const { table, events } = tableOf();
    const [first, second] = [connection('c'), connection('d')];
    table.hello(first, hello('a', 'one'));
    const answer = table.hello(second, hello('a', 'two'));
    assert.ok(answer.type === 'WELCOME' && !answer.welcome.resumed);
    assert.deepEqual(events, ['replaced at c', 'ended a/one lost']);
    assert.equal(first.session, null);
    assert.equal(table.size, 1);
  });

  it('a connection that takes another name leaves the one it had', () => {
    const { table, events } = tableOf();
    const at = connection('c');
    table.hello(at, hello('a'));
    table.hello(at, hello('b'));
    assert.deepEqual(events, ['suspended a/i']);
    assert.equal(at.session?.name, 'b');
    assert.equal(table.size, 2);
  });

  it('ends after three heartbeats of silence, with or without a connection', () => {
    const { table, events } = tableOf();
    const [first, second] = [connection('c'), connection('d')];
    table.hello(first, hello('a'));
    table.hello(second, hello('b'));
    table.suspend(second.session!);
    table.sweep(100);
    table.sweep(2900);
    first.session!.heard = true;
    table.sweep(100);
    assert.deepEqual(events, ['suspended b/i', 'ended b/i lost']);
    table.sweep(2900);
    assert.equal(events.length, 2);
    table.sweep(100);
    assert.deepEqual(events.slice(2), ['ended a/i lost']);
    assert.equal(first.session, null);
  });

  it('names those to whom nothing was said for a heartbeat', () => {
    const { table } = tableOf();
    const at = connection('c');
    table.hello(at, hello('a'));
    assert.deepEqual(table.sweep(500), [], 'it was welcomed');
    assert.deepEqual(table.sweep(500), []);
    assert.deepEqual(table.sweep(500), [at.session]);
    at.session!.spoke = true;
    assert.deepEqual(table.sweep(1000), []);
  });
});
