/**
 * The versions of a configuration that were applied, the last {@link KEPT} of them.
 *
 * Format: a file for each version, `VERSION.yaml`: one line, a comment of YAML,
 * `# zeroth: {"format":1,"version":7,"at":MS,"by":{…},"origin":TEXT,"digest":HEX,"texts":[{"name":TEXT,"bytes":N},…]}`, then the
 * texts as they were, the centre's first if there is one, each followed by a line feed.
 *
 * Guarantees: a file is there whole or not at all, and only its owner reads it; a disk that takes nothing is told once
 * and stops nothing: versions are kept in memory then, at most {@link MEMORY} bytes of them. What is not a version, or was
 * changed by hand, is not given out. No folder is made before there is a second version.
 */

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { LayerText } from '../config/layers.ts';
import { MAX_FILE_SIZE } from '../config/source.ts';
import type { Log } from '../log/log.ts';
import { writePrivate } from '../source/private-file.ts';
import type { Actor } from './types.ts';

export const KEPT = 50;
const MEMORY = 16 * 1024 * 1024;
const HEAD = '# zeroth: ';
/** Octets of the first line. */
const MAX_HEAD = 64 * 1024;
/** What a Date takes. */
const LATEST = 8.64e15;
const MAX_FILE: number = MAX_HEAD + 2 * MAX_FILE_SIZE + 16;

export interface Texts {
  readonly centre: LayerText | null;
  readonly file: LayerText;
}

export interface Version {
  readonly version: number;
  readonly at: number;
  readonly by: Actor;
  readonly origin: string;
  readonly digest: string;
}

interface Kept extends Version {
  /** Null: on the disk. */
  texts: Texts | null;
}

/** Equal for equal texts, whatever they are called. */
export function digestOf({ centre, file }: Texts): string {
  const hash = createHash('sha256');
  if (centre !== null) hash.update(`${Buffer.byteLength(centre.text)}\n`).update(centre.text);
  return hash.update(file.text).digest('hex');
}

export class History {
  readonly #folder: string;
  readonly #log: Log;
  readonly #kept: Kept[];
  #told = false;

  private constructor(folder: string, log: Log, kept: Kept[]) {
    this.#folder = folder;
    this.#log = log;
    this.#kept = kept;
  }

  /** Reads what an earlier run has kept. */
  static async open(dataDir: string, log: Log): Promise<History> {
    const folder = join(dataDir, 'config');
    const kept: Kept[] = [];
    const names = await readdir(folder).catch(() => []);
    const versions = names.flatMap((name) =>
      /^[1-9]\d{0,14}\.yaml$/.test(name) ? [Number.parseInt(name, 10)] : [],
    );
    for (const version of versions.sort((a, b) => a - b).slice(-KEPT)) {
      const read = await readVersion(join(folder, `${version}.yaml`), version);
      if (read !== null) kept.push({ ...read.version, texts: null });
      else log.event('config:history-damaged', { version, reason: 'damaged' });
    }
    return new History(folder, log, kept);
  }

  /** The oldest first. */
  get versions(): readonly Version[] {
    return this.#kept;
  }

