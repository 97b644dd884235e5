/** A whole node in this process, in a folder of its own. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { openConfig } from '../../src/control/open.ts';
import type { Daemon } from '../../src/daemon/daemon.ts';
import { startDaemon } from '../../src/daemon/daemon.ts';
import { LogTap } from '../../src/log/tap.ts';
import type { Line } from './admin.ts';
import { memoryLog } from './admin.ts';

export interface TestedDaemon {
  readonly daemon: Daemon;
  readonly folder: string;
  readonly file: string;
  readonly lines: Line[];
  readonly local: string;
  /** Levels that were set. */
  readonly levels: string[];
}

/** Runs a configuration text; stops with the test. */
export async function startTestedDaemon(t: TestContext, yaml: string): Promise<TestedDaemon> {
  const folder = await mkdtemp(join(tmpdir(), 'zeroth-daemon-'));
  let daemon: Daemon | null = null;
  t.after(async () => {
    await daemon?.stop({ timeout: 0 });
    await rm(folder, { recursive: true, force: true });
  });
  const file = join(folder, 'zeroth.yaml');
  await writeFile(file, yaml);
  const opened = await openConfig({ from: { path: file } });
  if (!opened.ok) throw new Error(opened.message);
  const { log, lines } = memoryLog();
  const levels: string[] = [];
  daemon = await startDaemon({
    opened,
    log: { ...log, setLevel: (level) => levels.push(level), flush: () => {}, close: () => {} },
    tap: new LogTap(),
    version: '0.0.0',
    environment: { ZEROTH_RUNTIME_DIR: join(folder, 'run') },
  });
  return { daemon, folder, file, lines, levels, local: daemon.local as string };
}
