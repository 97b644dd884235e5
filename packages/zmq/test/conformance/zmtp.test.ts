/** RFC 37 and 23: greeting, READY, flags, ERROR and PING, octet by octet. */
import assert from 'node:assert/strict';
import { text } from '../support/payload.ts';
import { command, frame, greeting, metadata, type RawPeer } from '../support/rawpeer.ts';
import { ready } from '../support/scope.ts';
import { octets, octetsConnected } from './matrix.ts';

const READY_PUSH = command('READY', metadata([['Socket-Type', 'PUSH']]));

/** A PUSH by hand has shaken hands when its message arrives. */
async function pushes(peer: RawPeer, pull: { receive(): Promise<Buffer[]> }): Promise<void> {
  peer.send('hello', 'there');
  assert.deepEqual(text(await pull.receive()), ['hello', 'there']);
}

octets('RFC 37: sends signature and version unasked, with a padding of zeros', async ({ tested, dial }) => {
  const peer = await dial(tested('Pull'));
  const first = await peer.read(11);
  assert.equal(first[0], 0xff);
  // The last octet of the padding is 1 in what older versions take for a length.
  assert.deepEqual([...first.subarray(1, 8)], [0, 0, 0, 0, 0, 0, 0]);
  assert.ok((first[8] as number) <= 1);
  assert.equal(first[9], 0x7f);
  assert.equal(first[10], 3);
});

octets(
  'RFC 37: sends a greeting of 64 octets, the mechanism filled up with zeros, as-server 0 for NULL',
  async ({ tested, dial }) => {
    const peer = await dial(tested('Pull'));
    peer.write(greeting());
    const bytes = await peer.read(64);
    assert.deepEqual([...bytes.subarray(10, 12)], [3, 1]);
    assert.equal(bytes.toString('latin1', 12, 32), 'NULL'.padEnd(20, '\0'));
    assert.ok(bytes.subarray(32).every((octet) => octet === 0));
    // The next octet is that of a command.
    assert.equal((await peer.read(1))[0], 4);
  },
);

octets('RFC 37: does not look at the padding of the signature', async ({ tested, dial }) => {
  for (const padding of [
    [1, 2, 3, 4, 5, 6, 7, 8],
    [255, 255, 255, 255, 255, 255, 255, 255],
  ]) {
    const pull = tested('Pull');
    const peer = await dial(pull);
    const bytes = greeting();
    bytes.set(padding, 1);
    peer.write(bytes);
    peer.write(READY_PUSH);
    await pushes(peer, pull);
  }
});

octets('RFC 37: takes higher versions, and speaks its own to them', async ({ tested, dial }) => {
  for (const [major, minor] of [
    [3, 9],
    [4, 0],
    [255, 255],
  ] as const) {
    const pull = tested('Pull');
    const peer = await dial(pull);
    peer.write(greeting({ major, minor }));
    peer.write(READY_PUSH);
    const own = await peer.read(64);
    assert.deepEqual([...own.subarray(10, 12)], [3, 1]);
    assert.equal((await peer.readCommand()).name, 'READY');
    await pushes(peer, pull);
  }
});

octets('RFC 37: closes on a peer of a version that it can not speak', async ({ tested, dial }) => {
  for (const bytes of [
    // ZMTP 1.0: an identity of no octets; in the long form; ZMTP 2.0.
    [1, 0],
    [0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0],
    [0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 1, 8, 0, 0],
  ]) {
    const peer = await dial(tested('Pull', { reconnectInterval: -1 }));
    peer.write(Buffer.from(bytes));
    await peer.gone();
  }
});

octets(
  'RFC 37: sends its whole greeting also to a peer whose mechanism differs, and closes',
  async ({ tested, dial }) => {
    for (const mechanism of ['PLAIN', 'CURVE', 'GSSAPI', 'NULLS', 'null']) {
      const peer = await dial(tested('Pull', { reconnectInterval: -1 }));
      peer.write(greeting({ mechanism }));
      const bytes = await peer.read(64);
      assert.equal(bytes.toString('latin1', 12, 32), 'NULL'.padEnd(20, '\0'));
      await peer.gone();
      assert.equal(peer.available, 0, 'nothing after the greeting');
    }
  },
);

