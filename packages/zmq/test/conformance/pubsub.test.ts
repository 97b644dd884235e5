/** RFC 29: the publish-subscribe pattern. */
import assert from 'node:assert/strict';
import { until } from '../support/deadline.ts';
import { payload, sameParts, text } from '../support/payload.ts';
import { collect, subscribed } from '../support/pubsync.ts';
import { left } from '../support/scope.ts';
import {
  BODIES,
  doesNotSend,
  fresh,
  type Kind,
  receivesInTurns,
  receivesOctetsInTurns,
  subscribeCommand,
} from './common.ts';
import { type CellSocket, holds, octets, octetsBound } from './matrix.ts';

/** An XSUB, asked as a SUB is. */
function asSubscriber(xsub: CellSocket): Parameters<typeof subscribed>[1] {
  const say = (on: number, prefixes: string[]): void => {
    for (const prefix of prefixes) void xsub.send(Buffer.concat([Buffer.of(on), Buffer.from(prefix)]));
  };
  return {
    subscribe: (...prefixes) => say(1, prefixes),
    unsubscribe: (...prefixes) => say(0, prefixes),
    receive: () => xsub.receive(),
  };
}

const LARGE = payload(1024 * 1024);

function anyNumberOfSubscribers({ clause, tested: name }: Kind): void {
  holds(clause, 'everywhere', async ({ tested, peer, join }) => {
    const publisher = tested(name);
    const [sub, xsub] = [peer('Subscriber'), peer('XSubscriber')];
    sub.subscribe('');
    await join(publisher, sub, xsub);
    await xsub.send(Buffer.of(1));
    await subscribed(publisher, sub);
    await subscribed(publisher, asSubscriber(xsub));
    await publisher.send(['to', 'all']);
    assert.ok((await collect(publisher, sub)).map(String).includes('to,all'));
    assert.ok((await collect(publisher, asSubscriber(xsub))).map(String).includes('to,all'));
    assert.equal('receive' in publisher, name === 'XPublisher');
  });
}

function forgetsWhoLeft({ clause, tested: name }: Kind): void {
  octetsBound(clause, async ({ tested, meet, transport }) => {
    const publisher = tested(name, { sendHighWaterMark: 4 });
    const first = await meet(publisher, 'SUB');
    first.write(subscribeCommand(''));
    first.socket.pause();
    await until(() => {
      void publisher.send(['old', LARGE]);
      return publisher.stats.dropped > 0;
    }, 'the subscriber to be full');
    first.close();
    await left(publisher, transport, 0);
    const next = await meet(publisher, 'SUB');
    next.write(subscribeCommand(''));
    await until(() => {
      void publisher.send('new');
      return next.available > 0;
    }, 'the subscription to be in effect');
    assert.deepEqual((await next.readMessage()).map(String), ['new']);
  });
}

function comparesOctets({ clause, tested: name }: Kind): void {
  holds(clause, 'everywhere', async ({ tested, peer, join }) => {
    const [publisher, sub] = [tested(name), peer('Subscriber')];
    const prefix = Buffer.of(0, 255, 10, 0);
    sub.subscribe(prefix);
    await join(publisher, sub);
    await subscribed(publisher, sub);
    const hits = [prefix, Buffer.concat([prefix, Buffer.of(0)]), Buffer.concat([prefix, payload(300)])];
    const misses = [[0, 255, 10], [0, 255, 10, 1], [1, 255, 10, 0], []].map((octets) => Buffer.from(octets));
    for (const miss of misses) await publisher.send([miss, prefix]);
    for (const hit of hits) await publisher.send([hit, 'second frame']);
    const got = await collect(publisher, sub);
    assert.deepEqual(
      got.map(([first]) => first),
      hits,
    );
  });
}

function publishesAsItIs({ clause, tested: name }: Kind): void {
  holds(clause, 'everywhere', async ({ tested, peer, join }) => {
    const [publisher, sub] = [tested(name), peer('Subscriber')];
    sub.subscribe('');
    await join(publisher, sub);
    await subscribed(publisher, sub);
    for (const parts of BODIES) await publisher.send(parts);
    const got = (await collect(publisher, sub)).filter((parts) => !String(parts[0]).startsWith('\u0002'));
    for (const [index, parts] of BODIES.entries()) sameParts(got[index] ?? [], parts, `message ${index}`);
  });
}

