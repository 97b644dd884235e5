/** ZAP with libzmq at the other end: the same handler in either library, and refused clients of either. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as libzmq from 'zeromq';
import { z85Decode } from '../../src/bytes/z85.ts';
import * as zmq from '../../src/index.ts';
import { until } from '../support/deadline.ts';
import { watch } from '../support/events.ts';
import { assignments, type Library, ours } from '../support/libs.ts';
import { bindTo, scope } from '../support/scope.ts';
import { tcp } from '../support/transports.ts';
import { type Frames, handle } from '../support/zap.ts';

const keysOfServer = libzmq.curveKeyPair();
const keysOfClient = libzmq.curveKeyPair();
const otherKeys = libzmq.curveKeyPair();

interface Setting {
  readonly name: 'NULL' | 'PLAIN' | 'CURVE';
  readonly server: object;
  /** Is let in. */
  readonly client: object;
  /** Is not. */
  readonly stranger: object;
  /** What tells the client in a request. */
  readonly credentials: readonly Buffer[];
}

const curve = (keys: ReturnType<typeof libzmq.curveKeyPair>): object => ({
  curveServerKey: keysOfServer.publicKey,
  curvePublicKey: keys.publicKey,
  curveSecretKey: keys.secretKey,
});

const all: readonly Setting[] = [
  {
    name: 'PLAIN',
    server: { plainServer: true },
    client: { plainUsername: 'admin', plainPassword: 'päss' },
    stranger: { plainUsername: 'admin', plainPassword: 'pass' },
    credentials: [Buffer.from('admin'), Buffer.from('päss')],
  },
  {
    name: 'CURVE',
    server: { curveServer: true, curveSecretKey: keysOfServer.secretKey },
    client: curve(keysOfClient),
    stranger: curve(otherKeys),
    credentials: [Buffer.from(z85Decode(keysOfClient.publicKey)!)],
  },
];

/** What both libraries have. */
const settings = all.filter(({ name }) => name !== 'CURVE' || 'curveKeyPair' in zmq);

const contextOf = (library: Library): object => (library === ours ? new zmq.Context() : new libzmq.Context());

/** Lets in whose credentials these are, and says what `status` says to the others. */
const knows =
  (credentials: readonly Buffer[], status: string) =>
  (frames: Frames): Frames => {
    const [, id = '', , , , , ...given] = frames;
    const good =
      given.length === credentials.length && credentials.every((c, n) => c.equals(given[n] as Buffer));
    return ['1.0', id, good ? '200' : status, '', good ? 'joe' : '', ''];
  };

