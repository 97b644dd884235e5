/** Two engines joined by CURVE, their octets cut anywhere, and what somebody in between may try. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ZmqError } from '../../../src/errors.ts';
import { CurveCipher } from '../../../src/zmtp/mechanism/curve-cipher.ts';
import { NONCES } from '../../../src/zmtp/mechanism/curve-seal.ts';
import type { CurveServer } from '../../../src/zmtp/mechanism/curve-server.ts';
import type { Mechanism } from '../../../src/zmtp/mechanism/mechanism.ts';
import { type OutboxSink, type PeerEvents, ZmtpPeer } from '../../../src/zmtp/peer.ts';
import { client, LET_IN, providers, server } from '../../support/curve.ts';
import { command, greeting, hex, message, messagesIn } from '../../support/wire.ts';

/** An engine, what it sends, and what it was told. */
class End implements PeerEvents {
  readonly peer: ZmtpPeer;
  readonly seen: string[] = [];
  error: ZmqError | null = null;
  asks = 0;
  /** False: the answer is left to the test. */
  letsIn = true;
  #out: Uint8Array[] = [];
  sink: OutboxSink | null = null;

  constructor(socketType: 'PUSH' | 'PULL', mechanism: Mechanism) {
    this.peer = new ZmtpPeer({ socketType, mechanism, maxMessageSize: -1 }, this);
    this.peer.open();
  }

  /** What is to be sent, and was not asked for yet. */
  get sent(): Buffer {
    const all = Buffer.concat(this.#out);
    this.#out = [];
    return all;
  }

  output(bytes: Uint8Array): void {
    // After the handshake the session queues it, and the sink encrypts.
    if (this.sink === null) this.#out.push(Buffer.from(bytes));
    else this.sink.write([bytes]);
  }

  authenticate(): void {
    this.asks++;
    if (this.letsIn) this.peer.decide(LET_IN);
  }

  ready(): void {
    this.seen.push('ready');
    this.sink = this.peer.sink({
      keepsBuffers: false,
      write: (parts) => {
        for (const part of parts) this.#out.push(Buffer.from(part));
        return true;
      },
    });
  }

  messages(bytes: Uint8Array, start: number, end: number): void {
    for (const frames of messagesIn(bytes.subarray(start, end))) this.seen.push(frames.join(' '));
  }

  subscription(topic: Buffer, subscribe: boolean): void {
    this.seen.push(`${subscribe ? 'subscribe' : 'cancel'} ${topic}`);
  }

  ping(timeToLive: number): void {
    this.seen.push(`ping ${timeToLive}`);
  }

  failed(error: ZmqError): void {
    this.error = error;
    this.seen.push(`failed ${error.code}`);
  }
}

/** Carries octets to and fro until there are none; `step` at once. */
function carry(a: End, b: End, step: number = Number.POSITIVE_INFINITY): void {
  for (let quiet = false; !quiet; ) {
    quiet = true;
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      const bytes = from.sent;
      if (bytes.length > 0) quiet = false;
      for (let at = 0; at < bytes.length; at += step) {
        to.peer.receive(Uint8Array.from(bytes.subarray(at, Math.min(bytes.length, at + step))));
      }
    }
  }
}

