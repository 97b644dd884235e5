/** docs/wire.md as octets, both ways, and everything that is no message. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { writeMessage } from '@zeroth/zmq/run';
import { decodeClientMessage, decodeNodeMessage, WireError } from '../../../src/wire/decode.ts';
import { encodeClientMessage, encodeNodeMessage } from '../../../src/wire/encode.ts';
import type { ClientMessage, NodeMessage } from '../../../src/wire/messages.ts';

const RECORD = '01 06 6c 69 6e 65 2d 32 00 02 68 69';

/** A frame: text, or octets in hex after `#`. */
function frame(text: string): Buffer {
  return text.startsWith('#') ? Buffer.from(text.slice(1).replaceAll(' ', ''), 'hex') : Buffer.from(text);
}

const u64 = (value: number): string => value.toString(16).padStart(16, '0');
const run = frame(`#${RECORD}`);

const REQUEST = {
  stream: 'telemetry',
  strategy: 'group',
  group: 'db',
  from: 'first',
  credit: 1000,
  ackTimeout: 30_000,
  maxDeliveries: 0,
  deadLetter: null,
  trace: false,
} as const;

const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

const fromClient: readonly [string, ClientMessage, readonly string[]][] = [
  [
    'HELLO',
    { type: 'HELLO', hello: { protocol: 1, name: 'press-4', instance: '6f1c', heartbeat: 5000 } },
    ['HELLO', '{"protocol":1,"name":"press-4","instance":"6f1c","heartbeat":5000}'],
  ],
  ['OPEN', { type: 'OPEN', stream: 'telemetry' }, ['OPEN', 'telemetry']],
  [
    'PUBLISH',
    { type: 'PUBLISH', stream: 'telemetry', first: 4, run },
    ['PUBLISH', 'telemetry', `#${u64(4)}`, `#${RECORD}`],
  ],
  [
    'PUBLISH with a trace context',
    { type: 'PUBLISH', stream: 'telemetry', first: 4, run, trace: new Map([[4, TRACEPARENT]]) },
    ['PUBLISH', 'telemetry', `#${u64(4)}`, `#${RECORD}`, `{"trace":{"4":"${TRACEPARENT}"}}`],
  ],
  [
    'CONSUME',
    { type: 'CONSUME', consumer: 1, request: REQUEST, prefix: Buffer.from('line') },
    ['CONSUME', '#00000001', JSON.stringify(REQUEST), 'line'],
  ],
  [
    'ACK',
    {
      type: 'ACK',
      consumer: 1,
      ranges: [
        { first: 118, last: 121 },
        { first: 125, last: 125 },
      ],
    },
    ['ACK', '#00000001', `#${u64(118)}${u64(121)}${u64(125)}${u64(125)}`],
  ],
  [
    'NACK',
    { type: 'NACK', consumer: 0xffff_ffff, ranges: [{ first: 1, last: 2 }], delay: 1000 },
    ['NACK', '#ffffffff', `#${u64(1)}${u64(2)}`, '#000003e8'],
  ],
  ['CANCEL', { type: 'CANCEL', consumer: 7 }, ['CANCEL', '#00000007']],
  ['INFO', { type: 'INFO', request: 7, stream: 'telemetry' }, ['INFO', '#00000007', 'telemetry']],
  ['PING', { type: 'PING' }, ['PING', '']],
  ['BYE', { type: 'BYE', reason: 'done' }, ['BYE', '{"reason":"done"}']],
];

const WELCOME = {
  protocol: 1,
  node: 'plant-7',
  heartbeat: 5000,
  window: 8_388_608,
  maxMessageSize: 67_108_864,
  resumed: false,
  trace: true,
};

const INFO = {
  stream: 'telemetry',
  first: 1,
  next: 122,
  bytes: 9120,
  trouble: null,
  groups: [{ name: 'db', strategy: 'group', consumers: 2, acknowledged: 118, inFlight: 4, lag: 4 } as const],
};

