/**
 * CURVE, the server's handshake (RFC 26). Before INITIATE the keys of the connection are in the cookie that the client
 * brings back, not here: what is kept is the key of that cookie. It is of this connection alone, so that no INITIATE
 * can be played to another one.
 */

import { readU64 } from '../../bytes/u64.ts';
import { ZmqError } from '../../errors.ts';
import { type Command, encodeCommand, READY } from '../command.ts';
import { encodeMetadata, type Metadata, parseMetadata } from '../metadata.ts';
import {
  BOX_EXTRA,
  type CurveCrypto,
  HELLO,
  INITIATE,
  KEY_SIZE,
  type KeyPair,
  LONG_NONCE,
  nonceOf,
  opened,
  SHORT_NONCE,
  WELCOME,
  wipe,
} from './curve.ts';
import { CurveCipher } from './curve-cipher.ts';
import {
  type Credentials,
  type Mechanism,
  malformed,
  type Properties,
  refusal,
  unexpected,
  type Verdict,
} from './mechanism.ts';

// Of the commands without their names.
const HELLO_SIZE = 194;
const HELLO_KEY = 74;
const HELLO_NONCE = HELLO_KEY + KEY_SIZE;
const HELLO_BOX = HELLO_NONCE + SHORT_NONCE;
const COOKIE_SIZE = LONG_NONCE + 2 * KEY_SIZE + BOX_EXTRA;
const INITIATE_BOX = COOKIE_SIZE + SHORT_NONCE;
/** Key and vouch of the client. */
const VOUCH_AT = KEY_SIZE + LONG_NONCE;
const METADATA_AT = VOUCH_AT + 2 * KEY_SIZE + BOX_EXTRA;
const INITIATE_MIN = INITIATE_BOX + METADATA_AT + BOX_EXTRA;

export class CurveServer implements Mechanism {
  readonly name = 'CURVE';
  readonly asServer = true;
  credentials: Credentials | null = null;
  cipher: CurveCipher | null = null;
  readonly #crypto: CurveCrypto;
  readonly #keys: KeyPair;
  readonly #metadata: Buffer;
  #theirs: Metadata | null = null;
  #cookieKey: Buffer | null = null;
  #key: Buffer | null = null;
  /** The client's last short nonce. */
  #nonce: Buffer = Buffer.alloc(SHORT_NONCE);
  #due: typeof HELLO | typeof INITIATE | 'nothing' = HELLO;
  #next: Uint8Array | null = null;

  constructor(properties: Properties, keys: KeyPair, crypto: CurveCrypto) {
    this.#crypto = crypto;
    this.#keys = keys;
    this.#metadata = encodeMetadata(properties);
  }

  get metadata(): Metadata | null {
    return this.cipher === null ? null : this.#theirs;
  }

  next(): Uint8Array | null {
    const command = this.#next;
    this.#next = null;
    return command;
  }

