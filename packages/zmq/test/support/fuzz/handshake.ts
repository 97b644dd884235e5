/**
 * One run of the handshake fuzzer: two real peer engines shake hands, and what one of them says is damaged on its way to
 * the other, which is watched. In CURVE the damage is also done inside the boxes, before they are sealed, so that it gets
 * past the cryptography. The same octets then go to the watched side once more in other pieces: the same must come of it.
 */
import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { z85Encode } from '../../../src/bytes/z85.ts';
import type { Provider } from '../../../src/crypto/provider.ts';
import type { ZmqError } from '../../../src/errors.ts';
import type { CurveCrypto, KeyPair } from '../../../src/zmtp/mechanism/curve.ts';
import { CurveClient } from '../../../src/zmtp/mechanism/curve-client.ts';
import { CurveServer } from '../../../src/zmtp/mechanism/curve-server.ts';
import type { Mechanism, Verdict } from '../../../src/zmtp/mechanism/mechanism.ts';
import { NullMechanism } from '../../../src/zmtp/mechanism/null.ts';
import { PlainClient, PlainServer } from '../../../src/zmtp/mechanism/plain.ts';
import { type OutboxSink, type PeerEvents, ZmtpPeer } from '../../../src/zmtp/peer.ts';
import { command, frame, greeting, hex, message, messagesIn, ping, property, ready, show } from '../wire.ts';
import { Decisions } from './decisions.ts';

export const HANDSHAKES = [
  'null',
  'null-asked',
  'plain-server',
  'plain-client',
  'curve-server',
  'curve-client',
] as const;
export type Handshake = (typeof HANDSHAKES)[number];

const PROPERTIES = [['Socket-Type', Buffer.from('PAIR')]] as const;
const USER = Buffer.from('some user');
const PASSWORD = Buffer.from('kept between us');
const SAID = Buffer.from('this travels encrypted');
const LONG = Buffer.alloc(300, 7);
const LONG_ONE: string = `message ${show([LONG])[0]}`;
/** No message of these is longer; nor may anything be allocated that is much longer than what was sent. */
const LIMIT = 4096;
const MEMORY = (1 << 20) + (1 << 19);

interface Keys {
  readonly server: KeyPair;
  readonly client: KeyPair;
}
let keys: Keys | null = null;

/** The same cryptography in an object whose parts can be replaced. */
function likeOf(crypto: CurveCrypto): CurveCrypto {
  return {
    random: (size) => crypto.random(size),
    keyPair: () => crypto.keyPair(),
    sharedKey: (theirs, ours) => crypto.sharedKey(theirs, ours),
    secretbox: (key, nonce, plain) => crypto.secretbox(key, nonce, plain),
    openSecretbox: (key, nonce, box) => crypto.openSecretbox(key, nonce, box),
    equal: (a, b) => crypto.equal(a, b),
    arena: crypto.arena,
  };
}

/** What random numbers were used, so that a second run can use them again. */
function recording(crypto: CurveCrypto, memo: unknown[]): CurveCrypto {
  let at = 0;
  const again = <T>(make: () => T, copy: (made: T) => T): T => {
    const index = at++;
    if (index >= memo.length) memo.push(make());
    return copy(memo[index] as T);
  };
  return Object.assign(likeOf(crypto), {
    random: (size: number) =>
      again(
        () => crypto.random(size),
        (made) => Buffer.from(made),
      ),
    keyPair: () =>
      again(
        () => crypto.keyPair(),
        ({ publicKey, secretKey }) => ({
          publicKey: Buffer.from(publicKey),
          secretKey: Buffer.from(secretKey),
        }),
      ),
  });
}

/** Damages what goes into boxes. */
function evil(crypto: CurveCrypto, next: Decisions): CurveCrypto {
  return Object.assign(likeOf(crypto), {
    secretbox(key: Uint8Array, nonce: Uint8Array, plain: Uint8Array): Buffer {
      const what = next.octet();
      const content = what < 200 ? Buffer.from(plain) : damaged(next, Buffer.from(plain));
      return crypto.secretbox(key, what === 199 ? nonce.map((octet) => octet ^ 1) : nonce, content);
    },
  });
}

