/** A node on ws: its routes with programs of libzmq, its streams with the client, and what watches both. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { connect } from '@zeroth/client';
import { cli, folder, start, startNode } from '../support/cli.ts';
import * as lib from '../support/libzmq.ts';
import { unusedEndpoint } from '../support/port.ts';

describe('a node on ws', () => {
  it('forwards a route from ws to tcp, and from tcp to ws', async (t) => {
    const node = await startNode(
      t,
      `routes:
  in: { pattern: pipeline, frontend: { bind: "ws://127.0.0.1:0/in" }, backend: { bind: "tcp://127.0.0.1:0" } }
  out: { pattern: pubsub, frontend: { bind: "tcp://127.0.0.1:0" }, backend: { bind: "ws://127.0.0.1:*" } }
`,
    );
    assert.match(node.address('in', 'frontend'), /^ws:\/\/127\.0\.0\.1:[1-9][0-9]*\/in$/);
    const [push, pull] = [lib.pushSocket(t), lib.pullSocket(t)];
    push.connect(node.address('in', 'frontend'));
    pull.connect(node.address('in', 'backend'));
    for (let n = 0; n < 1000; n++) await push.send([`${n}`, 'body']);
    assert.deepEqual(
      await lib.receiveTexts(pull, 1000),
      Array.from({ length: 1000 }, (_, n) => `${n}|body`),
    );
    assert.match(node.address('out', 'backend'), /^ws:\/\/127\.0\.0\.1:[1-9][0-9]*\/$/);
  });

  it('keeps streams for clients that come over ws', async (t) => {
    const endpoint = `${(await unusedEndpoint()).replace('tcp:', 'ws:')}/streams`;
    const dataDir = JSON.stringify(await folder(t));
    const yaml = `node: { dataDir: ${dataDir} }\nsessions: { bind: "${endpoint}" }\nstreams: { t: {} }\n`;
    await startNode(t, yaml);
    const client = await connect(endpoint, { reconnect: { initial: 20, max: 100 } });
    t.after(() => client.close({ timeout: 0 }));
    const stream = client.stream('t');
    await Promise.all(Array.from({ length: 100 }, (_, n) => stream.publish(`${n}`)));
    const seen: string[] = [];
    for await (const record of stream.consume({ strategy: 'group', group: 'g', from: 'first' })) {
      seen.push(String(record.body));
      record.ack();
      if (seen.length === 100) break;
    }
    assert.deepEqual(
      seen,
      Array.from({ length: 100 }, (_, n) => `${n}`),
    );
  });
});

describe('the tools on ws', () => {
  it('pub to sub, bound at a path', async (t) => {
    const sub = start(t, ['sub', '--bind', 'ws://127.0.0.1:0/feed', 'news/', '-n', '1']);
    const [, endpoint] = await sub.waitFor('stderr', /bound to (ws:\S+)/);
    assert.match(endpoint as string, /^ws:\/\/127\.0\.0\.1:[1-9][0-9]*\/feed$/);
    const { code, stderr } = await cli(['pub', endpoint as string, 'news/1', 'hello']);
    assert.equal(code, 0, stderr);
    assert.deepEqual((await sub.ended).stdout, 'news/1\thello\n');
  });

  it('push to and pull from libzmq', async (t) => {
    const pull = lib.pullSocket(t);
    await pull.bind('ws://127.0.0.1:*/');
    const sent = cli(['push', pull.lastEndpoint as string, 'to libzmq']);
    assert.deepEqual(await lib.receiveTexts(pull, 1), ['to libzmq']);
    assert.equal((await sent).code, 0);
  });

  it('tell why nobody takes a message: another path, nobody there, no such host', async (t) => {
    const pull = start(t, ['pull', '--bind', 'ws://127.0.0.1:0/in']);
    const [, endpoint] = await pull.waitFor('stderr', /bound to (ws:\S+)/);
    const told = async (to: string, words: RegExp): Promise<void> => {
      const push = start(t, ['push', to, 'x', '--timeout', '0']);
      await push.waitFor('stderr', words);
    };
    // The first line is the whole of it.
    await told(
      (endpoint as string).replace('/in', '/out'),
      /^refused ws:.* 404 .*nothing is at the path \/out/,
    );
    const free = (await unusedEndpoint()).replace('tcp:', 'ws:');
    await told(`${free}/in`, /^cannot reach ws:\S+\/in: connection refused/);
    await told('ws://nobody.invalid:7000/in', /^cannot reach ws:\S+: unknown host nobody\.invalid/);
    await told(free.replace('ws:', 'wss:'), /^cannot reach wss:\S+: connection refused/);
  });

  it('have no certificate to bind to wss', async () => {
    const { code, stderr } = await cli(['pull', '--bind', 'wss://127.0.0.1:0']);
    assert.notEqual(code, 0);
    assert.match(stderr, /no certificates/);
  });
});
