/** RFC 28: the request-reply pattern. */
import assert from 'node:assert/strict';
import { until } from '../support/deadline.ts';
import { payload, sameParts, text } from '../support/payload.ts';
import {
  BODIES,
  discardsOfWhoLeft,
  fresh,
  inTurns,
  keepsMark,
  passes,
  queuesEarly,
  receivesInTurns,
  sendsInTurns,
  waitsForRoom,
} from './common.ts';
import { type CellSocket, holds } from './matrix.ts';

/** Answers `count` requests with `name`. */
async function serve(rep: CellSocket, name: string, count: number): Promise<void> {
  for (let served = 0; served < count; served += 1) {
    await rep.receive();
    await rep.send(name);
  }
}

holds('RFC 28 REQ: has any number of REP and ROUTER peers', 'everywhere', async ({ tested, peer, join }) => {
  const req = tested('Request');
  const [rep, router] = [peer('Reply'), peer('Router')];
  await join(req, rep, router);
  const serving = Promise.all([
    serve(rep, 'rep', 1),
    (async () => {
      const [id, delimiter] = (await router.receive()) as [Buffer, Buffer];
      await router.send([id, delimiter, 'router']);
    })(),
  ]);
  const answers = new Set<string>();
  for (let count = 0; count < 2; count += 1) {
    await req.send('who?');
    answers.add(String((await req.receive())[0]));
  }
  await serving;
  assert.deepEqual([...answers].toSorted(), ['rep', 'router']);
});

holds(
  'RFC 28 REQ: sends and receives in turn, one message at a time',
  'everywhere',
  async ({ tested, peer, join }) => {
    const [req, rep] = [tested('Request'), peer('Reply')];
    await join(req, rep);
    await assert.rejects(req.receive(), { code: 'EFSM' });
    await req.send('one');
    await assert.rejects(req.send('two'), { code: 'EFSM' });
    await serve(rep, 'reply', 1);
    assert.deepEqual(text(await req.receive()), ['reply']);
    await assert.rejects(req.receive(), { code: 'EFSM' });
    await req.send('two');
    assert.deepEqual(text(await rep.receive()), ['two']);
  },
);

holds(
  'RFC 28 REQ: puts an empty delimiter in front of a request',
  'everywhere',
  async ({ tested, peer, join }) => {
    const [req, router] = [tested('Request'), peer('Router')];
    await join(req, router);
    for (const parts of [['one'], ['a', '', 'b'], ['']]) {
      await req.send(parts);
      const [id, ...rest] = (await router.receive()) as [Buffer, ...Buffer[]];
      assert.deepEqual(text(rest), ['', ...parts]);
      await router.send([id, '', ...parts]);
      assert.deepEqual(text(await req.receive()), parts);
    }
  },
);

holds('RFC 28 REQ: asks its peers round robin', 'everywhere', async ({ tested, peer, join }) => {
  const req = tested('Request');
  const reps = [peer('Reply'), peer('Reply'), peer('Reply')];
  await join(req, ...reps);
  const serving = Promise.all(reps.map((rep, index) => serve(rep, `rep ${index}`, 3)));
  const seen: string[] = [];
  while (seen.length < 9) {
    await req.send('who?');
    seen.push(String((await req.receive())[0]));
  }
  await serving;
  inTurns(seen, 3);
  assert.deepEqual(seen.slice(3), seen.slice(0, 6));
});

holds(
  'RFC 28 REQ: takes a reply only from the peer that it asked last, and discards what others send',
  'everywhere',
  async ({ tested, peer, join }) => {
    const req = tested('Request');
    const routers = [peer('Router'), peer('Router')] as const;
    await join(req, ...routers);
    const ask = async (router: CellSocket): Promise<Buffer> => (await router.receive())[0] as Buffer;
    // Which of the two is first depends on the order of handshakes: both learn the name of the REQ.
    const asked = routers.map(ask);
    await req.send('to the first');
    const first = await Promise.race(asked.map((each, index) => each.then(() => index)));
    const one = routers[first] as CellSocket;
    const two = routers[1 - first] as CellSocket;
    const oneId = (await asked[first]) as Buffer;
    await one.send([oneId, '', 'right']);
    assert.deepEqual(text(await req.receive()), ['right']);
    await req.send('to the second');
    const twoId = (await asked[1 - first]) as Buffer;
    await two.send([twoId, '', 'right too']);
    assert.deepEqual(text(await req.receive()), ['right too']);
    await req.send('to the first again');
    await two.send([twoId, '', 'wrong, I was not asked']);
    await until(() => req.stats.messagesIn === 3, 'the wrong reply to be there');
    assert.deepEqual(text((await one.receive()).slice(2)), ['to the first again']);
    await one.send([oneId, '', 'right again']);
    assert.deepEqual(text(await req.receive()), ['right again']);
    // It would be mistaken for the reply to this one.
    await req.send('to the second again');
    await two.receive();
    await two.send([twoId, '', 'asked now']);
    assert.deepEqual(text(await req.receive()), ['asked now']);
  },
);

