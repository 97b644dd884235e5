/** With a real node: what control asks for is what the node does. */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { openConfig } from '../../../src/control/open.ts';
import { startControl } from '../../../src/control/start.ts';
import { startNode } from '../../../src/flow/topology.ts';
import { silentLog } from '../../../src/log/log.ts';
import { accepted, folderOf, ME, refused, text, UNWATCHED } from './support.ts';

/** Any free port. */
const anyPort = (extra: string): string => text(extra).replaceAll(/127\.0\.0\.1:\d+/g, '127.0.0.1:*');

describe('a real node', () => {
  it('takes a key that was set, and what can not be bound is refused with the way out', async (t) => {
    const path = join(folderOf(t), 'zeroth.yaml');
    writeFileSync(path, anyPort(''));
    const opened = await openConfig({ from: { path } });
    assert.ok(opened.ok);
    await using node = await startNode(opened.config);
    const control = await startControl({ opened, node, log: silentLog, setLevel: () => {} });
    t.after(() => control.close());

    const set = accepted(await control.set('routes.orders.timeout', '3s', { for: null, by: ME }));
    assert.deepEqual(set.applied?.changed, ['routes.orders']);
    assert.equal(node.config.routes[0]?.timeout, 3000);

    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    t.after(() => other.close());
    const { port } = other.address() as { port: number };
    writeFileSync(path, anyPort('').replace('127.0.0.1:*', `127.0.0.1:${port}`));
    const report = refused(await control.reload(ME));
    assert.equal(report.code, 'RELOAD_FAILED');
    assert.match(report.message, new RegExp(`route orders, frontend: .*:${port}.*another process has it`));
    assert.equal(control.snapshot.config.routes[0]?.frontend.bind[0], 'tcp://127.0.0.1:*');

    const restart = anyPort('').replace(UNWATCHED, 'node: { watch: false, name: other }\n');
    writeFileSync(path, restart);
    const named = accepted(await control.reload(ME));
    assert.deepEqual(named.warnings, ['node.name: counts from the next start']);
    assert.deepEqual(named.applied?.restart, ['node.name']);
    assert.equal(node.config.node.name, opened.config.node.name);
  });
});
