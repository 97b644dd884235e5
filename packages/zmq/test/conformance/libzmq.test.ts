/** Behaviours that libzmq's own suite checks and no RFC asks for, over the whole matrix. */
import assert from 'node:assert/strict';
import * as zmq from '../../src/index.ts';
import { until } from '../support/deadline.ts';
import { watch } from '../support/events.ts';
import { text } from '../support/payload.ts';
import { arrived, bindTo, left } from '../support/scope.ts';
import { type CellSocket, holds, octetsBound, type Tested } from './matrix.ts';

/** What `receiver` gets. A SUB of libzmq says what it owes a new peer only when it is looked at. */
async function heard(receiver: CellSocket, sub: CellSocket): Promise<string[]> {
  let here = false;
  const got = receiver.receive().finally(() => {
    here = true;
  });
  await until(() => sub.readable || here, 'a subscription');
  return text(await got);
}

holds(
  'libzmq issue_566: a DEALER that comes again and again is reached each time',
  'bound',
  async ({ tested, peer, transport }) => {
    const router = tested('Router', { mandatory: true });
    const endpoint = await bindTo(router, transport);
    for (let count = 0; count < 10; count += 1) {
      const dealer = peer('Dealer', { routingId: `dealer ${count % 3}` });
      dealer.connect(endpoint);
      await dealer.send('here');
      const [id] = (await router.receive()) as [Buffer];
      await router.send([id, 'seen']);
      assert.deepEqual(text(await dealer.receive()), ['seen']);
      dealer.close();
      await left(router, transport, 0);
    }
  },
);

type Manual = Tested & { subscribe(topic: string): void; unsubscribe(topic: string): void };

holds(
  'libzmq xpub_manual: the application decides what each subscription becomes',
  'everywhere',
  async ({ tested, peer, join }) => {
    const xpub = tested('XPublisher', { manual: true }) as Manual;
    const xsub = peer('XSubscriber');
    await join(xpub, xsub);
    await xsub.send('\u0001A');
    assert.deepEqual(text(await xpub.receive()), ['\u0001A']);
    xpub.subscribe('XA');
    await xpub.send('A');
    await xpub.send('XA 1');
    assert.deepEqual(text(await xsub.receive()), ['XA 1']);
    await xsub.send('\u0000A');
    assert.deepEqual(text(await xpub.receive()), ['\u0000A']);
    xpub.unsubscribe('XA');
    await xsub.send('\u0001B');
    assert.deepEqual(text(await xpub.receive()), ['\u0001B']);
    xpub.subscribe('B');
    await xpub.send('XA 2');
    await xpub.send('B');
    assert.deepEqual(text(await xsub.receive()), ['B']);
  },
);

holds(
  'libzmq xpub_verbose: each subscription is delivered, and with allSubsUnsubs each end',
  'everywhere',
  async ({ tested, peer, join }) => {
    for (const [verbosity, ends] of [
      ['allSubs', 1],
      ['allSubsUnsubs', 2],
    ] as const) {
      const xpub = tested('XPublisher', { verbosity });
      const subs = [peer('XSubscriber'), peer('XSubscriber')];
      await join(xpub, ...subs);
      for (const sub of subs) {
        await sub.send('\u0001A');
        assert.deepEqual(text(await xpub.receive()), ['\u0001A']);
      }
      for (const sub of subs) await sub.send('\u0000A');
      for (let count = 0; count < ends; count += 1) {
        assert.deepEqual(text(await xpub.receive()), ['\u0000A']);
      }
      await (subs[0] as CellSocket).send('\u0001end');
      assert.deepEqual(text(await xpub.receive()), ['\u0001end']);
      for (const socket of [xpub, ...subs]) socket.close();
    }
  },
);

holds(
  'libzmq pub_invert_matching: what matches is what is not wanted',
  'everywhere',
  async ({ tested, peer, join }) => {
    const xpub = tested('XPublisher', { invertMatching: true });
    const sub = peer('Subscriber', { invertMatching: true });
    sub.subscribe('no');
    await join(xpub, sub);
    assert.deepEqual(await heard(xpub, sub), ['\u0001no']);
    for (const topic of ['no', 'no, thanks', 'yes', 'n']) await xpub.send(topic);
    assert.deepEqual(text(await sub.receive()), ['yes']);
    assert.deepEqual(text(await sub.receive()), ['n']);
  },
);

holds('libzmq conflate: only the last message is kept', 'everywhere', async ({ tested, peer, join }) => {
  const pull = tested('Pull', { conflate: true });
  const push = peer('Push');
  await join(pull, push);
  for (let count = 0; count < 20; count += 1) await push.send(String(count));
  await until(() => pull.stats.messagesIn === 20, 'all to have come');
  await arrived(pull, 1);
  assert.deepEqual(text(await pull.receive()), ['19']);
  assert.equal(pull.readable, false);
});

holds(
  'libzmq disconnect_inproc: what was subscribed is withdrawn, and a new connection starts anew',
  'bound',
  async ({ tested, peer, transport }) => {
    const xpub = tested('XPublisher');
    const endpoint = await bindTo(xpub, transport);
    const sub = peer('Subscriber');
    sub.subscribe('topic');
    for (let count = 0; count < 3; count += 1) {
      sub.connect(endpoint);
      assert.deepEqual(await heard(xpub, sub), ['\u0001topic']);
      await xpub.send(`topic ${count}`);
      assert.deepEqual(text(await sub.receive()), [`topic ${count}`]);
      sub.disconnect(endpoint);
      assert.deepEqual(await heard(xpub, sub), ['\u0000topic']);
    }
  },
);

octetsBound('libzmq security_curve: right and wrong keys, and rubbish', async ({ tested, dial, scope }) => {
  const server = zmq.curveKeyPair();
  const pull = tested('Pull', { curveServer: true, curveSecretKey: server.secretKey });
  const log = watch(pull);
  for (const rubbish of ['GET / HTTP/1.1\r\n\r\n', '\0'.repeat(100), '\u00ff'.repeat(100)]) {
    const peer = await dial(pull);
    peer.write(Buffer.from(rubbish, 'latin1'));
    await peer.gone();
  }
  assert.equal(log.count('handshake'), 0);
  const client = zmq.curveKeyPair();
  const push = scope.open(zmq.Push, {
    curveServerKey: server.publicKey,
    curvePublicKey: client.publicKey,
    curveSecretKey: client.secretKey,
  });
  push.connect(pull.lastEndpoint as string);
  await push.send('still there');
  assert.deepEqual(text(await pull.receive()), ['still there']);
});
