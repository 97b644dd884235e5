/**
 * The last good text of a source, on disk: what a node starts with when its centre is down.
 *
 * Format: one line, a comment of YAML, `# zeroth: {"version":1,"source":NAME,"revision":TEXT,"sha256":HEX}`, then the text
 * as it was.
 *
 * Guarantees: the file is there whole, as it was or as it is now, and only its owner reads it; a text of another source
 * or key, or one that was damaged, is not given out; reads a bounded file.
 */

import { createHash } from 'node:crypto';
import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { ZerothError } from '../errors.ts';
import { writePrivate } from './private-file.ts';
import type { SourceText } from './source.ts';
import { MAX_TEXT } from './source.ts';

const HEAD = '# zeroth: ';
/** Octets of the first line. */
const MAX_HEAD = 16 * 1024;

/** What `Source.name` says is the name. */
export class SourceCopy {
  readonly path: string;
  readonly #folder: string;
  readonly #name: string;

  constructor(dataDir: string, name: string) {
    this.#folder = join(dataDir, 'config');
    this.path = join(this.#folder, 'source.yaml');
    this.#name = name;
  }

  /** Null: there is none that could be used. @throws ZerothError FILE_FAILED: it can't be read. */
  async load(): Promise<SourceText | null> {
    let bytes: Buffer | null;
    try {
      bytes = await readBounded(this.path, MAX_HEAD + MAX_TEXT);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw this.#failed('read', error);
    }
    const end = bytes?.indexOf(10) ?? -1;
    if (bytes === null || end === -1 || end > MAX_HEAD) return null;
    const head = headOf(bytes.subarray(0, end).toString('utf8'));
    const text = bytes.subarray(end + 1);
    if (head?.version !== 1 || head.source !== this.#name) return null;
    if (head.sha256 !== digest(text) || typeof head.revision !== 'string') return null;
    return { text: text.toString('utf8'), revision: head.revision };
  }

  /** One at a time. @throws ZerothError FILE_FAILED. */
  async save({ text, revision }: SourceText): Promise<void> {
    const sha256 = digest(Buffer.from(text));
    const head = JSON.stringify({ version: 1, source: this.#name, revision, sha256 });
    try {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
      await writePrivate(this.path, `${HEAD}${head}\n${text}`);
    } catch (error) {
      throw this.#failed('written', error);
    }
  }

  #failed(what: string, cause: unknown): ZerothError {
    const { code, message } = cause as NodeJS.ErrnoException;
    return new ZerothError(
      'FILE_FAILED',
      `${this.path}, the copy of the configuration of ${this.#name}, can't be ${what}: ${code ?? message}`,
      { cause },
    );
  }
}

/** Null: it is larger. */
async function readBounded(path: string, limit: number): Promise<Buffer | null> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    if (size > limit) return null;
    const bytes = Buffer.alloc(size);
    const { bytesRead } = await file.read(bytes, 0, size, 0);
    return bytes.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

function headOf(line: string): Readonly<Record<string, unknown>> | null {
  if (!line.startsWith(HEAD)) return null;
  try {
    const value: unknown = JSON.parse(line.slice(HEAD.length));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
