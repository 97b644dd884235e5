/** NULL: each side sends READY with its metadata, nothing is checked (RFC 37, The NULL Security Mechanism). */
import { ZmqError } from '../../errors.ts';
import { type Command, encodeCommand, printable, READY } from '../command.ts';
import { encodeMetadata, type Metadata, parseMetadata } from '../metadata.ts';
import type { Mechanism } from './mechanism.ts';

export class NullMechanism implements Mechanism {
  readonly name = 'NULL';
  readonly asServer = false;
  readonly credentials = null;
  readonly cipher = null;
  metadata: Metadata | null = null;
  #ready: Uint8Array | null;

  constructor(properties: readonly (readonly [name: string, value: Uint8Array])[]) {
    this.#ready = encodeCommand(READY, encodeMetadata(properties));
  }

  next(): Uint8Array | null {
    const ready = this.#ready;
    this.#ready = null;
    return ready;
  }

  receive(command: Command): void {
    if (command.name !== READY) {
      throw new ZmqError('ERR_ZMTP_UNEXPECTED_COMMAND', {
        detail: `got ${printable(command.name)} where READY was due`,
      });
    }
    this.metadata = parseMetadata(command.data);
  }

  decide(): void {}
}