function damaged(next: Decisions, bytes: Buffer): Buffer {
  const at = next.below(bytes.length + 1);
  const [head, tail] = [bytes.subarray(0, at), bytes.subarray(at)];
  switch (next.below(7)) {
    case 0:
      return Buffer.concat([head, Buffer.of(next.octet()), tail.subarray(1)]);
    case 1:
      return head;
    case 2:
      return Buffer.concat([head, next.noise(1 + next.below(16)), tail]);
    case 3:
      return Buffer.concat([head, tail.subarray(1 + next.below(32))]);
    case 4:
      return Buffer.concat([
        bytes,
        property(next.pick(['Identity', 'X', 'Socket-Type', 'a b']), next.noise(next.below(9))),
      ]);
    case 5:
      return Buffer.concat([bytes, Buffer.alloc(next.below(5000))]);
    default:
      return Buffer.concat([bytes, bytes]).subarray(0, 70_000);
  }
}

const STRANGE: readonly Buffer[] = [
  command('ERROR', hex('03 34 30 30')),
  command('ERROR', hex('03 35 30 30')),
  command('ERROR', hex('ff 34')),
  command('ERROR'),
  hex('04 09 5e 52 52 4f 52 03 34 30 30'),
  hex('04 05 5e 52 52 4f 52'),
  ready('PAIR'),
  ready('PUB'),
  command('HELLO', hex('01 61 01 62')),
  command('HELLO', hex('ff 61')),
  command('HELLO', Buffer.alloc(194)),
  command('WELCOME'),
  command('WELCOME', Buffer.alloc(160)),
  command('INITIATE', property('Socket-Type', 'PAIR')),
  command('INITIATE', Buffer.alloc(248)),
  command('INITIATE', Buffer.alloc(70_000)),
  command('MESSAGE', Buffer.alloc(30)),
  message('plain'),
  message('plain', 'and more'),
  frame('torn', { more: true }),
  frame(command('MESSAGE', Buffer.alloc(25)).subarray(2)),
  frame(command('MESSAGE', Buffer.alloc(300)).subarray(9)),
  ping(1),
  command('SUBSCRIBE', 'a'),
  command(''),
  hex('04 00'),
  hex('04 ff 05'),
  hex('06 00 00 00 00 00 01 00 01'),
  hex('02 7f ff ff ff ff ff ff ff'),
  hex('ff ff ff ff'),
  greeting({ mechanism: 'CURVE' }),
];

/** The pieces in which the watched side gets what the other one said in one go. */
function onTheWay(next: Decisions, said: Buffer, past: readonly Buffer[]): Buffer {
  switch (next.octet()) {
    case 1:
      return damaged(next, said);
    case 2:
      return Buffer.concat([next.pick(STRANGE), said]);
    case 3:
      return Buffer.concat([said, next.pick(STRANGE)]);
    case 4:
      return next.pick(STRANGE);
    case 5:
      return Buffer.concat([said, said]);
    case 6:
      return Buffer.concat([said, past[next.below(past.length)] ?? said]);
    case 7:
      return Buffer.alloc(0);
    case 8: {
      const flipped = Buffer.from(said);
      const at = next.below(said.length);
      flipped[at] = flipped[at]! ^ (1 << next.below(8));
      return flipped;
    }
    case 9:
      return next.noise(next.below(64));
    default:
      return said;
  }
}

const VERDICTS = [200, 400, 300, 500] as const;

/** The watched side, and what it did. */
class Watched implements PeerEvents {
  readonly peer: ZmtpPeer;
  readonly mechanism: Mechanism;
  readonly log: string[] = [];
  readonly sent: Buffer[] = [];
  error: ZmqError | null = null;
  ready_ = false;
  asked = 0;
  readonly #status: Verdict['status'];
  readonly #decidesLater: boolean;

  constructor(mechanism: Mechanism, status: Verdict['status'], decidesLater: boolean, negotiated: boolean) {
    this.mechanism = mechanism;
    this.#status = status;
    this.#decidesLater = decidesLater;
    this.peer = new ZmtpPeer({ socketType: 'PAIR', mechanism, maxMessageSize: LIMIT, negotiated }, this);
  }