for (const setting of settings) {
  for (const [server, client] of assignments) {
    const title = `${setting.name}: a server of ${server.name}, a client of ${client.name}`;
    describe(title, { timeout: 30_000 }, () => {
      it('lets in who is known', async (t) => {
        const s = scope(t, tcp);
        const context = contextOf(server);
        const { requests } = await handle(s, server, context, knows(setting.credentials, '400'));
        const pull = s.open(server.sockets.Pull, { ...setting.server, zapDomain: 'test', context });
        const push = s.open(client.sockets.Push, setting.client);
        push.connect(await bindTo(pull, tcp));
        await push.send('hello');
        assert.equal(String(await pull.receive()), 'hello');
        const [request] = requests;
        const [version, , domain, address, identity, mechanism, ...credentials] = request!.map((frame) =>
          Buffer.from(frame),
        );
        // The same frames, whichever library asks.
        assert.deepEqual([version, domain, address, identity, mechanism].map(String), [
          '1.0',
          'test',
          '127.0.0.1',
          '',
          setting.name,
        ]);
        assert.deepEqual(credentials, setting.credentials);
      });

      for (const [status, message] of [
        ['400', 'Authentication failure'],
        ['500', 'Internal error'],
      ] as const) {
        it(`tells a stranger ${status}`, async (t) => {
          const s = scope(t, tcp);
          const context = contextOf(server);
          await handle(s, server, context, knows(setting.credentials, status));
          const pull = s.open(server.sockets.Pull, { ...setting.server, context });
          const push = s.open(client.sockets.Push, setting.stranger);
          const logs = [watch(pull), watch(push)];
          const endpoint = await bindTo(pull, tcp);
          push.connect(endpoint);
          for (const log of logs) {
            const { error, address } = await log.next('handshake:error:auth');
            assert.deepEqual([error?.message, error?.status, address], [message, Number(status), endpoint]);
            assert.equal(log.count('handshake'), 0);
          }
        });
      }

      it('tells a stranger nothing with 300; later he is let in', async (t) => {
        // libzmq leaves him connected until its handshake interval is over.
        const s = scope(t, tcp);
        const context = contextOf(server);
        let now = '300';
        await handle(s, server, context, (frames) => ['1.0', frames[1]!, now, '', '', '']);
        const pull = s.open(server.sockets.Pull, { ...setting.server, context, handshakeInterval: 200 });
        const push = s.open(client.sockets.Push, setting.stranger);
        const log = watch(pull);
        push.connect(await bindTo(pull, tcp));
        const { error } = await log.next('handshake:error:auth');
        assert.deepEqual([error?.message, error?.status], ['Temporary error', 300]);
        now = '200';
        await push.send('hello');
        assert.equal(String(await pull.receive()), 'hello');
      });

      it('a reply that is none: the client sees no more than an end', async (t) => {
        const s = scope(t, tcp);
        const context = contextOf(server);
        await handle(s, server, context, () => ['9.9', '1', '200', '', '', '']);
        const pull = s.open(server.sockets.Pull, { ...setting.server, context });
        const push = s.open(client.sockets.Push, setting.client);
        const [near, far] = [watch(pull), watch(push)];
        push.connect(await bindTo(pull, tcp));
        const { error } = await near.next('handshake:error:protocol');
        assert.deepEqual([error?.message, error?.code], ['ZAP protocol error', 'ERR_ZAP_BAD_VERSION']);
        await far.next('handshake:error:other');
      });

      it('nobody is there to ask', async (t) => {
        const s = scope(t, tcp);
        const enforced = { zapDomain: 'test', zapEnforceDomain: true };
        // What the library does is what both do: PLAIN lets nobody in, CURVE everybody unless the domain is enforced.
        for (const options of setting.name === 'PLAIN' ? [{}, enforced] : [enforced]) {
          const pull = s.open(server.sockets.Pull, {
            ...setting.server,
            ...options,
            context: contextOf(server),
          });
          const push = s.open(client.sockets.Push, setting.client);
          const log = watch(pull);
          push.connect(await bindTo(pull, tcp));
          await until(
            () => log.all.some(({ type }) => type.startsWith('handshake:error')),
            'the client not to be let in',
          );
        }
        if (setting.name === 'PLAIN') return;
        for (const options of [{}, { zapDomain: 'test' }, { zapEnforceDomain: true }]) {
          const pull = s.open(server.sockets.Pull, {
            ...setting.server,
            ...options,
            context: contextOf(server),
          });
          const push = s.open(client.sockets.Push, setting.client);
          push.connect(await bindTo(pull, tcp));
          await push.send('hello');
          assert.equal(String(await pull.receive()), 'hello');
        }
      });
    });
  }
}

describe('a client of ours and the handler of libzmq', () => {
  it('does not storm the server that refused it', async (t) => {
    const s = scope(t, tcp);
    const context = new libzmq.Context();
    const plain = settings[0]!;
    const theirs = assignments[0]![1];
    const { requests } = await handle(s, theirs, context, knows(plain.credentials, '400'));
    const pull = s.open(theirs.sockets.Pull, { ...plain.server, context });
    const push = s.open(ours.sockets.Push, { ...plain.stranger, reconnectInterval: 1 });
    const log = watch(push);
    push.connect(await bindTo(pull, tcp));
    const { interval } = await log.next('connect:retry');
    assert.ok(interval !== undefined && interval >= 1000, `${interval} ms`);
    assert.equal(requests.length, 1);
    Object.assign(push, plain.client);
    await push.send('hello');
    assert.equal(String(await pull.receive()), 'hello');
  });
});
