import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Connections } from '../../../src/session/connections.ts';
import { Session } from '../../../src/session/session.ts';

describe('connections', () => {
  it('are known by their routing id until they are gone', () => {
    const connections = new Connections(1000);
    const a = connections.of(Buffer.from('a'));
    assert.equal(connections.of(Buffer.from('a')), a);
    assert.notEqual(connections.of(Buffer.from('b')), a);
    assert.equal(connections.gone(Buffer.from('a')), a);
    assert.equal(connections.gone(Buffer.from('a')), null);
  });

  it('without a session are named when their time is over, and forgotten', () => {
    const connections = new Connections(1000);
    const [a, b] = [connections.of(Buffer.from('a')), connections.of(Buffer.from('b'))];
    b.session = new Session('b', 'i');
    assert.deepEqual(connections.sweep(999), []);
    assert.deepEqual(connections.sweep(1), [a]);
    assert.deepEqual(connections.sweep(10_000), []);
    b.session = null;
    assert.deepEqual(connections.sweep(999), [], 'the time begins when the session has left');
    assert.deepEqual(connections.sweep(1), [b]);
    assert.notEqual(connections.of(Buffer.from('b')), b);
  });
});