octets('RFC 37: takes an ERROR in the handshake as the end of the connection', async ({ tested, dial }) => {
  const pull = tested('Pull', { reconnectInterval: -1 });
  const peer = await dial(pull);
  peer.write(greeting());
  peer.write(command('ERROR', Buffer.from('\u0003No!')));
  peer.write(READY_PUSH);
  peer.send('not heard');
  await peer.gone();
  assert.equal(pull.stats.queuedIn, 0);
});

octetsConnected(
  'RFC 37: takes an unexpected close as a fault that passes, and connects again',
  async ({ tested, dial, again, transport }) => {
    const pull = tested('Pull', { reconnectInterval: 1 });
    // In the greeting, before READY, and after the handshake.
    let peer = await dial(pull);
    peer.write(greeting().subarray(0, 20));
    peer.close();
    peer = await again(pull);
    peer.write(greeting());
    await peer.read(64);
    peer.close();
    peer = await again(pull);
    await peer.handshake({ socketType: 'PUSH' });
    await ready(pull, transport);
    peer.close();
    peer = await again(pull);
    await peer.handshake({ socketType: 'PUSH' });
    await pushes(peer, pull);
  },
);

octets('RFC 37: sets no reserved bit, and no MORE on a command', async ({ tested, dial }) => {
  const dealer = tested('Dealer', { routingId: 'r'.repeat(255) });
  const peer = await dial(dealer);
  peer.write(greeting());
  peer.write(command('READY', metadata([['Socket-Type', 'ROUTER']])));
  await peer.read(64);
  // READY with such an identity has more than 255 octets.
  assert.equal((await peer.read(1))[0], 6);
  const size = Number((await peer.read(8)).readBigUInt64BE());
  await peer.read(size);
  await dealer.send(['a', Buffer.alloc(300), 'b']);
  assert.equal((await peer.read(3))[0], 1);
  assert.equal((await peer.read(309))[0], 3);
  assert.equal((await peer.read(3))[0], 0);
  await dealer.send(Buffer.alloc(300));
  assert.equal((await peer.read(309))[0], 2);
  peer.write(command('PING', Buffer.of(0, 0)));
  assert.equal((await peer.read(7))[0], 4);
});

octets('RFC 37: with NULL, sends READY and takes that of the peer', async ({ tested, dial, transport }) => {
  const pull = tested('Pull');
  const peer = await dial(pull);
  const { ready: said } = await peer.handshake({ socketType: 'PUSH' });
  assert.equal(said.name, 'READY');
  assert.ok(said.data.includes('Socket-Type\0\0\0\u0004PULL'));
  await ready(pull, transport);
  await pushes(peer, pull);
});

octets(
  'RFC 37: takes names of properties in any case, and values without an octet',
  async ({ tested, dial }) => {
    const pull = tested('Pull');
    const peer = await dial(pull);
    peer.write(greeting());
    const properties: [string, string][] = [
      ['sOCKET-tYPE', 'PUSH'],
      ['IDENTITY', ''],
      ['X-Empty', ''],
    ];
    peer.write(command('READY', metadata(properties)));
    await pushes(peer, pull);
  },
);

octets('RFC 37: takes properties that it has no use for', async ({ tested, dial }) => {
  const pull = tested('Pull');
  const peer = await dial(pull);
  peer.write(greeting());
  const properties: [string, string][] = [
    ['X-Colour', 'blue'],
    ['Resource', 'somewhere'],
    ['Socket-Type', 'PUSH'],
    ['n'.repeat(255), 'v'.repeat(1000)],
  ];
  peer.write(frame(Buffer.concat([Buffer.from('\u0005READY'), metadata(properties)]), { command: true }));
  await pushes(peer, pull);
});

octets(
  'RFC 37: answers a PING with a PONG of the same context, of up to 16 octets',
  async ({ tested, meet }) => {
    const pull = tested('Pull');
    const peer = await meet(pull, 'PUSH');
    for (const size of [0, 1, 15, 16]) {
      const context = Buffer.alloc(size, 0x80 + size);
      peer.write(command('PING', Buffer.concat([Buffer.of(0, 0), context])));
      const { name, data } = await peer.readCommand();
      assert.equal(name, 'PONG');
      assert.deepEqual(data, context);
    }
    await pushes(peer, pull);
  },
);

octets('RFC 23: with NULL, sends READY without waiting for that of the peer', async ({ tested, dial }) => {
  const peer = await dial(tested('Pull'));
  peer.write(greeting({ minor: 0 }));
  await peer.read(64);
  assert.equal((await peer.readCommand()).name, 'READY');
});
