/** After a refusal of credentials nobody storms a server: the next attempt is far away, or at once with others. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import { z85Decode } from '../../src/bytes/z85.ts';
import * as zmq from '../../src/index.ts';
import { until } from '../support/deadline.ts';
import { watch } from '../support/events.ts';
import { greeting, RawServer } from '../support/rawpeer.ts';
import { bindTo, ready, scope } from '../support/scope.ts';
import { basicWires, tcp } from '../support/transports.ts';
import { hex, command as wireCommand } from '../support/wire.ts';
import { contextWith } from '../support/zap.ts';

const quick = { reconnectInterval: 1, reconnectMaxInterval: 0, reconnectJitter: 0 };

/** Lets in who has the password of the moment. */
function door(password: { now: string }): zmq.Context {
  return contextWith((request) => ({ status: request.password === password.now ? 200 : 400 }));
}

describe('a client whose credentials were refused', () => {
  for (const [options, interval] of [
    [quick, 1000],
    [{ reconnectInterval: 1, reconnectMaxInterval: 4000, reconnectJitter: 0 }, 4000],
    [{ reconnectInterval: 1, reconnectMaxInterval: 1000, reconnectJitter: 1 }, 1000],
    [{ reconnectInterval: 7000, reconnectMaxInterval: 0, reconnectJitter: 0 }, 7000],
  ] as const) {
    it(`waits ${interval} ms at once with ${JSON.stringify(options)}`, async (t) => {
      const s = scope(t, tcp);
      const server = s.open(zmq.Pull, { plainServer: true, context: door({ now: 'x' }) });
      const client = s.open(zmq.Push, { plainUsername: 'a', ...options });
      const log = watch(client);
      client.connect(await bindTo(server, tcp));
      assert.equal((await log.next('handshake:error:auth')).error?.status, 400);
      assert.equal((await log.next('connect:retry')).interval, interval);
    });
  }

  it('tries again at once when its options change, with all that was set in one go', async (t) => {
    const s = scope(t, tcp);
    const seen: string[] = [];
    const context = contextWith(({ username, password }) => {
      seen.push(`${username} ${password}`);
      return { status: username === 'b' && password === 'y' ? 200 : 400 };
    });
    const server = s.open(zmq.Pull, { plainServer: true, context });
    const client = s.open(zmq.Push, { plainUsername: 'a', plainPassword: 'x', reconnectMaxInterval: 60_000 });
    const log = watch(client);
    client.connect(await bindTo(server, tcp));
    await log.next('connect:retry');
    client.plainUsername = 'b';
    client.plainPassword = 'y';
    await ready(client, tcp);
    assert.deepEqual(seen, ['a x', 'b y']);
    assert.equal(log.count('connect:retry'), 1);
  });

  it('takes options that changed before the refusal came', async (t) => {
    const s = scope(t, tcp);
    let refuse = (): void => {};
    const context = contextWith(({ password }) =>
      password === 'y'
        ? { status: 200 }
        : new Promise((resolve) => (refuse = () => resolve({ status: 400 }))),
    );
    const server = s.open(zmq.Pull, { plainServer: true, context });
    const client = s.open(zmq.Push, { plainUsername: 'a', plainPassword: 'x', reconnectMaxInterval: 60_000 });
    client.connect(await bindTo(server, tcp));
    await until(() => server.peers().length === 1, 'the client');
    client.plainPassword = 'y';
    await until(() => {
      refuse();
      return client.peers()[0]?.state === 'ready';
    }, 'the client to be let in');
  });

  it('with several endpoints it keeps what each was given: a password goes to no other server', async (t) => {
    const s = scope(t, tcp);
    const seen: string[] = [];
    const refuse = (name: string): zmq.Context =>
      contextWith(({ password }) => {
        seen.push(`${name} ${password}`);
        return { status: password === 'good' ? 200 : 400 };
      });
    const first = s.open(zmq.Pull, { plainServer: true, context: refuse('first') });
    const second = s.open(zmq.Pull, { plainServer: true, context: refuse('second') });
    const client = s.open(zmq.Push, {
      plainUsername: 'a',
      plainPassword: 'bad',
      reconnectMaxInterval: 60_000,
    });
    const log = watch(client);
    const there = await bindTo(second, tcp);
    client.connect(await bindTo(first, tcp));
    await log.next('connect:retry');
    client.plainPassword = 'good';
    client.connect(there);
    await until(() => client.peers().some(({ state }) => state === 'ready'), 'the second server');
    assert.deepEqual(seen, ['first bad', 'second good']);
    // The way for those: disconnect, and connect again.
    client.disconnect(first.lastEndpoint as string);
    client.connect(first.lastEndpoint as string);
    await ready(client, tcp, 2);
    assert.deepEqual(seen.slice(2), ['first good']);
  });

  it('begins anew with its pauses when it was let in', async (t) => {
    const s = scope(t, tcp);
    const password = { now: 'y' };
    const server = s.open(zmq.Pull, { plainServer: true, context: door(password) });
    const client = s.open(zmq.Push, { plainUsername: 'a', plainPassword: 'x', ...quick });
    const log = watch(client);
    const endpoint = await bindTo(server, tcp);
    client.connect(endpoint);
    assert.equal((await log.next('connect:retry')).interval, 1000);
    password.now = 'x';
    await ready(client, tcp);
    server.close();
    assert.equal((await log.next('connect:retry')).interval, 1);
  });

  it('messages wait meanwhile, and arrive', async (t) => {
    const s = scope(t, tcp);
    const server = s.open(zmq.Pull, { plainServer: true, context: door({ now: 'y' }) });
    const client = s.open(zmq.Push, { plainUsername: 'a', plainPassword: 'x' });
    const log = watch(client);
    client.connect(await bindTo(server, tcp));
    await client.send('kept');
    await log.next('connect:retry');
    client.plainPassword = 'y';
    assert.equal(String(await server.receive()), 'kept');
  });
});

