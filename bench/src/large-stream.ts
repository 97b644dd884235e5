/**
 * One large stream: what it takes to read all of it, and to start a node that has it.
 *
 * Guarantees: the stream is made once, when the first row asks for it, and is gone when the benchmark ends.
 */
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Stage } from './children.ts';
import type { Command } from './servers.ts';
import { newFolder, streamNode } from './servers.ts';
import type { Work } from './works.ts';

const SIZE = 1024;
const MEGA = 1e6;
/** Of a slow machine, for each GB. */
const SECONDS = 60;

/** The most that the process ever held in memory, in octets. */
function peakMemory(pid: number): number {
  const kib = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kib) * 1024;
}

export class LargeStream {
  readonly #node: Command;
  readonly #client: Command;
  readonly #gigabytes: number;
  #folder: Promise<string> | null = null;
  #peak = 0;

  constructor(node: Command, client: Command, gigabytes: number) {
    this.#node = node;
    this.#client = client;
    this.#gigabytes = gigabytes;
  }

  get #records(): string[] {
    return [String(SIZE), '--count', String(Math.ceil((this.#gigabytes * 1e9) / SIZE))];
  }

  async #fill(): Promise<string> {
    const folder = newFolder(null);
    const stage = new Stage();
    try {
      const { sessions } = await streamNode(stage, this.#node, folder);
      const fill = [...this.#client, 'stream-fill', sessions, ...this.#records, '--window', '10000'];
      await (await stage.start(fill)).result(SECONDS * this.#gigabytes);
    } finally {
      await stage.end();
    }
    return folder;
  }

  #made(): Promise<string> {
    this.#folder ??= this.#fill();
    return this.#folder;
  }

  /** MB/s that one consumer reads. */
  replay(): Work {
    return async (stage) => {
      const { pid, sessions } = await streamNode(stage, this.#node, await this.#made());
      const client = await stage.start([...this.#client, 'stream-replay', sessions, ...this.#records]);
      const { rate = 0 } = await client.result(SECONDS * this.#gigabytes);
      this.#peak = Math.max(this.#peak, peakMemory(pid));
      return { value: rate / MEGA, p99: null };
    };
  }

  /** MB that the node held at most in all replays that there were. */
  replayMemory(): Work {
    return async (stage) => {
      if (this.#peak === 0) await this.replay()(stage);
      return { value: this.#peak / (1024 * 1024), p99: null };
    };
  }

  /** ms for each GB until the node that was killed accepts again; without its index it has to look at every record. */
  recovery(index: 'kept' | 'lost'): Work {
    return async (stage) => {
      const folder = await this.#made();
      if (index === 'lost') removeIndex(join(folder, 'data'));
      const start = performance.now();
      await streamNode(stage, this.#node, folder);
      return { value: (performance.now() - start) / this.#gigabytes, p99: null };
    };
  }
}

function removeIndex(folder: string): void {
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (file.endsWith('.index')) rmSync(join(folder, file));
  }
}
