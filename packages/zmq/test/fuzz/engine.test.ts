/**
 * Good conversations with damage done to them. Whatever comes, the engine does not throw, is silent after `failed`,
 * takes no more memory than its limits allow, and delivers nothing that the oracle does not see in the same octets.
 * FUZZ_RUNS and FUZZ_SEED make it longer and different; a failure prints the seed of its run.
 */
import assert from 'node:assert/strict';
import { describe, it, mock } from 'node:test';
import { PeerLog } from '../support/peerlog.ts';
import { random, SEED, turns } from '../support/property.ts';
import {
  command,
  decode,
  frame,
  greeting,
  hex,
  message,
  ping,
  property,
  ready,
  show,
} from '../support/wire.ts';

type Random = () => number;

const TYPES = ['PUSH', 'PULL', 'SUB', 'XSUB', 'REQ', 'REP', 'DEALER', 'ROUTER', 'PAIR'] as const;

const below = (next: Random, limit: number): number => Math.floor(next() * limit);
const pick = <T>(next: Random, from: readonly T[]): T => from[below(next, from.length)]!;
const noise = (next: Random, length: number): Buffer =>
  Buffer.from(Array.from({ length }, () => below(next, 256)));

/** One thing that a peer may say when messages flow. */
function utterance(next: Random): Buffer {
  const size = (): number => pick(next, [0, 1, 5, 40, 254, 255, 256, 300, 2000]);
  switch (below(next, 8)) {
    case 0:
      return ping(below(next, 65_536), noise(next, below(next, 17)));
    case 1:
      return command(pick(next, ['SUBSCRIBE', 'CANCEL', 'PONG', 'X']), noise(next, size()));
    case 2:
      return frame(noise(next, size()), { long: true, reserved: pick(next, [0, 8, 0xf8]) });
    case 3:
      return Buffer.concat([frame('a', { more: true }), ping(1), frame(noise(next, size()))]);
    default:
      return message(...Array.from({ length: 1 + below(next, 4) }, () => noise(next, size())));
  }
}

function conversation(next: Random): Buffer {
  const properties = [property('Socket-Type', pick(next, ['PUSH', 'PUSH', 'PUSH', ...TYPES]))];
  if (next() < 0.3) properties.push(property('Identity', noise(next, below(next, 20))));
  const parts = [greeting({ minor: below(next, 3) }), command('READY', Buffer.concat(properties))];
  for (let i = below(next, 12); i > 0; i--) parts.push(utterance(next));
  return Buffer.concat(parts);
}

const EVIL = [
  hex('02 80 00 00 00 00 00 00 00'),
  hex('03 ff ff ff ff ff ff ff ff'),
  hex('06 00 00 00 00 7f ff ff ff'),
  hex('02 00 00 00 00 ff ff ff ff'),
  hex('04 00'),
  hex('05 01 00'),
  hex('01 00 01 00 01 00'),
  command('ERROR', hex('05 41')),
  ready('PUSH'),
];

/** Damage: octets changed, cut out, doubled, put in, and pieces of other conversations. */
function damage(next: Random, bytes: Buffer): Buffer {
  let damaged = Buffer.from(bytes);
  for (let i = below(next, 4); i > 0 && damaged.length > 0; i--) {
    // Mostly behind the greeting, or nothing else would ever be seen.
    const from = next() < 0.85 ? Math.min(64, damaged.length - 1) : 0;
    const at = from + below(next, damaged.length - from);
    const length = below(next, 20);
    const [head, tail] = [damaged.subarray(0, at), damaged.subarray(at)];
    switch (below(next, 6)) {
      case 0:
        damaged[at] = below(next, 256);
        break;
      case 1:
        damaged[at] = damaged[at]! ^ (1 << below(next, 8));
        break;
      case 2:
        damaged = Buffer.concat([head, tail.subarray(length)]);
        break;
      case 3:
        damaged = Buffer.concat([head, tail.subarray(0, length), tail]);
        break;
      case 4:
        damaged = Buffer.concat([head, noise(next, length), tail]);
        break;
      default:
        damaged = Buffer.concat([head, pick(next, EVIL), tail]);
    }
  }
  return damaged;
}

const LIMIT = 1000;
/** What the engine may hold beside the message: headers, a command, what it adds to grow less often. */
const MIB = 1 << 20;

/** The largest piece of memory that was asked for while `run` ran. */
function largest(run: () => void): number {
  let most = 0;
  const watched = (['allocUnsafe', 'allocUnsafeSlow'] as const).map((name) => {
    const original = Buffer[name].bind(Buffer);
    return mock.method(Buffer, name, (size: number) => {
      most = Math.max(most, size);
      return original(size);
    });
  });
  try {
    run();
  } finally {
    for (const each of watched) each.mock.restore();
  }
  return most;
}

/** Runs `body` with a generator of its own for each turn; an error names the seed. */
function fuzz(count: number, body: (next: Random) => void): void {
  for (let turn = 0; turn < turns(count); turn++) {
    const seed = (SEED + turn) >>> 0;
    try {
      body(random(seed));
    } catch (error) {
      throw new Error(`with FUZZ_SEED=${seed}: ${(error as Error).message}`, { cause: error });
    }
  }
}