const fromNode: readonly [string, NodeMessage, readonly string[]][] = [
  ['WELCOME', { type: 'WELCOME', welcome: WELCOME }, ['WELCOME', JSON.stringify(WELCOME)]],
  ['OPENED', { type: 'OPENED', stream: 'telemetry', last: 0 }, ['OPENED', 'telemetry', `#${u64(0)}`]],
  [
    'STORED',
    {
      type: 'STORED',
      stream: 'telemetry',
      receipts: [
        { first: 1, last: 3, sequence: 118 },
        { first: 4, last: 4, sequence: 0 },
      ],
    },
    ['STORED', 'telemetry', `#${u64(1)}${u64(3)}${u64(118)}${u64(4)}${u64(4)}${u64(0)}`],
  ],
  [
    'REFUSED',
    {
      type: 'REFUSED',
      stream: 'telemetry',
      expected: 4,
      refusal: { code: 'STREAM_FAILED', message: 'disk full', retry: true, delay: 250 },
    },
    [
      'REFUSED',
      'telemetry',
      `#${u64(4)}`,
      '{"code":"STREAM_FAILED","message":"disk full","retry":true,"delay":250}',
    ],
  ],
  ['CONSUMING', { type: 'CONSUMING', consumer: 1, next: 1 }, ['CONSUMING', '#00000001', '{"next":1}']],
  [
    'RECORDS',
    {
      type: 'RECORDS',
      consumer: 1,
      chunks: [
        { sequence: 118, timestamp: 1_790_000_000_000, deliveries: 1, run },
        { sequence: 130, timestamp: 1_790_000_000_001, deliveries: 3, run },
      ],
    },
    [
      'RECORDS',
      '#00000001',
      `#${u64(118)}${u64(1_790_000_000_000)}00000001`,
      `#${RECORD}`,
      `#${u64(130)}${u64(1_790_000_000_001)}00000003`,
      `#${RECORD}`,
    ],
  ],
  [
    'RECORDS with a trace context',
    {
      type: 'RECORDS',
      consumer: 1,
      chunks: [{ sequence: 118, timestamp: 1_790_000_000_000, deliveries: 1, run }],
      trace: new Map([[118, TRACEPARENT]]),
    },
    [
      'RECORDS',
      '#00000001',
      `#${u64(118)}${u64(1_790_000_000_000)}00000001`,
      `#${RECORD}`,
      `{"trace":{"118":"${TRACEPARENT}"}}`,
    ],
  ],
  [
    'GAP',
    { type: 'GAP', consumer: 1, first: 1, last: 117, reason: 'retention' },
    ['GAP', '#00000001', `#${u64(1)}`, `#${u64(117)}`, '{"reason":"retention"}'],
  ],
  [
    'ENDED',
    { type: 'ENDED', consumer: 1, trouble: { code: 'CANCELLED', message: '' } },
    ['ENDED', '#00000001', '{"code":"CANCELLED","message":""}'],
  ],
  ['INFO', { type: 'INFO', request: 7, info: INFO }, ['INFO', '#00000007', JSON.stringify(INFO)]],
  [
    'INFO of no stream',
    { type: 'INFO', request: 7, info: { code: 'STREAM_UNKNOWN', message: 'no' } },
    ['INFO', '#00000007', '{"code":"STREAM_UNKNOWN","message":"no"}'],
  ],
  ['PONG', { type: 'PONG' }, ['PONG', '']],
  ['BYE', { type: 'BYE', reason: '' }, ['BYE', '{"reason":""}']],
  [
    'ERROR',
    { type: 'ERROR', trouble: { code: 'NO_SESSION', message: 'say HELLO' } },
    ['ERROR', '{"code":"NO_SESSION","message":"say HELLO"}'],
  ],
];

const hex = (frames: readonly Uint8Array[]): string[] =>
  frames.map((bytes) => Buffer.from(bytes).toString('hex'));

describe('a record in a run', () => {
  it('is the octets of docs/wire.md', () => {
    const bytes = Buffer.alloc(12);
    assert.equal(writeMessage(bytes, 0, [Buffer.from('line-2'), Buffer.from('hi')]), 12);
    assert.deepEqual(bytes, run);
  });
});

