/** RFC 24 and 26: PLAIN and CURVE, between ours and libzmq in either role, and octet by octet. */
import assert from 'node:assert/strict';
import * as libzmq from 'zeromq';
import * as zmq from '../../src/index.ts';
import { until } from '../support/deadline.ts';
import { watch } from '../support/events.ts';
import { ours, theirs } from '../support/libs.ts';
import { text } from '../support/payload.ts';
import { command, frame, greeting, metadata, type RawPeer } from '../support/rawpeer.ts';
import { type AnySocket, bindTo } from '../support/scope.ts';
import { handle, knows } from '../support/zap.ts';
import { passes } from './common.ts';
import { type Cell, holds, octets, octetsBound } from './matrix.ts';

/** What a PLAIN server is made with: somebody who knows admin's password. */
async function plainServer(
  { scope }: Pick<Cell, 'scope'>,
  ofTheirs: boolean,
): Promise<Record<string, unknown>> {
  const context = ofTheirs ? new libzmq.Context() : new zmq.Context();
  await handle(scope, ofTheirs ? theirs : ours, context, knows('admin', 'secret'));
  return { context, plainServer: true, zapDomain: 'test' };
}

const ADMIN = { plainUsername: 'admin', plainPassword: 'secret' };

/** Binds and connects as the cell says, without waiting for a handshake. */
async function meetHalfway(cell: Cell, tested: AnySocket, peer: AnySocket): Promise<void> {
  const [binder, connector] = cell.binds ? [tested, peer] : [peer, tested];
  connector.connect(await bindTo(binder, cell.transport));
}

holds(
  'RFC 24: a server lets in who has the right name and password, and learns nothing of others',
  'wires',
  async (cell) => {
    const pull = cell.tested('Pull', await plainServer(cell, false));
    const log = watch(pull);
    const stranger = cell.peer('Push', { plainUsername: 'admin', plainPassword: 'guess', sendTimeout: 0 });
    await meetHalfway(cell, pull, stranger);
    const { error } = await log.next('handshake:error:auth');
    assert.equal(error?.status, 400);
    assert.equal(log.count('handshake'), 0);
    stranger.close();
    const push = cell.peer('Push', ADMIN);
    await meetHalfway(cell, pull, push);
    await push.send('let in');
    assert.deepEqual(text(await pull.receive()), ['let in']);
  },
);

holds('RFC 24: a client gets in with its name and password', 'wires', async (cell) => {
  const push = cell.tested('Push', ADMIN);
  const pull = cell.peer('Pull', await plainServer(cell, cell.theirs));
  await cell.join(push, pull);
  await push.send('here I am');
  assert.deepEqual(text(await pull.receive()), ['here I am']);
});

holds('RFC 24: carries messages as with NULL once the handshake has ended', 'wires', async (cell) => {
  const server = cell.tested('Dealer', await plainServer(cell, false));
  const client = cell.peer('Dealer', ADMIN);
  await cell.join(server, client);
  await passes(server, client);
  await passes(client, server);
});

function greetingOf(mechanism: string, asServer: boolean): Buffer {
  const bytes = greeting({ mechanism });
  bytes[32] = asServer ? 1 : 0;
  return bytes;
}

function hello(name: string, password: string): Buffer {
  const data = [Buffer.of(name.length), Buffer.from(name), Buffer.of(password.length), Buffer.from(password)];
  return command('HELLO', Buffer.concat(data));
}

const PUSH = metadata([['Socket-Type', 'PUSH']]);

octets(
  'RFC 24: a client says HELLO with name and password, and INITIATE with its properties after WELCOME',
  async ({ tested, dial }) => {
    const push = tested('Push', ADMIN);
    const peer = await dial(push);
    peer.write(greetingOf('PLAIN', true));
    const theirs = await peer.read(64);
    assert.equal(theirs.toString('latin1', 12, 32), 'PLAIN'.padEnd(20, '\0'));
    assert.equal(theirs[32], 0, 'as-server');
    const said = await peer.readCommand();
    assert.equal(said.name, 'HELLO');
    assert.equal(said.data.toString('latin1'), '\u0005admin\u0006secret');
    peer.write(command('WELCOME'));
    const initiate = await peer.readCommand();
    assert.equal(initiate.name, 'INITIATE');
    assert.ok(initiate.data.includes('Socket-Type\0\0\0\u0004PUSH'));
    peer.write(command('READY', metadata([['Socket-Type', 'PULL']])));
    await push.send('a message');
    assert.deepEqual((await peer.readMessage()).map(String), ['a message']);
  },
);

