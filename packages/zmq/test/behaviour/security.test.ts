/** Security options as a program sees them: what is refused, when, and that no secret comes out again. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { describe, it } from 'node:test';
import { inspect, promisify } from 'node:util';
import { z85Decode } from '../../src/bytes/z85.ts';
import * as zmq from '../../src/index.ts';
import { until } from '../support/deadline.ts';
import { watch } from '../support/events.ts';
import { FaultProxy } from '../support/faultproxy.ts';
import { RawPeer } from '../support/rawpeer.ts';
import { bindTo, link, scope } from '../support/scope.ts';
import { tcp } from '../support/transports.ts';
import { greeting, command as wireCommand } from '../support/wire.ts';

const run = promisify(execFile);

/** A connection over CURVE in a process where a library can't be found, or throws. Prints how that ends. */
function program({ refuse = '', breakUp = '' }: { refuse?: string; breakUp?: string }): string {
  const hooks = `
    export const resolve = (name, context, next) => {
      if (name === '${refuse}') throw new Error('no such package');
      return next(name, context);
    };
    export const load = (url, context, next) =>
      '${breakUp}' !== '' && url.includes('node_modules/${breakUp}/')
        ? { format: 'module', shortCircuit: true, source: 'throw new Error("another architecture")' }
        : next(url, context);`;
  return `
    import { register } from 'node:module';
    register('data:text/javascript,${encodeURIComponent(hooks).replaceAll("'", '%27')}');
    const { Pull, Push } = await import('${new URL('../../src/index.js', import.meta.url)}');
    const server = new Pull(${JSON.stringify(SERVER)});
    const client = new Push(${JSON.stringify({ ...CLIENT, linger: 0 })});
    const end = (text) => {
      console.log(text);
      process.exit();
    };
    client.events.on('handshake:error:other', ({ error }) => end(error.code + ' ' + error.detail));
    client.events.on('handshake', ({ type }) => end(type));
    // Sockets that only listen do not hold the process.
    setTimeout(() => {}, 20_000);
    await server.bind('tcp://127.0.0.1:0');
    client.connect(server.lastEndpoint);`;
}

const ofServer = zmq.curveKeyPair();
const ofClient = zmq.curveKeyPair();
const SERVER = { curveServer: true, curveSecretKey: ofServer.secretKey };
const CLIENT = {
  curveServerKey: ofServer.publicKey,
  curvePublicKey: ofClient.publicKey,
  curveSecretKey: ofClient.secretKey,
};
const KEYS = ['curvePublicKey', 'curveSecretKey', 'curveServerKey'] as const;

