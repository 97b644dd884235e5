/**
 * Prints the messages that arrive: text, JSON lines, hex or raw bytes; to standard output or to a file.
 *
 * Guarantees: one message, one line (except --raw); the reader sets the pace, so that memory stays bounded.
 */

import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { fileError, usageError } from '../errors.ts';
import { EXIT } from '../exit.ts';
import type { Terminal } from '../terminal.ts';
import type { Decode } from './codec.ts';
import { decoderOf, valueText } from './codec.ts';
import { frameToJson, frameToText } from './frames.ts';

export interface OutputOptions {
  readonly json: boolean;
  readonly hex: boolean;
  readonly raw: boolean;
  readonly file: string | null;
  readonly decode: string | null;
}

/** Fields for the JSON of the message at `index`. */
type Extra = (index: number, frames: readonly Buffer[]) => Record<string, unknown>;

const none: Extra = () => ({});

export class Output {
  readonly #options: OutputOptions;
  readonly #terminal: Terminal;
  readonly #file: FileHandle | null;
  readonly #decode: Decode | null;
  #seq = 0;

  private constructor(
    options: OutputOptions,
    terminal: Terminal,
    decode: Decode | null,
    file: FileHandle | null,
  ) {
    this.#options = options;
    this.#terminal = terminal;
    this.#decode = decode;
    this.#file = file;
  }

  static async open(options: OutputOptions, terminal: Terminal): Promise<Output> {
    if (options.raw && (options.json || options.hex || options.decode !== null))
      throw usageError('--raw goes with neither --json nor --hex nor --decode');
    const decode = await decoderOf(options.decode);
    if (options.file === null) return new Output(options, terminal, decode, null);
    try {
      return new Output(options, terminal, decode, await open(options.file, 'w'));
    } catch (cause) {
      throw fileError('write', options.file, { cause, exitCode: EXIT.unexpected });
    }
  }

  /** Prints messages; `extra` gives further fields of the JSON form, or other values. Resolves when more may be printed. */
  async print(messages: readonly (readonly Buffer[])[], extra: Extra = none): Promise<void> {
    if (messages.length === 0) return;
    if (this.#options.raw) return this.#write(Buffer.concat(messages.flat()));
    let text = '';
    messages.forEach((frames, index) => {
      text += `${this.#line(frames, index, extra)}\n`;
    });
    return this.#write(text);
  }

  async close(): Promise<void> {
    await this.#file?.close();
  }

  #line(frames: readonly Buffer[], index: number, extra: Extra): string {
    this.#seq++;
    const { json, hex } = this.#options;
    const decoded = this.#decode?.(frames.at(-1) as Buffer) ?? null;
    if (!json) {
      const texts = frames.map((frame) => (hex ? frame.toString('hex') : frameToText(frame)));
      if (decoded !== null) texts.splice(-1, 1, valueText(decoded));
      return texts.join('\t');
    }
    const sizes = frames.map((frame) => frame.length);
    return JSON.stringify({
      seq: this.#seq,
      time: new Date().toISOString(),
      ...extra(index, frames),
      size: sizes.reduce((sum, size) => sum + size, 0),
      sizes,
      frames: frames.map((frame) => frameToJson(frame, hex)),
      ...decoded,
    });
  }

  async #write(data: string | Buffer): Promise<void> {
    if (this.#file === null) return this.#terminal.out(data);
    try {
      await this.#file.appendFile(data);
    } catch (cause) {
      throw fileError('write', this.#options.file as string, { cause, exitCode: EXIT.unexpected });
    }
  }
}