octets(
  'RFC 24: a server says WELCOME to a good HELLO, and READY with its properties after INITIATE',
  async (cell) => {
    const pull = cell.tested('Pull', await plainServer(cell, false));
    const peer = await cell.dial(pull);
    peer.write(greetingOf('PLAIN', false));
    await peer.read(64);
    peer.write(hello('admin', 'secret'));
    assert.deepEqual(await peer.readCommand(), { name: 'WELCOME', data: Buffer.alloc(0) });
    peer.write(command('INITIATE', PUSH));
    const ready = await peer.readCommand();
    assert.equal(ready.name, 'READY');
    assert.ok(ready.data.includes('Socket-Type\0\0\0\u0004PULL'));
    peer.send('a message');
    assert.deepEqual(text(await pull.receive()), ['a message']);
  },
);

octets('RFC 24: a server answers a wrong password with an ERROR and closes', async (cell) => {
  const peer = await cell.dial(cell.tested('Pull', await plainServer(cell, false)));
  peer.write(greetingOf('PLAIN', false));
  await peer.read(64);
  peer.write(hello('admin', 'guess'));
  const { name, data } = await peer.readCommand();
  assert.equal(name, 'ERROR');
  assert.equal(String(data.subarray(1)), '400');
  await peer.gone();
});

octetsBound('RFC 24: a server takes commands in their order only', async (cell) => {
  const pull = cell.tested('Pull', await plainServer(cell, false));
  for (const early of [
    command('INITIATE', PUSH),
    command('READY', PUSH),
    command('WELCOME'),
    frame('a message'),
    Buffer.concat([hello('admin', 'secret'), hello('admin', 'secret')]),
    command('HELLO', Buffer.from('\u0005admin')),
    command('HELLO', Buffer.from('\u0005admin\u0006secret!')),
  ]) {
    const peer = await cell.dial(pull);
    peer.write(greetingOf('PLAIN', false));
    await peer.read(64);
    peer.write(early);
    peer.write(command('INITIATE', PUSH));
    peer.send('not heard');
    await peer.gone();
  }
  assert.equal(pull.stats.queuedIn, 0);
});

const SERVER_KEYS = zmq.curveKeyPair();
const CLIENT_KEYS = zmq.curveKeyPair();
const CURVE_SERVER = { curveServer: true, curveSecretKey: SERVER_KEYS.secretKey };
const CURVE_CLIENT = {
  curveServerKey: SERVER_KEYS.publicKey,
  curvePublicKey: CLIENT_KEYS.publicKey,
  curveSecretKey: CLIENT_KEYS.secretKey,
};

holds(
  'RFC 26: a server and a client with the right keys exchange messages of every size',
  'wires',
  async ({ tested, peer, join }) => {
    for (const [own, other] of [
      [CURVE_SERVER, CURVE_CLIENT],
      [CURVE_CLIENT, CURVE_SERVER],
    ]) {
      const [one, two] = [tested('Dealer', own), peer('Dealer', other)];
      await join(one, two);
      await passes(one, two);
      await passes(two, one);
      one.close();
      two.close();
    }
  },
);

holds('RFC 26: a client that has another key for the server does not get in', 'wires', async (cell) => {
  const wrong = { ...CURVE_CLIENT, curveServerKey: CLIENT_KEYS.publicKey };
  const pull = cell.tested('Pull', CURVE_SERVER);
  const log = watch(pull);
  const push = cell.peer('Push', wrong);
  await meetHalfway(cell, pull, push);
  const failures = () => log.all.filter(({ type }) => type.startsWith('handshake:error'));
  await until(() => failures().length > 0, 'the handshake to fail');
  assert.equal(log.count('handshake'), 0);
});

/** The HELLO of a client of ours, frame and all. */
async function helloOf(peer: RawPeer): Promise<Buffer> {
  peer.write(greetingOf('CURVE', true));
  await peer.read(64);
  return peer.read(202);
}

octets(
  'RFC 26: HELLO has 200 octets: version 1.0, padding of zeros, transient key, short nonce, signature box',
  async ({ tested, dial }) => {
    const bytes = await helloOf(await dial(tested('Push', CURVE_CLIENT)));
    assert.deepEqual([...bytes.subarray(0, 2)], [4, 200]);
    assert.equal(bytes.toString('latin1', 2, 8), '\u0005HELLO');
    assert.deepEqual([...bytes.subarray(8, 10)], [1, 0]);
    assert.ok(bytes.subarray(10, 82).every((octet) => octet === 0));
    assert.ok(bytes.subarray(82, 114).some((octet) => octet !== 0));
    assert.ok(bytes.readBigUInt64BE(114) > 0n);
    const permanent = Buffer.from(CLIENT_KEYS.publicKey);
    assert.equal(bytes.includes(permanent), false);
  },
);