  /** Never throws for the disk. */
  async add(version: Version, texts: Texts): Promise<void> {
    const kept: Kept = { ...version, texts };
    this.#kept.push(kept);
    if (this.#kept.length > 1 || existsSync(dirname(this.#folder))) await this.#write();
    await this.#forget();
  }

  /** Null: it is not kept, or not as it was. */
  async read(version: number): Promise<Texts | null> {
    const kept = this.#kept.find((each) => each.version === version);
    if (kept === undefined) return null;
    if (kept.texts !== null) return kept.texts;
    const read = await readVersion(this.#path(version), version);
    return read?.version.digest === kept.digest ? read.texts : null;
  }

  #path(version: number): string {
    return join(this.#folder, `${version}.yaml`);
  }

  /** Everything that is not on the disk yet. */
  async #write(): Promise<void> {
    try {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
      for (const kept of this.#kept) {
        if (kept.texts === null) continue;
        await writeVersion(this.#path(kept.version), kept, kept.texts);
        kept.texts = null;
      }
      this.#told = false;
    } catch (error) {
      if (this.#told) return;
      this.#told = true;
      const { code, message } = error as NodeJS.ErrnoException;
      this.#log.event('config:history', { folder: this.#folder, reason: code ?? message });
    }
  }

  async #forget(): Promise<void> {
    const size = ({ texts }: Kept): number =>
      texts === null ? 0 : texts.file.text.length + (texts.centre?.text.length ?? 0);
    let memory = this.#kept.reduce((sum, kept) => sum + size(kept), 0);
    while (this.#kept.length > KEPT || (memory > MEMORY && this.#kept.length > 1)) {
      const [oldest] = this.#kept.splice(0, 1) as [Kept];
      memory -= size(oldest);
      // What can't be removed is not read again: only the newest are.
      await rm(this.#path(oldest.version), { force: true }).catch(() => {});
    }
  }
}

async function writeVersion(
  path: string,
  { version, at, by, origin, digest }: Version,
  texts: Texts,
): Promise<void> {
  const all = texts.centre === null ? [texts.file] : [texts.centre, texts.file];
  const sizes = all.map(({ name, text }) => ({ name, bytes: Buffer.byteLength(text) }));
  const head = JSON.stringify({ format: 1, version, at, by, origin, digest, texts: sizes });
  await writePrivate(path, `${HEAD}${head}\n${all.map(({ text }) => `${text}\n`).join('')}`);
}

async function readVersion(
  path: string,
  version: number,
): Promise<{ version: Version; texts: Texts } | null> {
  try {
    // A pipe may never end.
    const found = await stat(path);
    if (!found.isFile() || found.size > MAX_FILE) return null;
    const bytes = await readFile(path);
    const end = bytes.indexOf(10);
    const line = bytes.subarray(0, end).toString('utf8');
    if (end === -1 || end > MAX_HEAD || !line.startsWith(HEAD)) return null;
    const head = versionOf(JSON.parse(line.slice(HEAD.length)), version);
    const texts = head === null ? null : textsOf(bytes.subarray(end + 1), head.texts);
    if (head === null || texts === null || digestOf(texts) !== head.version.digest) return null;
    return { version: head.version, texts };
  } catch {
    return null;
  }
}

interface Size {
  readonly name: string;
  readonly bytes: number;
}

function versionOf(value: unknown, expected: number): { version: Version; texts: readonly Size[] } | null {
  const { format, version, at, by, origin, digest, texts } = value as Readonly<Record<string, unknown>>;
  const { via, who } = by as Readonly<Record<string, unknown>>;
  const good =
    format === 1 &&
    version === expected &&
    typeof at === 'number' &&
    Number.isInteger(at) &&
    at >= 0 &&
    at <= LATEST &&
    typeof via === 'string' &&
    typeof who === 'string' &&
    typeof origin === 'string' &&
    typeof digest === 'string' &&
    Array.isArray(texts);
  if (!good) return null;
  return { version: { version: expected, at, by: { via, who } as Actor, origin, digest }, texts };
}

function textsOf(bytes: Buffer, sizes: readonly Size[]): Texts | null {
  let at = 0;
  const texts: LayerText[] = [];
  for (const { name, bytes: size } of sizes) {
    if (typeof name !== 'string' || !Number.isSafeInteger(size) || size < 0 || at + size >= bytes.length)
      return null;
    texts.push({ name, text: bytes.subarray(at, at + size).toString('utf8') });
    at += size + 1;
  }
  const [first, second] = texts;
  if (first === undefined || texts.length > 2 || at !== bytes.length) return null;
  return second === undefined ? { centre: null, file: first } : { centre: first, file: second };
}
