/**
 * The 64 octets that open a connection (RFC 37, Formal Grammar). What comes in is judged octet by octet, so that a
 * stranger is told off at the first octet that no ZMTP 3 peer would send.
 */
import { ZmqError } from '../errors.ts';

const GREETING_LENGTH = 64;
/** The signature and the major version: what tells whom we are talking to. */
export const GREETING_VERSION_END = 11;
const MECHANISM_START = 12;
const MECHANISM_END = 32;

export interface Greeting {
  readonly major: number;
  readonly minor: number;
  readonly mechanism: string;
  readonly asServer: boolean;
  /** The padding is the length of an identity, plus one, as libzmq writes it, and what descends from it. */
  readonly padded: boolean;
}

export function encodeGreeting(mechanism: string, asServer: boolean): Buffer {
  const bytes = Buffer.alloc(GREETING_LENGTH);
  bytes[0] = 0xff;
  // Octet 8 is padding to us; a ZMTP 1.0 peer reads the eight octets as the length of an identity, plus one.
  bytes[8] = 0x01;
  bytes[9] = 0x7f;
  bytes[10] = 3;
  bytes[11] = 1;
  bytes.write(mechanism, MECHANISM_START, 'latin1');
  bytes[MECHANISM_END] = asServer ? 1 : 0;
  return bytes;
}

/** Collects a greeting. `push` takes octets until there are 64; the rest of the chunk belongs to the next stage. */
export class GreetingReader {
  readonly #bytes = Buffer.alloc(GREETING_LENGTH);
  #length = 0;

  /** The signature and the major version are there, and good. */
  get versionKnown(): boolean {
    return this.#length >= GREETING_VERSION_END;
  }

  get done(): boolean {
    return this.#length === GREETING_LENGTH;
  }

  /** Returns how many octets of `chunk` were taken. Throws ERR_ZMTP_GREETING or ERR_ZMTP_VERSION. */
  push(chunk: Uint8Array): number {
    const take = Math.min(chunk.length, GREETING_LENGTH - this.#length);
    const bytes = this.#bytes;
    for (let i = 0; i < take; i++) {
      bytes[this.#length] = chunk[i]!;
      this.#check(this.#length);
      this.#length++;
    }
    return take;
  }

  #check(at: number): void {
    const octet = this.#bytes[at]!;
    if (at === 0 && octet !== 0xff) {
      throw new ZmqError('ERR_ZMTP_GREETING', {
        detail: `the first octet is 0x${hex(octet)}; ZMTP 3 begins with 0xff (ZMTP 1.0, HTTP or noise?)`,
      });
    }
    if (at === 9 && octet !== 0x7f) {
      // RFC 37, Detecting ZMTP 1.0 and 2.0 Peers: an even octet here is the long length of a 1.0 identity.
      if ((octet & 1) === 0) throw new ZmqError('ERR_ZMTP_VERSION', { detail: 'the peer speaks ZMTP 1.0' });
      throw new ZmqError('ERR_ZMTP_GREETING', { detail: `octet 9 is 0x${hex(octet)}; it must be 0x7f` });
    }
    if (at === 10 && octet < 3) {
      throw new ZmqError('ERR_ZMTP_VERSION', { detail: `the peer speaks ZMTP 2.0 (revision ${octet})` });
    }
  }

  /** The whole greeting. Call when `done`. Throws ERR_ZMTP_GREETING for a mechanism name that can't be one. */
  result(): Greeting {
    const bytes = this.#bytes;
    let end = MECHANISM_START;
    while (end < MECHANISM_END && bytes[end] !== 0) end++;
    const mechanism = bytes.toString('latin1', MECHANISM_START, end);
    if (!/^[A-Z0-9_.+-]+$/.test(mechanism)) {
      throw new ZmqError('ERR_ZMTP_GREETING', {
        detail: 'the mechanism is not a name of capital letters and digits',
      });
    }
    return {
      major: bytes[10]!,
      minor: bytes[11]!,
      mechanism,
      asServer: bytes[MECHANISM_END] === 1,
      padded: bytes[8] !== 0,
    };
  }
}

function hex(octet: number): string {
  return octet.toString(16).padStart(2, '0');
}
