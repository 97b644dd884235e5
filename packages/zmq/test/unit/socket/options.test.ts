import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkOption } from '../../../src/socket/option-checks.ts';
import {
  applies,
  defaultOptions,
  OPTION_NAMES,
  OPTIONS,
  type OptionName,
} from '../../../src/socket/options.ts';
import type { WireSocketType } from '../../../src/zmtp/sockets.ts';

const TYPES: readonly WireSocketType[] = [
  'PAIR',
  'PUB',
  'SUB',
  'REQ',
  'REP',
  'DEALER',
  'ROUTER',
  'PULL',
  'PUSH',
  'XPUB',
  'XSUB',
];

/** Name, default, sockets that have it: as documented, written out once more. */
const EXPECTED: readonly (readonly [OptionName, unknown, string])[] = [
  ['sendHighWaterMark', 1000, 'PAIR PUB REQ REP DEALER ROUTER PUSH XPUB XSUB'],
  ['receiveHighWaterMark', 1000, 'PAIR SUB REQ REP DEALER ROUTER PULL XPUB XSUB'],
  ['sendTimeout', -1, 'PAIR PUB REQ REP DEALER ROUTER PUSH XPUB XSUB'],
  ['receiveTimeout', -1, 'PAIR SUB REQ REP DEALER ROUTER PULL XPUB XSUB'],
  ['linger', 30_000, 'all'],
  ['reconnectInterval', 100, 'all'],
  ['reconnectMaxInterval', 5000, 'all'],
  ['reconnectJitter', 0.3, 'all'],
  ['maxPeers', 0, 'all'],
  ['maxMessageSize', -1, 'all'],
  ['handshakeInterval', 30_000, 'all'],
  ['heartbeatInterval', 0, 'all'],
  ['heartbeatTimeout', -1, 'all'],
  ['heartbeatTimeToLive', 0, 'all'],
  ['connectTimeout', 0, 'all'],
  ['backlog', 100, 'all'],
  ['immediate', false, 'all'],
  ['ipv6', false, 'all'],
  ['tcpKeepalive', -1, 'all'],
  ['tcpKeepaliveIdle', -1, 'all'],
  ['conflate', false, 'PULL PUSH SUB PUB DEALER'],
  ['routingId', null, 'REQ REP ROUTER DEALER'],
  ['mandatory', false, 'ROUTER'],
  ['handover', false, 'ROUTER'],
  ['probeRouter', false, 'ROUTER DEALER REQ'],
  ['correlate', false, 'REQ'],
  ['relaxed', false, 'REQ'],
  ['noDrop', false, 'XPUB PUB'],
  ['manual', false, 'XPUB'],
  ['invertMatching', false, 'PUB SUB XPUB'],
  ['verbosity', null, 'XPUB'],
  ['welcomeMessage', null, 'XPUB'],
];

const KINDS = {
  number: 'number',
  boolean: 'boolean',
  string: 'string',
  key: 'string',
  verbosity: 'string',
} as const;