describe('security options', { timeout: 30_000 }, () => {
  it('make the mechanism', (t) => {
    const s = scope(t);
    const mechanism = (options: object): string | null => s.open(zmq.Pair, options).securityMechanism;
    assert.equal(mechanism({}), null);
    assert.equal(mechanism({ zapDomain: 'x' }), null);
    assert.equal(mechanism({ plainServer: true }), 'plain');
    assert.equal(mechanism({ plainUsername: 'me' }), 'plain');
    assert.equal(mechanism({ plainPassword: 'x' }), 'plain');
    assert.equal(mechanism(SERVER), 'curve');
    assert.equal(mechanism(CLIENT), 'curve');
    assert.equal(zmq.capability.curve, true);
  });

  it('give keys as text, however they were given', (t) => {
    const s = scope(t);
    const socket = s.open(zmq.Pair);
    const loose = socket as unknown as Record<string, unknown>;
    for (const name of KEYS) {
      assert.equal(socket[name], null);
      for (const form of [
        ofClient.publicKey,
        Buffer.from(z85Decode(ofClient.publicKey)!),
        Buffer.from(ofClient.publicKey),
      ]) {
        loose[name] = form;
        assert.equal(socket[name], ofClient.publicKey);
      }
      loose[name] = null;
      assert.equal(socket[name], null);
    }
  });

  it('refuse what is no key, and do not say what it was', (t) => {
    const s = scope(t);
    const loose = s.open(zmq.Pair) as unknown as Record<string, unknown>;
    const wrong = [
      '',
      'short',
      `${'a'.repeat(39)}~`,
      'a'.repeat(41),
      '#'.repeat(40),
      Buffer.alloc(31),
      Buffer.alloc(33),
    ];
    for (const name of KEYS) {
      for (const value of wrong) {
        assert.throws(
          () => {
            loose[name] = value;
          },
          (error: zmq.ZmqError) => {
            assert.equal(error.code, 'EINVAL');
            assert.match(error.detail ?? '', new RegExp(`^${name} is a key of 40 characters`));
            if (value.length > 5) assert.equal(inspect(error).includes(String(value)), false);
            return true;
          },
        );
      }
    }
    assert.throws(
      () => {
        loose.plainPassword = 'x'.repeat(256);
      },
      { code: 'EINVAL', detail: 'plainPassword has at most 255 octets' },
    );
  });

  const contradictions: readonly (readonly [object, RegExp])[] = [
    [{ plainServer: true, ...SERVER }, /both PLAIN and CURVE/],
    [{ plainUsername: 'x', ...CLIENT }, /both PLAIN and CURVE/],
    [{ plainServer: true, plainUsername: 'x' }, /plainServer .* plainUsername/],
    [{ ...SERVER, curveServerKey: ofServer.publicKey }, /curveServer .* curveServerKey/],
    [{ curveServer: true }, /curveSecretKey is missing/],
    [{ curveServerKey: ofServer.publicKey }, /curveSecretKey is missing/],
    [{ ...CLIENT, curvePublicKey: null }, /curvePublicKey is missing/],
    [{ curveSecretKey: ofClient.secretKey }, /neither curveServer nor curveServerKey/],
    [{ ...CLIENT, curvePublicKey: ofServer.publicKey }, /not one pair/],
  ];
  for (const [options, detail] of contradictions) {
    it(`refuse ${Object.keys(options).join(', ')}: ${detail.source}`, async (t) => {
      const s = scope(t);
      const socket = s.open(zmq.Pair, options);
      const refused = (error: zmq.ZmqError): boolean => {
        assert.equal(error.code, 'EINVAL');
        assert.match(error.detail ?? '', detail);
        for (const secret of [ofServer.secretKey, ofClient.secretKey]) {
          assert.equal(inspect(error, { depth: 9, showHidden: true }).includes(secret), false);
        }
        return true;
      };
      assert.throws(() => socket.connect('tcp://127.0.0.1:9'), refused);
      await assert.rejects(socket.bind('tcp://127.0.0.1:0'), refused);
      assert.throws(() => socket.bindSync('tcp://127.0.0.1:0'), refused);
      // In the process there is nothing to protect.
      await socket.bind(`inproc://${t.name}`);
      assert.equal(socket.peers().length, 0);
    });
  }

  it('hold as they were at the bind, whatever becomes of them', async (t) => {
    const s = scope(t);
    const pull = s.open(zmq.Pull, SERVER);
    const endpoint = await bindTo(pull, tcp);
    pull.curveServer = false;
    pull.curveSecretKey = null;
    const push = s.open(zmq.Push, CLIENT);
    push.connect(endpoint);
    await push.send('x');
    assert.equal(String(await pull.receive()), 'x');
    const open = s.open(zmq.Push);
    const log = watch(open);
    open.connect(endpoint);
    await until(() => log.count('handshake:error:protocol') > 0, 'the mismatch');
  });

  it('come out nowhere', async (t) => {
    const s = scope(t);
    const pull = s.open(zmq.Pull, SERVER);
    const push = s.open(zmq.Push, CLIENT);
    const plain = s.open(zmq.Push, { plainUsername: 'me', plainPassword: 'sesame' });
    const logs = [watch(pull), watch(push), watch(plain)];
    const endpoint = await link(tcp, pull, push);
    plain.connect(endpoint);
    await until(() => logs[2]!.count('handshake:error:protocol') > 0, 'the mismatch');
    const all = [pull, push, plain, ...logs.map((log) => log.all), pull.peers(), push.peers(), pull.stats];
    const dump = inspect(all, { depth: 20, showHidden: true, getters: false }) + JSON.stringify(all);
    for (const secret of [ofServer.secretKey, ofClient.secretKey, 'sesame']) {
      assert.equal(dump.includes(secret), false);
    }
  });
});