/** What nobody asked for never reaches the wire. */
function sendsWhatIsAsked({ clause, tested: name }: Kind): void {
  octets(clause, async ({ tested, meet }) => {
    const publisher = tested(name);
    const peer = await meet(publisher, 'SUB');
    peer.write(subscribeCommand('yes'));
    // In effect when what was asked for comes.
    await until(() => {
      void publisher.send('yes, at last');
      return peer.available > 0;
    }, 'the subscription to be in effect');
    await publisher.send(['no', 'yes']);
    await publisher.send('yes, the end');
    for (;;) {
      const [got] = (await peer.readMessage()).map(String);
      if (got === 'yes, the end') break;
      assert.equal(got, 'yes, at last');
    }
  });
}

anyNumberOfSubscribers({
  clause: 'RFC 29 PUB: has any number of SUB and XSUB subscribers, and only sends',
  tested: 'Publisher',
});
anyNumberOfSubscribers({
  clause: 'RFC 29 XPUB: has any number of SUB and XSUB subscribers, sends and receives',
  tested: 'XPublisher',
});
forgetsWhoLeft({
  clause: 'RFC 29 PUB: discards what is queued for a subscriber that leaves',
  tested: 'Publisher',
});
forgetsWhoLeft({
  clause: 'RFC 29 XPUB: discards what is queued for a subscriber that leaves',
  tested: 'XPublisher',
});
comparesOctets({
  clause: 'RFC 29 PUB: compares subscriptions with the start of the first frame, octet by octet',
  tested: 'Publisher',
});
comparesOctets({
  clause: 'RFC 29 XPUB: compares subscriptions with the start of the first frame, octet by octet',
  tested: 'XPublisher',
});
publishesAsItIs({ clause: 'RFC 29 PUB: passes messages as they are', tested: 'Publisher' });
publishesAsItIs({ clause: 'RFC 29 XPUB: passes messages as they are', tested: 'XPublisher' });
sendsWhatIsAsked({ clause: 'RFC 29 PUB: sends only what a subscriber has asked for', tested: 'Publisher' });
sendsWhatIsAsked({ clause: 'RFC 29 XPUB: sends only what a subscriber has asked for', tested: 'XPublisher' });

octets('RFC 29 PUB: discards messages that subscribers send', async ({ tested, meet }) => {
  const publisher = tested('Publisher');
  const peer = await meet(publisher, 'XSUB');
  peer.send('hello', 'publisher');
  peer.write(subscribeCommand('a'));
  peer.send('');
  await until(() => {
    void publisher.send('a');
    return peer.available > 0;
  }, 'the subscription to be in effect');
  assert.deepEqual((await peer.readMessage()).map(String), ['a']);
});

holds(
  'RFC 29 PUB: follows subscribe and unsubscribe requests, and does not deliver them',
  'everywhere',
  async ({ tested, peer, join }) => {
    const [pub, sub] = [tested('Publisher'), peer('Subscriber')];
    sub.subscribe('a', 'b');
    await join(pub, sub);
    const publish = async (): Promise<string[]> => {
      await subscribed(pub, sub);
      for (const topic of ['a', 'b', 'c', 'ab']) await pub.send(topic);
      return (await collect(pub, sub)).map(String);
    };
    assert.deepEqual(await publish(), ['a', 'b', 'ab']);
    sub.unsubscribe('a');
    assert.deepEqual(await publish(), ['b']);
    sub.subscribe('c');
    sub.unsubscribe('b');
    assert.deepEqual(await publish(), ['c']);
    assert.equal('receive' in pub, false);
  },
);

holds(
  'RFC 29 XPUB: has a queue in each direction for each subscriber',
  'everywhere',
  async ({ tested, peer, join }) => {
    const xpub = tested('XPublisher');
    const subs = [peer('XSubscriber'), peer('XSubscriber')];
    await join(xpub, ...subs);
    for (const [index, sub] of subs.entries()) {
      await sub.send(`\u0001topic ${index}`);
      await sub.send('from below');
    }
    const up: string[] = [];
    while (up.length < 4) up.push(String((await xpub.receive())[0]));
    assert.deepEqual(up.toSorted(), ['\u0001topic 0', '\u0001topic 1', 'from below', 'from below']);
    for (let count = 0; count < 20; count += 1) {
      await xpub.send(['topic 0', String(count)]);
      await xpub.send(['topic 1', String(count)]);
    }
    for (let count = 0; count < 20; count += 1) {
      for (const [index, sub] of subs.entries()) {
        assert.deepEqual(text(await sub.receive()), [`topic ${index}`, String(count)]);
      }
    }
  },
);