/** Feeds `bytes` in chunks that `next` cuts. */
function feed(peer: PeerLog, next: Random, bytes: Buffer): void {
  const most = pick(next, [1, 3, 20, 300, 100_000]);
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + below(next, most);
    peer.feed(bytes.subarray(at, at + size));
    at += size;
  }
}

describe(`fuzz, FUZZ_SEED=${SEED}`, () => {
  it('damaged conversations: no throw, nothing after failed, nothing that was not said', () => {
    const codes = new Map<string, number>();
    fuzz(2000, (next) => {
      const bytes = damage(next, conversation(next));
      const peer = new PeerLog({ maxMessageSize: pick(next, [-1, LIMIT, 10]) });
      feed(peer, next, bytes);
      const { calls } = peer;
      if (peer.error !== null) {
        feed(peer, next, conversation(next));
        assert.equal(peer.calls, calls, 'a call after failed');
      }
      const said = decode(bytes.subarray(64)).items.flatMap((item) =>
        item.kind === 'message' ? [item.frames] : [],
      );
      const got = peer.received;
      assert.deepEqual(got.map(show), said.slice(0, got.length).map(show));
      if (peer.error === null && peer.identity !== null)
        assert.equal(got.length, said.length, 'a message is missing');
      const code = peer.error?.code ?? 'none';
      codes.set(code, (codes.get(code) ?? 0) + 1);
    });
    // The damage reaches every stage; else this test says little.
    for (const code of [
      'none',
      'ERR_ZMTP_MESSAGE_SIZE',
      'ERR_ZMTP_GREETING',
      'ERR_ZMTP_INVALID_METADATA',
      'ERR_ZMTP_UNEXPECTED_COMMAND',
      'ERR_ZMTP_SOCKET_TYPE',
      'ERR_ZMTP_INVALID_SEQUENCE',
      'ERR_ZMTP_MALFORMED_COMMAND_UNSPECIFIED',
    ]) {
      assert.ok((codes.get(code) ?? 0) > 0, `${code} was never seen: ${[...codes.keys()].join()}`);
    }
  });

  it('the cuts make no difference, however it ends', () => {
    fuzz(800, (next) => {
      const bytes = damage(next, conversation(next));
      const options = { maxMessageSize: pick(next, [-1, LIMIT, 10]) };
      const whole = new PeerLog(options).feed(bytes);
      const cut = new PeerLog(options);
      feed(cut, next, bytes);
      assert.deepEqual(cut.log, whole.log);
      assert.equal(cut.sent.compare(whole.sent), 0, 'what was sent');
    });
  });

  it('noise after each stage', () => {
    const stages = [
      Buffer.alloc(0),
      greeting().subarray(0, 20),
      greeting(),
      Buffer.concat([greeting(), ready('PUSH')]),
    ];
    fuzz(400, (next) => {
      const peer = new PeerLog({ maxMessageSize: LIMIT }).feed(pick(next, stages));
      feed(peer, next, noise(next, 1 + below(next, 2000)));
      const { calls } = peer;
      if (peer.error !== null) assert.equal(peer.feed(noise(next, 100)).calls, calls);
      assert.ok(peer.log.length >= 0);
    });
  });

  it('endless input: failed comes before limit and headers are used up, and memory stays within', () => {
    fuzz(15, (next) => {
      const peer = new PeerLog({ maxMessageSize: LIMIT }).feed(greeting()).feed(ready('PUSH'));
      const before = peer.consumed;
      const size = pick(next, [0, 0, 1, 17, 255, 999]);
      const one = frame(noise(next, size), { more: true, long: next() < 0.3 });
      const chunk = Buffer.concat(Array.from({ length: 1 + below(next, 30_000 / one.length) }, () => one));
      const most = largest(() => {
        while (peer.error === null && peer.consumed < 4 * MIB) peer.feed(chunk);
      });
      assert.equal(peer.error?.code, 'ERR_ZMTP_MESSAGE_SIZE');
      const header = one.length - size;
      const allowed = size === 0 ? MIB : Math.min(MIB, LIMIT + (LIMIT / size + 1) * header);
      assert.ok(
        peer.consumed - before <= allowed + chunk.length + header,
        `${peer.consumed - before} octets`,
      );
      assert.ok(most <= 2 * (LIMIT + MIB) + chunk.length, `${most} octets at once`);
    });
  });

  it('claims: a header alone never makes the engine take what it claims', () => {
    fuzz(300, (next) => {
      const peer = new PeerLog().feed(greeting()).feed(ready('PUSH'));
      const claim = hex('02 00 00 00 00 00 00 00 00');
      claim[0] = pick(next, [2, 3, 6, 0x82]);
      claim.writeUInt32BE(below(next, 2 ** 31), 5);
      if (next() < 0.3) claim[1 + below(next, 4)] = below(next, 256);
      const rest = noise(next, below(next, 1000));
      const most = largest(() => {
        feed(peer, next, Buffer.concat([claim, rest]));
      });
      assert.ok(most <= MIB, `${most} octets for ${claim.toString('hex')}`);
    });
  });
});
