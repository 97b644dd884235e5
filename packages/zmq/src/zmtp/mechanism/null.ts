/**
 * NULL: each side sends READY with its metadata (RFC 37, The NULL Security Mechanism). Nothing is checked, unless
 * somebody is to be asked about the peer: then our READY waits for the answer (RFC 27, NULL).
 */

import type { Command } from '../command.ts';
import { encodeCommand, READY } from '../command.ts';
import { encodeMetadata, type Metadata, parseMetadata } from '../metadata.ts';
import {
  type Credentials,
  type Mechanism,
  type Properties,
  refusal,
  unexpected,
  type Verdict,
} from './mechanism.ts';

const ASKED: Credentials = { mechanism: 'NULL', frames: [] };

export class NullMechanism implements Mechanism {
  readonly name = 'NULL';
  readonly asServer = false;
  readonly cipher = null;
  credentials: Credentials | null;
  #theirs: Metadata | null = null;
  #next: Uint8Array | null;
  #sent = false;
  #refused = false;

  /** `ask`: somebody decides about the peer. */
  constructor(properties: Properties, ask: boolean = false) {
    this.#next = encodeCommand(READY, encodeMetadata(properties));
    this.credentials = ask ? ASKED : null;
  }

  get metadata(): Metadata | null {
    return this.#sent && !this.#refused ? this.#theirs : null;
  }

  next(): Uint8Array | null {
    if (this.credentials !== null) return null;
    const command = this.#next;
    this.#next = null;
    this.#sent = true;
    return command;
  }

  receive(command: Command): void {
    if (command.name !== READY || this.#theirs !== null) throw unexpected(command, READY);
    this.#theirs = parseMetadata(command.data);
  }

  decide(verdict: Verdict): void {
    this.credentials = null;
    if (verdict.status === 200) return;
    this.#refused = true;
    this.#next = refusal(verdict);
  }

  close(): void {}
}
