/** A node under load, and after it: what its process has open comes back to what it was, to the last timer. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as dialTcp } from 'node:net';
import type { TestContext } from 'node:test';
import { describe, it } from 'node:test';
import { connect } from '@zeroth/client';
import { Dealer, Pull, Push, Reply, Request, type Socket, Subscriber } from '@zeroth/zmq';
import { address, type Controlled, controlled, ROUTES } from '../support/controlled.ts';
import { dial, raw, request } from '../support/http.ts';

type Section = Record<string, { base: number; now: number }>;
type Census = Record<'handles' | 'timers' | 'listeners' | 'node' | 'process', Section>;
/** What has to come back exactly. Descriptors come with the handles. */
const EXACT = ['handles', 'timers', 'listeners', 'node', 'process'] as const;

const HEAD = `sessions: { bind: "tcp://127.0.0.1:0" }
admin: { bind: "tcp://127.0.0.1:0" }
streams: { events: { fsync: never } }
`;
const MORE = `  news: { pattern: pubsub, frontend: { bind: "tcp://127.0.0.1:0" }, backend: { bind: "tcp://127.0.0.1:0" } }
  kept: { pattern: pipeline, frontend: { bind: "tcp://127.0.0.1:0" }, backend: { bind: "tcp://127.0.0.1:0" }, stream: { fsync: never } }
`;

async function census(t: TestContext, local: string): Promise<Census> {
  const { status, json } = await request(t, local, '/v1/census?heap=true');
  assert.equal(status, 200);
  return json as Census;
}

function counts(all: Census, which: 'base' | 'now'): Record<string, number> {
  const figures = EXACT.flatMap((section) =>
    Object.entries(all[section]).map(([name, figure]) => [`${section}: ${name}`, figure[which]] as const),
  );
  // Requests of the moment, to the file system for one, come and go.
  return Object.fromEntries(figures.filter(([name, value]) => value !== 0 && !/holding .*Req/.test(name)));
}