holds('RFC 28 REP: has any number of REQ and DEALER peers', 'everywhere', async ({ tested, peer, join }) => {
  const rep = tested('Reply');
  const [req, dealer] = [peer('Request'), peer('Dealer')];
  await join(rep, req, dealer);
  await req.send('req');
  await dealer.send(['', 'dealer']);
  for (let count = 0; count < 2; count += 1) await rep.send(['re', ...(await rep.receive())]);
  assert.deepEqual(text(await req.receive()), ['re', 'req']);
  assert.deepEqual(text(await dealer.receive()), ['', 're', 'dealer']);
});

holds('RFC 28 REP: passes requests and replies as they are', 'everywhere', async ({ tested, peer, join }) => {
  const [rep, req] = [tested('Reply'), peer('Request')];
  await join(rep, req);
  for (const [index, parts] of BODIES.entries()) {
    await req.send(fresh(parts));
    sameParts(await rep.receive(), parts, `request ${index}`);
    const reply = parts.toReversed();
    await rep.send(reply);
    sameParts(await req.receive(), reply, `reply ${index}`);
  }
});

holds(
  'RFC 28 REP: receives and sends in turn, one message at a time',
  'everywhere',
  async ({ tested, peer, join }) => {
    const [rep, dealer] = [tested('Reply'), peer('Dealer')];
    await join(rep, dealer);
    await assert.rejects(rep.send('nobody asked'), { code: 'EFSM' });
    await dealer.send(['', 'one']);
    await dealer.send(['', 'two']);
    assert.deepEqual(text(await rep.receive()), ['one']);
    await assert.rejects(rep.receive(), { code: 'EFSM' });
    await rep.send('re one');
    await assert.rejects(rep.send('again'), { code: 'EFSM' });
    assert.deepEqual(text(await rep.receive()), ['two']);
    await rep.send('re two');
    assert.deepEqual(text(await dealer.receive()), ['', 're one']);
    assert.deepEqual(text(await dealer.receive()), ['', 're two']);
  },
);

receivesInTurns({
  clause: 'RFC 28 REP: takes requests from its peers in fair turns',
  tested: 'Reply',
  peer: 'Dealer',
  envelope: [''],
  receive: async (rep) => {
    const who = String((await rep.receive())[0]);
    await rep.send('seen');
    return who;
  },
});

holds(
  'RFC 28 REP: takes off the envelope with its delimiter, and puts it back before the reply',
  'everywhere',
  async ({ tested, peer, join }) => {
    const [rep, dealer] = [tested('Reply'), peer('Dealer')];
    await join(rep, dealer);
    for (const envelope of [[''], ['hop', ''], ['hop 1', 'hop 2', 'hop 3', '']]) {
      await dealer.send([...envelope, 'body', '', 'more']);
      assert.deepEqual(text(await rep.receive()), ['body', '', 'more']);
      await rep.send(['reply', '']);
      assert.deepEqual(text(await dealer.receive()), [...envelope, 'reply', '']);
    }
  },
);

holds('RFC 28 REP: gives the reply to the peer that asked', 'everywhere', async ({ tested, peer, join }) => {
  const rep = tested('Reply');
  const reqs = [peer('Request'), peer('Request'), peer('Request')];
  await join(rep, ...reqs);
  for (const [index, req] of reqs.entries()) await req.send(`I am ${index}`);
  for (let count = 0; count < 3; count += 1) await rep.send(['you said', ...(await rep.receive())]);
  for (const [index, req] of reqs.entries()) {
    assert.deepEqual(text(await req.receive()), ['you said', `I am ${index}`]);
  }
});

