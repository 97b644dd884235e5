import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodeClientMessage, decodeNodeMessage, WireError } from '../../../src/wire/decode.ts';
import { encodeNodeMessage } from '../../../src/wire/encode.ts';
import { decodeTrace, isTraceparent, MAX_CONTEXTS } from '../../../src/wire/trace.ts';

const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

describe('a traceparent', () => {
  it('has a version, a trace, a span and flags', () => {
    assert.ok(isTraceparent(TRACEPARENT));
    assert.ok(isTraceparent(TRACEPARENT.replace(/^00/, '01')));
  });

  for (const [name, value] of [
    ['nothing', ''],
    ['no text', 7],
    ['version ff', TRACEPARENT.replace(/^00/, 'ff')],
    ['upper case', TRACEPARENT.toUpperCase()],
    ['a trace of zeros', `00-${'0'.repeat(32)}-b7ad6b7169203331-01`],
    ['a span of zeros', `00-0af7651916cd43dd8448eb211c80319c-${'0'.repeat(16)}-01`],
    ['more behind it', `${TRACEPARENT}-more`],
    ['a line end behind it', `${TRACEPARENT}\n`],
  ] as const)
    it(`is not ${name}`, () => assert.ok(!isTraceparent(value)));
});

describe('the frame of trace contexts', () => {
  it('is read without what is none', () => {
    const trace = {
      7: TRACEPARENT,
      8: 'no',
      0: TRACEPARENT,
      '-1': TRACEPARENT,
      x: TRACEPARENT,
      1e3: TRACEPARENT,
    };
    assert.deepEqual(
      decodeTrace({ trace }),
      new Map([
        [7, TRACEPARENT],
        [1000, TRACEPARENT],
      ]),
    );
  });

  for (const value of [{}, { trace: null }, { trace: 'x' }, { trace: {} }, { trace: { 1: 'x' } }])
    it(`has none in ${JSON.stringify(value)}`, () => assert.equal(decodeTrace(value), null));

  it('is bounded', () => {
    const trace = Object.fromEntries(
      Array.from({ length: MAX_CONTEXTS + 1 }, (_, at) => [at + 1, TRACEPARENT]),
    );
    assert.equal(decodeTrace({ trace })?.size, MAX_CONTEXTS);
  });
});

describe('messages with one frame more', () => {
  const publish = [
    Buffer.from('PUBLISH'),
    Buffer.from('t'),
    Buffer.from([0, 0, 0, 0, 0, 0, 0, 1]),
    Buffer.alloc(2),
  ];
  const chunks = [{ sequence: 1, timestamp: 1, deliveries: 1, run: Buffer.alloc(2) }];
  const records = encodeNodeMessage({ type: 'RECORDS', consumer: 1, chunks });

  it('go without what their JSON has beside', () => {
    const more = Buffer.from('{"later":1}');
    assert.ok(!('trace' in decodeClientMessage([...publish, more])));
    const decoded = decodeNodeMessage([...records, more]);
    assert.ok(decoded.type === 'RECORDS' && decoded.trace === undefined);
    assert.deepEqual(decoded.chunks, chunks);
  });

  it('are malformed without JSON, and with more frames', () => {
    for (const more of [[Buffer.from('x')], [Buffer.alloc(0)], [Buffer.from('{}'), Buffer.from('{}')]]) {
      assert.throws(() => decodeClientMessage([...publish, ...more]), WireError);
      assert.throws(() => decodeNodeMessage([...records, ...more]), WireError);
    }
    assert.throws(() => decodeNodeMessage([...records.slice(0, 2), Buffer.from('{}')]), WireError);
  });
});