receivesInTurns({
  clause: 'RFC 29 XPUB: receives from its subscribers in fair turns',
  tested: 'XPublisher',
  peer: 'XSubscriber',
});

holds(
  'RFC 29 XPUB: delivers subscribe and unsubscribe requests',
  'everywhere',
  async ({ tested, peer, join }) => {
    const [xpub, sub] = [tested('XPublisher'), peer('XSubscriber')];
    await join(xpub, sub);
    await sub.send('\u0001a');
    await sub.send('\u0001ab');
    await sub.send('\u0000a');
    for (const request of ['\u0001a', '\u0001ab', '\u0000a']) {
      assert.deepEqual(text(await xpub.receive()), [request]);
    }
  },
);

holds(
  'RFC 29 XPUB: delivers an unsubscribe request for a subscriber that left without one',
  'everywhere',
  async ({ tested, peer, join }) => {
    const xpub = tested('XPublisher');
    const [stays, leaves] = [peer('XSubscriber'), peer('XSubscriber')];
    await join(xpub, stays, leaves);
    await stays.send('\u0001both');
    assert.deepEqual(text(await xpub.receive()), ['\u0001both']);
    await leaves.send('\u0001both');
    await leaves.send('\u0001alone');
    assert.deepEqual(text(await xpub.receive()), ['\u0001alone']);
    leaves.close();
    assert.deepEqual(text(await xpub.receive()), ['\u0000alone']);
    await stays.send('\u0000both');
    assert.deepEqual(text(await xpub.receive()), ['\u0000both']);
  },
);

holds(
  'RFC 29 SUB: has any number of PUB and XPUB publishers, and only receives',
  'everywhere',
  async ({ tested, peer, join }) => {
    const sub = tested('Subscriber');
    const [pub, xpub] = [peer('Publisher'), peer('XPublisher')];
    sub.subscribe('');
    await join(sub, pub, xpub);
    for (const [index, publisher] of [pub, xpub].entries()) {
      await subscribed(publisher, sub);
      await publisher.send(`publisher ${index}`);
      assert.deepEqual(text(await sub.receive()), [`publisher ${index}`]);
    }
    await doesNotSend(sub);
  },
);

function subscribesLater({ clause, tested: name }: Kind): void {
  holds(clause, 'connected', async ({ tested, peer, transport }) => {
    const socket = tested(name);
    const endpoint = await transport.fixed();
    if (name === 'Subscriber') socket.subscribe('early');
    else await socket.send('\u0001early');
    socket.connect(endpoint);
    if (name === 'Subscriber') socket.subscribe('between');
    else await socket.send('\u0001between');
    const xpub = peer('XPublisher');
    await xpub.bind(endpoint);
    const asked = [String(await xpub.receive()), String(await xpub.receive())];
    assert.deepEqual(asked.toSorted(), ['\u0001between', '\u0001early']);
    await xpub.send('early bird');
    await xpub.send('between us');
    assert.deepEqual(text(await socket.receive()), ['early bird']);
    assert.deepEqual(text(await socket.receive()), ['between us']);
  });
}

subscribesLater({
  clause: 'RFC 29 SUB: subscribes at a publisher that it connected to before that was there',
  tested: 'Subscriber',
});
subscribesLater({
  clause: 'RFC 29 XSUB: subscribes at a publisher that it connected to before that was there',
  tested: 'XSubscriber',
});

receivesOctetsInTurns({
  clause: 'RFC 29 SUB: receives from its publishers in fair turns',
  tested: 'Subscriber',
  wireName: 'PUB',
  early: (sub) => sub.subscribe(''),
});
receivesOctetsInTurns({
  clause: 'RFC 29 XSUB: receives from its publishers in fair turns',
  tested: 'XSubscriber',
  wireName: 'PUB',
  early: (xsub) => xsub.send(Buffer.of(1)),
});

