import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it, type TestContext } from 'node:test';
import { LogTap } from '../../../src/log/tap.ts';
import type { Signal } from '../../../src/metrics/sources.ts';
import { createTelemetry, type Telemetry } from '../../../src/telemetry/telemetry.ts';
import { testLog } from '../../support/log.ts';
import { configOf, monitored } from '../../support/monitored.ts';
import { OtlpReceiver } from '../../support/otlp-receiver.ts';

const PARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const SECRET = 'tops3cret';

interface Observed {
  readonly telemetry: Telemetry;
  readonly tap: LogTap;
  readonly figures: (signal: Signal) => { exported: number; failed: number; dropped: number };
  /** What was warned of. */
  readonly warned: object[];
  /** The section of the configuration; null: without it. */
  apply(section: string | null): Promise<void>;
}

async function observed(t: TestContext): Promise<Observed> {
  const { metrics } = await monitored(
    t,
    'routes: { r: { pattern: pipeline, frontend: { bind: "tcp://127.0.0.1:*" }, backend: { bind: "tcp://127.0.0.1:*" } } }',
  );
  const tap = new LogTap();
  const warned: object[] = [];
  const log = testLog((level, fields) => {
    if (level === 'warn') warned.push(fields);
  });
  const telemetry = createTelemetry({ metrics, tap, log, version: '1.2.3' });
  t.after(() => telemetry.stop(0));
  return {
    telemetry,
    tap,
    figures: (signal) => metrics.exports(signal),
    warned,
    apply: (section) =>
      telemetry.apply(
        configOf(
          `node: { name: press-4 }\nroutes: { r: { pattern: pipeline, frontend: { bind: "inproc://a" }, backend: { bind: "inproc://b" } } }\n${section === null ? '' : `telemetry: ${section}\n`}`,
        ),
      ),
  };
}

const listening = ({ lines }: LogTap): boolean => lines.size > 0;
const tell = ({ lines }: LogTap, text: string): void => {
  for (const listener of lines) listener(line(text));
};
const line = (msg: string): string =>
  `${JSON.stringify({ level: 'info', time: new Date().toISOString(), msg })}\n`;

