/** What the tests of control/ share: a node, a centre and a log that only remember, and a folder of their own. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { ConfigSource } from '../../../src/config/load.ts';
import type { Config } from '../../../src/config/types.ts';
import type { Control } from '../../../src/control/control.ts';
import { openConfig } from '../../../src/control/open.ts';
import { startControl } from '../../../src/control/start.ts';
import type { Actor, Applied, ReloadReport } from '../../../src/control/types.ts';
import type { ZerothError } from '../../../src/errors.ts';
import type { Log } from '../../../src/log/log.ts';
import type { Source, SourceEvents, SourceText } from '../../../src/source/source.ts';
import { testLog } from '../../support/log.ts';

export const ME: Actor = { via: 'socket', who: 'ann' };
/** A timer that the test sees: shorter than in a real node. */
const TIMES = { poll: 40, settle: 5 };

/** Nothing is loaded but when it is asked for. */
export const UNWATCHED = 'node: { watch: false }\n';

/** A file with one route. */
export function text(extra = '', head = UNWATCHED): string {
  return `${head}routes:
  orders:
    pattern: reqrep
    frontend: { bind: tcp://127.0.0.1:5557 }
    backend: { bind: tcp://127.0.0.1:5558 }
${extra}`;
}

/** Takes everything, unless told to fail. */
export class FakeNode {
  readonly configs: Config[] = [];
  fail: Error | null = null;
  /** How often it was asked to apply. */
  asked = 0;
  /** Awaited by each apply. */
  gate: Promise<void> = Promise.resolve();

  async apply(config: Config): Promise<Applied> {
    this.asked++;
    await this.gate;
    if (this.fail !== null) throw this.fail;
    this.configs.push(config);
    return { added: [], removed: [], changed: [], kept: [], restart: [], elapsed: 0 };
  }
}

export interface Line extends Readonly<Record<string, unknown>> {
  readonly level: string;
  readonly msg: string;
}

export class MemoryLog {
  readonly lines: Line[] = [];
  readonly log: Log;

  constructor() {
    this.log = testLog((level, fields, msg) => this.lines.push({ ...fields, level, msg }));
  }

  of(event: string): Line[] {
    return this.lines.filter((line) => line.event === event);
  }
}

/** A centre that says what the test puts in. */
export class FakeSource implements Source {
  readonly name = 'fake http://centre, key k';
  /** Null: it does not answer. */
  current: SourceText | null;
  events: SourceEvents | null = null;
  reads = 0;
  readonly down: ZerothError;

  constructor(current: string | null, down: ZerothError) {
    this.current = current === null ? null : { text: current, revision: '1' };
    this.down = down;
  }

  async read(): Promise<SourceText> {
    this.reads++;
    if (this.current === null) throw this.down;
    return this.current;
  }

  follow(events: SourceEvents, signal: AbortSignal): Promise<void> {
    this.events = events;
    return new Promise((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  say(next: string): void {
    this.current = { text: next, revision: String(Number(this.current?.revision ?? 0) + 1) };
    this.events?.changed(this.current);
  }
}

/** What is open in a test. Hooks run in the order in which they were made, and folders come first. */
const open = new WeakMap<TestContext, Control[]>();

export function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'zeroth-control-'));
  t.after(async () => {
    for (const control of open.get(t) ?? []) await control.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

export interface Running {
  readonly folder: string;
  readonly path: string;
  readonly control: Control;
  readonly node: FakeNode;
  readonly log: MemoryLog;
  readonly levels: string[];
}

export interface RunOptions {
  readonly folder?: string;
  readonly source?: FakeSource;
  readonly from?: ConfigSource;
}

/** A node that was started with this file, in a folder of its own. */
export async function run(t: TestContext, content: string, options: RunOptions = {}): Promise<Running> {
  const folder = options.folder ?? folderOf(t);
  const path = join(folder, 'zeroth.yaml');
  writeFileSync(path, content);
  const { source } = options;
  const opened = await openConfig({
    from: options.from ?? { path },
    hostName: 'plant-7',
    ...(source === undefined ? {} : { openSource: async () => source }),
  });
  assert.ok(opened.ok, JSON.stringify(opened));
  const node = new FakeNode();
  const log = new MemoryLog();
  const levels: string[] = [];
  const setLevel = (level: string): void => void levels.push(level);
  const control = await startControl({ opened, node, log: log.log, setLevel, times: TIMES });
  open.set(t, [...(open.get(t) ?? []), control]);
  return { folder, path, control, node, log, levels };
}

/** Waits for something to be so; the test runner has the time limit. */
export async function until(what: () => boolean): Promise<void> {
  while (!what()) await new Promise((resolve) => setTimeout(resolve, 5));
}

export function accepted(report: ReloadReport): ReloadReport & { ok: true } {
  assert.ok(report.ok, JSON.stringify(report));
  return report;
}

export function refused(report: ReloadReport): ReloadReport & { ok: false } {
  assert.ok(!report.ok, JSON.stringify(report));
  return report;
}

/** Everything that a reader, a log or an answer can see. */
export function everything({ control, log }: Running, ...reports: readonly unknown[]): string {
  const { overrides, origin, by } = control.snapshot;
  return JSON.stringify([
    log.lines,
    overrides,
    origin,
    by,
    control.history(),
    control.sources(),
    control.lastReload(),
    reports,
  ]);
}
