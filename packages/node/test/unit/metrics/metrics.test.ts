import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { connect } from '@zeroth/client';
import { Dealer, Pull, Push, Reply, Request } from '@zeroth/zmq';
import { FAMILIES } from '../../../src/metrics/table.ts';
import { monitored, seriesOf } from '../../support/monitored.ts';

const ROUTES = `
routes:
  jobs: { pattern: pipeline, frontend: { bind: "tcp://127.0.0.1:*" }, backend: { bind: "tcp://127.0.0.1:*" } }
  calls: { pattern: reqrep, frontend: { bind: "tcp://127.0.0.1:*" }, backend: { bind: "tcp://127.0.0.1:*" } }
  kept: { pattern: pipeline, frontend: { bind: "tcp://127.0.0.1:*" }, backend: { bind: "tcp://127.0.0.1:*" }, stream: {} }
sessions: { bind: "tcp://127.0.0.1:*" }
streams: { events: {} }
`;

describe('metrics of a running node', () => {
  it('count what passes each route and each peer', async (t) => {
    const { metrics, address } = await monitored(t, ROUTES);
    const worker = new Dealer();
    const asker = new Dealer({ routingId: 'line "1"' });
    t.after(() => {
      worker.close();
      asker.close();
    });
    worker.connect(address('calls', 'backend'));
    asker.connect(address('calls', 'frontend'));
    for (let count = 0; count < 10; count++) await asker.send('0123456789');
    for (let count = 0; count < 10; count++) await worker.receive();
    const text = await metrics.text();
    assert.equal(seriesOf(text, 'zeroth_route_messages_total{route="calls",direction="toBack"}'), 10);
    assert.equal(seriesOf(text, 'zeroth_route_messages_total{route="calls",direction="toFront"}'), 0);
    assert.equal(seriesOf(text, 'zeroth_route_peers{route="calls",side="frontend"}'), 1);
    assert.equal(seriesOf(text, 'zeroth_route_connections_total{route="calls",side="backend"}'), 1);
    const peer = 'route="calls",side="frontend",peer="line \\"1\\""';
    assert.equal(seriesOf(text, `zeroth_peer_messages_total{${peer},direction="in"}`), 10);
    assert.equal(seriesOf(text, 'zeroth_config_reloads_total{result="refused"}'), 1);
    assert.equal(seriesOf(text, 'zeroth_ready'), 1);
  });

  it('show what waits for a worker that is not there, and how long', async (t) => {
    const { metrics, address } = await monitored(t, ROUTES);
    const producer = new Push();
    t.after(() => producer.close());
    producer.connect(address('jobs', 'frontend'));
    for (let count = 0; count < 5; count++) await producer.send('x');
    const queued = 'zeroth_route_queued_messages{route="jobs",side="frontend",queue="in"}';
    const age = 'zeroth_route_queue_age_seconds{route="jobs",side="frontend",queue="in"}';
    let text = await metrics.text();
    while (seriesOf(text, queued) !== 5 || !(Number(seriesOf(text, age)) > 0)) text = await metrics.text();
    const worker = new Pull();
    t.after(() => worker.close());
    worker.connect(address('jobs', 'backend'));
    for (let count = 0; count < 5; count++) await worker.receive();
    while (seriesOf(text, age) !== 0) text = await metrics.text();
    assert.equal(seriesOf(text, queued), 0);
  });

  it('measure answers and commits', async (t) => {
    const { metrics, address, node } = await monitored(t, ROUTES);
    const worker = new Reply();
    const asker = new Request();
    const producer = new Push();
    const client = await connect(node.sessions[0] ?? '', { name: 'reader' });
    t.after(async () => {
      for (const socket of [worker, asker, producer]) socket.close();
      await client.close({ timeout: 0 });
    });
    worker.connect(address('calls', 'backend'));
    asker.connect(address('calls', 'frontend'));
    producer.connect(address('kept', 'frontend'));
    await client.stream('events').publish('one');
    await producer.send('kept');
    let text = '';
    const count = (series: string): number => seriesOf(text, series) ?? 0;
    while (count('zeroth_route_request_seconds_count{route="calls"}') === 0) {
      await asker.send('question');
      await worker.send(await worker.receive());
      await asker.receive();
      text = await metrics.text();
    }
    while (count('zeroth_stream_waiting_records{stream="kept"}') === 0) text = await metrics.text();
    assert.ok(count('zeroth_stream_commit_seconds_count{stream="events"}') > 0);
    assert.equal(count('zeroth_stream_committed_sequence{stream="events"}'), 2);
    assert.equal(count('zeroth_sessions_connected'), 1);
    assert.ok(count('zeroth_stream_waiting_age_seconds{stream="kept"}') >= 0);
    const consumer = client.stream('events').consume({ group: 'g', from: 'first' });
    const record = (await consumer[Symbol.asyncIterator]().next()).value;
    text = await metrics.text();
    assert.equal(count('zeroth_group_in_flight_records{stream="events",group="g"}'), 1);
    assert.equal(count('zeroth_group_lag_records{stream="events",group="g"}'), 1);
    assert.ok(count('zeroth_group_lag_seconds{stream="events",group="g"}') > 0);
    record?.ack();
    while (count('zeroth_group_lag_records{stream="events",group="g"}') > 0) text = await metrics.text();
    assert.equal(count('zeroth_group_lag_seconds{stream="events",group="g"}'), 0);
    // Every other family of the table has a value by now, but what the system or the garbage collector may not tell.
    const without = (await metrics.collect()).filter(({ samples }) => samples.length === 0);
    const names = without
      .map(({ family }) => family.name)
      .filter((name) => !['process_open_fds', 'nodejs_gc_duration_seconds'].includes(name));
    assert.deepEqual(names, [
      'zeroth_peer_unhealthy',
      'zeroth_telemetry_exported_total',
      'zeroth_telemetry_failed_total',
      'zeroth_telemetry_dropped_total',
    ]);
  });

  it('count a peer that was refused', async (t) => {
    const { metrics, address } = await monitored(t, ROUTES);
    const stranger = new Dealer();
    t.after(() => stranger.close());
    stranger.connect(address('jobs', 'frontend'));
    const series = 'zeroth_route_refused_peers_total{route="jobs",side="frontend"}';
    let text = '';
    do text = await metrics.text();
    while (seriesOf(text, series) === 0);
    assert.ok(Number(seriesOf(text, series)) > 0);
  });

  it('share one reading between two that ask at once', async (t) => {
    const { metrics } = await monitored(t, ROUTES);
    const [one, other] = await Promise.all([metrics.collect(), metrics.collect()]);
    assert.equal(one, other);
    assert.notEqual(await metrics.collect(), one);
    assert.equal(one.length, FAMILIES.length);
  });
});
