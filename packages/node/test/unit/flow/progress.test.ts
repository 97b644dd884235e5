/** A start tells what it is doing. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { loadConfig } from '../../../src/config/load.ts';
import { startNode } from '../../../src/flow/topology.ts';
import { runOf } from '../../support/streams.ts';
import { folder, route, routes, until } from './support.ts';

it('a start tells of each stream, of what it has read of it, and of what it binds; a change tells nothing', async (t) => {
  const dir = await folder(t);
  const text = `node: { dataDir: ${JSON.stringify(dir)} }
streams: { events: { fsync: never } }
sessions: { bind: "tcp://127.0.0.1:0" }
${routes(route('jobs'))}`;
  const { config } = loadConfig({ text, source: 'test' });
  assert.ok(config !== null);
  const first: string[] = [];
  const node = await startNode(config, { progress: (words) => first.push(words) });
  assert.deepEqual(first, ['recovering events', 'binding jobs', 'binding sessions']);
  const [stream] = node.streams();
  for (let i = 0; i < 5; i++) stream?.append(runOf(Buffer.alloc(1024 * 1024)), null);
  await until(() => stream?.committed === 6, 'the records');
  const more = loadConfig({ text: text + route('more'), source: 'test' }).config;
  assert.ok(more !== null);
  await node.apply(more);
  assert.equal(first.length, 3, 'what changes while it runs is no start');
  await node.stop();
  const again: string[] = [];
  const second = await startNode(config, { progress: (words) => again.push(words) });
  t.after(() => second.stop({ timeout: 0 }));
  const read = again.filter((words) => /^recovering events, segment 1 of 1, \d MiB read$/.test(words));
  assert.ok(read.length >= 5, again.join('\n'));
});
