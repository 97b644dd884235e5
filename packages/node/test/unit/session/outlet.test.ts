import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Router, ZmqError } from '@zeroth/zmq';
import { type Connection, Outlet, Session } from '../../../src/session/session.ts';

/** A ROUTER with one peer, which has so many messages waiting for it. */
class Peer {
  queuedOut = 0;
  looks = 0;
  here = true;
  readonly sent: string[] = [];
  readonly connection: Connection = { id: Buffer.from('peer'), session: null, answers: 0 };

  peers(): object[] {
    this.looks++;
    return [{ routingId: Buffer.from('peer'), queuedOut: this.queuedOut }];
  }

  trySend(frames: Uint8Array[]): boolean {
    if (!this.here) throw new ZmqError('EHOSTUNREACH');
    assert.deepEqual(Buffer.from(frames[0]!), Buffer.from('peer'));
    this.sent.push(Buffer.from(frames[1]!).toString());
    return true;
  }
}

function outletOf(peer: Peer): { outlet: Outlet; lost: Connection[] } {
  const lost: Connection[] = [];
  return { outlet: new Outlet(peer as unknown as Router, (connection) => lost.push(connection)), lost };
}

describe('answers', () => {
  it('go on to a peer that reads, however many they are', () => {
    const peer = new Peer();
    const { outlet } = outletOf(peer);
    for (let i = 0; i < 10_000; i++) outlet.answer(peer.connection, { type: 'PONG' });
    assert.equal(peer.sent.length, 10_000);
    assert.ok(peer.looks < 20, 'it is not looked each time');
  });

  it('end for a peer that does not, until it does', () => {
    const peer = new Peer();
    const { outlet } = outletOf(peer);
    peer.queuedOut = 5000;
    for (let i = 0; i < 10_000; i++) outlet.answer(peer.connection, { type: 'PONG' });
    assert.equal(peer.sent.length, 1000);
    assert.equal(peer.looks, 1);
    outlet.listen([peer.connection]);
    outlet.answer(peer.connection, { type: 'PONG' });
    assert.equal(peer.sent.length, 1000);
    peer.queuedOut = 10;
    outlet.listen([peer.connection]);
    outlet.answer(peer.connection, { type: 'PONG' });
    assert.equal(peer.sent.length, 1001);
  });

  it('to a peer that is gone are no error; its session learns of it', () => {
    const peer = new Peer();
    const { outlet, lost } = outletOf(peer);
    peer.here = false;
    const session = new Session('a', 'i');
    session.connection = peer.connection;
    assert.equal(outlet.send(session, { type: 'PONG' }), false);
    assert.deepEqual(lost, [peer.connection]);
    session.connection = null;
    assert.equal(outlet.send(session, { type: 'PONG' }), false);
  });
});
