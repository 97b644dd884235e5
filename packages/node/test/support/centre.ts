/**
 * What the tests of every configuration centre do alike: run a server, cut the way to it, and write down what a source
 * reports.
 *
 * Guarantees: servers and folders are gone with their test; waiting is for an event, never for a time; a wait that comes
 * to nothing fails with what was reported until then.
 */
import type { ChildProcess } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo, Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { SourceConfig } from '../../src/config/types.ts';
import type { ZerothError } from '../../src/errors.ts';
import type { Source, SourceText } from '../../src/source/source.ts';

/** Long enough for a slow machine; reached only by a test that fails. */
const PATIENCE = 60_000;

/** A running server of one kind, with the key of the tests. */
export interface TestCentre {
  readonly config: SourceConfig;
  put(value: string | Uint8Array): Promise<void>;
  remove(): Promise<void>;
  /** As kill -9. */
  kill(): Promise<void>;
  /** Again after `kill`, with what it had. */
  start(): Promise<void>;
}

export function configOf(kind: SourceConfig['kind'], values: Partial<SourceConfig>): SourceConfig {
  return {
    kind,
    url: '',
    key: 'zeroth/config',
    bucket: 'zeroth',
    namespace: '',
    user: '',
    password: '',
    token: '',
    timeout: 5000,
    ...values,
  };
}

/** Debian has servers where PATH of a user does not look. */
const ENV: NodeJS.ProcessEnv = { ...process.env, PATH: `${process.env.PATH}:/usr/local/sbin:/usr/sbin` };

/** False, or why not, as `skip` of a test wants it. */
export function missingProgram(program: string): string | false {
  const found = spawnSync(program, ['--version'], { stdio: 'ignore', env: ENV });
  return found.error === undefined ? false : `there is no ${program} here`;
}

export async function testFolder(t: TestContext): Promise<string> {
  const folder = await makeFolder();
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** For a {@link ServerProcess}, which removes it. */
export function makeFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'zeroth-source-'));
}

/** A server as a process; it accepts on the port when `start` resolves. */
export class ServerProcess {
  readonly #command: readonly string[];
  readonly #port: number;
  #child: ChildProcess | null = null;

  /** `folder`: where it writes. */
  constructor(t: TestContext, command: readonly string[], port: number, folder: string) {
    this.#command = command;
    this.#port = port;
    // One that still writes puts files into what is being removed.
    t.after(async () => {
      await this.kill();
      await rm(folder, { recursive: true, force: true });
    });
  }

  async start(): Promise<void> {
    const [program = '', ...args] = this.#command;
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'], env: ENV });
    this.#child = child;
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-4000);
    });
    const ended = once(child, 'exit').then(() => {
      throw new Error(`${program} ended: ${said}`);
    });
    ended.catch(() => {});
    await Promise.race([this.#accepts(), ended]);
  }

  /** It keeps its connections, and says nothing more. */
  freeze(): void {
    this.#child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child?.kill('SIGCONT');
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  async #accepts(): Promise<void> {
    for (const end = Date.now() + PATIENCE; Date.now() < end; ) {
      const socket = connect(this.#port, '127.0.0.1');
      const accepted = await new Promise<boolean>((resolve) => {
        socket.once('connect', () => resolve(true));
        socket.once('error', () => resolve(false));
      });
      socket.destroy();
      if (accepted) return;
      await delay(20);
    }
    throw new Error(`nobody listens on port ${this.#port}`);
  }
}

/** A way to a port that can be cut. */
export class Way {
  readonly #target: number;
  readonly #links = new Set<Socket>();
  #server: Server;
  #port = 0;
  /** Connections that were accepted. */
  accepted = 0;
  /** Waited for before a connection, by its number from 1 on, goes through. */
  before: (connection: number) => Promise<void> = () => Promise.resolve();

  constructor(target: number) {
    this.#target = target;
    this.#server = this.#make();
  }

  static async to(t: TestContext, target: number): Promise<Way> {
    const way = new Way(target);
    t.after(() => way.cut());
    await way.open();
    return way;
  }

  get port(): number {
    return this.#port;
  }

  /** Connections that are open now. */
  get links(): number {
    return this.#links.size;
  }

  async open(): Promise<void> {
    this.#server = this.#make();
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async cut(): Promise<void> {
    for (const link of this.#links) link.destroy();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }

  #make(): Server {
    return createServer(async (from) => {
      const early: Buffer[] = [];
      const keep = (chunk: Buffer): void => void early.push(chunk);
      this.#links.add(from);
      from.on('error', () => {}).on('close', () => this.#links.delete(from));
      from.on('data', keep);
      await this.before(++this.accepted);
      from.off('data', keep);
      if (from.destroyed) return;
      const to = connect(this.#target, '127.0.0.1');
      for (const chunk of early) to.write(chunk);
      from.pipe(to).pipe(from);
      from.on('close', () => to.destroy());
      to.on('error', () => from.destroy()).on('close', () => from.destroy());
    });
  }
}

export type Report =
  | { readonly type: 'changed'; readonly text: SourceText }
  | { readonly type: 'down'; readonly error: ZerothError }
  | { readonly type: 'up' };

/** Follows a source until the end of its test. */
export class Follower {
  readonly reports: Report[] = [];
  readonly ended: Promise<void>;
  readonly #controller = new AbortController();
  #changed: () => void = () => {};

  constructor(t: TestContext, source: Source) {
    this.ended = source.follow(
      {
        changed: (text) => this.#add({ type: 'changed', text }),
        down: (error) => this.#add({ type: 'down', error }),
        up: () => this.#add({ type: 'up' }),
      },
      this.#controller.signal,
    );
    t.after(() => this.stop());
  }

  async stop(): Promise<void> {
    this.#controller.abort();
    await this.ended;
  }

  /** `changed` has its text, `down` its code. */
  get story(): readonly string[] {
    return this.reports.map((report) => {
      if (report.type === 'changed') return report.text.text;
      return report.type === 'down' ? report.error.code : 'up';
    });
  }

  /** Resolves when the story ends so. */
  async until(...end: readonly string[]): Promise<void> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.#changed();
    }, PATIENCE);
    for (;;) {
      const last = this.story.slice(-end.length);
      if (last.length === end.length && last.every((entry, index) => entry === end[index])) break;
      if (late) throw new Error(`no ${end.join(', ')}; reported: ${this.story.join(', ')}`);
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
    clearTimeout(timer);
  }

  #add(report: Report): void {
    this.reports.push(report);
    this.#changed();
  }
}

/** Polls until a condition holds. */
export async function eventually(what: string, holds: () => boolean): Promise<void> {
  for (const end = Date.now() + PATIENCE; Date.now() < end; ) {
    if (holds()) return;
    await delay(5);
  }
  throw new Error(`never: ${what}`);
}