  receive(command: Command): void {
    if (command.name !== this.#due) throw unexpected(command, this.#due);
    if (this.#due === HELLO) this.#hello(command.data);
    else this.#initiate(command.data);
  }

  decide(verdict: Verdict): void {
    this.credentials = null;
    const key = this.#key;
    if (verdict.status !== 200 || key === null) {
      this.#next = refusal(verdict);
      wipe(key);
      this.#key = null;
      return;
    }
    const nonce = nonceOf('CurveZMQREADY---', 1);
    const box = this.#crypto.secretbox(key, nonce, this.#metadata);
    this.#next = encodeCommand(READY, Buffer.concat([nonce.subarray(-SHORT_NONCE), box]));
    this.cipher = new CurveCipher(this.#crypto.arena, key, true, 2, this.#nonce);
    this.#key = null;
  }

  close(): void {
    wipe(this.#cookieKey, this.#key);
    this.#key = null;
    this.cipher?.close();
  }

  #hello(data: Buffer): void {
    if (data.length !== HELLO_SIZE) {
      throw malformed(HELLO, `a HELLO with ${data.length} octets of data; it has ${HELLO_SIZE}`);
    }
    if (data[0] !== 1 || data[1] !== 0) {
      throw malformed(HELLO, `a HELLO of CurveZMQ ${data[0]}.${data[1]}; this is 1.0`);
    }
    const client = data.subarray(HELLO_KEY, HELLO_NONCE);
    const short = data.subarray(HELLO_NONCE, HELLO_BOX);
    this.#nonce = Buffer.from(short);
    const key = opened(this.#crypto.sharedKey(client, this.#keys.secretKey), 'the HELLO of the client');
    const plain = this.#crypto.openSecretbox(
      key,
      nonceOf('CurveZMQHELLO---', short),
      data.subarray(HELLO_BOX),
    );
    try {
      const signature = opened(plain, 'the HELLO of the client (has it the right curveServerKey?)');
      if (signature.some((octet) => octet !== 0)) throw malformed(HELLO, 'a HELLO that signs no zeros');
      this.#due = INITIATE;
      this.#next = this.#welcome(client, key);
    } finally {
      wipe(key);
    }
  }

  #welcome(client: Uint8Array, key: Uint8Array): Buffer {
    const crypto = this.#crypto;
    const shortTerm = crypto.keyPair();
    const cookieKey = crypto.random(KEY_SIZE);
    this.#cookieKey = cookieKey;
    const cookieNonce = crypto.random(LONG_NONCE);
    const kept = Buffer.concat([client, shortTerm.secretKey]);
    const cookie = crypto.secretbox(cookieKey, nonceOf('COOKIE--', cookieNonce), kept);
    wipe(kept, shortTerm.secretKey);
    const long = crypto.random(LONG_NONCE);
    const plain = Buffer.concat([shortTerm.publicKey, cookieNonce, cookie]);
    return encodeCommand(
      WELCOME,
      Buffer.concat([long, crypto.secretbox(key, nonceOf('WELCOME-', long), plain)]),
    );
  }

  #initiate(data: Buffer): void {
    if (data.length < INITIATE_MIN) {
      const detail = `an INITIATE with ${data.length} octets of data; it has at least ${INITIATE_MIN}`;
      throw malformed(INITIATE, detail);
    }
    const crypto = this.#crypto;
    const cookieNonce = nonceOf('COOKIE--', data.subarray(0, LONG_NONCE));
    const kept = crypto.openSecretbox(this.#cookieKey!, cookieNonce, data.subarray(LONG_NONCE, COOKIE_SIZE));
    wipe(this.#cookieKey);
    this.#cookieKey = null;
    this.#due = 'nothing';
    const cookie = opened(kept, 'the cookie of the client');
    const client = cookie.subarray(0, KEY_SIZE);
    const secret = cookie.subarray(KEY_SIZE);
    try {
      const short = data.subarray(COOKIE_SIZE, INITIATE_BOX);
      this.#counts(short);
      const key = opened(crypto.sharedKey(client, secret), 'the INITIATE of the client');
      this.#key = key;
      const nonce = nonceOf('CurveZMQINITIATE', short);
      const plain = crypto.openSecretbox(key, nonce, data.subarray(INITIATE_BOX));
      const inside = opened(plain, 'the INITIATE of the client');
      this.#vouched(inside, client, secret);
      this.#theirs = parseMetadata(inside.subarray(METADATA_AT));
      this.credentials = { mechanism: 'CURVE', frames: [Buffer.from(inside.subarray(0, KEY_SIZE))] };
    } finally {
      wipe(cookie);
    }
  }

  /** The client's long-term key vouches for the keys of this connection, and means this server. */
  #vouched(inside: Buffer, client: Uint8Array, secret: Uint8Array): void {
    const crypto = this.#crypto;
    const key = opened(crypto.sharedKey(inside.subarray(0, KEY_SIZE), secret), 'the vouch of the client');
    const nonce = nonceOf('VOUCH---', inside.subarray(KEY_SIZE, VOUCH_AT));
    const vouch = crypto.openSecretbox(key, nonce, inside.subarray(VOUCH_AT, METADATA_AT));
    wipe(key);
    const [short, server] = [opened(vouch, 'the vouch of the client'), this.#keys.publicKey];
    if (
      !crypto.equal(short.subarray(0, KEY_SIZE), client) ||
      !crypto.equal(short.subarray(KEY_SIZE), server)
    ) {
      const detail = 'the vouch of the client is for another connection or another server';
      throw new ZmqError('ERR_ZMTP_CRYPTOGRAPHIC', { detail });
    }
  }

  /** RFC 26: short nonces grow with each command. */
  #counts(short: Buffer): void {
    if (Buffer.compare(short, this.#nonce) <= 0) {
      const detail = `a short nonce of ${readU64(short, 0)}, which is not above the last`;
      throw new ZmqError('ERR_ZMTP_INVALID_SEQUENCE', { detail });
    }
    this.#nonce = Buffer.from(short);
  }
}