holds(
  'RFC 28 DEALER: has any number of REP and ROUTER peers, and sends and receives at will',
  'everywhere',
  async ({ tested, peer, join }) => {
    const dealer = tested('Dealer');
    const [rep, router] = [peer('Reply'), peer('Router')];
    await join(dealer, rep, router);
    for (let count = 0; count < 4; count += 1) await dealer.send(['', String(count)]);
    const serving = serve(rep, 'rep', 2);
    for (let count = 0; count < 2; count += 1) {
      await router.send([(await router.receive())[0] as Buffer, 'router']);
    }
    await serving;
    const seen: string[] = [];
    while (seen.length < 4) seen.push(String((await dealer.receive()).at(-1)));
    assert.deepEqual(seen.toSorted(), ['rep', 'rep', 'router', 'router']);
  },
);

holds('RFC 28 DEALER: passes messages as they are', 'everywhere', async ({ tested, peer, join }) => {
  const [dealer, other] = [tested('Dealer'), peer('Dealer')];
  await join(dealer, other);
  await passes(dealer, other);
  await passes(other, dealer);
});

holds(
  'RFC 28 DEALER: has a queue in each direction for each peer',
  'everywhere',
  async ({ tested, peer, join }) => {
    const [dealer, other] = [tested('Dealer'), peer('Dealer')];
    await join(dealer, other);
    for (let count = 0; count < 50; count += 1) {
      await dealer.send(`to ${count}`);
      await other.send(`from ${count}`);
    }
    for (let count = 0; count < 50; count += 1) {
      assert.deepEqual(text(await dealer.receive()), [`from ${count}`]);
      assert.deepEqual(text(await other.receive()), [`to ${count}`]);
    }
  },
);

const DEALER = { tested: 'Dealer', peer: 'Dealer' } as const;
queuesEarly({
  clause: 'RFC 28 DEALER: queues for an endpoint that it connects to before anybody is there',
  ...DEALER,
});
discardsOfWhoLeft({
  clause: 'RFC 28 DEALER: discards what is queued for a peer that had connected and leaves',
  ...DEALER,
});
keepsMark({ clause: 'RFC 28 DEALER: limits its queues by options', ...DEALER });
sendsInTurns({ clause: 'RFC 28 DEALER: deals messages out round robin', ...DEALER });
waitsForRoom({
  clause: 'RFC 28 DEALER: waits, or fails, when no peer has room, and takes no more messages',
  ...DEALER,
});
receivesInTurns({ clause: 'RFC 28 DEALER: receives from its peers in fair turns', ...DEALER });

holds(
  'RFC 28 ROUTER: has any number of REQ, DEALER and ROUTER peers',
  'everywhere',
  async ({ tested, peer, join }) => {
    const router = tested('Router');
    const peers = [
      peer('Request', { routingId: 'req' }),
      peer('Dealer', { routingId: 'dealer' }),
      peer('Router', { routingId: 'router' }),
    ] as const;
    await join(router, ...peers);
    await peers[0].send('hi');
    assert.deepEqual(text(await router.receive()), ['req', '', 'hi']);
    await router.send(['dealer', 'to the dealer']);
    await router.send(['router', 'to the router']);
    await router.send(['req', '', 'to the req']);
    assert.deepEqual(text(await peers[0].receive()), ['to the req']);
    assert.deepEqual(text(await peers[1].receive()), ['to the dealer']);
    assert.deepEqual(text((await peers[2].receive()).slice(1)), ['to the router']);
  },
);

holds(
  'RFC 28 ROUTER: queues for an endpoint that it connects to before anybody is there',
  'connected',
  async ({ tested, peer, transport }) => {
    const router = tested('Router');
    const endpoint = await transport.fixed();
    router.connect(endpoint, { routingId: 'there' });
    await router.send(['there', 'early']);
    const dealer = peer('Dealer');
    await dealer.bind(endpoint);
    assert.deepEqual(text(await dealer.receive()), ['early']);
  },
);

discardsOfWhoLeft(
  {
    clause: 'RFC 28 ROUTER: discards what is queued for a peer that had connected and leaves',
    tested: 'Router',
    peer: 'Dealer',
  },
  ['alice'],
);

