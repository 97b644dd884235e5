/** Who is let in: by a function, by a socket at inproc://zeromq.zap.01, or because nobody is there to ask. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import * as zmq from '../../src/index.ts';
import { until } from '../support/deadline.ts';
import { type SeenEvent, watch } from '../support/events.ts';
import { ours } from '../support/libs.ts';
import { RawPeer } from '../support/rawpeer.ts';
import { bindTo, link, ready, type Scope, scope } from '../support/scope.ts';
import { basicWires, tcp } from '../support/transports.ts';
import { command, greeting, hex } from '../support/wire.ts';
import { contextWith, type Frames, handle, knows, ZAP } from '../support/zap.ts';

const PASSWORD = 'correct horse battery staple';
const plain = { plainUsername: 'admin', plainPassword: PASSWORD };
const ok: zmq.ZapReply = { status: 200 };

/** A Pull that asks, and a Push that is asked about. */
function pair(
  s: Scope,
  context: zmq.Context,
  server: object = { plainServer: true },
  client: object = plain,
): { server: zmq.Pull; client: zmq.Push } {
  return {
    server: s.open(zmq.Pull, { ...server, context }),
    client: s.open(zmq.Push, { reconnectInterval: 10_000, ...client }),
  };
}

/** What the server reports of a client that it does not let in. */
async function refusal(s: Scope, context: zmq.Context, server: object, client?: object): Promise<SeenEvent> {
  const sockets = pair(s, context, server, client);
  const log = watch(sockets.server);
  sockets.client.connect(await bindTo(sockets.server, tcp));
  await log.next('disconnect');
  const event = log.all.find(({ type }) => type.startsWith('handshake:error'));
  assert.ok(event !== undefined, log.all.map(({ type }) => type).join());
  assert.equal(event.address, sockets.server.lastEndpoint);
  assert.equal(log.count('peer:refused'), 1);
  return event;
}

for (const transport of basicWires) {
  describe(`a ZAP handler that is a function, over ${transport.name}`, () => {
    it('is told what there is to know, and its user is known to us', async (t) => {
      const s = scope(t, transport);
      const seen: zmq.ZapRequest[] = [];
      const context = contextWith((request) => {
        seen.push(request);
        return { status: 200, userId: 'the admin', metadata: { Team: 'blue', Key: Buffer.of(1, 2) } };
      });
      const { server, client } = pair(s, context, { plainServer: true, zapDomain: 'test' });
      await link(transport, server, client);
      await client.send('hello');
      assert.equal(String(await server.receive()), 'hello');
      assert.equal(seen.length, 1);
      const [request] = seen;
      const { identity, password, ...rest } = { ...request!, password: request!.password };
      assert.deepEqual(rest, {
        domain: 'test',
        address: transport.name === 'ipc' ? '' : '127.0.0.1',
        mechanism: 'PLAIN',
        username: 'admin',
      });
      assert.deepEqual([identity.length, password], [0, PASSWORD]);
      const [peer] = server.peers();
      assert.equal(peer?.userId, 'the admin');
      assert.deepEqual(
        [...(peer?.metadata ?? [])],
        [
          ['team', Buffer.from('blue')],
          ['key', Buffer.of(1, 2)],
        ],
      );
      assert.deepEqual([client.peers()[0]?.userId, client.peers()[0]?.metadata], [null, null]);
    });

    for (const [status, message] of [
      [400, 'Authentication failure'],
      [500, 'Internal error'],
    ] as const) {
      it(`says ${status}: both sides report it`, async (t) => {
        const s = scope(t, transport);
        const context = contextWith(async () => ({ status, text: 'go\naway', userId: 'x' }));
        const { server, client } = pair(s, context);
        const [near, far] = [watch(server), watch(client)];
        const endpoint = await bindTo(server, transport);
        client.connect(endpoint);
        for (const log of [near, far]) {
          const { address, error } = await log.next('handshake:error:auth');
          assert.deepEqual(
            [address, error?.message, error?.code, error?.status],
            [endpoint, message, 'ERR_AUTHENTICATION', status],
          );
          await log.next('disconnect');
          assert.equal(log.count('handshake'), 0);
          assert.equal(log.count('handshake:error:auth'), 1);
        }
        const { error } = near.of('peer:refused')[0] as SeenEvent;
        assert.match(String((error as zmq.ZmqError).detail), /"go\?away"/);
        assert.equal(server.peers().length, 0);
      });
    }
  });
}