describe('client to node', () => {
  for (const [name, message, frames] of fromClient) {
    it(name, () => {
      assert.deepEqual(hex(encodeClientMessage(message)), hex(frames.map(frame)));
      assert.deepEqual(decodeClientMessage(frames.map(frame)), message);
    });
  }

  it('fills in defaults', () => {
    const decoded = decodeClientMessage(['CONSUME', '#00000001', '{"stream":"s","more":1}', ''].map(frame));
    assert.ok(decoded.type === 'CONSUME');
    assert.deepEqual(decoded.request, {
      stream: 's',
      strategy: 'broadcast',
      group: null,
      from: 'new',
      credit: 1000,
      ackTimeout: 30_000,
      maxDeliveries: 0,
      deadLetter: null,
      trace: false,
    });
  });

  for (const from of ['"last"', '{"sequence":17}', '{"time":1790000000000}']) {
    it(`takes from ${from}`, () => {
      const json = `{"stream":"s","from":${from}}`;
      const decoded = decodeClientMessage(['CONSUME', '#00000001', json, ''].map(frame));
      assert.ok(decoded.type === 'CONSUME');
      assert.deepEqual(decoded.request.from, JSON.parse(from));
    });
  }
});

describe('node to client', () => {
  for (const [name, message, frames] of fromNode) {
    it(name, () => {
      assert.deepEqual(hex(encodeNodeMessage(message)), hex(frames.map(frame)));
      assert.deepEqual(decodeNodeMessage(frames.map(frame)), message);
    });
  }
});

const BIG = '#0020000000000000';
const hello = (members: string): string[] => ['HELLO', `{"protocol":1,"name":"a","instance":"b"${members}}`];
const consume = (members: string): string[] => ['CONSUME', '#00000001', `{"stream":"s"${members}}`, ''];

const badFromClient: readonly (readonly string[])[] = [
  [],
  [''],
  ['NOTHING', ''],
  ['hello', '{}'],
  ['A'.repeat(17), ''],
  ['HELLO'],
  ['HELLO', '', ''],
  ['HELLO', ''],
  ['HELLO', '[]'],
  ['HELLO', 'null'],
  ['HELLO', '7'],
  ['HELLO', '{'],
  ['HELLO', '{}'],
  ['HELLO', '{"protocol":0,"name":"a","instance":"b"}'],
  ['HELLO', '{"protocol":"1","name":"a","instance":"b"}'],
  ['HELLO', '{"protocol":1,"name":"a b","instance":"b"}'],
  ['HELLO', `{"protocol":1,"name":"${'a'.repeat(65)}","instance":"b"}`],
  ['HELLO', '{"protocol":1,"name":"a","instance":""}'],
  ['HELLO', `{"protocol":1,"name":"a","instance":"${'b'.repeat(65)}"}`],
  hello(',"heartbeat":0'),
  hello(',"heartbeat":1.5'),
  ['HELLO', `{"x":"${'x'.repeat(1024 * 1024)}"}`],
  ['OPEN'],
  ['OPEN', ''],
  ['OPEN', 'a/b'],
  ['OPEN', 'ä'],
  ['OPEN', 'a'.repeat(65)],
  ['OPEN', 'a', ''],
  ['PUBLISH', 'a', `#${u64(1)}`],
  ['PUBLISH', 'a', `#${u64(1)}`, '', ''],
  ['PUBLISH', 'a', `#${u64(0)}`, ''],
  ['PUBLISH', 'a', BIG, ''],
  ['PUBLISH', 'a', '#01', ''],
  ['PUBLISH', 'a b', `#${u64(1)}`, ''],
  ['CONSUME', '#00000001', '{"stream":"s"}'],
  ['CONSUME', '#0001', '{"stream":"s"}', ''],
  ['CONSUME', '#00000001', '{}', ''],
  consume(',"strategy":"all"'),
  consume(',"strategy":"group"'),
  consume(',"strategy":"sharded","group":null'),
  consume(',"group":"a b"'),
  consume(',"group":7'),
  consume(',"from":"middle"'),
  consume(',"from":17'),
  consume(',"from":{}'),
  consume(',"from":{"sequence":0}'),
  consume(',"from":{"time":-1}'),
  consume(',"credit":0'),
  consume(',"credit":1e300'),
  consume(',"ackTimeout":-1'),
  consume(',"maxDeliveries":"5"'),
  consume(',"deadLetter":"a b"'),
  ['ACK', '#00000001'],
  ['ACK', '#00000001', ''],
  ['ACK', '#00000001', `#${u64(1)}`],
  ['ACK', '#00000001', `#${u64(0)}${u64(1)}`],
  ['ACK', '#00000001', `#${u64(2)}${u64(1)}`],
  ['ACK', '#00000001', `#${u64(1)}${BIG.slice(1)}`],
  ['ACK', '#00000001', `#${u64(1)}${u64(1)}`, ''],
  ['NACK', '#00000001', `#${u64(1)}${u64(1)}`],
  ['NACK', '#00000001', `#${u64(1)}${u64(1)}`, '#00'],
  ['CANCEL', '#000001'],
  ['CANCEL', '#00000001', ''],
  ['INFO', '#00000001'],
  ['INFO', '#00000001', 'a b'],
  ['BYE'],
  ['BYE', '{"reason":7}'],
];

