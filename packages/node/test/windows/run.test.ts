/** A node as a service of Windows: from its start to its stop, with libzmq on the other side. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { EVENTS } from '../../src/log/events.ts';
import {
  connected,
  publisherSocket,
  pullSocket,
  pushSocket,
  receiveTexts,
  replySocket,
  requestSocket,
  subscribed,
  subscriberSocket,
} from '../support/libzmq.ts';
import { reported } from './support/events.ts';
import type { Agent } from './support/machine.ts';
import { CONTROL, manager, STATE, until } from './support/machine.ts';
import type { Installed } from './support/service.ts';
import { installed, route, THREE } from './support/service.ts';

const NAME = 'zt-run';
const ROUTES = THREE + route('kept', 'pipeline', ', stream: {}');
const LEVELS = { info: 4, warn: 2, error: 1, fatal: 1 } as const;
/** SERVICE_ACCEPT_STOP, PAUSE_CONTINUE, SHUTDOWN, PARAMCHANGE, PRESHUTDOWN. */
const ACCEPTED = 0x1 | 0x2 | 0x8 | 0x100;

describe('a node as a service', () => {
  let service: Installed;
  let agent: Agent;
  const ends: (() => Promise<void>)[] = [];

  before(async () => {
    agent = await manager();
    service = await installed({ after: (work) => void ends.push(work) }, NAME, ROUTES);
  });
  after(async () => {
    for (const end of ends) await end();
  });

  const incoming = async (route: string): Promise<number | undefined> =>
    (await service.status()).routes.find(({ name }) => name === route)?.frontend.messagesIn;
  const event = async (name: keyof typeof EVENTS, pattern = /./): Promise<void> => {
    const { id, level } = EVENTS[name];
    await until(`event ${id} (${name}) like ${pattern}`, async () =>
      (await reported(NAME)).some(
        (each) => each.id === id && each.type === LEVELS[level as 'info'] && pattern.test(each.text),
      ),
    );
  };

  it('is START_PENDING with checkpoints that move, and RUNNING when everything is bound', async () => {
    const seen = await agent.start(NAME);
    const running = seen.at(-1);
    assert.equal(running?.state, STATE.running, JSON.stringify(seen));
    assert.equal(running.accepted & ACCEPTED, ACCEPTED);
    const starting = seen.filter(({ state }) => state === STATE.starting);
    const checkpoints = starting.map(({ checkpoint }) => checkpoint);
    assert.deepEqual(
      checkpoints,
      checkpoints.toSorted((a, b) => a - b),
    );
    assert.ok(new Set(checkpoints).size > 1, `checkpoints: ${checkpoints}`);
    assert.ok(starting.some(({ hint }) => hint > 0));
    for (const name of ['telemetry', 'orders', 'jobs'])
      for (const side of ['frontend', 'backend'] as const) {
        const { hostname, port } = new URL(await service.address(name, side));
        const socket = connect(Number(port), hostname);
        await once(socket, 'connect');
        socket.destroy();
      }
    await event('start');
    await event('ready', /node ready/);
  });

  it('forwards PUSH to PULL', async (t) => {
    const push = pushSocket(t);
    const pull = pullSocket(t);
    pull.connect(await service.address('jobs', 'backend'));
    push.connect(await service.address('jobs', 'frontend'));
    for (let i = 0; i < 100; i++) await push.send([`job ${i}`, 'body']);
    assert.deepEqual(
      await receiveTexts(pull, 100),
      Array.from({ length: 100 }, (_, i) => `job ${i}|body`),
    );
  });

  it('forwards REQ to REP, and back', async (t) => {
    const client = requestSocket(t);
    const server = replySocket(t);
    server.connect(await service.address('orders', 'backend'));
    client.connect(await service.address('orders', 'frontend'));
    await client.send('what');
    assert.deepEqual((await server.receive()).map(String), ['what']);
    await server.send('that');
    assert.deepEqual((await client.receive()).map(String), ['that']);
  });

  it('forwards PUB to SUB', async (t) => {
    const publisher = publisherSocket(t);
    const subscriber = subscriberSocket(t, 'a');
    await connected(publisher, await service.address('telemetry', 'frontend'));
    await connected(subscriber, await service.address('telemetry', 'backend'));
    await subscribed(publisher, 'a');
    for (const topic of ['b', 'a', 'c', 'a']) await publisher.send([topic, 'value']);
    assert.deepEqual(await receiveTexts(subscriber as never, 2), ['a|value', 'a|value']);
  });

  it('pauses: what it holds is delivered, nothing is taken in; and continues', async (t) => {
    const push = pushSocket(t);
    await connected(push, await service.address('kept', 'frontend'));
    for (let i = 1; i <= 5; i++) await push.send(`held ${i}`);
    const next = async () => (await service.status()).streams.find(({ name }) => name === 'kept')?.next;
    await until('what is sent is held', async () => (await next()) === 6);
    await service.service('pause');
    assert.equal((await agent.query(NAME)).state, STATE.paused);
    await push.send('late');
    await until('it waits at the door', async () => (await incoming('kept')) === 6);
    const pull = pullSocket(t);
    pull.connect(await service.address('kept', 'backend'));
    assert.deepEqual(
      await receiveTexts(pull, 5),
      [1, 2, 3, 4, 5].map((i) => `held ${i}`),
    );
    assert.equal(await next(), 6);
    assert.match(await service.service('status'), /paused/);
    await service.service('continue');
    assert.equal((await agent.query(NAME)).state, STATE.running);
    assert.deepEqual(await receiveTexts(pull, 1), ['late']);
    await event('paused');
    await event('resumed');
  });

  it('reloads a changed file: a new route answers, and the others go on', async (t) => {
    const old = await service.address('orders', 'frontend');
    service.configure(ROUTES + route('added', 'reqrep'));
    await service.service('reload');
    await until('the new route', async () =>
      (await service.status()).routes.some(({ name }) => name === 'added'),
    );
    const client = requestSocket(t);
    const server = replySocket(t);
    server.connect(await service.address('added', 'backend'));
    client.connect(await service.address('added', 'frontend'));
    await client.send('new');
    assert.deepEqual((await server.receive()).map(String), ['new']);
    const { hostname, port } = new URL(old);
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    socket.destroy();
    await event('service:control', /PARAMCHANGE/);
  });

  it('goes on as before when the changed file is wrong, and says so in an event', async () => {
    writeFileSync(service.file, 'routes: 7\n');
    assert.equal((await agent.control(NAME, CONTROL.reload)).error, 0);
    await event('config:refused');
    assert.equal((await agent.query(NAME)).state, STATE.running);
    service.configure(ROUTES);
  });

  it('answers status and logs', async () => {
    const { pid } = await agent.query(NAME);
    const text = await service.service('status');
    assert.match(text, /running/);
    assert.ok(text.includes(String(pid)), text);
    assert.match(await service.service('logs'), /ready/);
    assert.ok(existsSync(service.logFile));
  });

  it('restarts: another process, which forwards again', async (t) => {
    const { pid } = await agent.query(NAME);
    await service.service('restart');
    const status = await agent.query(NAME);
    assert.equal(status.state, STATE.running);
    assert.notEqual(status.pid, pid);
    await until('the end of the former process', async () => !(await agent.alive(pid)));
    const push = pushSocket(t);
    const pull = pullSocket(t);
    pull.connect(await service.address('jobs', 'backend'));
    push.connect(await service.address('jobs', 'frontend'));
    await push.send('again');
    assert.deepEqual(await receiveTexts(pull, 1), ['again']);
  });

  it('stops when what it took is delivered, and is STOP_PENDING until then', async (t) => {
    const push = pushSocket(t, { sendHighWaterMark: 0 });
    const pull = pullSocket(t, { receiveHighWaterMark: 1 });
    await connected(pull, await service.address('jobs', 'backend'));
    await connected(push, await service.address('jobs', 'frontend'));
    const before = (await incoming('jobs')) ?? 0;
    // More than what the systems buffer on the way to a consumer that does not read.
    const COUNT = 120;
    const body = Buffer.alloc(256 * 1024);
    for (let i = 0; i < COUNT; i++) await push.send([String(i), body]);
    await until('all of it is taken', async () => (await incoming('jobs')) === before + COUNT);
    const { pid } = await agent.query(NAME);
    assert.equal((await agent.control(NAME, CONTROL.stop)).error, 0);
    assert.equal((await agent.query(NAME)).state, STATE.stopping);
    for (let i = 0; i < COUNT; i++) assert.equal(String((await pull.receive())[0]), String(i));
    await until('the stop', async () => (await agent.query(NAME)).state === STATE.stopped);
    const { exit, specific } = await agent.query(NAME);
    assert.deepEqual([exit, specific], [0, 0]);
    await until('the end of its process', async () => !(await agent.alive(pid)));
    assert.deepEqual(
      service.events('stopped').map(({ undelivered }) => undelivered),
      [0],
    );
    await event('stop');
    await event('stopped');
  });

  it('writes its log as JSON lines that have the ids of the events', () => {
    const lines = readFileSync(service.logFile, 'utf8').trim().split('\n');
    const ids = new Map(
      lines
        .map((line) => JSON.parse(line) as { event: string; id: number })
        .map((line) => [line.event, line.id]),
    );
    for (const name of ['start', 'ready', 'stop', 'stopped'] as const)
      assert.equal(ids.get(name), EVENTS[name].id);
  });
});
