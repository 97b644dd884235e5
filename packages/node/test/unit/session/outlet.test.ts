import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ZmqError } from '@zeroth/zmq';
import { Consumer } from '../../../src/session/consumer.ts';
import { type Connection, Outlet, Session } from '../../../src/session/session.ts';
import { Traces } from '../../../src/session/traces.ts';
import { runOf } from '../../support/session-client.ts';
import { sessions } from '../../support/session-server.ts';

const MIB = 1024 * 1024;

/** A ROUTER with one peer, for which so many octets wait. */
class Peer {
  octets = 0;
  here = true;
  broken = false;
  readonly sent: string[] = [];
  readonly ended: string[] = [];
  readonly lost: Connection[] = [];
  readonly cut: Connection[] = [];
  readonly faults: string[] = [];
  readonly connection: Connection = { id: Buffer.from('peer'), session: null, alone: 0, cut: false };
  readonly outlet: Outlet;

  constructor() {
    this.outlet = new Outlet(this, this, {
      lost: (connection) => this.lost.push(connection),
      cut: (connection) => this.cut.push(connection),
      fault: (_connection, command, err) => this.faults.push(`${command}: ${(err as Error).message}`),
    });
  }

  trySend(message: unknown): boolean {
    if (!this.here) throw new ZmqError('EHOSTUNREACH');
    if (this.broken) throw new TypeError('a mistake of ours');
    const [id, command] = message as Uint8Array[];
    assert.deepEqual(Buffer.from(id!), Buffer.from('peer'));
    this.sent.push(Buffer.from(command!).toString());
    return true;
  }

  waiting(): number {
    return this.octets;
  }

  end(id: Uint8Array): void {
    this.ended.push(Buffer.from(id).toString());
  }

  session(): Session {
    const session = new Session('a', 'i');
    session.connection = this.connection;
    this.connection.session = session;
    return session;
  }
}

describe('what waits for a peer', () => {
  it('may be a lot for one with a session; no answer is dropped, however many there were', () => {
    const peer = new Peer();
    const session = peer.session();
    peer.octets = 32 * MIB;
    for (let i = 0; i < 10_000; i++) peer.outlet.answer(peer.connection, { type: 'PONG' });
    assert.ok(peer.outlet.send(session, { type: 'PONG' }));
    assert.equal(peer.sent.length, 10_001);
    assert.deepEqual(peer.ended, []);
  });

  it('ends the connection when it is too much, once, and nothing more is sent', () => {
    const peer = new Peer();
    const session = peer.session();
    peer.octets = 32 * MIB + 1;
    assert.equal(peer.outlet.send(session, { type: 'PONG' }), false);
    peer.outlet.answer(peer.connection, { type: 'PONG' });
    assert.deepEqual(peer.sent, []);
    assert.deepEqual(peer.ended, ['peer']);
    assert.deepEqual(peer.cut, [peer.connection]);
    assert.deepEqual(peer.lost, [], 'not in the middle of what the session does: the socket tells of it');
  });

  it('may be more by what its consumers hold', () => {
    const peer = new Peer();
    const session = peer.session();
    const consumer = new Consumer(session, 1, 1000, 64 * MIB, peer.outlet, new Traces(null));
    session.consumers.set(1, consumer);
    consumer.leases.insert({
      first: 1,
      last: 1,
      octets: 50 * MIB,
      deliveries: 1,
      due: 0,
      shard: 0,
      holder: null,
    });
    peer.octets = 82 * MIB;
    assert.ok(peer.outlet.send(session, { type: 'PONG' }));
    peer.octets++;
    assert.equal(peer.outlet.send(session, { type: 'PONG' }), false);
    assert.deepEqual(peer.ended, ['peer']);
  });

  it('is little for one without a session', () => {
    const peer = new Peer();
    peer.octets = 64 * 1024;
    peer.outlet.answer(peer.connection, { type: 'PONG' });
    peer.octets++;
    peer.outlet.answer(peer.connection, { type: 'PONG' });
    assert.equal(peer.sent.length, 1);
    assert.deepEqual(peer.ended, ['peer']);
  });
});

describe('a peer that is gone', () => {
  it('is no error; its session learns of it', () => {
    const peer = new Peer();
    const session = peer.session();
    peer.here = false;
    assert.equal(peer.outlet.send(session, { type: 'PONG' }), false);
    assert.deepEqual(peer.lost, [peer.connection]);
    session.connection = null;
    assert.equal(peer.outlet.send(session, { type: 'PONG' }), false);
  });
});

describe('a message that can not be sent', () => {
  it('ends the connection that it was for, throws at nobody, and is told of', () => {
    const peer = new Peer();
    const session = peer.session();
    peer.broken = true;
    assert.equal(peer.outlet.send(session, { type: 'PONG' }), false);
    peer.outlet.answer(peer.connection, { type: 'PONG' });
    assert.deepEqual([peer.faults, peer.ended, peer.lost], [['PONG: a mistake of ours'], ['peer'], []]);
  });
});

describe('a client that does not read', () => {
  it('loses its connection, keeps its session, and stops nobody else', { timeout: 20_000 }, async (t) => {
    const { client, server, stream, logged } = await sessions(t);
    const [deaf, other] = [await client('deaf'), await client('other')];
    const bytes = runOf(Array.from({ length: 8 }, () => ['x'.repeat(MIB)]));
    stream.append({ bytes, start: 0, end: bytes.length, count: 8 }, null);
    stream.commit();
    // Each time it asks for something else, what it held is free again, and sent once more.
    for (let asked = 0; server.status().connected === 2; asked++) {
      assert.ok(asked < 200, 'it is bounded');
      await deaf.ask(1, { stream: 't', ackTimeout: 30_000 + asked });
      await other.settled();
    }
    assert.equal(server.status().sessions, 2);
    assert.deepEqual(logged, ['a client does not read what it asks for']);
    deaf.reconnect();
    assert.equal((await deaf.hello()).resumed, true);
    await deaf.ask(1, { stream: 't' });
    assert.equal((await deaf.records(8)).length, 8);
    assert.deepEqual(await other.settled(), []);
  });
});