describe('CURVE', { timeout: 30_000 }, () => {
  it('ends a connection on which something was changed, and says so', async (t) => {
    const s = scope(t);
    const pull = s.open(zmq.Pull, SERVER);
    const log = watch(pull);
    const endpoint = await bindTo(pull, tcp);
    const raw = await RawPeer.connect(endpoint);
    s.after(() => raw.close());
    raw.write(greeting({ mechanism: 'CURVE' }));
    raw.write(wireCommand('HELLO', Buffer.concat([Buffer.of(1, 0), Buffer.alloc(192, 9)])));
    await until(() => log.count('handshake:error:protocol') > 0, 'the refusal');
    const seen = log.all.find(({ type }) => type === 'handshake:error:protocol');
    assert.equal(seen?.error?.code, 'ERR_ZMTP_CRYPTOGRAPHIC');
  });

  for (const [what, stand, expected] of [
    [
      'says what is missing where there is no libsodium',
      { refuse: 'libsodium' },
      /^ENOTSUP CURVE needs libsodium/,
    ],
    ['does without an addon that is broken', { breakUp: 'sodium-native' }, /^handshake/],
  ] as const) {
    it(what, async () => {
      const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program(stand)]);
      assert.match(stdout, expected);
    });
  }

  it('does not come about with a public key that gives no secret', async (t) => {
    const s = scope(t);
    const pull = s.open(zmq.Pull, SERVER);
    const push = s.open(zmq.Push, { ...CLIENT, curveServerKey: '0'.repeat(40) });
    const log = watch(push);
    push.connect(await bindTo(pull, tcp));
    await until(() => log.count('handshake:error:protocol') > 0, 'the failure');
    const seen = log.all.find(({ type }) => type === 'handshake:error:protocol');
    assert.equal(seen?.error?.code, 'ERR_ZMTP_CRYPTOGRAPHIC');
  });

  it('makes new keys after a reconnect', async (t) => {
    const s = scope(t);
    const pull = s.open(zmq.Pull, SERVER);
    const push = s.open(zmq.Push, { ...CLIENT, reconnectInterval: 1 });
    const proxy = await FaultProxy.start(await bindTo(pull, tcp));
    s.after(() => proxy.close());
    push.connect(proxy.endpoint);
    await push.send('one');
    assert.equal(String(await pull.receive()), 'one');
    proxy.cut();
    await until(() => proxy.accepted >= 2, 'the next connection');
    await push.send('two');
    assert.equal(String(await pull.receive()), 'two');
  });

  it('delivers nothing of a session that was recorded and is played again', async (t) => {
    const s = scope(t);
    const pull = s.open(zmq.Pull, SERVER);
    const log = watch(pull);
    const endpoint = await bindTo(pull, tcp);
    const recorded: Buffer[] = [];
    const recorder = createServer((near) => {
      const far = connect(Number(new URL(endpoint).port), '127.0.0.1');
      near.on('data', (octets: Buffer) => {
        recorded.push(octets);
        far.write(octets);
      });
      far.pipe(near);
      for (const socket of [near, far]) socket.on('error', () => {});
      near.on('close', () => far.destroy());
    });
    s.after(() => void recorder.close());
    await once(recorder.listen(0, '127.0.0.1'), 'listening');
    const push = s.open(zmq.Push, CLIENT);
    const way = `tcp://127.0.0.1:${(recorder.address() as AddressInfo).port}`;
    push.connect(way);
    await push.send('once');
    assert.equal(String(await pull.receive()), 'once');
    push.disconnect(way);
    const raw = await RawPeer.connect(endpoint);
    s.after(() => raw.close());
    raw.write(Buffer.concat(recorded));
    const { error } = await log.next('handshake:error:protocol');
    assert.equal(error?.code, 'ERR_ZMTP_CRYPTOGRAPHIC');
    assert.match(String((error as zmq.ZmqError).detail), /cookie/);
    assert.equal(log.count('handshake'), 1);
    assert.equal(pull.stats.messagesIn, 1);
  });

  it('sends a backlog of large messages whole and in order', async (t) => {
    const s = scope(t);
    const pull = s.open(zmq.Pull, { ...SERVER, receiveHighWaterMark: 2 });
    const push = s.open(zmq.Push, CLIENT);
    await link(tcp, pull, push);
    const count = 200;
    for (let i = 0; i < count; i++) await push.send([String(i), Buffer.alloc(60_000, i & 255)]);
    for (let i = 0; i < count; i++) {
      const [name, body] = await pull.receive();
      assert.equal(String(name), String(i));
      assert.equal(body!.length, 60_000);
      assert.equal(body![0], i & 255);
      assert.equal(body![59_999], i & 255);
    }
  });

  it('takes its limit from maxMessageSize', async (t) => {
    const s = scope(t);
    const pull = s.open(zmq.Pull, { ...SERVER, maxMessageSize: 1000 });
    const push = s.open(zmq.Push, CLIENT);
    const log = watch(pull);
    await link(tcp, pull, push);
    await push.send(Buffer.alloc(1000));
    assert.equal((await pull.receive())[0]?.length, 1000);
    await push.send(Buffer.alloc(1001));
    await until(() => log.count('disconnect') > 0, 'the end of the connection');
  });
});
