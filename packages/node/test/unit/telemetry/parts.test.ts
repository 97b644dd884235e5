import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseHeaders } from '../../../src/telemetry/headers.ts';
import { logRecord } from '../../../src/telemetry/records.ts';
import { configOf } from '../../support/monitored.ts';

const config = (headers: string): string =>
  `routes: { r: { pattern: pipeline, frontend: { bind: "inproc://a" }, backend: { bind: "inproc://b" } } }\ntelemetry: { headers: ${JSON.stringify(headers)} }\n`;

describe('headers for the collector', () => {
  it('are names and values', () => {
    const text = 'authorization=Bearer a=b==, x-scope= team 1';
    assert.equal(configOf(config(text)).telemetry?.headers, text);
    assert.deepEqual(parseHeaders(text), { authorization: 'Bearer a=b==', 'x-scope': 'team 1' });
    assert.deepEqual(parseHeaders(''), {});
  });

  it('are refused by the configuration when HTTP does not allow them, and not told', () => {
    for (const text of [
      'tops3cret',
      'a b=tops3cret',
      'x=tops3cret\r\ny: 1',
      'x=\u00e4tops3cret',
      '=tops3cret',
    ])
      assert.throws(
        () => configOf(config(text)),
        ({ message }: Error) => !message.includes('tops3cret'),
        text,
      );
  });
});

describe('a line of the log as a record', () => {
  it('keeps its fields, its level and its time', () => {
    const time = '2026-01-02T03:04:05.678Z';
    const line = JSON.stringify({
      level: 'warn',
      time,
      node: 'n',
      pid: 1,
      event: 'drop',
      count: 3,
      msg: 'dropped',
    });
    assert.deepEqual(logRecord(`${line}\n`), {
      timestamp: Date.parse(time),
      severityNumber: 13,
      severityText: 'warn',
      eventName: 'drop',
      body: 'dropped',
      attributes: { count: 3 },
    });
  });

  it('names an error as the conventions do', () => {
    const err = { type: 'ZerothError', message: 'no', stack: 'at x', code: 'BIND_FAILED' };
    const { attributes } = logRecord(JSON.stringify({ level: 'fatal', err, msg: 'crash' }));
    assert.deepEqual(attributes, {
      'exception.type': 'ZerothError',
      'exception.message': 'no',
      'exception.stacktrace': 'at x',
    });
  });

  it('is the line itself when that is no JSON object', () => {
    for (const line of ['[1]', 'plain', '"text"', 'null', '{'])
      assert.deepEqual(logRecord(`${line}\n`), { body: line });
    assert.equal(String(logRecord(`{"msg":"${'x'.repeat(100_000)}"}`).body).length, 16_384);
  });
});
