import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Verdict } from '../../../src/zmtp/mechanism/mechanism.ts';
import { PlainClient, PlainServer } from '../../../src/zmtp/mechanism/plain.ts';
import { commandOf, LET_IN, shakeHands } from '../../support/curve.ts';
import { command, hex, property } from '../../support/wire.ts';

const MINE = [['Socket-Type', Buffer.from('PUSH')]] as const;
const THEIRS = [['Socket-Type', Buffer.from('PULL')]] as const;
const HELLO = hex('04 0d 05 48 45 4c 4c 4f 02 6d 65 03 6b 65 79');

const client = (): PlainClient => new PlainClient(MINE, Buffer.from('me'), Buffer.from('key'));
const server = (): PlainServer => new PlainServer(THEIRS);
const denied = (status: Verdict['status']): Verdict => ({ status, userId: '', metadata: new Map() });

describe('PLAIN', () => {
  it('goes HELLO, WELCOME, INITIATE, READY', () => {
    const [a, b] = [client(), server()];
    assert.deepEqual(shakeHands(a, b), ['HELLO', 'WELCOME', 'INITIATE', 'READY']);
    assert.equal(a.metadata?.get('socket-type')?.toString(), 'PULL');
    assert.equal(b.metadata?.get('socket-type')?.toString(), 'PUSH');
    assert.deepEqual([a.asServer, b.asServer], [false, true]);
  });

  it('writes the octets of RFC 24', () => {
    assert.deepEqual(client().next(), HELLO);
    const b = server();
    b.receive(commandOf(HELLO));
    assert.deepEqual(b.credentials, {
      mechanism: 'PLAIN',
      frames: [Buffer.from('me'), Buffer.from('key')],
    });
    assert.equal(b.next(), null);
    b.decide(LET_IN);
    assert.deepEqual(b.next(), hex('04 08 07 57 45 4c 43 4f 4d 45'));
  });

  it('takes names and passwords of 0 to 255 octets', () => {
    for (const length of [0, 1, 255]) {
      const text = Buffer.alloc(length, 0xe9);
      const b = server();
      b.receive(commandOf(new PlainClient(MINE, text, text).next()!));
      assert.deepEqual(b.credentials?.frames, [text, text]);
    }
  });

  it('tells the client the status, 300 excepted', () => {
    for (const [status, answer] of [
      [400, command('ERROR', Buffer.from('\x03400'))],
      [500, command('ERROR', Buffer.from('\x03500'))],
      [300, null],
    ] as const) {
      const b = server();
      b.receive(commandOf(HELLO));
      b.decide(denied(status));
      assert.deepEqual(b.next(), answer);
      assert.equal(b.credentials, null);
      assert.throws(() => b.receive(commandOf(command('INITIATE', property('Socket-Type', 'PUSH')))), {
        code: 'ERR_ZMTP_UNEXPECTED_COMMAND',
      });
      assert.equal(b.metadata, null);
    }
  });

  const bad: readonly (readonly [string, string])[] = [
    ['nothing', ''],
    ['half a name', '03 6d 65'],
    ['no password', '02 6d 65'],
    ['half a password', '02 6d 65 04 6b 65 79'],
    ['more than a password', '02 6d 65 03 6b 65 79 00'],
  ];
  for (const [what, data] of bad) {
    it(`refuses a HELLO with ${what}`, () => {
      const b = server();
      assert.throws(() => b.receive({ name: 'HELLO', data: hex(data) }), {
        code: 'ERR_ZMTP_MALFORMED_COMMAND_HELLO',
      });
      assert.equal(b.credentials, null);
    });
  }

  it('refuses a WELCOME with data', () => {
    assert.throws(() => client().receive({ name: 'WELCOME', data: hex('00') }), {
      code: 'ERR_ZMTP_MALFORMED_COMMAND_WELCOME',
    });
  });

  it('refuses commands out of turn', () => {
    const unexpected = { code: 'ERR_ZMTP_UNEXPECTED_COMMAND' };
    for (const name of ['HELLO', 'INITIATE', 'READY', 'X']) {
      assert.throws(() => client().receive({ name, data: hex('') }), unexpected, name);
    }
    for (const name of ['WELCOME', 'INITIATE', 'READY', 'X']) {
      assert.throws(() => server().receive({ name, data: hex('') }), unexpected, name);
    }
    // Before the decision nothing more is taken.
    const b = server();
    b.receive(commandOf(HELLO));
    assert.throws(() => b.receive(commandOf(HELLO)), unexpected);
    assert.throws(() => b.receive({ name: 'INITIATE', data: hex('') }), unexpected);
  });

  it('refuses metadata that leads out of the command', () => {
    const [a, b] = [client(), server()];
    const meddle = (bytes: Uint8Array, name: string): Uint8Array =>
      name === 'READY' ? bytes.slice(0, -1) : bytes;
    const cut = (bytes: Uint8Array, name: string): Uint8Array => {
      const short = meddle(bytes, name);
      if (short !== bytes) short[1] = short.length - 2;
      return short;
    };
    assert.throws(() => shakeHands(a, b, cut), { code: 'ERR_ZMTP_INVALID_METADATA' });
    assert.equal(a.metadata, null);
  });
});