/** Whatever a publisher sends, octet by octet. */
function receivesAsItIs({ clause, tested: name }: Kind): void {
  holds(clause, 'everywhere', async ({ tested, peer, join }) => {
    const [socket, pub] = [tested(name), peer('XPublisher')];
    if (name === 'Subscriber') socket.subscribe('');
    else await socket.send(Buffer.of(1));
    await join(socket, pub);
    assert.deepEqual([...((await pub.receive())[0] as Buffer)], [1]);
    for (const [index, parts] of BODIES.entries()) {
      await pub.send(fresh(parts));
      sameParts(await socket.receive(), parts, `message ${index}`);
    }
  });
}

receivesAsItIs({ clause: 'RFC 29 SUB: passes messages as they are', tested: 'Subscriber' });
receivesAsItIs({ clause: 'RFC 29 XSUB: passes messages as they are', tested: 'XSubscriber' });

octets('RFC 29 SUB: filters what it receives by prefix', async ({ tested, meet }) => {
  const sub = tested('Subscriber');
  sub.subscribe('a');
  const peer = await meet(sub, 'PUB');
  for (const topic of ['b', '', 'A', 'a']) peer.send(topic, 'a');
  assert.deepEqual(text(await sub.receive()), ['a', 'a']);
});

holds(
  'RFC 29 XSUB: has any number of PUB and XPUB publishers, sends and receives',
  'everywhere',
  async ({ tested, peer, join }) => {
    const xsub = tested('XSubscriber');
    const [pub, xpub] = [peer('Publisher'), peer('XPublisher')];
    await join(xsub, pub, xpub);
    await xsub.send(Buffer.of(1));
    assert.deepEqual([...((await xpub.receive())[0] as Buffer)], [1]);
    await xpub.send('xpub');
    assert.deepEqual(text(await xsub.receive()), ['xpub']);
    await subscribed(pub, asSubscriber(xsub));
    await xsub.send('to whom it may concern');
    const upstream: string[] = [];
    while (!upstream.includes('to whom it may concern')) upstream.push(String((await xpub.receive())[0]));
  },
);

holds(
  'RFC 29 XSUB: has a queue in each direction for each publisher',
  'everywhere',
  async ({ tested, peer, join }) => {
    const xsub = tested('XSubscriber');
    const publishers = [peer('XPublisher'), peer('XPublisher')];
    await join(xsub, ...publishers);
    await xsub.send(Buffer.of(1));
    for (let count = 0; count < 20; count += 1) await xsub.send(`up ${count}`);
    for (const publisher of publishers) {
      assert.deepEqual([...((await publisher.receive())[0] as Buffer)], [1]);
      for (let count = 0; count < 20; count += 1) await publisher.send(`down ${count}`);
      for (let count = 0; count < 20; count += 1) {
        assert.deepEqual(text(await publisher.receive()), [`up ${count}`]);
      }
    }
    for (let count = 0; count < 40; count += 1) assert.match(String(await xsub.receive()), /^down \d+$/);
  },
);

holds(
  'RFC 29 XSUB: sends messages to all its publishers, as they are',
  'everywhere',
  async ({ tested, peer, join }) => {
    const xsub = tested('XSubscriber');
    const publishers = [peer('XPublisher'), peer('XPublisher')];
    await join(xsub, ...publishers);
    // A message that begins with 0 or 1 is a request; to libzmq's XPUB a later frame may be one, too.
    const messages = [1, 255, 256, 70_000].map((size) =>
      ['', 'up', 'x'.repeat(size), ''].map((part) => Buffer.from(part)),
    );
    for (const message of messages) await xsub.send(message);
    for (const publisher of publishers) {
      for (const [index, message] of messages.entries()) {
        sameParts(await publisher.receive(), message, `message ${index}`);
      }
    }
  },
);

holds(
  'RFC 29 XSUB: takes subscriptions from the application and sends them to publishers',
  'everywhere',
  async ({ tested, peer, join }) => {
    const [xsub, xpub] = [tested('XSubscriber'), peer('XPublisher')];
    await join(xsub, xpub);
    for (const request of ['\u0001a', '\u0001b', '\u0000a', '\u0001']) {
      await xsub.send(request);
      assert.deepEqual(text(await xpub.receive()), [request]);
    }
  },
);
