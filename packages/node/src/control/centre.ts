/**
 * The configuration centre of a running node: what it says now, whether it answers, and the last good copy on the disk.
 *
 * Guarantees: never throws; a disk that takes no copy is told once and stops nothing.
 */

import { messageOf } from '../errors.ts';
import type { Log } from '../log/log.ts';
import type { SourceText } from '../source/source.ts';
import type { OpenedSource } from './open.ts';
import type { SourceStatus } from './types.ts';

export class Centre {
  readonly name: string;
  readonly #opened: OpenedSource;
  readonly #log: Log;
  readonly #abort = new AbortController();
  #following: Promise<void> | null = null;
  #text: SourceText;
  #status: SourceStatus;
  /** Why the text that it has now does not count. */
  #refusal: string | null = null;
  /** What the copy has. */
  #saved: SourceText | null;
  /** A disk that takes no copy was told. */
  #warned = false;
  /** Texts that were told by the source. */
  #told = 0;

  constructor(opened: OpenedSource, log: Log) {
    this.name = opened.source.name;
    this.#opened = opened;
    this.#log = log;
    this.#text = opened.text;
    this.#status = opened.status;
    this.#saved = opened.status.state === 'copy' ? opened.text : null;
  }

  /** The newest that was seen; whether it counts is for others to say. */
  get text(): SourceText {
    return this.#text;
  }

  get status(): SourceStatus {
    const { error } = this.#status;
    return error === null ? { ...this.#status, error: this.#refusal } : this.#status;
  }

  /** Says with what the node was started, and keeps it. */
  async begin(): Promise<void> {
    const { state, error, revision } = this.#status;
    if (state === 'up') return this.keep(this.#text);
    this.#log.event('config:copy', { source: this.name, reason: error, revision });
  }

  /** Reports each text that is new. */
  follow(changed: () => void): void {
    const events = {
      changed: (text: SourceText): void => {
        const known = text.revision === this.#text.revision && text.text === this.#text.text;
        this.#text = text;
        this.#told++;
        if (this.#status.state !== 'up') this.#set('up', null);
        if (!known) changed();
      },
      down: (error: Error): void => {
        // From the copy it goes on until the centre was there once.
        const reason = error.message.replace(`${this.name}: `, '');
        this.#set(this.#status.state === 'copy' ? 'copy' : 'down', reason);
        this.#log.event('config:source-down', { source: this.name, reason });
      },
      up: (): void => {
        this.#set('up', null);
        this.#log.event('config:source-up', { source: this.name });
      },
    };
    this.#following = this.#opened.source.follow(events, this.#abort.signal);
  }

  /** Asks now, for `text` to be what it says. What went wrong, or null. */
  async refresh(): Promise<string | null> {
    const before = this.#told;
    try {
      const text = await this.#opened.source.read(this.#abort.signal);
      // What was told meanwhile is newer.
      if (this.#told === before) this.#text = text;
      return null;
    } catch (error) {
      return messageOf(error);
    }
  }

  /** What it says now, or said last. Leaves no trace: who follows has still to be told of it. */
  async peek(): Promise<SourceText> {
    return this.#opened.source.read(this.#abort.signal).catch(() => this.#text);
  }

  /** The text that was seen counts now. */
  accepted(text: SourceText): void {
    this.#refusal = null;
    this.#status = { ...this.#status, revision: text.revision };
  }

  /** As the last good copy. */
  async keep(text: SourceText): Promise<void> {
    // The text as well: a centre that was restored from a backup counts again from there.
    if (this.#saved?.revision === text.revision && this.#saved.text === text.text) return;
    try {
      await this.#opened.copy.save(text);
      this.#saved = text;
      this.#warned = false;
    } catch (cause) {
      if (this.#warned) return;
      this.#warned = true;
      this.#log.event('config:no-copy', { reason: messageOf(cause) });
    }
  }

  /** The text that was seen does not count, because it is wrong. */
  refused(message: string): void {
    this.#refusal = message;
  }

  async close(): Promise<void> {
    this.#abort.abort();
    await this.#following;
  }

  #set(state: SourceStatus['state'], error: string | null): void {
    const since = this.#status.state === state ? this.#status.since : Date.now();
    this.#status = { ...this.#status, state, since, error };
  }
}
