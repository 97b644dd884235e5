/** How a connection begins, is watched, lost, made anew and ended, against a node in memory. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { connectThrough } from '../../../src/client.ts';
import { ClientError } from '../../../src/errors.ts';
import { Network } from '../../support/memory-link.ts';
import { ModelNode } from '../../support/model-node.ts';
import { start, until, wait } from '../../support/start.ts';

describe('connect', () => {
  it('says who it is, and learns who the node is', async () => {
    const { client, node } = await start({ heartbeat: 1234 });
    const [first] = node.seen;
    assert.ok(first?.type === 'HELLO');
    assert.deepEqual([first.hello.name, first.hello.heartbeat, first.hello.protocol], ['press-4', 1234, 1]);
    assert.deepEqual(client.state, {
      type: 'connected',
      endpoint: 'tcp://model',
      node: 'model',
      resumed: false,
    });
    await client.close();
  });

  it('makes up a name', async () => {
    const network = new Network(new ModelNode());
    const clients = await Promise.all([1, 2].map(() => connectThrough(network.dial, 'tcp://model', {})));
    assert.match(clients[0]!.name, /^client-[a-z0-9]+$/);
    assert.notEqual(clients[0]!.name, clients[1]!.name);
    for (const client of clients) await client.close();
  });

  it('gives up after the timeout, with the last reason', async (t) => {
    const network = new Network(new ModelNode());
    network.down = true;
    // The timeout does not pass while this process is held up before the second attempt.
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const options = { timeout: 200, reconnect: { initial: 1, max: 1 } };
    const connecting = connectThrough(network.dial, ['tcp://a', 'tcp://b'], options).catch((error) => error);
    for (const dials of [1, 2]) {
      await wait(() => network.dials === dials && network.connections === 0);
      t.mock.timers.tick(dials === 1 ? 1 : 199);
    }
    const failure = await connecting;
    assert.ok(failure instanceof ClientError);
    assert.equal(failure.code, 'ERR_CONNECT');
    assert.match(
      failure.message,
      /no node at tcp:\/\/a, tcp:\/\/b within 200 ms; the last reason: tcp:\/\/[ab]: cut/,
    );
    assert.equal(network.connections, 0);
  });

  it('gives up an attempt that is not answered', async () => {
    const network = new Network(new ModelNode());
    network.muted = true;
    const failure = await connectThrough(network.dial, 'tcp://a', { timeout: 20 }).catch((error) => error);
    assert.match((failure as Error).message, /no answer/);
    assert.equal(network.connections, 0);
  });

  it('ends with the signal', async () => {
    const network = new Network(new ModelNode());
    network.down = true;
    const controller = new AbortController();
    const connecting = connectThrough(network.dial, 'tcp://a', { signal: controller.signal });
    controller.abort();
    await assert.rejects(connecting, { code: 'ERR_CLOSED' });
    await assert.rejects(connectThrough(network.dial, 'tcp://a', { signal: AbortSignal.abort() }), {
      name: 'AbortError',
    });
    network.down = false;
    const later = new AbortController();
    const client = await connectThrough(network.dial, 'tcp://a', { signal: later.signal });
    later.abort();
    await wait(() => client.state.type === 'closed' && network.connections === 0);
  });

  it('checks its options', async () => {
    const network = new Network(new ModelNode());
    for (const options of [
      { name: '' },
      { name: 'a b' },
      { timeout: 0 },
      { timeout: 2 ** 31 },
      { heartbeat: 1.5 },
      { maxQueuedBytes: -1 },
      { publishTimeout: -1 },
      { reconnect: { initial: -1 } },
      { reconnect: { failingAfter: 0 } },
    ]) {
      const failing = connectThrough(network.dial, 'tcp://a', options);
      await assert.rejects(failing, { code: 'ERR_OPTION' }, JSON.stringify(options));
    }
    await assert.rejects(connectThrough(network.dial, 'http://a', {}), { code: 'ERR_OPTION' });
    const { client } = await start();
    assert.throws(() => client.stream('a b'), { code: 'ERR_OPTION' });
    await client.close();
  });

  it('does not speak another version', async () => {
    const node = new ModelNode();
    node.welcome = { ...node.welcome, protocol: 2 };
    const network = new Network(node);
    await assert.rejects(connectThrough(network.dial, 'tcp://a', {}), { code: 'ERR_PROTOCOL_VERSION' });
    assert.equal(network.connections, 0);
  });
});

describe('a connection that is lost', () => {
  it('is made anew, and the states tell', async () => {
    const { client, network } = await start();
    const states = client.states();
    network.cut();
    const lost = await until(client.states(), 'disconnected');
    assert.equal(lost.error.code, 'ERR_CONNECTION_LOST');
    assert.ok(lost.retryIn >= 0 && lost.retryIn <= 1);
    await wait(() => client.state.type === 'connected');
    assert.ok(client.state.type === 'connected' && client.state.resumed);
    await client.close();
    const seen: string[] = [];
    for await (const { type } of states) seen.push(type);
    assert.deepEqual(seen, ['connected', 'disconnected', 'connecting', 'connected', 'closed']);
  });

  it('is noticed by silence', async () => {
    const { client, network } = await start({}, (node) => {
      node.welcome = { ...node.welcome, heartbeat: 10 };
    });
    const states = client.states();
    network.muted = true;
    const { error } = await until(states, 'disconnected');
    assert.match(error.message, /3 heartbeats/);
    network.muted = false;
    await client.stream('telemetry').publish('a');
    await client.close();
  });

  it('is kept by pings when there is nothing to say', async () => {
    const { client, node } = await start({}, (model) => {
      model.welcome = { ...model.welcome, heartbeat: 4 };
    });
    await wait(() => node.seen.filter(({ type }) => type === 'PING').length >= 5);
    assert.equal(client.state.type, 'connected');
    assert.equal(node.seen.filter(({ type }) => type === 'HELLO').length, 1);
    await client.close();
  });

  it('is failing after so many failures in a row, and the end after some more', async () => {
    const { client, network } = await start({
      reconnect: { initial: 1, max: 1, failingAfter: 2, attempts: 4 },
    });
    const states = client.states();
    const published = client
      .stream('telemetry')
      .publish('a')
      .catch((error: unknown) => error);
    const consumer = client.stream('telemetry').consume();
    network.down = true;
    network.cut();
    const failing = await until(client.states(), 'failing');
    assert.equal(failing.failures, 2);
    const seen: string[] = [];
    for await (const state of states) {
      seen.push(state.type);
      if (state.type !== 'closed') continue;
      assert.equal(state.error?.code, 'ERR_CONNECT');
      assert.match(state.error.message, /4 failures in a row; the last: tcp:\/\/model: cut/);
    }
    assert.equal(seen.filter((type) => type === 'disconnected').length, 3);
    assert.equal(((await published) as ClientError).code, 'ERR_CONNECT');
    await assert.rejects(consumer.next(), { code: 'ERR_CONNECT' });
    await client.close();
    assert.equal(network.connections, 0);
  });
});

describe('what the node says of the session', () => {
  it('NO_SESSION: HELLO again, and everything goes on', async () => {
    const { client, node } = await start();
    const stream = client.stream('telemetry');
    await stream.publish('a');
    node.crash();
    const consumer = stream.consume({ from: 'first' });
    const all = await Promise.all([stream.publish('b'), stream.publish('c')]);
    assert.deepEqual(all, [{ sequence: 2 }, { sequence: 3 }]);
    assert.equal((await consumer.next()).value?.sequence, 1);
    assert.equal(node.seen.filter(({ type }) => type === 'HELLO').length, 2);
    await client.close();
  });

  it('REPLACED: the end', async () => {
    const { client, another, node } = await start();
    node.commitsAtOnce = false;
    const states = client.states();
    const stream = client.stream('telemetry');
    const published = stream.publish('a').catch((error: unknown) => error);
    const next = stream
      .consume()
      .next()
      .catch((error: unknown) => error);
    const info = stream.info().catch((error: unknown) => error);
    const other = await another({ name: 'press-4' });
    const { error } = await until(states, 'closed');
    assert.equal(error?.code, 'ERR_REPLACED');
    assert.equal(((await published) as ClientError).code, 'ERR_REPLACED');
    assert.equal(((await next) as ClientError).code, 'ERR_REPLACED');
    await info;
    await assert.rejects(stream.publish('b'), { code: 'ERR_REPLACED' });
    await assert.rejects(stream.waitWritable(), { code: 'ERR_REPLACED' });
    await client.close();
    await other.close({ timeout: 0 });
  });

  it('BYE: later again', async () => {
    const { client, node } = await start();
    const states = client.states();
    node.sessions.get('press-4')!.peer!.say({ type: 'BYE', reason: 'stops' });
    const { error } = await until(states, 'disconnected');
    assert.match(error.message, /ended the session: stops/);
    await client.stream('telemetry').publish('a');
    await client.close();
  });

  it('an error of the session: a new connection', async () => {
    const { client, node } = await start();
    const states = client.states();
    const trouble = { code: 'MALFORMED', message: 'that was nothing' };
    node.sessions.get('press-4')!.peer!.say({ type: 'ERROR', trouble });
    const { error } = await until(states, 'disconnected');
    assert.equal(error.code, 'ERR_PROTOCOL');
    assert.match(error.message, /MALFORMED: that was nothing/);
    await client.close();
  });

  it('TOO_MANY_SESSIONS: later again', async () => {
    const node = new ModelNode('telemetry');
    const network = new Network(node);
    const { receive } = node;
    let full = 2;
    node.receive = (peer, message) => {
      const trouble = { code: 'TOO_MANY_SESSIONS', message: '2 at most' };
      if (message.type === 'HELLO' && full-- > 0) peer.say({ type: 'ERROR', trouble });
      else receive.call(node, peer, message);
    };
    const client = await connectThrough(network.dial, 'tcp://a', { reconnect: { initial: 1, max: 1 } });
    assert.equal(network.dials, 3);
    await client.close();
  });

  for (const [what, frames] of [
    ['no message', ['NONSENSE', '']],
    ['a run that is none', ['RECORDS', '\0\0\0\x01', '\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01\0\0\0\x01', 'x']],
    [
      'a receipt for nothing',
      ['STORED', 'telemetry', '\0\0\0\0\0\0\0\x09\0\0\0\0\0\0\0\x09\0\0\0\0\0\0\0\x01'],
    ],
  ] as const) {
    it(`${what}: a new connection`, async () => {
      const { client, node } = await start();
      await client.stream('telemetry').publish('a');
      const consumer = client.stream('telemetry').consume();
      await consumer.ready();
      const states = client.states();
      node.sessions.get('press-4')!.peer!.send(frames.map((text) => Buffer.from(text, 'latin1')));
      const { error } = await until(states, 'disconnected');
      assert.equal(error.code, 'ERR_PROTOCOL');
      assert.deepEqual(await client.stream('telemetry').publish('b'), { sequence: 2 });
      assert.equal((await consumer.next()).value?.sequence, 2);
      await client.close();
    });
  }
});

describe('states', () => {
  it('are kept for slow readers, the last ones', async () => {
    const { client, network } = await start();
    const states = client.states();
    for (let i = 0; i < 200; i++) {
      network.cut();
      await wait(() => client.state.type === 'connected');
    }
    await client.close();
    let count = 0;
    for await (const _ of states) count++;
    assert.equal(count, 256);
    const [late, over] = [client.states(), client.states()];
    assert.equal((await late.next()).value?.type, 'closed');
    assert.equal((await late.next()).done, true);
    await over.return?.();
    assert.equal((await over.next()).done, true);
  });

  it('end for a reader that waits', async () => {
    const { client } = await start();
    const states = client.states();
    await states.next();
    const [closed, done] = [states.next(), states.next()];
    await client.close();
    assert.equal((await closed).value?.type, 'closed');
    assert.equal((await done).done, true);
  });
});

describe('info', () => {
  it('tells what the node knows of a stream, also after a reconnect', async () => {
    const { client, network } = await start();
    await client.stream('telemetry').publish('a');
    network.cut();
    const info = await client.stream('telemetry').info();
    assert.deepEqual([info.stream, info.first, info.next], ['telemetry', 1, 2]);
    await assert.rejects(client.stream('nowhere').info(), { code: 'ERR_STREAM_UNKNOWN' });
    await client.close();
    await assert.rejects(client.stream('telemetry').info(), { code: 'ERR_CLOSED' });
  });

  it('gives up', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { client, network } = await start({ timeout: 300 });
    network.muted = true;
    const asked = assert.rejects(client.stream('telemetry').info(), { code: 'ERR_TIMEOUT' });
    t.mock.timers.tick(300);
    await asked;
    await client.close();
  });
});

describe('close', () => {
  it('waits for what was published, and takes nothing more', async () => {
    const { client, node, network } = await start({}, (model) => {
      model.commitsAtOnce = false;
    });
    const stream = client.stream('telemetry');
    const published = stream.publish('a');
    await wait(() => node.bodies('telemetry').length === 1);
    const closing = client.close();
    await assert.rejects(stream.publish('b'), { code: 'ERR_CLOSED' });
    await assert.rejects(client.stream('orders').publish('b'), { code: 'ERR_CLOSED' });
    node.commit();
    assert.deepEqual(await published, { sequence: 1 });
    await closing;
    await client.close();
    assert.equal(node.sessions.size, 0, 'the node was told');
    assert.equal(network.connections, 0);
  });

  it('gives up after its timeout', async () => {
    const { client } = await start({}, (model) => {
      model.commitsAtOnce = false;
    });
    const published = client
      .stream('telemetry')
      .publish('a')
      .catch((error: unknown) => error);
    await client.close({ timeout: 5 });
    assert.equal(((await published) as ClientError).code, 'ERR_CLOSED');
  });

  it('lets the loop acknowledge what it has', async () => {
    const { client, node } = await start();
    const stream = client.stream('telemetry');
    await stream.publish('a');
    const consumer = stream.consume({ group: 'db', from: 'first' });
    const { value } = await consumer.next();
    const closing = client.close();
    value?.ack();
    await closing;
    assert.equal(node.stream('telemetry').places.get('group/db')?.floor, 1);
  });

  it('happens with await using', async () => {
    const { client, network } = await start();
    {
      await using same = client;
      assert.equal(same.state.type, 'connected');
    }
    assert.equal(network.connections, 0);
  });
});
