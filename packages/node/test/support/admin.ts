/** The control API before a node that does nothing, for tests of who may and what is refused. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Limits } from '../../src/admin/endpoint.ts';
import { LIMITS } from '../../src/admin/endpoint.ts';
import type { AdminParts } from '../../src/admin/operation.ts';
import type { Admin } from '../../src/admin/server.ts';
import { startAdmin } from '../../src/admin/server.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { Config } from '../../src/config/types.ts';
import type { Log } from '../../src/log/log.ts';
import { testLog } from './log.ts';

export const TOKEN = 'a-token-for-tests-0123456789';

export interface Line {
  readonly level: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

/** Keeps what is logged. */
export function memoryLog(lines: Line[] = []): { log: Log; lines: Line[] } {
  const log = testLog((level, fields, message) => lines.push({ ...fields, level, message }));
  return { log, lines };
}

/** A configuration with these lines under `admin`. */
export function adminConfig(yaml: string, baseDir?: string): Config {
  const text = `node: { name: tested }\nroutes: {}\nadmin:\n${yaml === '' ? '  details: authorized' : yaml.replace(/^/gm, '  ')}\n`;
  const { config, problems } = loadConfig({ text, source: 'test' }, baseDir === undefined ? {} : { baseDir });
  if (config === null) throw new Error(JSON.stringify(problems));
  return config;
}

export interface Tested {
  readonly admin: Admin;
  /** Of the first endpoint. */
  readonly url: string;
  readonly local: string;
  readonly lines: Line[];
  readonly folder: string;
}

export interface AdminSettings {
  readonly limits?: Partial<Limits>;
  readonly tokenDelay?: number;
  readonly parts?: Partial<AdminParts>;
}

const REPORT = { status: 'up', live: true, ready: true, components: { routes: { status: 'up' } } } as const;

/** Listens at `tcp://127.0.0.1:0` and at a local socket. `yaml` are further keys of `admin`. */
export async function startTested(t: TestContext, yaml = '', settings: AdminSettings = {}): Promise<Tested> {
  const folder = await mkdtemp(join(tmpdir(), 'zeroth-admin-'));
  const { log, lines } = memoryLog();
  const parts = {
    health: { report: () => REPORT, registry: { list: () => [] } },
    node: {
      name: 'tested',
      pausedSince: null,
      sessions: [],
      status: () => [],
      streams: () => [],
      sessionStatus: () => null,
    },
    metrics: () => Promise.resolve({ contentType: 'text/plain', text: 'metric 1\n' }),
    version: '0.0.0',
    startedAt: 0,
    ...settings.parts,
  } as unknown as AdminParts;
  const admin = await startAdmin({
    parts,
    config: adminConfig(`bind: tcp://127.0.0.1:0\n${yaml}`.trimEnd(), folder),
    log,
    environment: { ZEROTH_RUNTIME_DIR: join(folder, 'run') },
    limits: { ...LIMITS, ...settings.limits },
    ...(settings.tokenDelay === undefined ? {} : { tokenDelay: settings.tokenDelay }),
  });
  t.after(async () => {
    await admin.close();
    await rm(folder, { recursive: true, force: true });
  });
  return { admin, url: admin.addresses[0] as string, local: admin.local as string, lines, folder };
}