  #note(what: string): void {
    assert.equal(this.error, null, `${what} after failed`);
    this.log.push(what);
  }

  output(bytes: Uint8Array): void {
    assert.equal(this.error, null, 'output after failed');
    this.sent.push(Buffer.from(bytes));
  }

  authenticate(): void {
    this.#note('authenticate');
    assert.equal(++this.asked, 1, 'asked twice');
    if (!this.#decidesLater) this.decide();
  }

  decide(): void {
    if (this.asked > 0) this.peer.decide({ status: this.#status, userId: '', metadata: new Map() });
  }

  ready(): void {
    this.#note('ready');
    assert.ok(!this.ready_, 'ready twice');
    this.ready_ = true;
    if (this.mechanism.asServer && this.mechanism.name !== 'NULL')
      assert.equal(this.asked, 1, 'let in unasked');
    if (this.asked > 0) assert.equal(this.#status, 200, 'let in who was refused');
  }

  messages(bytes: Uint8Array, start: number, end: number, count: number): void {
    assert.ok(this.ready_, 'a message before ready');
    const messages = messagesIn(bytes.subarray(start, end));
    assert.equal(messages.length, count);
    for (const each of messages) {
      assert.ok(each.reduce((sum, part) => sum + part.length, 0) <= LIMIT, 'a message over the limit');
      this.#note(`message ${show(each).join(' ')}`);
    }
  }

  subscription(topic: Buffer, subscribe: boolean): void {
    assert.ok(this.ready_, 'a subscription before ready');
    this.#note(`${subscribe} ${show([topic])[0]}`);
  }

  ping(): void {
    assert.ok(this.ready_, 'a ping before ready');
    this.#note('ping');
  }

  failed(error: ZmqError): void {
    this.#note(`failed ${error.code}`);
    this.error = error;
  }
}

/** The largest piece of memory that was asked for since the last look. */
let most = 0;
for (const name of ['allocUnsafe', 'allocUnsafeSlow', 'alloc'] as const) {
  const original = Buffer[name].bind(Buffer) as (size: number, ...rest: unknown[]) => Buffer;
  (Buffer as unknown as Record<string, unknown>)[name] = (size: number, ...rest: unknown[]) => {
    if (size > most) most = size;
    return original(size, ...rest);
  };
}

function secrets(): string[] {
  const found: Buffer[] = [PASSWORD];
  if (keys !== null) found.push(keys.server.secretKey, keys.client.secretKey);
  return found.flatMap((octets) => [
    octets.toString('latin1'),
    octets.toString('hex'),
    octets.toString('base64'),
    octets.length % 4 === 0 ? z85Encode(octets) : octets.toString('hex'),
  ]);
}

/** Both mechanisms of a target, the watched one first. `damage`: what the other one puts into boxes is damaged by it. */
function mechanisms(
  target: Handshake,
  crypto: Provider,
  next: Decisions,
  memo: unknown[],
): [() => Mechanism, Mechanism] {
  keys ??= { server: crypto.keyPair(), client: crypto.keyPair() };
  const { server, client } = keys;
  const forClient = { ours: client, server: server.publicKey };
  switch (target) {
    case 'null':
    case 'null-asked':
      return [() => new NullMechanism(PROPERTIES, target === 'null-asked'), new NullMechanism(PROPERTIES)];
    case 'plain-server':
      return [() => new PlainServer(PROPERTIES), new PlainClient(PROPERTIES, USER, PASSWORD)];
    case 'plain-client':
      return [() => new PlainClient(PROPERTIES, USER, PASSWORD), new PlainServer(PROPERTIES)];
    case 'curve-server':
      return [
        () => new CurveServer(PROPERTIES, server, recording(crypto, memo)),
        new CurveClient(PROPERTIES, forClient, evil(crypto, next)),
      ];
    case 'curve-client':
      return [
        () => new CurveClient(PROPERTIES, forClient, recording(crypto, memo)),
        new CurveServer(PROPERTIES, server, evil(crypto, next)),
      ];
  }
}

/**
 * Runs one input. Throws an AssertionError for a broken promise. The signature tells inputs apart that led to different
 * places.
 */
export function runHandshake(target: Handshake, input: Uint8Array, crypto: Provider): string {
  const next = new Decisions(input);
  const settings = next.octet();
  const status = VERDICTS[settings & 3]!;
  const later = (settings & 4) !== 0;
  const negotiated = (settings & 8) !== 0;
  const most_ = [1, 2, 13, 64, 200];
  const memo: unknown[] = [];
  const [make, other] = mechanisms(target, crypto, next, memo);
  const encrypted = other.name === 'CURVE';
  const watched = new Watched(make(), status, later, negotiated);
  const fed: Buffer[] = [];
  const past: Buffer[] = [];
  let queue: Buffer[] = [];
  let good: ZmtpPeer | null = null;
  let otherReady = false;
  const wire: OutboxSink = {
    keepsBuffers: false,
    write: (parts) => {
      queue.push(Buffer.concat(parts));
      return true;
    },
  };
  good = new ZmtpPeer(
    { socketType: 'PAIR', mechanism: other, maxMessageSize: -1, negotiated },
    {
      output: (bytes) => void queue.push(Buffer.from(bytes)),
      authenticate: () => good?.decide({ status: 200, userId: '', metadata: new Map() }),
      ready: () => {
        otherReady = true;
      },
      messages() {},
      subscription() {},
      ping() {},
      failed() {},
    },
  );
  most = 0;
  let consumed = 0;
  const feed = (bytes: Buffer): void => {
    fed.push(bytes);
    consumed += bytes.length;
    const size = next.octet();
    const piece = size === 0 ? bytes.length : most_[size % most_.length]!;
    for (let at = 0; at < bytes.length; at += piece) {
      watched.peer.receive(Uint8Array.from(bytes.subarray(at, at + piece)));
    }
  };
  watched.peer.open();
  good.open();
  let taken = 0;
  let spoken = false;
  for (let round = 0; round < 24; round++) {
    const said = queue;
    queue = [];
    for (const each of said) {
      feed(onTheWay(next, each, past));
      past.push(each);
    }
    if (later && round > 2) watched.decide();
    const reply = watched.sent.slice(taken);
    taken = watched.sent.length;
    for (const each of reply) good.receive(Uint8Array.from(each));
    if (otherReady && !spoken) {
      spoken = true;
      const sink = good.sink(wire);
      sink.write([message(SAID)]);
      sink.write([message('two', 'frames'), ping(1), message(LONG)]);
    }
    if (queue.length === 0 && reply.length === 0 && round > 3) break;
  }
  if (watched.ready_ && watched.error === null) {
    const before = watched.sent.length;
    const out: Buffer[] = [];
    watched.peer
      .sink({
        keepsBuffers: false,
        write: (parts) => out.push(...parts.map((part) => Buffer.from(part))) > 0,
      })
      .write([message(SAID)]);
    assert.equal(Buffer.concat(out).includes(SAID), !encrypted, 'what is said travels in the clear');
    assert.equal(watched.sent.length, before);
  }
  assert.ok(most <= MEMORY + 2 * consumed, `${most} octets at once, for ${consumed}`);
  if (encrypted) {
    // A frame that is lost on the way leaves a gap, which RFC 26 allows; nothing comes twice, in another order, or made up.
    const said = [`message '${SAID.toString()}'`, "message 'two' 'frames'", 'ping', LONG_ONE];
    const got = watched.log.filter((line) => /^(?:message|ping|true|false)/.test(line));
    let at = -1;
    for (const line of got) {
      const place = said.indexOf(line, at + 1);
      assert.ok(place > at, `nobody said: ${line}`);
      at = place;
    }
  }
  const { error } = watched;
  if (error !== null) {
    const shown = inspect(error, { depth: 5 }) + JSON.stringify(error);
    for (const secret of secrets()) assert.ok(!shown.includes(secret), `a secret in ${error.code}`);
    watched.peer.receive(Uint8Array.from(message('late')));
  }
  watched.peer.close();
  good.close();
  if (!later) sameInPieces(make, status, negotiated, Buffer.concat(fed), watched);
  const place =
    error === null ? '' : (error.detail ?? '').replace(/[0-9]+/g, 'N').replace(/"[^"]*"|got \S+/g, '');
  return `${watched.log.map((line) => (line.startsWith('failed') ? line : line.slice(0, 24))).join(', ')} ${place}`;
}

/** The engine must not see how what it gets is cut. */
function sameInPieces(
  make: () => Mechanism,
  status: Verdict['status'],
  negotiated: boolean,
  bytes: Buffer,
  first: Watched,
): void {
  if (bytes.length > 20_000) return;
  for (const size of [bytes.length, 1, 7]) {
    const again = new Watched(make(), status, false, negotiated);
    again.peer.open();
    for (let at = 0; at < bytes.length; at += size)
      again.peer.receive(Uint8Array.from(bytes.subarray(at, at + size)));
    again.peer.close();
    assert.deepEqual(again.log, first.log, `in pieces of ${size}`);
  }
}
