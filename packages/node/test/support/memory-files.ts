/**
 * A file system in memory that fails when it is told to, and forgets what was not synced when the power goes.
 *
 * After {@link MemoryFiles.powerLoss} each write that was not synced is there, is not, or is torn; a folder has what was
 * done in it up to some point. Writes to a `durable` file are synced when they are done.
 */
import { sep } from 'node:path';
import type { FileStat, FileSystem, OpenFile, OpenMode } from '../../src/store/files.ts';

export type Operation = 'open' | 'write' | 'read' | 'sync' | 'truncate' | 'rename' | 'remove' | 'syncFolder';

interface Node {
  data: Buffer;
  /** What is on the disk for sure. */
  synced: Buffer;
  /** What was done since, in order. */
  changes: ({ readonly at: number; readonly bytes: Buffer } | { readonly size: number })[];
  modified: number;
}

type Entry = { readonly path: string; readonly node: Node | null };

export class MemoryFiles implements FileSystem {
  /** Says which operation fails, and how: the `code` of the error. */
  fault: (operation: Operation, path: string) => string | null = () => null;
  /** Octets that fit on the disk. */
  capacity: number = Number.POSITIVE_INFINITY;
  /** What was written, for tests that count. */
  writes = 0;
  syncs = 0;
  #dead = false;
  readonly #folders = new Set<string>();
  readonly #names = new Map<string, Node>();
  /** Names that are on the disk for sure, and what was done to names since. */
  readonly #synced = new Map<string, Node>();
  #changes: Entry[] = [];