holds(
  'RFC 28 ROUTER: knows each peer by an identity of its own',
  'everywhere',
  async ({ tested, peer, join }) => {
    const router = tested('Router');
    const dealers = [peer('Dealer'), peer('Dealer'), peer('Dealer')];
    await join(router, ...dealers);
    for (const [index, dealer] of dealers.entries()) await dealer.send(String(index));
    const ids = new Map<string, Buffer>();
    while (ids.size < 3) {
      const [id, who] = (await router.receive()) as [Buffer, Buffer];
      assert.ok(id.length > 0 && id[0] === 0, 'made up by the ROUTER');
      ids.set(String(who), id);
    }
    assert.equal(new Set([...ids.values()].map((id) => id.toString('hex'))).size, 3);
    for (const [who, id] of ids) await router.send([id, who]);
    for (const [index, dealer] of dealers.entries())
      assert.deepEqual(text(await dealer.receive()), [`${index}`]);
  },
);

holds(
  'RFC 28 ROUTER: takes the identity that a peer announces',
  'everywhere',
  async ({ tested, peer, join }) => {
    const router = tested('Router', { mandatory: true });
    const name = 'n'.repeat(255);
    const [short, long] = [peer('Dealer', { routingId: 's' }), peer('Dealer', { routingId: name })];
    await join(router, short, long);
    await router.send(['s', 'unasked']);
    await router.send([name, 'unasked too']);
    assert.deepEqual(text(await short.receive()), ['unasked']);
    assert.deepEqual(text(await long.receive()), ['unasked too']);
  },
);

holds('RFC 28 ROUTER: limits its queues by options', 'connected', async ({ tested, peer, transport }) => {
  const router = tested('Router', { sendHighWaterMark: 7 });
  const endpoint = await transport.fixed();
  router.connect(endpoint, { routingId: 'there' });
  for (let count = 0; count < 9; count += 1) await router.send(['there', String(count)]);
  assert.equal(router.stats.dropped, 2);
  const dealer = peer('Dealer');
  await dealer.bind(endpoint);
  for (let count = 0; count < 7; count += 1) assert.deepEqual(text(await dealer.receive()), [String(count)]);
});

receivesInTurns({
  clause: 'RFC 28 ROUTER: receives from its peers in fair turns',
  tested: 'Router',
  peer: 'Dealer',
});

holds(
  'RFC 28 ROUTER: puts the identity of the sender in front of each message',
  'everywhere',
  async ({ tested, peer, join }) => {
    const [router, dealer] = [tested('Router'), peer('Dealer', { routingId: 'me' })];
    await join(router, dealer);
    for (const [index, parts] of BODIES.entries()) {
      await dealer.send(fresh(parts));
      sameParts(await router.receive(), [Buffer.from('me'), ...parts], `message ${index}`);
    }
  },
);

holds(
  'RFC 28 ROUTER: takes the first frame off a message and sends it to the peer of that name',
  'everywhere',
  async ({ tested, peer, join }) => {
    const router = tested('Router');
    const [one, two] = [peer('Dealer', { routingId: 'one' }), peer('Dealer', { routingId: 'two' })];
    await join(router, one, two);
    for (let count = 0; count < 10; count += 1) {
      await router.send(['one', 'for one', String(count)]);
      await router.send(['two', '', payload(count * 100, count)]);
    }
    for (let count = 0; count < 10; count += 1) {
      assert.deepEqual(text(await one.receive()), ['for one', String(count)]);
      sameParts(await two.receive(), [Buffer.alloc(0), payload(count * 100, count)], `message ${count}`);
    }
  },
);

holds(
  'RFC 28 ROUTER: discards messages to unknown peers, or fails with mandatory',
  'everywhere',
  async ({ tested, peer, join }) => {
    const router = tested('Router') as ReturnType<typeof tested> & { mandatory: boolean };
    const dealer = peer('Dealer', { routingId: 'known' });
    await join(router, dealer);
    await router.send(['unknown', 'lost']);
    router.mandatory = true;
    await assert.rejects(router.send(['unknown', 'refused']), { code: 'EHOSTUNREACH' });
    await router.send(['known', 'arrives']);
    assert.deepEqual(text(await dealer.receive()), ['arrives']);
  },
);