describe('telemetry', () => {
  it('sends metrics, log lines and spans to a collector', async (t) => {
    const receiver = await OtlpReceiver.open(t);
    const { telemetry, tap, apply, figures } = await observed(t);
    await apply(`{ endpoint: "${receiver.url}/", interval: 100ms, headers: "authorization=${SECRET}" }`);
    tell(tap, 'hello');
    const next = telemetry.spans.published('events', 7, PARENT);
    telemetry.spans.delivered('events', 'g', 7, next);
    const metric = await receiver.until(() =>
      receiver.metrics.find(({ name }) => name === 'zeroth_route_up'),
    );
    assert.deepEqual(metric, {
      name: 'zeroth_route_up',
      unit: '',
      type: 'gauge',
      attributes: { route: 'r', pattern: 'pipeline' },
      value: 1,
    });
    await receiver.until(() => receiver.logs.some(({ body }) => body === 'hello'));
    await receiver.until(() => receiver.spans.length === 2);
    const [stored, delivered] = receiver.spans;
    assert.equal(next, `00-${stored?.traceId}-${stored?.spanId}-01`);
    assert.equal(stored?.parentSpanId, 'b7ad6b7169203331');
    assert.equal(delivered?.traceId, '0af7651916cd43dd8448eb211c80319c');
    assert.equal(delivered?.parentSpanId, stored?.spanId);
    assert.equal(delivered?.attributes['messaging.consumer.group.name'], 'g');
    assert.deepEqual(receiver.resources[0], {
      'service.name': 'zeroth',
      'service.instance.id': 'press-4',
      'service.version': '1.2.3',
    });
    assert.ok(receiver.headers.every(({ authorization }) => authorization === SECRET));
    assert.deepEqual(receiver.problems, []);
    assert.ok(figures('metrics').exported > 0);
    assert.equal(figures('metrics').failed, 0);
  });

  it('has the names of /metrics, and no others', async (t) => {
    const receiver = await OtlpReceiver.open(t);
    const { apply } = await observed(t);
    await apply(`{ endpoint: "${receiver.url}", interval: 100ms }`);
    await receiver.until(() => receiver.metrics.some(({ name }) => name === 'process_cpu_seconds_total'));
    const { FAMILIES } = await import('../../../src/metrics/table.ts');
    const known = new Set(FAMILIES.map(({ name }) => name));
    assert.deepEqual(
      [...new Set(receiver.metrics.map(({ name }) => name))].filter((name) => !known.has(name)),
      [],
    );
    const cpu = receiver.metrics.find(({ name }) => name === 'process_cpu_seconds_total');
    assert.deepEqual([cpu?.type, cpu?.unit], ['sum', 's']);
  });

  it('follows the traces that their publisher follows, and traceSample of a hundred of them', async (t) => {
    const receiver = await OtlpReceiver.open(t);
    const { telemetry, apply } = await observed(t);
    await apply(`{ endpoint: "${receiver.url}", metrics: false, traceSample: 0 }`);
    assert.equal(telemetry.spans.published('s', 1, PARENT), PARENT);
    await apply(`{ endpoint: "${receiver.url}", metrics: false }`);
    for (const text of [
      '',
      'x',
      PARENT.replace(/1$/, '0'),
      PARENT.replace('0af', '0AF'),
      `ff${PARENT.slice(2)}`,
    ])
      assert.equal(telemetry.spans.published('s', 1, text), text);
    assert.equal(
      telemetry.spans.published('s', 1, `00-${'0'.repeat(32)}-b7ad6b7169203331-01`).slice(3, 35),
      '0'.repeat(32),
    );
    assert.notEqual(telemetry.spans.published('s', 1, PARENT), PARENT);
  });

  it('follows the configuration: off, on, somewhere else, off', async (t) => {
    const first = await OtlpReceiver.open(t);
    const second = await OtlpReceiver.open(t);
    const { telemetry, tap, apply } = await observed(t);
    await apply(null);
    assert.equal(listening(tap), false);
    await apply(`{ endpoint: "${first.url}", interval: 1h }`);
    const listeners = [...tap.lines];
    tell(tap, 'to the first');
    await apply(`{ endpoint: "${first.url}", interval: 1h }`);
    assert.deepEqual([...tap.lines], listeners);
    await apply(`{ endpoint: "${second.url}", interval: 1h, traces: false }`);
    tell(tap, 'to the second');
    assert.equal(telemetry.spans.published('s', 1, PARENT), PARENT);
    await apply(null);
    assert.equal(listening(tap), false);
    await telemetry.stop(5000);
    assert.deepEqual(
      [first, second].map(({ logs }) => logs.map(({ body }) => body)),
      [['to the first'], ['to the second']],
    );
    assert.ok(first.metrics.length > 0);
  });

  it('sends what waits when it stops', async (t) => {
    const receiver = await OtlpReceiver.open(t);
    const { telemetry, tap, apply, figures } = await observed(t);
    await apply(`{ endpoint: "${receiver.url}", interval: 1h }`);
    for (let count = 0; count < 1500; count++) tell(tap, `line ${count}`);
    await telemetry.stop(5000);
    assert.equal(receiver.logs.length, 1500);
    assert.equal(figures('logs').exported, 1500);
    await telemetry.stop(5000);
  });

  it('drops what a collector does not take, counts it, says so, and goes on when it can', async (t) => {
    const receiver = await OtlpReceiver.open(t);
    receiver.mode = 'refuse';
    const { telemetry, tap, apply, figures, warned } = await observed(t);
    await apply(`{ endpoint: "${receiver.url}", interval: 100ms, headers: "x-token=${SECRET}" }`);
    for (let count = 0; count < 5000; count++) {
      tell(tap, `line ${count}`);
      telemetry.spans.published('s', count, PARENT);
    }
    assert.equal(figures('logs').dropped, 5000 - 2048);
    assert.equal(figures('traces').dropped, 5000 - 2048);
    await receiver.until(() => figures('logs').failed === 2048 && figures('traces').failed === 2048);
    await receiver.until(() => figures('metrics').failed > 2);
    const signals = (warned as { signal?: string }[]).map(({ signal }) => signal);
    assert.deepEqual([...new Set(signals)].sort(), ['logs', 'metrics', 'traces']);
    assert.ok(!JSON.stringify(warned).includes(SECRET));
    receiver.mode = 'take';
    tell(tap, 'again');
    await receiver.until(() => receiver.logs.some(({ body }) => body === 'again'));
    assert.deepEqual(receiver.problems, []);
  });

  it('stops in time when the collector does not answer', async (t) => {
    const receiver = await OtlpReceiver.open(t);
    receiver.mode = 'hang';
    const { telemetry, tap, apply } = await observed(t);
    await apply(`{ endpoint: "${receiver.url}", interval: 100ms }`);
    tell(tap, 'lost');
    await receiver.until(() => receiver.requests > 1);
    await telemetry.stop(50);
    assert.equal(listening(tap), false);
  });

  it('that was replaced does not hold up the stop either', async (t) => {
    const receiver = await OtlpReceiver.open(t);
    receiver.mode = 'hang';
    const { telemetry, tap, apply, warned } = await observed(t);
    for (const service of ['first', 'second']) {
      const before = receiver.requests;
      await apply(`{ endpoint: "${receiver.url}/${service}", interval: 1h }`);
      tell(tap, 'lost');
      await receiver.until(() => receiver.requests > before);
    }
    await telemetry.stop(50);
    // Given up when it ended, and not when they had been waited for.
    const reasons = new Set((warned as { reason?: string }[]).map(({ reason }) => reason));
    assert.deepEqual([...reasons], ['telemetry ends']);
  });
});

describe('without telemetry in the configuration', () => {
  it('nothing of OpenTelemetry is loaded, and with it something is', () => {
    const url = (path: string): string =>
      JSON.stringify(new URL(`../../../src/${path}`, import.meta.url).href);
    const script = `
      import { createRequire } from 'node:module';
      const { createTelemetry } = await import(${url('telemetry/telemetry.js')});
      const { createMetrics } = await import(${url('metrics/metrics.js')});
      const exports = () => ({ exported: 0, failed: 0, dropped: 0 });
      const telemetry = createTelemetry({ metrics: { exports }, tap: { lines: new Set() }, log: null, version: '' });
      const loaded = () => Object.keys(createRequire(import.meta.url).cache).filter((path) => path.includes('opentelemetry')).length;
      await telemetry.apply({ node: { name: 'n' }, telemetry: null });
      const without = loaded();
      const section = { endpoint: 'http://127.0.0.1:9', headers: '', interval: 3600000, metrics: false, logs: true, traces: true, traceSample: 100 };
      await telemetry.apply({ node: { name: 'n' }, telemetry: section });
      console.log(JSON.stringify({ without, some: loaded() > 0, made: typeof createMetrics }));
      await telemetry.stop(0);
    `;
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
    });
    assert.deepEqual(JSON.parse(stdout || '{}'), { without: 0, some: true, made: 'function' }, stderr);
  });
});