for (const [name, crypto] of providers) {
  const pair = (): { push: End; pull: End; mechanism: CurveServer } => {
    const mechanism = server(crypto);
    return { push: new End('PUSH', client(crypto)), pull: new End('PULL', mechanism), mechanism };
  };

  describe(`engines with CURVE, ${name}`, () => {
    for (const step of [1, 3, 64, Number.POSITIVE_INFINITY]) {
      it(`talk, ${step} octets at once`, () => {
        const { push, pull } = pair();
        carry(push, pull, step);
        assert.deepEqual([push.seen, pull.seen], [['ready'], ['ready']]);
        push.sink!.write([message('a', 'b'), command('PING', hex('00 64 61')), message('c')]);
        pull.sink!.write([command('SUBSCRIBE', 'topic'), message('d')]);
        carry(push, pull, step);
        assert.deepEqual(pull.seen, ['ready', 'a b', 'ping 10000', 'c']);
        assert.deepEqual(push.seen, ['ready', 'subscribe topic', 'd']);
      });
    }

    it('take messages that come in one piece with READY', () => {
      const { push, pull } = pair();
      // The server is ready first: its READY still waits to be carried.
      while (pull.sink === null) {
        push.peer.receive(pull.sent);
        pull.peer.receive(push.sent);
      }
      assert.deepEqual([push.seen, pull.seen], [[], ['ready']]);
      pull.sink!.write([message('at once'), message('and more')]);
      push.peer.receive(pull.sent);
      assert.deepEqual(push.seen, ['ready', 'at once', 'and more']);
    });

    it('take nothing in the clear after the handshake', () => {
      for (const bytes of [message('x'), command('PING', hex('00 00')), command('ERROR', '\x03400')]) {
        const { push, pull } = pair();
        carry(push, pull);
        pull.peer.receive(bytes);
        assert.deepEqual(pull.seen, ['ready', 'failed ERR_ZMTP_UNEXPECTED_COMMAND']);
        pull.peer.receive(message('y'));
        assert.equal(pull.seen.length, 2);
      }
    });

    it('do not take the beginning of a frame in the clear for that of an encrypted one', () => {
      const { push, pull } = pair();
      pull.letsIn = false;
      carry(push, pull);
      assert.equal(pull.asks, 1);
      // Somebody in between slips this in while the server waits for the answer.
      pull.peer.receive(hex('04'));
      pull.peer.decide(LET_IN);
      assert.deepEqual(pull.seen, ['failed ERR_ZMTP_INVALID_SEQUENCE']);
    });

    it('take nothing while the answer is due', () => {
      for (const bytes of [message('x'), command('READY'), command('INITIATE')]) {
        const { push, pull } = pair();
        pull.letsIn = false;
        carry(push, pull);
        pull.peer.receive(bytes);
        assert.equal(pull.seen.length, 1);
        assert.match(pull.seen[0]!, /^failed ERR_ZMTP_(INVALID_SEQUENCE|UNEXPECTED_COMMAND)$/);
        // Too late.
        pull.peer.decide(LET_IN);
        assert.equal(pull.seen.length, 1);
      }
    });

    it('tell a refused client the status', () => {
      for (const status of [400, 500] as const) {
        const { push, pull } = pair();
        pull.letsIn = false;
        carry(push, pull);
        pull.peer.decide({ status, userId: '', metadata: new Map() });
        carry(push, pull);
        for (const end of [push, pull]) {
          assert.deepEqual([end.error?.code, end.error?.status], ['ERR_AUTHENTICATION', status]);
        }
      }
    });

    it('end when both are servers, and when both are clients', () => {
      const [a, b] = [new End('PUSH', server(crypto)), new End('PULL', server(crypto))];
      carry(a, b);
      assert.deepEqual(a.seen, ['failed ERR_ZMTP_MECHANISM_MISMATCH']);
      const [c, d] = [new End('PUSH', client(crypto)), new End('PULL', client(crypto))];
      carry(c, d);
      assert.deepEqual(c.seen, ['failed ERR_ZMTP_UNEXPECTED_COMMAND']);
    });

    it('end at every place where the octets may stop short or go on wrong', () => {
      const { push, pull } = pair();
      carry(push, pull);
      push.sink!.write([message('one')]);
      const good = push.sent;
      for (let at = 0; at < good.length; at++) {
        const fresh = pair();
        carry(fresh.push, fresh.pull);
        fresh.push.sink!.write([message('one')]);
        const bytes = fresh.push.sent;
        bytes[at]! ^= 0x20;
        fresh.pull.peer.receive(bytes);
        const [, ...rest] = fresh.pull.seen;
        // A larger size waits for more; bits without a meaning have none.
        assert.ok(
          rest.length === 0 || /^failed ERR_ZMTP_/.test(rest[0]!) || (at === 0 && rest[0] === 'one'),
          `${at}: ${rest}`,
        );
        if (at > 1) assert.equal(rest.length, 1, `octet ${at}`);
      }
    });

    it('end when the nonces are used up, instead of using one again', () => {
      const { push } = pair();
      const key = Buffer.alloc(32, 1);
      const cipher = new CurveCipher(crypto.arena, key, false, NONCES - 1, Buffer.alloc(8));
      const spent = { ...base(), cipher };
      const end = new End('PUSH', spent);
      end.peer.receive(greeting({ mechanism: 'CURVE' }));
      assert.deepEqual(end.seen, ['ready']);
      assert.equal(end.sink!.write([message('last')]), true);
      assert.equal(end.sink!.write([message('one more')]), false);
      assert.deepEqual(end.seen, ['ready', 'failed ERR_ZMTP_CRYPTOGRAPHIC']);
      push.peer.close();
    });

    it('say nothing after the end', () => {
      const { push, pull } = pair();
      carry(push, pull);
      push.sink!.write([message('x')]);
      const bytes = push.sent;
      pull.peer.close();
      pull.peer.receive(bytes);
      assert.deepEqual(pull.seen, ['ready']);
    });
  });
}

/** A handshake that is over at once. */
function base(): Omit<Mechanism, 'cipher'> {
  return {
    name: 'CURVE',
    asServer: false,
    next: () => null,
    receive: () => {},
    metadata: new Map([['socket-type', Buffer.from('PULL')]]),
    credentials: null,
    decide: () => {},
    close: () => {},
  };
}
