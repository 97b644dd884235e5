/** A fleet of nodes that follows one key of a real etcd. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { folder, type LogLine, type RunningNode, startNode } from '../support/cli.ts';
import { launchEtcd, noEtcd } from '../support/etcd.ts';

const any = 'tcp://127.0.0.1:*';

/** `own`: what a node of the fleet has for itself. */
function fleet(maxPeers: number, own = ''): string {
  return `routes:
  orders: { pattern: pipeline, frontend: { bind: "${any}" }, backend: { bind: "${any}" }, maxPeers: ${maxPeers} }
${own}`;
}

/** The first line of this event after the first `from` lines of the log. */
async function event(node: RunningNode, name: string, from = 0): Promise<LogLine> {
  const find = (): LogLine | undefined =>
    node
      .log()
      .slice(from)
      .find(({ event: each }) => each === name);
  await node.process.until(`no ${name}`, () => find() !== undefined);
  return find() as LogLine;
}

function keysOf(line: LogLine): unknown[] {
  return (line.changes as { key: string; after: string }[]).map(({ key, after }) => [key, after]);
}

describe('nodes that follow a configuration centre', { skip: noEtcd, timeout: 120_000 }, () => {
  it('take each change, refuse a wrong one, and start from their copy while it is down', async (t) => {
    const etcd = await launchEtcd(t);
    await etcd.put(fleet(5));
    const nodeOf = async (name: string): Promise<{ node: RunningNode; yaml: string }> => {
      const yaml = `node: { name: ${name}, dataDir: "${await folder(t)}", watch: false }
source: { kind: etcd, url: "${etcd.config.url}" }
`;
      return { node: await startNode(t, yaml), yaml };
    };
    const { node: first } = await nodeOf('press-4');
    const { node: second, yaml } = await nodeOf('press-5');
    const address = second.address('orders', 'frontend');

    await etcd.put(fleet(6, 'nodes: { press-5: { routes: { orders: { maxPeers: 7 } } } }'));
    const changes = await Promise.all([first, second].map((node) => event(node, 'config:applied')));
    assert.deepEqual(changes.map(keysOf), [
      [['routes.orders.maxPeers', '6']],
      [['routes.orders.maxPeers', '7']],
    ]);
    assert.equal(second.log().filter(({ event: each }) => each === 'route:ready').length, 1);

    await etcd.put('routes: [');
    const refused = await event(second, 'config:refused');
    assert.match(String(refused.reason), /^etcd .*zeroth\/config:\d+:/);

    await etcd.kill();
    await event(second, 'config:source-down');
    assert.equal(second.address('orders', 'frontend'), address);
    assert.equal((await second.process.stop()).code, 0);

    const again = await startNode(t, yaml);
    const copy = await event(again, 'config:copy');
    assert.match(String(copy.reason), /ECONNREFUSED/);

    await etcd.start();
    await etcd.put(fleet(8));
    assert.deepEqual(keysOf(await event(again, 'config:applied')), [['routes.orders.maxPeers', '8']]);
    const before = [first, again].map((node) => node.log().length);
    await etcd.put(fleet(9));
    const [, last] = await Promise.all(
      [first, again].map((node, at) => event(node, 'config:applied', before[at])),
    );
    assert.deepEqual(keysOf(last as LogLine), [['routes.orders.maxPeers', '9']]);
    for (const node of [first, again]) assert.equal((await node.process.stop()).code, 0);
  });
});
