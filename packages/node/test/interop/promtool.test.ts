/** What Prometheus makes of /metrics, and of the alerts and the dashboard in examples/monitoring: promtool of Debian's `prometheus`. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Dealer, Reply } from '@zeroth/zmq';
import { FAMILIES } from '../../src/metrics/table.ts';
import { folder } from '../support/cli.ts';
import { monitored, seriesOf } from '../support/monitored.ts';
import { docsFile } from '../unit/docs-file.ts';

const FOLDER = join(docsFile('..'), 'examples', 'monitoring');
const PROGRAM = 'promtool';
const skip = spawnSync(PROGRAM, ['--version']).error === undefined ? false : 'there is no promtool';

function promtool(input: string | null, ...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(PROGRAM, args, {
    cwd: FOLDER,
    encoding: 'utf8',
    ...(input === null ? {} : { input }),
  });
  assert.equal(status, 0, `${stdout}${stderr}`);
  return `${stdout}${stderr}`;
}

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly w: number };
  readonly targets?: readonly { readonly expr: string }[];
}

function dashboard(): { readonly panels: readonly Panel[] } {
  return JSON.parse(readFileSync(join(FOLDER, 'dashboard.json'), 'utf8')) as { panels: Panel[] };
}

describe('promtool', { skip }, () => {
  it('accepts the configuration of Prometheus and the alerts', () => {
    assert.match(promtool(null, 'check', 'config', 'prometheus.yml'), /SUCCESS/);
    assert.match(promtool(null, 'check', 'rules', 'alerts.yml'), /SUCCESS/);
  });

  it('finds that the alerts say what they should', () => {
    assert.match(promtool(null, 'test', 'rules', 'alerts.test.yml'), /SUCCESS/);
  });

  it('can read every query of the dashboard', async (t) => {
    const { panels } = dashboard();
    const queries = panels.flatMap(({ targets }) => targets ?? []).map(({ expr }) => expr);
    assert.ok(queries.length > 50);
    const rules = queries.map((query, at) => {
      const expr = query.replaceAll('$__rate_interval', '1m').replaceAll(/\$[a-z]+/g, 'x');
      return { record: `query:${at}`, expr };
    });
    const file = join(await folder(t), 'queries.yml');
    await writeFile(file, JSON.stringify({ groups: [{ name: 'dashboard', rules }] }));
    assert.match(promtool(null, 'check', 'rules', file), /SUCCESS/);
  });

  it('has nothing to say about what a node writes', async (t) => {
    const { metrics, address } = await monitored(
      t,
      `
routes:
  calls: { pattern: reqrep, frontend: { bind: "tcp://127.0.0.1:*" }, backend: { bind: "tcp://127.0.0.1:*" } }
  kept: { pattern: pipeline, frontend: { bind: "tcp://127.0.0.1:*" }, backend: { bind: "tcp://127.0.0.1:*" }, stream: {} }
sessions: { bind: "tcp://127.0.0.1:*" }
streams: { events: {} }
`,
    );
    const worker = new Reply();
    const asker = new Dealer({ routingId: 'a "b"\\' });
    t.after(() => {
      worker.close();
      asker.close();
    });
    worker.connect(address('calls', 'backend'));
    asker.connect(address('calls', 'frontend'));
    metrics.exports('logs');
    let text = '';
    do {
      await asker.send(['', 'question']);
      await worker.send(await worker.receive());
      await asker.receive();
      text = await metrics.text();
    } while (seriesOf(text, 'zeroth_route_request_seconds_count{route="calls"}') === null);
    assert.match(text, /peer="a \\"b\\"\\\\"/);
    assert.equal(promtool(text, 'check', 'metrics'), '');
  });
});

describe('examples/monitoring', () => {
  const known = new Set<string>(
    FAMILIES.flatMap(({ name, type }) =>
      type === 'histogram' ? ['bucket', 'sum', 'count'].map((part) => `${name}_${part}`) : [name],
    ),
  );

  for (const file of ['alerts.yml', 'alerts.test.yml', 'dashboard.json', 'README.md'])
    it(`${file} has no metric that does not exist`, () => {
      const text = readFileSync(join(FOLDER, file), 'utf8');
      const used = new Set(text.match(/\b(?:zeroth|process|nodejs)_[a-z_]+\b/g) ?? []);
      assert.deepEqual(
        [...used].filter((name) => !known.has(name)),
        [],
      );
    });

  it('the dashboard shows all metrics of the node', () => {
    const text = readFileSync(join(FOLDER, 'dashboard.json'), 'utf8');
    const left = FAMILIES.map(({ name }) => name).filter((name) => !text.includes(name));
    assert.deepEqual(left, [
      'zeroth_stream_committed_sequence',
      'zeroth_live',
      'process_start_time_seconds',
      'nodejs_heap_size_total_bytes',
    ]);
  });

  it('the dashboard is one that Grafana takes', () => {
    const { panels } = dashboard();
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
    assert.ok(panels.every(({ gridPos }) => gridPos.x + gridPos.w <= 24));
    const rows = panels.filter(({ type }) => type === 'row').map(({ title }) => title);
    assert.deepEqual(rows, ['Overview', 'Routes', 'Peers', 'Streams', 'Node']);
  });
});