describe('a ZAP handler that is a function', () => {
  it('says 300: the client is told nothing, and sees the connection end', async (t) => {
    const s = scope(t, tcp);
    const { server, client } = pair(
      s,
      contextWith(() => ({ status: 300 })),
    );
    const [near, far] = [watch(server), watch(client)];
    client.connect(await bindTo(server, tcp));
    const { error } = await near.next('handshake:error:auth');
    assert.deepEqual([error?.message, error?.status], ['Temporary error', 300]);
    assert.equal((await far.next('handshake:error:other')).error?.code, 'ECONNRESET');
  });

  const thrown = new Error('the directory is away');
  const failures: readonly (readonly [string, zmq.ZapHandler])[] = [
    [
      'throws',
      () => {
        throw thrown;
      },
    ],
    ['rejects', () => Promise.reject(thrown)],
    ['rejects without a reason', () => Promise.reject()],
  ];
  for (const [what, handler] of failures) {
    it(`${what}: a 500`, async (t) => {
      const { type, error } = await refusal(scope(t, tcp), contextWith(handler), { plainServer: true });
      assert.deepEqual([type, error?.status], ['handshake:error:auth', 500]);
      assert.equal(error?.message, 'Internal error');
      if (what !== 'rejects without a reason') assert.equal(error?.cause, thrown);
    });
  }

  it('never answers: a 500 within handshakeInterval', async (t) => {
    const context = contextWith(() => new Promise(() => {}));
    // Long enough to get as far as the question on a busy machine, too.
    const options = { plainServer: true, handshakeInterval: 500 };
    const { type, error } = await refusal(scope(t, tcp), context, options);
    assert.deepEqual([type, error?.status], ['handshake:error:auth', 500]);
    assert.match(String((error as zmq.ZmqError).detail), /within 500 ms/);
  });

  const nonsense: readonly (readonly [string, unknown, zmq.ZmqErrorCode])[] = [
    ['nothing', undefined, 'ERR_ZAP_INVALID_STATUS_CODE'],
    ['null', null, 'ERR_ZAP_INVALID_STATUS_CODE'],
    ['true', true, 'ERR_ZAP_INVALID_STATUS_CODE'],
    ['a status that does not exist', { status: 201 }, 'ERR_ZAP_INVALID_STATUS_CODE'],
    ['no text', { status: 200, text: 7 }, 'ERR_ZAP_MALFORMED_REPLY'],
    ['a long user id', { status: 200, userId: 'x'.repeat(256) }, 'ERR_ZAP_MALFORMED_REPLY'],
    ['a bad name', { status: 200, metadata: { 'a b': '' } }, 'ERR_ZAP_INVALID_METADATA'],
    ['an empty name', { status: 200, metadata: { '': '' } }, 'ERR_ZAP_INVALID_METADATA'],
    ['a number in the metadata', { status: 200, metadata: { a: 1 } }, 'ERR_ZAP_INVALID_METADATA'],
    ['a lot of metadata', { status: 200, metadata: { a: 'x'.repeat(20_000) } }, 'ERR_ZAP_INVALID_METADATA'],
  ];
  for (const [what, reply, code] of nonsense) {
    it(`answers with ${what}: ${code}, and the client is not let in`, async (t) => {
      const context = contextWith(() => reply as zmq.ZapReply);
      const { type, error } = await refusal(scope(t, tcp), context, { plainServer: true });
      assert.deepEqual(
        [type, error?.message, error?.code],
        ['handshake:error:protocol', 'ZAP protocol error', code],
      );
    });
  }

  it('is asked before the socket at the ZAP endpoint, and may be changed at any time', async (t) => {
    const s = scope(t, tcp);
    const context = new zmq.Context();
    const { requests } = await handle(s, ours, context, knows('nobody', ''));
    const { server, client } = pair(s, context);
    const log = watch(server);
    const endpoint = await bindTo(server, tcp);
    context.zapHandler = () => ok;
    client.connect(endpoint);
    await ready(server, tcp);
    assert.equal(requests.length, 0);
    context.zapHandler = null;
    s.open(zmq.Push, plain).connect(endpoint);
    assert.equal((await log.next('handshake:error:auth')).error?.status, 400);
    assert.equal(requests.length, 1);
    assert.throws(() => Object.assign(context, { zapHandler: 'admin' }), TypeError);
  });

  it('is slow for one: the others are not held up', async (t) => {
    const s = scope(t, tcp);
    let release = (): void => {};
    const context = contextWith(({ username }) =>
      username === 'slow' ? new Promise((resolve) => (release = () => resolve(ok))) : ok,
    );
    const server = s.open(zmq.Pull, { plainServer: true, context });
    const endpoint = await bindTo(server, tcp);
    s.open(zmq.Push, { plainUsername: 'slow' }).connect(endpoint);
    await until(() => server.peers().length === 1, 'the slow one');
    const fast = Array.from({ length: 20 }, (_, n) => s.open(zmq.Push, { plainUsername: `fast ${n}` }));
    for (const client of fast) client.connect(endpoint);
    await ready(server, tcp, 20);
    await Promise.all(fast.map((client) => client.send('x')));
    for (let n = 0; n < 20; n++) await server.receive();
    assert.deepEqual(server.peers().filter(({ state }) => state !== 'ready').length, 1);
    release();
    await ready(server, tcp, 21);
  });

  it('lets in a peer that has broken the rules meanwhile: the reason stays', async (t) => {
    const s = scope(t, tcp);
    let answer = (): void => {};
    const context = contextWith(() => new Promise((resolve) => (answer = () => resolve(ok))));
    const server = s.open(zmq.Pull, { plainServer: true, context });
    const log = watch(server);
    const raw = await RawPeer.connect(await bindTo(server, tcp));
    s.after(() => raw.close());
    raw.write(greeting({ mechanism: 'PLAIN' }));
    raw.write(Buffer.concat([command('HELLO', hex('01 61 01 62')), command('HELLO', hex('01 61 01 62'))]));
    // Our side of the connection is ended: it has failed, and waits for the peer to end its own.
    await until(() => raw.ended, 'the end');
    answer();
    const { error } = await log.next('handshake:error:protocol');
    assert.equal(error?.code, 'ERR_ZMTP_UNEXPECTED_COMMAND');
    assert.equal(log.count('handshake'), 0);
  });

  it('is asked on the terms that the endpoint was bound with', async (t) => {
    const s = scope(t, tcp);
    const keys = zmq.curveKeyPair();
    const own = zmq.curveKeyPair();
    const server = s.open(zmq.Pull, {
      context: new zmq.Context(),
      curveServer: true,
      curveSecretKey: keys.secretKey,
      zapDomain: 'global',
      zapEnforceDomain: true,
    });
    const log = watch(server);
    const endpoint = await bindTo(server, tcp);
    // Nobody is there to ask, so nobody may be let in: not even when the options say something else by now.
    server.zapDomain = null;
    server.zapEnforceDomain = false;
    s.open(zmq.Push, {
      curveServerKey: keys.publicKey,
      curvePublicKey: own.publicKey,
      curveSecretKey: own.secretKey,
    }).connect(endpoint);
    assert.equal((await log.next('handshake:error:auth')).error?.status, 500);
    assert.equal(log.count('handshake'), 0);
  });

  it('answers for a peer that is gone meanwhile: nothing happens', async (t) => {
    const s = scope(t, tcp);
    const answers: (() => void)[] = [];
    const context = contextWith(() => new Promise((resolve) => answers.push(() => resolve(ok))));
    const server = s.open(zmq.Pull, { plainServer: true, context });
    const log = watch(server);
    const endpoint = await bindTo(server, tcp);
    const client = new zmq.Push({ ...plain, linger: 0 });
    client.connect(endpoint);
    await until(() => answers.length === 1, 'the question');
    client.close();
    await log.next('disconnect');
    answers[0]!();
    const second = s.open(zmq.Push, plain);
    second.connect(endpoint);
    await until(() => answers.length === 2, 'the second question');
    answers[1]!();
    await ready(server, tcp);
    assert.equal(log.count('handshake'), 1);
    assert.equal(log.count('handshake:error:auth'), 0);
    server.close();
  });
});

