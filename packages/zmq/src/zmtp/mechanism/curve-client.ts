/**
 * CURVE, the client's handshake (RFC 26): HELLO, WELCOME, INITIATE, READY. The server has proved that it has its key
 * before our own long-term key, or anything else about us, is told.
 */
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
import { type Mechanism, malformed, type Properties, unexpected } from './mechanism.ts';

/** Of WELCOME, without the name. */
const WELCOME_SIZE = 160;
const HELLO_PADDING = 72;
const SIGNATURE = 64;

/** The keys of a client. */
export interface CurveClientKeys {
  /** Our long-term keys. */
  readonly ours: KeyPair;
  /** The server's long-term public key. */
  readonly server: Buffer;
}

export class CurveClient implements Mechanism {
  readonly name = 'CURVE';
  readonly asServer = false;
  readonly credentials = null;
  metadata: Metadata | null = null;
  cipher: CurveCipher | null = null;
  readonly #crypto: CurveCrypto;
  readonly #keys: CurveClientKeys;
  readonly #metadata: Buffer;
  readonly #shortTerm: KeyPair;
  #key: Buffer | null = null;
  #due: typeof HELLO | typeof WELCOME | typeof READY = HELLO;
  #next: Uint8Array | null = null;

  constructor(properties: Properties, keys: CurveClientKeys, crypto: CurveCrypto) {
    this.#crypto = crypto;
    this.#keys = keys;
    this.#metadata = encodeMetadata(properties);
    this.#shortTerm = crypto.keyPair();
  }

  next(): Uint8Array | null {
    if (this.#due === HELLO) {
      this.#due = WELCOME;
      return this.#hello();
    }
    const command = this.#next;
    this.#next = null;
    return command;
  }

  receive(command: Command): void {
    if (command.name !== this.#due || this.metadata !== null) throw unexpected(command, this.#due);
    if (this.#due === WELCOME) this.#welcome(command.data);
    else this.#ready(command.data);
  }

  decide(): void {}

  close(): void {
    wipe(this.#key, this.#shortTerm.secretKey);
    this.cipher?.close();
  }

  #hello(): Buffer {
    const crypto = this.#crypto;
    const key = opened(crypto.sharedKey(this.#keys.server, this.#shortTerm.secretKey), 'curveServerKey');
    const nonce = nonceOf('CurveZMQHELLO---', 1);
    const box = crypto.secretbox(key, nonce, Buffer.alloc(SIGNATURE));
    wipe(key);
    const head = Buffer.alloc(2 + HELLO_PADDING);
    head[0] = 1;
    const short = nonce.subarray(-SHORT_NONCE);
    return encodeCommand(HELLO, Buffer.concat([head, this.#shortTerm.publicKey, short, box]));
  }

  #welcome(data: Buffer): void {
    if (data.length !== WELCOME_SIZE) {
      throw malformed(WELCOME, `a WELCOME with ${data.length} octets of data; it has ${WELCOME_SIZE}`);
    }
    const crypto = this.#crypto;
    const key = opened(crypto.sharedKey(this.#keys.server, this.#shortTerm.secretKey), 'curveServerKey');
    const nonce = nonceOf('WELCOME-', data.subarray(0, LONG_NONCE));
    const plain = crypto.openSecretbox(key, nonce, data.subarray(LONG_NONCE));
    wipe(key);
    const inside = opened(plain, 'the WELCOME of the server');
    this.#key = opened(
      crypto.sharedKey(inside.subarray(0, KEY_SIZE), this.#shortTerm.secretKey),
      "the server's key",
    );
    this.#due = READY;
    this.#next = this.#initiate(inside.subarray(0, KEY_SIZE), inside.subarray(KEY_SIZE));
  }

  #initiate(server: Uint8Array, cookie: Uint8Array): Buffer {
    const crypto = this.#crypto;
    const { ours } = this.#keys;
    const long = crypto.random(LONG_NONCE);
    const key = opened(crypto.sharedKey(server, ours.secretKey), "the server's key");
    const vouched = Buffer.concat([this.#shortTerm.publicKey, this.#keys.server]);
    const vouch = crypto.secretbox(key, nonceOf('VOUCH---', long), vouched);
    wipe(key);
    const nonce = nonceOf('CurveZMQINITIATE', 2);
    const plain = Buffer.concat([ours.publicKey, long, vouch, this.#metadata]);
    const box = crypto.secretbox(this.#key!, nonce, plain);
    return encodeCommand(INITIATE, Buffer.concat([cookie, nonce.subarray(-SHORT_NONCE), box]));
  }

  #ready(data: Buffer): void {
    if (data.length < SHORT_NONCE + BOX_EXTRA) {
      throw malformed(READY, `a READY with ${data.length} octets of data; it has at least 24`);
    }
    const short = data.subarray(0, SHORT_NONCE);
    const key = this.#key!;
    const plain = this.#crypto.openSecretbox(
      key,
      nonceOf('CurveZMQREADY---', short),
      data.subarray(SHORT_NONCE),
    );
    this.metadata = parseMetadata(opened(plain, 'the READY of the server'));
    this.cipher = new CurveCipher(this.#crypto.arena, key, false, 3, short);
    this.#key = null;
    wipe(this.#shortTerm.secretKey);
  }
}
