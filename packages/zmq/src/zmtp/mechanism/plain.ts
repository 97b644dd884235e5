/**
 * PLAIN (RFC 24): the client names itself and gives a password, in the clear; the server asks somebody whether that is
 * good. No more than one user name and one password, of 255 octets each, is taken from a peer before it is let in.
 */
import { type Command, encodeCommand, READY } from '../command.ts';
import { encodeMetadata, type Metadata, parseMetadata } from '../metadata.ts';
import {
  type Credentials,
  type Mechanism,
  malformed,
  type Properties,
  refusal,
  unexpected,
  type Verdict,
} from './mechanism.ts';

const HELLO = 'HELLO';
const WELCOME = 'WELCOME';
const INITIATE = 'INITIATE';
const NOTHING = Buffer.alloc(0);

export class PlainClient implements Mechanism {
  readonly name = 'PLAIN';
  readonly asServer = false;
  readonly credentials = null;
  readonly cipher = null;
  metadata: Metadata | null = null;
  #due: typeof WELCOME | typeof READY = WELCOME;
  #next: Uint8Array | null;
  readonly #initiate: Uint8Array;

  /** User name and password have at most 255 octets. */
  constructor(properties: Properties, username: Uint8Array, password: Uint8Array) {
    const data = [Uint8Array.of(username.length), username, Uint8Array.of(password.length), password];
    this.#next = encodeCommand(HELLO, Buffer.concat(data));
    this.#initiate = encodeCommand(INITIATE, encodeMetadata(properties));
  }

  next(): Uint8Array | null {
    const command = this.#next;
    this.#next = null;
    return command;
  }

  receive(command: Command): void {
    if (command.name !== this.#due || this.metadata !== null) throw unexpected(command, this.#due);
    if (this.#due === READY) {
      this.metadata = parseMetadata(command.data);
      return;
    }
    if (command.data.length > 0) {
      throw malformed(WELCOME, `a PLAIN WELCOME with ${command.data.length} octets; it has none`);
    }
    this.#due = READY;
    this.#next = this.#initiate;
  }

  decide(): void {}

  close(): void {
    this.#next = null;
  }
}

export class PlainServer implements Mechanism {
  readonly name = 'PLAIN';
  readonly asServer = true;
  readonly cipher = null;
  credentials: Credentials | null = null;
  metadata: Metadata | null = null;
  #due: typeof HELLO | typeof INITIATE | 'nothing' = HELLO;
  #next: Uint8Array | null = null;
  readonly #ready: Uint8Array;

  constructor(properties: Properties) {
    this.#ready = encodeCommand(READY, encodeMetadata(properties));
  }

  next(): Uint8Array | null {
    const command = this.#next;
    this.#next = null;
    return command;
  }

  receive(command: Command): void {
    if (command.name !== this.#due) throw unexpected(command, this.#due);
    if (this.#due === HELLO) {
      this.#due = 'nothing';
      this.credentials = { mechanism: 'PLAIN', frames: readHello(command.data) };
      return;
    }
    this.metadata = parseMetadata(command.data);
    this.#due = 'nothing';
    this.#next = this.#ready;
  }

  decide(verdict: Verdict): void {
    this.credentials = null;
    if (verdict.status === 200) {
      this.#due = INITIATE;
      this.#next = encodeCommand(WELCOME, NOTHING);
    } else this.#next = refusal(verdict);
  }

  close(): void {
    this.credentials = null;
  }
}

/** Copies: the views would keep a chunk with a password in it. */
function readHello(data: Buffer): Buffer[] {
  const nameEnd = data.length > 0 ? 1 + data[0]! : 1;
  if (nameEnd >= data.length) throw malformed(HELLO, 'a PLAIN HELLO that ends before the password');
  if (nameEnd + 1 + data[nameEnd]! !== data.length) {
    throw malformed(HELLO, 'a PLAIN HELLO whose password has another length than it says');
  }
  return [Buffer.from(data.subarray(1, nameEnd)), Buffer.from(data.subarray(nameEnd + 1))];
}
