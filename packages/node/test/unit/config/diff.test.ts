import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { configValues, diffConfig } from '../../../src/config/diff.ts';
import { DEFAULT_CONFIG_YAML } from '../../../src/config/templates.ts';
import { good, route } from './support.ts';

const BASE = `${route('')}streams: { s: {} }\nsessions: { bind: tcp://127.0.0.1:5550 }\n`;
const lines = (before: string, after: string): string[] =>
  diffConfig(good(before), good(after)).map(
    ({ key, kind, before: old, after: next, reloadable }) =>
      `${kind} ${key}: ${old} -> ${next}${reloadable ? '' : ' (restart)'}`,
  );

describe('what differs', () => {
  it('is nothing between equal configurations, however they are written', () => {
    assert.deepEqual(lines(BASE, `# other\n${BASE.replace('pattern: pipeline', 'pattern: "pipeline"')}`), []);
    assert.deepEqual(lines(route('    heartbeatInterval: 60s\n'), route('    heartbeatInterval: 1m\n')), []);
  });

  it('is told as a person writes it', () => {
    const changed = BASE.replace('tcp://*:5560', '[tcp://*:5560, ipc:///a]').replace(
      'streams',
      '    heartbeatInterval: 90s\n    maxMessageSize: 3MiB\n    maxPeers: 7\n    tcpKeepalive: true\nstreams',
    );
    assert.deepEqual(lines(BASE, changed), [
      'changed routes.r.frontend.bind: tcp://*:5560 -> [tcp://*:5560, ipc:///a]',
      'changed routes.r.maxMessageSize: 64MiB -> 3MiB',
      'changed routes.r.maxPeers: 10000 -> 7',
      'changed routes.r.heartbeatInterval: 10s -> 90s',
      'changed routes.r.tcpKeepalive: false -> true',
    ]);
  });

  it('says what comes and goes as a whole, with what is not the default', () => {
    const more = `${BASE}telemetry: { interval: 5s, headers: a=b }\n`.replace(
      'streams: { s: {} }',
      '  "a.b":\n    pattern: pubsub\n    frontend: { bind: tcp://*:1 }\n    backend: { bind: tcp://*:2 }\n    stream: {}\nstreams: { t: { retain: { age: 1d } } }',
    );
    const route2 =
      '{ pattern: pubsub, frontend: { bind: tcp://*:1 }, backend: { bind: tcp://*:2 }, stream: {} }';
    assert.deepEqual(lines(BASE, more), [
      `added routes["a.b"]: null -> ${route2}`,
      'added streams.t: null -> { retain: { age: 1d } }',
      'removed streams.s: {} -> null',
      'added telemetry: null -> { headers: [redacted], interval: 5s }',
    ]);
    assert.deepEqual(lines(more, BASE).slice(0, 1), [`removed routes["a.b"]: ${route2} -> null`]);
  });

  it('says of a secret only that it is another one', () => {
    const token = (text: string): string => `${route('')}admin: { token: ${text} }\n`;
    const all = lines(token('aaaaaaaaaaaaaaaaaaaaa'), token('bbbbbbbbbbbbbbbbbbbbb'));
    assert.deepEqual(all, ['changed admin.token: [redacted] -> [redacted]']);
    assert.deepEqual(lines(route(''), token('aaaaaaaaaaaaaaaaaaaaa')), [
      'changed admin.token: "" -> [redacted]',
    ]);
  });

  it('names what counts from the next start', () => {
    assert.deepEqual(lines(BASE, `node: { name: other, stopTimeout: 5s }\nlog: { format: json }\n${BASE}`), [
      'changed node.name: plant-7 -> other (restart)',
      'changed node.stopTimeout: 10s -> 5s',
      'changed log.format: auto -> json (restart)',
    ]);
    const source = 'source: { kind: etcd, url: "http://a:1" }\n';
    assert.deepEqual(lines(BASE + source, `${BASE}${source.replace(':1', ':2')}`), [
      'changed source.url: http://a:1 -> http://a:2 (restart)',
    ]);
  });

  it('is short, whatever is in it', () => {
    const many = Array.from({ length: 256 }, (_, i) => `tcp://10.0.0.5:${i + 1}`).join(', ');
    const changes = diffConfig(good(BASE), good(BASE.replace('bind: tcp://*:5560', `connect: [${many}]`)));
    assert.deepEqual(
      changes.map(({ after }) => after?.length),
      ['[]'.length, 500],
    );
  });
});

it('the values of a configuration are in the order of the file, without secrets', () => {
  const config = good(`${DEFAULT_CONFIG_YAML.replace('admin:', 'admin:\n  token: aaaaaaaaaaaaaaaaaaaaa')}`);
  const values = new Map(configValues(config).map(({ key, value }) => [key, value]));
  assert.equal(values.get('routes.orders.timeout'), '0s');
  assert.equal(values.get('routes.orders.frontend.bind'), 'tcp://127.0.0.1:5557');
  assert.equal(values.get('admin.token'), '[redacted]');
  assert.equal(values.get('streams.events.retain.bytes'), '10GiB');
  assert.equal(values.get('telemetry.interval'), undefined);
  const names = [...values.keys()];
  assert.ok(names.indexOf('node.name') < names.indexOf('routes.telemetry.pattern'));
  assert.ok(names.indexOf('routes.telemetry.pattern') < names.indexOf('routes.jobs.pattern'));
});