const stored = (octets: string): string[] => ['STORED', 's', octets];

const badFromNode: readonly (readonly string[])[] = [
  [],
  ['HELLO', '{}'],
  ['WELCOME', '{}'],
  ['WELCOME', JSON.stringify({ ...WELCOME, window: 0 })],
  ['WELCOME', JSON.stringify({ ...WELCOME, heartbeat: -1 })],
  ['WELCOME', JSON.stringify({ ...WELCOME, node: 7 })],
  ['OPENED', 's'],
  ['OPENED', 's', '#00'],
  ['OPENED', 's', BIG],
  stored(''),
  stored('#00'),
  stored(`#${u64(1)}${u64(1)}`),
  stored(`#${u64(0)}${u64(1)}${u64(1)}`),
  stored(`#${u64(2)}${u64(1)}${u64(1)}`),
  stored(`#${u64(1)}${u64(1)}${BIG.slice(1)}`),
  ['REFUSED', 's', `#${u64(1)}`],
  ['REFUSED', 's', `#${u64(1)}`, '{}'],
  ['REFUSED', 's', `#${u64(1)}`, '{"code":"X","delay":-1}'],
  ['CONSUMING', '#00000001', '{}'],
  ['CONSUMING', '#00000001', '{"next":0}'],
  ['RECORDS', '#00000001'],
  ['RECORDS', '#00000001', `#${u64(1)}${u64(1)}00000001`],
  ['RECORDS', '#00000001', `#${u64(1)}${u64(1)}`, ''],
  ['RECORDS', '#00000001', `#${u64(0)}${u64(1)}00000001`, ''],
  ['RECORDS', '#00000001', `#${BIG.slice(1)}${u64(1)}00000001`, ''],
  ['RECORDS', '#00000001', `#${u64(1)}${BIG.slice(1)}00000001`, ''],
  ['RECORDS', '#01', `#${u64(1)}${u64(1)}00000001`, ''],
  ['GAP', '#00000001', `#${u64(1)}`, `#${u64(2)}`],
  ['GAP', '#00000001', `#${u64(1)}`, '#02', '{}'],
  ['GAP', '#00000001', `#${u64(3)}`, `#${u64(2)}`, '{}'],
  ['GAP', '#00000001', `#${u64(0)}`, `#${u64(2)}`, '{}'],
  ['ENDED', '#00000001', '{}'],
  ['ENDED', '#00000001', '{"code":7}'],
  ['INFO', '#00000001', '{}'],
  ['INFO', '#00000001', '[]'],
  ['ERROR', '{"message":"no code"}'],
  ['ERROR', ''],
];

describe('what is no message', () => {
  const shown = (frames: readonly string[]): string => frames.map((text) => text.slice(0, 60)).join(' | ');

  for (const frames of badFromClient) {
    it(`from a client: ${shown(frames)}`, () => {
      assert.throws(() => decodeClientMessage(frames.map(frame)), WireError);
    });
  }

  for (const frames of badFromNode) {
    it(`from a node: ${shown(frames)}`, () => {
      assert.throws(() => decodeNodeMessage(frames.map(frame)), WireError);
    });
  }
});