octets(
  'RFC 26: a client has a new transient key for each connection',
  async ({ tested, dial, again, binds }) => {
    const push = tested('Push', { ...CURVE_CLIENT, reconnectInterval: 1 });
    const keys = new Set<string>();
    let peer = await dial(push);
    for (let count = 0; count < 3; count += 1) {
      keys.add((await helloOf(peer)).toString('hex', 82, 114));
      peer.close();
      peer = binds ? await dial(push) : await again(push);
    }
    assert.equal(keys.size, 3);
  },
);

octetsBound('RFC 26: a server closes on a HELLO that is malformed', async ({ tested, dial }) => {
  const good = await helloOf(await dial(tested('Push', CURVE_CLIENT)));
  const changed = (at: number, to: number): Buffer => {
    const bytes = Buffer.from(good);
    bytes[at] = to;
    return bytes;
  };
  const pull = tested('Pull', CURVE_SERVER);
  // A version, the key, the nonce, the box, another length.
  for (const bytes of [
    changed(8, 2),
    changed(82, good[82]! ^ 1),
    changed(121, good[121]! ^ 1),
    changed(201, good[201]! ^ 1),
    command('HELLO', good.subarray(8, 201)),
    command('HELLO', Buffer.concat([good.subarray(8), Buffer.of(0)])),
  ]) {
    const peer = await dial(pull);
    peer.write(greetingOf('CURVE', false));
    await peer.read(64);
    peer.write(bytes);
    await peer.gone();
    assert.equal(peer.available, 0, 'no WELCOME');
  }
  const peer = await dial(pull);
  peer.write(greetingOf('CURVE', false));
  await peer.read(64);
  peer.write(good);
  const welcome = await peer.read(170);
  assert.equal(welcome.toString('latin1', 0, 10), '\u0004\u00a8\u0007WELCOME');
});

octets('RFC 26: a client closes on a WELCOME that is malformed', async ({ tested, dial }) => {
  for (const size of [0, 159, 160, 161]) {
    const peer = await dial(tested('Push', { ...CURVE_CLIENT, reconnectInterval: -1 }));
    await helloOf(peer);
    peer.write(command('WELCOME', Buffer.alloc(size, 7)));
    await peer.gone();
    assert.equal(peer.available, 0, 'no INITIATE');
  }
});

octetsBound('RFC 26: a server takes no INITIATE and no message before HELLO', async ({ tested, dial }) => {
  const pull = tested('Pull', CURVE_SERVER);
  for (const early of [
    command('INITIATE', Buffer.alloc(300, 7)),
    command('READY', PUSH),
    command('MESSAGE', Buffer.alloc(40, 7)),
    frame('in the clear'),
  ]) {
    const peer = await dial(pull);
    peer.write(greetingOf('CURVE', false));
    await peer.read(64);
    peer.write(early);
    await peer.gone();
  }
  assert.equal(pull.stats.queuedIn, 0);
});

holds(
  'RFC 26: does not send anything that is not encrypted once READY is through',
  'alone',
  async ({ scope, transport }) => {
    const { RawServer } = await import('../support/rawpeer.ts');
    const { connect } = await import('node:net');
    const secret = 'what nobody else may read';
    const pull = scope.open(zmq.Pull, CURVE_SERVER);
    const endpoint = await bindTo(pull, transport);
    // A line in between that writes down what it carries.
    const line = scope.use(await RawServer.listen());
    const push = scope.open(zmq.Push, CURVE_CLIENT);
    push.connect(line.endpoint);
    const near = await line.accept();
    const far = connect(Number(endpoint.split(':').at(-1)), '127.0.0.1');
    scope.after(() => far.destroy());
    const carried: Buffer[] = [];
    for (const [from, to] of [
      [near.socket, far],
      [far, near.socket],
    ] as const) {
      from.on('data', (chunk: Buffer) => {
        carried.push(chunk);
        to.write(chunk);
      });
    }
    far.write(await near.read(near.available));
    await push.send([secret, secret.repeat(100)]);
    assert.equal(String((await pull.receive())[0]), secret);
    const all = Buffer.concat(carried);
    assert.ok(all.includes('\u0007MESSAGE'));
    assert.equal(all.includes(secret), false);
  },
);