describe('a socket at the ZAP endpoint', () => {
  it('a Router is asked with the frames of libzmq, and answers', async (t) => {
    const s = scope(t, tcp);
    const context = new zmq.Context();
    const { requests } = await handle(s, ours, context, knows('admin', PASSWORD));
    const { server, client } = pair(s, context, { plainServer: true, zapDomain: 'test' });
    await link(tcp, server, client);
    const [version, id, ...rest] = (requests[0] as Frames).map(String);
    assert.equal(version, '1.0');
    assert.ok((id as string).length > 0);
    assert.deepEqual(rest, ['test', '127.0.0.1', '', 'PLAIN', 'admin', PASSWORD]);
    assert.equal(server.peers()[0]?.userId, 'admin');
  });

  it('a Reply as well, for many clients, good ones and bad ones', async (t) => {
    const s = scope(t, tcp);
    const context = new zmq.Context();
    const handler = s.open(zmq.Reply, { context, receiveTimeout: -1 });
    await handler.bind(ZAP);
    const judge = knows('admin', PASSWORD);
    const serve = async (): Promise<void> => {
      for await (const frames of handler) await handler.send([...judge(frames)]);
    };
    const serving = serve();
    const server = s.open(zmq.Pull, { plainServer: true, context });
    const log = watch(server);
    const endpoint = await bindTo(server, tcp);
    for (let n = 0; n < 60; n++) {
      const plainPassword = n % 2 === 0 ? PASSWORD : 'wrong';
      s.open(zmq.Push, { plainUsername: 'admin', plainPassword, reconnectInterval: 10_000 }).connect(
        endpoint,
      );
    }
    await ready(server, tcp, 30);
    await until(() => log.count('handshake:error:auth') === 30, '30 refusals');
    await until(() => server.peers().length === 30, 'the refused to be gone');
    // Nothing is left of the questions.
    await until(() => handler.peers().length === 0, 'the questions to be gone');
    handler.close();
    await serving;
  });

  const BAD: readonly (readonly [string, (frames: Frames) => Frames, zmq.ZmqErrorCode])[] = [
    ['another version', ([, id]) => ['9.9', id!, '200', 'OK', '', ''], 'ERR_ZAP_BAD_VERSION'],
    ['another request id', () => ['1.0', 'x', '200', 'OK', '', ''], 'ERR_ZAP_BAD_REQUEST_ID'],
    ['too few frames', () => ['', ''], 'ERR_ZAP_MALFORMED_REPLY'],
    ['too many', ([v, id]) => [v!, id!, '200', 'OK', '', '', ''], 'ERR_ZAP_MALFORMED_REPLY'],
    ['far too much', ([v, id]) => [v!, id!, '200', Buffer.alloc(1 << 20), '', ''], 'ERR_ZAP_MALFORMED_REPLY'],
    ['an unknown status', ([v, id]) => [v!, id!, '201', 'OK', '', ''], 'ERR_ZAP_INVALID_STATUS_CODE'],
    ['bad metadata', ([v, id]) => [v!, id!, '200', 'OK', '', 'x'], 'ERR_ZAP_INVALID_METADATA'],
  ];
  for (const [what, answer, code] of BAD) {
    it(`that answers with ${what}: ${code}`, async (t) => {
      const s = scope(t, tcp);
      const context = new zmq.Context();
      await handle(s, ours, context, answer);
      const { type, error } = await refusal(s, context, { plainServer: true });
      assert.deepEqual(
        [type, error?.message, error?.code],
        ['handshake:error:protocol', 'ZAP protocol error', code],
      );
    });
  }

  it('that is closed with a question open, or never answers, or is no handler: a 500, and the client is told nothing', async (t) => {
    const s = scope(t, tcp);
    for (const mood of ['closes', 'sleeps', 'PULL'] as const) {
      const context = new zmq.Context();
      if (mood === 'PULL') await s.open(zmq.Pull, { context }).bind(ZAP);
      else {
        const handler = await handle(s, ours, context, () => {
          if (mood === 'closes') handler.socket.close();
          return null;
        });
      }
      const interval = mood === 'sleeps' ? 500 : 30_000;
      const client = s.open(zmq.Push, { ...plain, reconnectInterval: 10_000 });
      const server = s.open(zmq.Pull, { plainServer: true, context, handshakeInterval: interval });
      const [near, far] = [watch(server), watch(client)];
      client.connect(await bindTo(server, tcp));
      assert.equal((await near.next('handshake:error:auth')).error?.status, 500, mood);
      assert.equal((await far.next('handshake:error:other')).error?.code, 'ECONNRESET', mood);
    }
  });
});

