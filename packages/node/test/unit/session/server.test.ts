import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { silentLog } from '../../../src/log/log.ts';
import { startSessions } from '../../../src/session/server.ts';
import { SETTINGS } from '../../support/memory-store.ts';
import { runOf } from '../../support/session-client.ts';
import { sessions } from '../../support/session-server.ts';
import { until } from '../flow/support.ts';

describe('the session server', () => {
  it('asks who has no session to say HELLO', async (t) => {
    const { stranger } = await sessions(t);
    const a = stranger('a');
    await a.send({ type: 'OPEN', stream: 't' });
    assert.equal((await a.next('ERROR')).trouble.code, 'NO_SESSION');
    assert.equal((await a.hello()).node, 'node');
  });

  it('does not act upon messages of a connection that its session has left', async (t) => {
    const { client, stranger, stream } = await sessions(t);
    const a = await client('a');
    await a.open('t');
    const again = stranger('a');
    assert.equal((await again.hello()).resumed, true);
    await a.publish('t', 1, [['x']]);
    assert.equal((await a.next('ERROR')).trouble.code, 'NO_SESSION');
    assert.equal(stream.next, 1);
  });

  it('speaks version 1 only', async (t) => {
    const { stranger } = await sessions(t);
    const a = stranger('a');
    await a.send({ type: 'HELLO', hello: { protocol: 2, name: 'a', instance: 'i', heartbeat: 1000 } });
    assert.equal((await a.next('ERROR')).trouble.code, 'PROTOCOL_VERSION');
  });

  it('answers what is malformed, counts and logs it, and goes on', async (t) => {
    const { client, server, logged, stream } = await sessions(t);
    const a = await client('a');
    const u32 = Buffer.from([0, 0, 0, 1]);
    const none = Buffer.alloc(16, 0xff);
    const bad: (readonly (string | Buffer)[])[] = [
      [''],
      ['HELLO'],
      ['HELLO', '{'],
      ['HELLO', '[]'],
      ['HELLO', '{"protocol":1,"name":"not a name","instance":"i"}'],
      ['OPEN', '../etc'],
      ['OPEN', 't', 'more'],
      ['PUBLISH', 't', Buffer.alloc(8), ''],
      ['PUBLISH', 't', Buffer.alloc(8, 0xff), ''],
      ['PUBLISH', 't', 'short', ''],
      ['CONSUME', u32, '{"stream":"t","credit":-1}', ''],
      ['CONSUME', u32, '{"stream":"t","strategy":"group"}', ''],
      ['CONSUME', u32, `{"stream":"t","from":{"sequence":1e99}}`, ''],
      ['ACK', u32, ''],
      ['ACK', u32, none],
      ['ACK', 'x', Buffer.alloc(16, 1)],
      ['NACK', u32, Buffer.alloc(17, 1), u32],
      ['CANCEL', 'xx'],
      ['INFO', u32, ' '],
      ['x'.repeat(70_000)],
      ['BYE', 'no json'],
    ];
    for (const frames of bad) {
      await a.sendRaw(frames);
      assert.equal((await a.next('ERROR')).trouble.code, 'MALFORMED', frames.join(' ').slice(0, 60));
    }
    assert.equal(server.status().malformed, bad.length);
    assert.equal(logged.length, bad.length);
    assert.equal(await a.open('t'), 0);
    assert.equal(stream.next, 1);
  });

  it('goes on with all others when the records of one can not be handed out', async (t) => {
    let mended = false;
    const spans = {
      published: (_stream: string, _sequence: number, context: string) => context,
      delivered: () => {
        if (!mended) throw new TypeError('a mistake of ours');
      },
    };
    const { client, logged } = await sessions(t, { spans });
    const [a, b] = [await client('a'), await client('b')];
    await b.open('t');
    const trace = new Map([[1, `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`]]);
    await b.send({ type: 'PUBLISH', stream: 't', first: 1, run: runOf([['x']]), trace });
    await b.next('STORED');
    await a.ask(7, { stream: 't', strategy: 'group', group: 'g' });
    assert.equal((await a.next('ENDED')).trouble.code, 'STREAM_FAILED');
    assert.deepEqual(logged, ['a message could not be served']);
    await b.publish('t', 2, [['y']]);
    await b.next('STORED');
    assert.equal(logged.length, 1);
    mended = true;
    // What was not acknowledged is the group's still.
    await b.consume(1, { stream: 't', strategy: 'group', group: 'g' });
    assert.deepEqual(
      (await b.records(2)).map(({ sequence }) => sequence),
      [1, 2],
    );
  });

  it('ends the connection alone whose message can not be served', async (t) => {
    const { client, server, store, logged } = await sessions(t);
    const [a, b] = [await client('a'), await client('b')];
    const get = store.get.bind(store);
    store.get = (name) => {
      if (name === 'broken') throw new TypeError('a mistake of ours');
      return get(name);
    };
    await a.send({ type: 'INFO', request: 1, stream: 'broken' });
    await until(() => server.status().connected === 1, 'the connection to be ended');
    await b.open('t');
    await b.publish('t', 1, [['x']]);
    await b.next('STORED');
    assert.deepEqual(logged, ['a message could not be served']);
    a.reconnect();
    assert.equal((await a.hello()).resumed, true);
  });

  it('acknowledgements of nothing change nothing', async (t) => {
    const { client, stream } = await sessions(t);
    const a = await client('a');
    await a.ack(1, 1, 100);
    await a.nack(1, 1, 100);
    await a.open('t');
    await a.publish('t', 1, [['1'], ['2'], ['3']]);
    await a.next('STORED');
    assert.equal(await a.consume(1, { stream: 't', credit: 1 }), 1);
    await a.records(1);
    await a.ack(1, 2, 2 ** 52);
    await a.nack(1, 2, 2 ** 52);
    assert.deepEqual(await a.settled(), []);
    await a.ack(1, 1);
    assert.deepEqual(
      (await a.records(1)).map(({ sequence }) => sequence),
      [2],
    );
    assert.equal(stream.names().length, 0);
  });

  it('a client that is silent is gone; one that comes back in time is not', async (t) => {
    const { client, server } = await sessions(t);
    const a = await client('a', 50);
    const b = await client('b', 50);
    await b.consume(1, { stream: 't' });
    b.close();
    // The node speaks on its own to who is silent; whoever answers stays.
    let pongs = 0;
    while (server.status().sessions > 1) {
      await a.next('PONG');
      pongs++;
      await a.send({ type: 'PING' });
    }
    assert.ok(pongs > 0);
    assert.equal(server.status().consumers, 0);
    a.reconnect();
    assert.equal((await a.hello(50)).resumed, true);
  });

  it('BYE ends a session at once', async (t) => {
    const { client, server } = await sessions(t);
    const a = await client('a');
    await a.consume(1, { stream: 't' });
    await a.send({ type: 'BYE', reason: '' });
    await a.sendRaw(['PING', '']);
    assert.equal((await a.next('ERROR')).trouble.code, 'NO_SESSION');
    assert.deepEqual([server.status().sessions, server.status().consumers], [0, 0]);
    assert.equal((await a.hello()).resumed, false);
  });

  it('a lost connection does not end its session', async (t) => {
    const { client, server } = await sessions(t);
    const a = await client('a');
    const b = await client('b');
    a.close();
    while (server.status().connected > 1) await b.settled();
    assert.equal(server.status().sessions, 2);
  });

  it('stops as soon as nobody waits for a commit any more', { timeout: 10_000 }, async (t) => {
    const { client, server, stream } = await sessions(t);
    const a = await client('a');
    await a.open('t');
    stream.held = true;
    await a.publish('t', 1, [['x']]);
    await a.settled();
    const stopping = server.stop({ timeout: 60_000 });
    a.close();
    await stopping;
    assert.equal(stream.committed, 1);
  });

  it('tells of a stream and its groups', async (t) => {
    const { client, server, stream } = await sessions(t);
    const a = await client('a');
    await a.open('t');
    await a.publish('t', 1, [['1'], ['2'], ['3']]);
    await a.next('STORED');
    await a.consume(1, { stream: 't', strategy: 'group', group: 'db', credit: 2 });
    await a.records(2);
    await a.ack(1, 2);
    await a.records(1);
    stream.fail('the disk is full');
    await a.send({ type: 'INFO', request: 9, stream: 't' });
    const { request, info } = await a.next('INFO');
    assert.equal(request, 9);
    const group = { name: 'db', strategy: 'group', consumers: 1, acknowledged: 1, inFlight: 2, lag: 2 };
    assert.deepEqual(info, {
      stream: 't',
      first: 1,
      next: 4,
      bytes: 9,
      trouble: { code: 'STREAM_FAILED', message: 'the disk is full' },
      groups: [group],
    });
    await a.send({ type: 'CANCEL', consumer: 1 });
    await a.next('ENDED');
    assert.deepEqual(server.status().groups, [
      {
        stream: 't',
        group: 'db',
        consumers: 0,
        inFlight: 0,
        acknowledged: 1,
        lag: 2,
        oldest: stream.timeOf(2),
      },
    ]);
    await a.send({ type: 'INFO', request: 10, stream: 'nothing' });
    const unknown = (await a.next('INFO')).info;
    assert.ok('code' in unknown && unknown.code === 'STREAM_UNKNOWN');
  });

  it('a flood of nonsense stops nobody else', async (t) => {
    const { client, server } = await sessions(t);
    const a = await client('a');
    const b = await client('b');
    for (let i = 0; i < 20_000; i++) await a.sendRaw(['?']);
    // Whatever it was told by then: the server is alive, and others are served.
    assert.deepEqual(await b.settled(), []);
    while (server.status().malformed < 20_000) await b.settled();
    assert.deepEqual(await b.settled(), []);
  });

  it('says which endpoint could not be bound, and leaves nothing open', async (t) => {
    const { server, store } = await sessions(t);
    const { bind, ...rest } = {
      bind: ['tcp://127.0.0.1:*', server.endpoints[0]!],
      maxSessions: 1,
      maxMessageSize: 1000,
    };
    await assert.rejects(
      startSessions({
        config: { bind, ...rest, heartbeatInterval: 1000, ipv6: false, wsOrigins: '' },
        nodeName: 'n',
        store,
        settingsOf: () => SETTINGS,
        log: silentLog,
      }),
      { code: 'BIND_FAILED', message: new RegExp(server.endpoints[0]!) },
    );
    assert.equal(store.get('t')!.listeners, 1);
  });
});