  /** What a process that is killed leaves: all that was handed to the system, synced or not. */
  kill(): MemoryFiles {
    this.#dead = true;
    const files = new MemoryFiles();
    const fresh = new Map<Node, Node>();
    const copyOf = (node: Node): Node => {
      const copy = fresh.get(node) ?? { ...node, changes: [...node.changes] };
      fresh.set(node, copy);
      return copy;
    };
    for (const folder of this.#folders) files.#folders.add(folder);
    for (const [path, node] of this.#names) files.#names.set(path, copyOf(node));
    for (const [path, node] of this.#synced) files.#synced.set(path, copyOf(node));
    files.#changes = this.#changes.map(({ path, node }) => ({ path, node: node && copyOf(node) }));
    return files;
  }

  /** What is left when the power goes. `random`: 0 to 1. */
  powerLoss(random: () => number): MemoryFiles {
    this.#dead = true;
    const names = new Map(this.#synced);
    const kept = Math.floor(random() * (this.#changes.length + 1));
    for (const { path, node } of this.#changes.slice(0, kept)) {
      if (node === null) names.delete(path);
      else names.set(path, node);
    }
    const files = new MemoryFiles();
    for (const folder of this.#folders) files.#folders.add(folder);
    for (const [path, node] of names) files.put(path, afterPowerLoss(node, random));
    return files;
  }

  /** What is in a file now. */
  content(place: string): Buffer {
    const path = slashed(place);
    return this.#node(path).data;
  }

  /** Puts a whole file there, synced. */
  put(place: string, data: Buffer): void {
    const path = slashed(place);
    const node = { data: Buffer.from(data), synced: Buffer.from(data), changes: [], modified: Date.now() };
    this.#names.set(path, node);
    this.#synced.set(path, node);
  }

  get paths(): string[] {
    return [...this.#names.keys()];
  }

  get used(): number {
    let used = 0;
    for (const { data } of this.#names.values()) used += data.length;
    return used;
  }

  async makeFolder(place: string): Promise<void> {
    const path = slashed(place);
    await this.step('open', path);
    this.#folders.add(path);
  }

  async list(place: string): Promise<string[]> {
    const path = slashed(place);
    await this.step('read', path);
    const under = `${path}/`;
    const names = new Set<string>();
    for (const known of [...this.#names.keys(), ...this.#folders])
      if (known.startsWith(under)) names.add(known.slice(under.length).split('/')[0]!);
    if (names.size === 0 && !this.#folders.has(path)) throw failure('ENOENT', path);
    return [...names];
  }

  async open(place: string, mode: OpenMode): Promise<OpenFile> {
    const path = slashed(place);
    await this.step('open', path);
    let node = this.#names.get(path);
    if (node === undefined) {
      if (mode === 'read') throw failure('ENOENT', path);
      node = { data: Buffer.alloc(0), synced: Buffer.alloc(0), changes: [], modified: Date.now() };
      this.#set(path, node);
    }
    return new MemoryFile(this, path, node, mode === 'durable');
  }

  async stat(place: string): Promise<FileStat> {
    const path = slashed(place);
    await this.step('read', path);
    const { data, modified } = this.#node(path);
    return { size: data.length, modified };
  }

  async rename(source: string, target: string): Promise<void> {
    const [from, to] = [slashed(source), slashed(target)];
    await this.step('rename', to);
    const node = this.#node(from);
    this.#set(from, null);
    this.#set(to, node);
  }

  async link(source: string, target: string): Promise<void> {
    const [from, to] = [slashed(source), slashed(target)];
    await this.step('rename', to);
    if (this.#names.has(to)) throw failure('EEXIST', to);
    this.#set(to, this.#node(from));
  }

  async remove(place: string): Promise<void> {
    const path = slashed(place);
    await this.step('remove', path);
    this.#node(path);
    this.#set(path, null);
  }

  async syncFolder(place: string): Promise<void> {
    const path = slashed(place);
    await this.step('syncFolder', path);
    const left: Entry[] = [];
    for (const change of this.#changes) {
      if (!change.path.startsWith(`${path}/`)) left.push(change);
      else if (change.node === null) this.#synced.delete(change.path);
      else this.#synced.set(change.path, change.node);
    }
    this.#changes = left;
  }

  async touch(place: string): Promise<void> {
    const path = slashed(place);
    await this.step('write', path);
    this.#node(path).modified = Date.now();
  }

  /** Lets some time pass; throws if the operation is to fail. */
  async step(operation: Operation, path: string): Promise<void> {
    await new Promise(setImmediate);
    if (this.#dead) throw failure('EIO', path);
    const code = this.fault(operation, path);
    if (code !== null) throw failure(code, path);
  }

  get dead(): boolean {
    return this.#dead;
  }

  #node(path: string): Node {
    const node = this.#names.get(path);
    if (node === undefined) throw failure('ENOENT', path);
    return node;
  }

  #set(path: string, node: Node | null): void {
    if (node === null) this.#names.delete(path);
    else this.#names.set(path, node);
    this.#changes.push({ path, node });
  }
}

class MemoryFile implements OpenFile {
  readonly #files: MemoryFiles;
  readonly #path: string;
  readonly #node: Node;
  readonly #durable: boolean;

  constructor(files: MemoryFiles, path: string, node: Node, durable: boolean) {
    this.#files = files;
    this.#path = path;
    this.#node = node;
    this.#durable = durable;
  }

  write(parts: readonly Uint8Array[], position: number, done: (error: Error | null) => void): void {
    this.#files.writes++;
    const bytes = Buffer.concat(parts);
    this.#write(bytes, position).then(
      () => done(null),
      (error: Error) => done(error),
    );
  }

  async #write(bytes: Buffer, position: number): Promise<void> {
    if (this.#files.dead) throw failure('EIO', this.#path);
    const grows = Math.max(0, position + bytes.length - this.#node.data.length);
    const room = Math.max(0, this.#files.capacity - this.#files.used);
    const fits = grows > room ? Math.max(0, bytes.length - (grows - room)) : bytes.length;
    const node = this.#node;
    // On its way from here on: a crash finds some of it.
    if (fits > 0) {
      node.changes.push({ at: position, bytes: bytes.subarray(0, fits) });
      node.data = written(node.data, position, bytes.subarray(0, fits));
      node.modified = Date.now();
    }
    try {
      await this.#files.step('write', this.#path);
    } catch (error) {
      // Some of it may be there all the same.
      if (!this.#files.dead) this.#spoil(position + (fits >> 1), fits - (fits >> 1));
      throw error;
    }
    if (fits < bytes.length) throw failure('ENOSPC', this.#path);
    if (this.#durable) settle(node);
  }

  #spoil(at: number, length: number): void {
    const bytes = Buffer.alloc(length);
    this.#node.changes.push({ at, bytes });
    this.#node.data = written(this.#node.data, at, bytes);
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    await this.#files.step('read', this.#path);
    const part = this.#node.data.subarray(position, position + into.length);
    into.set(part);
    return part.length;
  }

  async size(): Promise<number> {
    await this.#files.step('read', this.#path);
    return this.#node.data.length;
  }

  async sync(): Promise<void> {
    this.#files.syncs++;
    const count = this.#node.changes.length;
    try {
      await this.#files.step('sync', this.#path);
    } catch (error) {
      // The system drops what it could not write, and says so once.
      if (!this.#files.dead) this.#node.changes.length = 0;
      throw error;
    }
    settle(this.#node, count);
  }

  async truncate(size: number): Promise<void> {
    await this.#files.step('truncate', this.#path);
    const data = Buffer.alloc(size);
    this.#node.data.copy(data);
    this.#node.data = data;
    this.#node.changes.push({ size });
  }

  async close(): Promise<void> {
    await this.#files.step('read', this.#path);
  }
}

/** The first `count` changes are on the disk. */
function settle(node: Node, count: number = node.changes.length): void {
  for (const change of node.changes.splice(0, count)) node.synced = applied(node.synced, change);
}

function applied(data: Buffer, change: Node['changes'][number]): Buffer {
  if ('bytes' in change) return written(data, change.at, change.bytes);
  const cut = Buffer.alloc(change.size);
  data.copy(cut);
  return cut;
}

function written(data: Buffer, at: number, bytes: Buffer): Buffer {
  const end = at + bytes.length;
  const grown =
    end > data.length ? Buffer.concat([data, Buffer.alloc(end - data.length)]) : Buffer.from(data);
  bytes.copy(grown, at);
  return grown;
}

const SECTOR = 512;

function afterPowerLoss(node: Node, random: () => number): Buffer {
  let data = node.synced;
  for (const change of node.changes) {
    const fate = random();
    if (fate < 0.3) continue;
    if (fate < 0.6 || !('bytes' in change)) {
      data = applied(data, change);
      continue;
    }
    if (fate < 0.8) {
      // The first part of it.
      const bytes = change.bytes.subarray(0, Math.floor(random() * change.bytes.length));
      if (bytes.length > 0) data = written(data, change.at, bytes);
      continue;
    }
    // Some sectors of it, in no order; the length may be there without them.
    data = written(data, change.at, Buffer.alloc(change.bytes.length));
    for (let at = 0; at < change.bytes.length; at += SECTOR)
      if (random() < 0.5) data = written(data, change.at + at, change.bytes.subarray(at, at + SECTOR));
  }
  return data;
}

/** Paths are those of Unix in here, also where the store joins them with backslashes. */
function slashed(path: string): string {
  return sep === '/' ? path : path.replaceAll(sep, '/');
}

function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}