describe('when somebody is asked, and what follows when nobody is there', () => {
  const no: zmq.ZapHandler = () => ({ status: 400 });
  const cases: readonly (readonly [
    what: string,
    server: object,
    handler: zmq.ZapHandler | null,
    into: boolean,
  ])[] = [
    ['NULL without a domain is not asked about', {}, no, true],
    ['NULL with a domain is', { zapDomain: 'd' }, no, false],
    ['NULL with a domain, nobody there', { zapDomain: 'd' }, null, true],
    [
      'NULL with a domain that is enforced, nobody there',
      { zapDomain: 'd', zapEnforceDomain: true },
      null,
      false,
    ],
    ['NULL, enforced, without a domain', { zapEnforceDomain: true }, no, true],
    ['PLAIN without a domain is asked about', { plainServer: true }, no, false],
    ['PLAIN, nobody there', { plainServer: true }, null, false],
    ['PLAIN with a domain, nobody there', { plainServer: true, zapDomain: 'd' }, null, false],
  ];
  for (const [what, options, zapHandler, into] of cases) {
    it(`${what}: ${into ? 'let in' : 'not let in'}`, async (t) => {
      const s = scope(t, tcp);
      const context = new zmq.Context({ zapHandler });
      const client = 'plainServer' in options ? plain : {};
      if (into) {
        const sockets = pair(s, context, options, client);
        await link(tcp, sockets.server, sockets.client);
        assert.equal(sockets.server.peers()[0]?.userId, null);
      } else {
        const { type, error } = await refusal(s, context, options, client);
        assert.deepEqual([type, error?.status], ['handshake:error:auth', zapHandler === null ? 500 : 400]);
      }
    });
  }

  it('inproc is never asked about', async (t) => {
    const s = scope(t);
    const context = contextWith(no);
    const server = s.open(zmq.Pull, { zapDomain: 'd', context });
    const client = s.open(zmq.Push, { context });
    await server.bind('inproc://here');
    client.connect('inproc://here');
    await client.send('x');
    await server.receive();
  });
});

it('a domain has at most 255 octets', (t) => {
  const socket = scope(t).open(zmq.Pull);
  socket.zapDomain = 'x'.repeat(255);
  assert.throws(() => Object.assign(socket, { zapDomain: 'x'.repeat(256) }), { code: 'EINVAL' });
});

it('a password is in no event, no error and no printed request', async (t) => {
  const s = scope(t, tcp);
  let request: zmq.ZapRequest | null = null;
  const context = contextWith((asked) => {
    request = asked;
    throw new Error('away');
  });
  const { server, client } = pair(s, context);
  const logs = [watch(server), watch(client)];
  client.connect(await bindTo(server, tcp));
  for (const log of logs) await log.next('disconnect');
  const shown = inspect([logs.map((log) => log.all), request, server.peers(), client.peers()], { depth: 9 });
  assert.match(shown, /username: 'admin'/);
  assert.ok(!shown.includes(PASSWORD), shown);
  assert.ok(!JSON.stringify(request).includes(PASSWORD));
  for (const log of logs) {
    for (const { error } of log.all)
      assert.ok(!`${error?.stack} ${JSON.stringify(error)}`.includes(PASSWORD));
  }
});
