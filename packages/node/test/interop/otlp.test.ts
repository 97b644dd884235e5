/** A node with a client that traces what it publishes, and a collector: telemetry as users have it. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { connect } from '@zeroth/client';
import { folder, start, startNode } from '../support/cli.ts';
import { OtlpReceiver } from '../support/otlp-receiver.ts';
import { unusedEndpoint } from '../support/port.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';

describe('a node with telemetry', () => {
  it('sends its log, its metrics, and a span of each record that was published with a context', async (t) => {
    const receiver = await OtlpReceiver.open(t);
    const endpoint = await unusedEndpoint();
    const node = await startNode(
      t,
      `
node: { name: press-4, dataDir: ${JSON.stringify(await folder(t))} }
sessions: { bind: "${endpoint}" }
streams: { events: {} }
telemetry: { endpoint: "${receiver.url}", interval: 200ms }
`,
    );
    const client = await connect(endpoint, { name: 'tracer' });
    t.after(() => client.close({ timeout: 0 }));
    const events = client.stream('events');
    await events.publish('plain');
    await events.publish('followed', { traceparent: `00-${TRACE}-b7ad6b7169203331-01` });
    await events.publish('not followed', { traceparent: `00-${'1'.repeat(32)}-b7ad6b7169203331-00` });
    const contexts: (string | null)[] = [];
    for await (const record of events.consume({ group: 'g', from: 'first' })) {
      contexts.push(record.traceparent);
      record.ack();
      if (contexts.length === 3) break;
    }
    await receiver.until(() => receiver.spans.length === 2);
    const stored = receiver.spans.find(({ name }) => name === 'store events');
    const delivered = receiver.spans.find(({ name }) => name === 'deliver events');
    assert.equal(stored?.traceId, TRACE);
    assert.equal(stored?.parentSpanId, 'b7ad6b7169203331');
    assert.equal(delivered?.traceId, TRACE);
    assert.equal(delivered?.parentSpanId, stored?.spanId);
    assert.equal(delivered?.attributes['messaging.message.id'], '2');
    assert.equal(contexts[0], null);
    assert.equal(contexts[1], `00-${TRACE}-${stored?.spanId}-01`);
    assert.equal(contexts[2], `00-${'1'.repeat(32)}-b7ad6b7169203331-00`);
    const records = await receiver.until(() =>
      receiver.metrics.find(
        ({ name, attributes, value }) =>
          name === 'zeroth_stream_records_total' && attributes.stream === 'events' && value === 3,
      ),
    );
    assert.equal(records.type, 'sum');
    await node.process.stop('SIGTERM');
    // What was written last is sent before the end.
    assert.ok(receiver.logs.some(({ eventName }) => eventName === 'stop'));
    assert.ok(receiver.resources.every((resource) => resource['service.instance.id'] === 'press-4'));
    assert.deepEqual(receiver.problems, []);
  });

  it('begins and ends to send while it runs, as its file says', async (t) => {
    const receiver = await OtlpReceiver.open(t);
    const file = join(await folder(t), 'zeroth.yaml');
    const yaml = `node: { dataDir: ${JSON.stringify(await folder(t))} }\nstreams: { events: {} }\n`;
    await writeFile(file, yaml);
    const node = start(t, ['run', file]);
    await node.waitFor('stderr', /"event":"ready"/);
    await writeFile(file, `${yaml}telemetry: { endpoint: "${receiver.url}", interval: 100ms }\n`);
    await receiver.until(() => receiver.metrics.some(({ name }) => name === 'zeroth_ready'));
    await receiver.until(() => receiver.logs.length > 0);
    await writeFile(file, yaml);
    await node.until(
      'the change was not taken',
      () => node.stderr.split('"event":"config:applied"').length > 2,
    );
    const { requests } = receiver;
    const { code } = await node.stop('SIGTERM');
    assert.equal(code, 0);
    assert.ok(receiver.requests <= requests + 3, 'only what waited at the change was sent');
    assert.deepEqual(receiver.problems, []);
  });

  it('starts and stops without a collector', async (t) => {
    const node = await startNode(
      t,
      `
node: { dataDir: ${JSON.stringify(await folder(t))} }
streams: { events: {} }
telemetry: { endpoint: "http://127.0.0.1:9", interval: 100ms }
`,
    );
    const { code } = await node.process.stop('SIGTERM');
    assert.equal(code, 0);
  });
});