describe('options', () => {
  for (const [name, value, sockets] of EXPECTED) {
    it(`${name} is ${String(value)} by default, on ${sockets}`, () => {
      assert.equal(defaultOptions()[name], value);
      const having = TYPES.filter((type) => applies(name, type));
      assert.deepEqual(having.sort(), (sockets === 'all' ? [...TYPES] : sockets.split(' ')).sort());
    });
  }

  it('have defaults that pass their own checks', () => {
    for (const name of OPTION_NAMES) {
      const value = OPTIONS[name].default;
      if (value === null) assert.ok(['string', 'key', 'verbosity'].includes(OPTIONS[name].kind), name);
      else assert.equal(typeof value, KINDS[OPTIONS[name].kind], name);
      assert.equal(checkOption(name, value), value, name);
    }
  });

  it('are new for each socket', () => {
    const options = defaultOptions();
    options.linger = 1;
    assert.equal(defaultOptions().linger, 30_000);
    assert.deepEqual(Object.keys(options), [...OPTION_NAMES]);
  });

  for (const name of OPTION_NAMES) {
    const { kind } = OPTIONS[name];
    it(`${name} refuses what is no ${kind}`, () => {
      const wrong = {
        number: ['1', null, true, 1n],
        boolean: [1, 'true', null],
        string: [1, true, {}, []],
        key: [1, true, {}, []],
        verbosity: ['all', 1, true],
      };
      for (const value of [...wrong[kind], undefined, Symbol('x')]) {
        assert.throws(() => checkOption(name, value), TypeError, `${name} took ${String(value)}`);
      }
    });
  }

  it('refuse in the words of zeromq.js', () => {
    assert.throws(() => checkOption('linger', 'x'), {
      name: 'TypeError',
      message: 'Option value must be a number',
    });
    assert.throws(() => checkOption('immediate', 1), {
      name: 'TypeError',
      message: 'Option value must be a boolean',
    });
    assert.throws(() => checkOption('routingId', 1), {
      name: 'TypeError',
      message: 'Option value must be a string or buffer',
    });
  });

  for (const name of OPTION_NAMES.filter((each) => OPTIONS[each].kind === 'number')) {
    it(`${name} takes its range and nothing outside`, () => {
      const { min = -1, max = 0x7fff_ffff } = OPTIONS[name];
      assert.equal(checkOption(name, min), min);
      assert.equal(checkOption(name, max), max);
      for (const value of [
        min - 1,
        max + 1,
        Number.NaN,
        Number.POSITIVE_INFINITY,
        Number.NEGATIVE_INFINITY,
      ]) {
        // Where numbers are not that fine.
        if (value === max) continue;
        assert.throws(() => checkOption(name, value), RangeError, `${name} took ${value}`);
      }
      if (name !== 'reconnectJitter') assert.throws(() => checkOption(name, min + 0.5), RangeError);
    });
  }

  it('that are times fit into a timer', () => {
    const times = OPTION_NAMES.filter(
      (name) => /(Interval|Timeout|linger)$/.test(name) && OPTIONS[name].kind === 'number',
    );
    assert.ok(times.length >= 8);
    for (const name of times) assert.ok((OPTIONS[name].max ?? 0x7fff_ffff) <= 0x7fff_ffff, name);
  });

  it('reconnectJitter is a share', () => {
    for (const value of [0, 0.25, 1]) assert.equal(checkOption('reconnectJitter', value), value);
    for (const value of [-0.1, 1.1]) assert.throws(() => checkOption('reconnectJitter', value), RangeError);
  });

  it('verbosity has three values', () => {
    for (const value of [null, 'allSubs', 'allSubsUnsubs'])
      assert.equal(checkOption('verbosity', value), value);
  });

  it('texts may be given as octets, and taken back with null', () => {
    assert.equal(checkOption('welcomeMessage', 'hi'), 'hi');
    assert.equal(checkOption('welcomeMessage', Buffer.from('hi')), 'hi');
    assert.equal(checkOption('routingId', null), null);
  });

  it('keeps the octets of a routing id', () => {
    for (const octets of [Buffer.of(0xff), Buffer.of(0x61, 0x80, 0x00, 0xfe), Buffer.from('ü')]) {
      const kept: unknown = checkOption('routingId', octets);
      const again =
        typeof kept === 'string' ? [Buffer.from(kept), Buffer.from(kept, 'latin1')] : [kept as Buffer];
      assert.ok(
        again.some((bytes) => octets.equals(bytes)),
        `${octets.toString('hex')} became ${String(kept)}`,
      );
    }
  });

  it('routingId has at most 255 octets, and no zero in front', () => {
    assert.equal(checkOption('routingId', 'x'.repeat(255)), 'x'.repeat(255));
    for (const value of ['x'.repeat(256), '€'.repeat(86), '\0abc', Buffer.alloc(300, 'x')]) {
      assert.throws(() => checkOption('routingId', value), { code: 'EINVAL' });
    }
  });
});