/** Waits until nothing is different, and there are no more timers than `timers`; fails with what is. Resolves with the timers. */
async function settled(
  t: TestContext,
  local: string,
  wanted: Record<string, number>,
  timers: number = Number.POSITIVE_INFINITY,
): Promise<number> {
  const end = performance.now() + 30_000;
  for (;;) {
    const { 'timers: all': all = 0, ...now } = counts(await census(t, local), 'now');
    const names = new Set([...Object.keys(now), ...Object.keys(wanted)]);
    if (all <= timers && [...names].every((name) => now[name] === wanted[name])) return all;
    if (performance.now() > end) assert.deepEqual({ ...now, timers: all }, { ...wanted, timers });
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** So many at a time. */
async function many(count: number, work: (at: number) => Promise<void>): Promise<void> {
  for (let at = 0; at < count; at += 50)
    await Promise.all(Array.from({ length: Math.min(50, count - at) }, (_, i) => work(at + i)));
}

/** Connects, and waits until it is with its peer, or refused by it. */
async function ready<S extends Socket>(socket: S, to: string): Promise<S> {
  const known = new Promise<void>((resolve) => {
    socket.events.on('peer:ready', () => resolve());
    socket.events.on('peer:refused', () => resolve());
    socket.events.on('peer:gone', () => resolve());
  });
  socket.connect(to);
  await known;
  return socket;
}

/** Everything that a node is used for, a thousand times and more. */
async function load(t: TestContext, node: Controlled, local: string): Promise<void> {
  const at = (route: string, side: 'frontend' | 'backend'): string => address(node, route, side);
  const [jobs, asks] = [at('jobs', 'frontend'), at('orders', 'frontend')];
  const sessions = (await request(t, local, '/v1/node')).json.sessions[0] as string;
  const pull = await ready(new Pull(), at('jobs', 'backend'));
  const rep = await ready(new Reply(), at('orders', 'backend'));
  // Also when something fails: the file would not end.
  t.after(() => [pull.close(), rep.close()]);
  const answering = (async () => {
    for await (const message of rep) await rep.send(message);
  })();
  await many(1000, async () => {
    const push = await ready(new Push({ linger: 1000 }), jobs);
    await push.send('a job');
    await pull.receive();
    push.close();
  });
  await many(300, async () => {
    const req = await ready(new Request(), asks);
    await req.send('a question');
    await req.receive();
    req.close();
  });
  // Those that go while they are owed something, that say nothing, or the wrong thing, or are of another kind.
  await many(300, async (each) => {
    const dealer = await ready(new Dealer({ linger: 0 }), each % 2 === 0 ? asks : jobs);
    void dealer.send(['', 'a question']).catch(() => {});
    dealer.close();
    const socket = dialTcp(Number(new URL(jobs).port), '127.0.0.1').on('error', () => {});
    await once(socket, 'connect');
    if (each % 3 === 0) socket.write('GET / HTTP/1.0\r\n\r\n');
    if (each % 3 === 1) socket.resetAndDestroy();
    else socket.end();
    socket.destroy();
  });
  await many(100, async (each) => {
    const client = await connect(sessions, { name: `client-${each}` });
    const events = client.stream('events');
    await Promise.all([events.publish('one'), events.publish('two')]);
    const strategy = each % 2 === 0 ? { group: `group-${each % 10}`, strategy: 'group' as const } : {};
    let left = 3;
    for await (const record of events.consume({ ...strategy, from: 'first' })) {
      record.ack();
      if (--left === 0) break;
    }
    await client.close({ timeout: each % 5 === 0 ? 0 : 2000 });
  });
  let tapped = 0;
  await many(100, async (each) => {
    const tap = dial(t, local);
    tap.write(`GET /v1/tap/${each % 2 === 0 ? 'jobs' : 'events'} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    const [head] = (await once(tap, 'data')) as [Buffer];
    assert.match(String(head), /^HTTP\/1.1 (200|409)/, 'it is tapped, or there are too many');
    tapped += String(head).includes(' 200 ') ? 1 : 0;
    tap.destroy();
    await request(t, local, '/metrics');
    await raw(t, local, 'GARBAGE\r\n\r\n');
  });
  assert.ok(tapped >= 32, `${tapped} taps`);
  pull.close();
  rep.close();
  await answering;
}

async function reloads(t: TestContext, node: Controlled, local: string, count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) {
    await node.write(`${HEAD}${ROUTES}${turn % 2 === 0 ? MORE : ''}`);
    const answer = await request(t, local, '/v1/config/reload', { method: 'POST' });
    assert.equal(answer.status, 200, answer.body);
    if (turn % 2 === 1) continue;
    const { routes } = (await request(t, local, '/v1/routes')).json;
    const endpoint = (name: string): string =>
      routes.find((route: { name: string }) => route.name === name).backend.endpoints[0].address;
    // They are there when it goes.
    const sub = await ready(new Subscriber(), endpoint('news'));
    const pull = await ready(new Pull(), endpoint('kept'));
    t.after(() => [sub.close(), pull.close()]);
    setImmediate(() => [sub.close(), pull.close()]);
  }
}

describe('the census of a node', { timeout: 240_000 }, () => {
  it('comes back to its base after a load', async (t) => {
    const node = await controlled(t, HEAD);
    const { local } = (await node.line('ready')) as unknown as { local: string };
    // Metrics are loaded with the first question for them, and listen to peers from then on.
    const { 'timers: all': _, ...base } = counts(await census(t, local), 'base');
    await request(t, local, '/metrics');
    // Whoever asks counts: its connection.
    const more = {
      'node: control connections': 1,
      'process: descriptors': 1,
      'process: holding PipeWrap': 1,
      'listeners: node peers': 1,
    };
    const idle: Record<string, number> = { ...base };
    for (const [name, value] of Object.entries(more)) idle[name] = (idle[name] ?? 0) + value;
    await load(t, node, local);
    await reloads(t, node, local, 2);
    // Timers of the start are gone by now.
    const timers = await settled(t, local, idle);
    await load(t, node, local);
    await reloads(t, node, local, 20);
    await settled(t, local, idle, timers);
  });

  it('is a table for a person, and JSON', async (t) => {
    const node = await controlled(t);
    const { stdout, code } = await node.run('status', '--debug');
    assert.equal(code, 0);
    assert.match(stdout, /^CENSUS +WHAT +BASE +NOW +DIFFERENCE$/m);
    assert.match(stdout, /^node +control connections +0 +1 +\+1$/m);
    assert.match(stdout, /^memory +rss +[\d.]+ MiB +[\d.]+ MiB/m);
    assert.doesNotMatch(stdout, /^timers +all/m);
    const { stdout: text } = await node.run('status', '--debug', '--heap', '--json');
    const { census: answer, health } = JSON.parse(text);
    assert.equal(health.status, 'up');
    assert.ok(answer.timers.all.now > 0);
    assert.doesNotMatch(node.process.stderr, /ExperimentalWarning/);
  });
});