describe('a CURVE client', () => {
  const serverKeys = zmq.curveKeyPair();
  const known = zmq.curveKeyPair();
  const keys = ({ publicKey, secretKey }: { publicKey: string; secretKey: string }): object => ({
    curveServerKey: serverKeys.publicKey,
    curvePublicKey: publicKey,
    curveSecretKey: secretKey,
  });
  const lock = { curveServer: true, curveSecretKey: serverKeys.secretKey };

  for (const transport of basicWires) {
    it(`with an unknown key waits, and comes at once with another one, over ${transport.name}`, async (t) => {
      const s = scope(t, transport);
      const seen: zmq.ZapRequest[] = [];
      const context = contextWith((request) => {
        seen.push(request);
        return { status: request.publicKey === known.publicKey ? 200 : 400, userId: 'anna' };
      });
      const server = s.open(zmq.Pull, { ...lock, context });
      const client = s.open(zmq.Push, { ...keys(zmq.curveKeyPair()), ...quick });
      const logs = [watch(server), watch(client)];
      client.connect(await bindTo(server, transport));
      for (const log of logs) assert.equal((await log.next('handshake:error:auth')).error?.status, 400);
      assert.equal((await logs[1]!.next('connect:retry')).interval, 1000);
      Object.assign(client, keys(known));
      await client.send('hello');
      assert.equal(String(await server.receive()), 'hello');
      assert.deepEqual(
        seen.map(({ mechanism, address }) => `${mechanism} ${address}`),
        Array(2).fill(transport.name === 'ipc' ? 'CURVE ' : 'CURVE 127.0.0.1'),
      );
      assert.equal(server.peers()[0]?.userId, 'anna');
    });
  }

  it('with another server key lets its pauses grow, and no secret key is in what is reported', async (t) => {
    const s = scope(t, tcp);
    const server = s.open(zmq.Pull, lock);
    const client = s.open(zmq.Push, {
      ...keys(known),
      curveServerKey: zmq.curveKeyPair().publicKey,
      reconnectInterval: 2,
      reconnectMaxInterval: 64,
      reconnectJitter: 0,
    });
    const logs = [watch(server), watch(client)];
    client.connect(await bindTo(server, tcp));
    for (let wait = 2; wait <= 64; wait *= 2) {
      assert.equal((await logs[1]!.next('connect:retry')).interval, wait);
    }
    assert.equal(logs[0]!.of('handshake:error:protocol')[0]?.error?.code, 'ERR_ZMTP_CRYPTOGRAPHIC');
    const shown = inspect([logs.map(({ all }) => all), server.peers(), client.peers()], { depth: 9 });
    for (const { secretKey } of [serverKeys, known]) {
      assert.ok(
        !shown.includes(secretKey) && !shown.includes(Buffer.from(z85Decode(secretKey)!).toString('hex')),
      );
    }
  });
});

describe('a handshake that fails in another way', () => {
  it('lets the pauses grow: they begin anew only with a peer that was let in', async (t) => {
    const s = scope(t, tcp);
    const options = { reconnectInterval: 2, reconnectMaxInterval: 64, reconnectJitter: 0 };
    const endings: readonly (readonly [string, Buffer, string])[] = [
      ['another mechanism', greeting({ mechanism: 'NULL' }), 'ERR_ZMTP_MECHANISM_MISMATCH'],
      ['an end without a word', greeting({ mechanism: 'PLAIN' }), 'ECONNRESET'],
      [
        'an ERROR with other words',
        Buffer.concat([greeting({ mechanism: 'PLAIN' }), wireCommand('ERROR', hex('03 4e 6f 21'))]),
        'ERR_ZMTP_PEER_ERROR',
      ],
    ];
    for (const [what, bytes, code] of endings) {
      const server = s.use(await RawServer.listen());
      const client = s.open(zmq.Push, { plainUsername: 'a', ...options });
      const log = watch(client);
      client.connect(server.endpoint);
      for (let wait = 2; wait <= 64; wait *= 2) {
        const peer = await server.accept();
        peer.write(bytes);
        // With what we sent unread the end would be a reset, and what we said might be lost.
        await peer.read(code === 'ERR_ZMTP_MECHANISM_MISMATCH' ? 11 : 64);
        peer.socket.end();
        const { interval } = await log.next('connect:retry');
        assert.equal(interval, wait, what);
      }
      assert.ok(
        log.of('peer:refused').some(({ error }) => error?.code === code),
        what,
      );
      client.close();
    }
  });
});
