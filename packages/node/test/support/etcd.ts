/** Debian's etcd, as a process, for one test. */
import { ok } from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { SourceConfig } from '../../src/config/types.ts';
import type { TestCentre } from './centre.ts';
import { configOf, makeFolder, missingProgram, ServerProcess } from './centre.ts';
import { freePort } from './port.ts';

/** As `skip` of a test wants it. */
export const noEtcd: string | false = missingProgram('etcd');

export interface Etcd extends TestCentre {
  readonly server: ServerProcess;
  /** A question to its gateway. */
  post(path: string, body: object, token?: string): Promise<Record<string, unknown>>;
}

export const base64 = (value: string | Uint8Array): string => Buffer.from(value).toString('base64');

export async function launchEtcd(t: TestContext): Promise<Etcd> {
  const folder = await makeFolder();
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const peers = 'http://127.0.0.1:0';
  const server = new ServerProcess(
    t,
    [
      ...['etcd', '--data-dir', folder, '--log-level', 'error', '--unsafe-no-fsync'],
      ...['--listen-client-urls', url, '--advertise-client-urls', url, '--listen-peer-urls', peers],
    ],
    port,
    folder,
  );
  const config: SourceConfig = configOf('etcd', { url });
  const key = base64(config.key);
  const post: Etcd['post'] = async (path, body, token) => {
    const headers: Record<string, string> = token === undefined ? {} : { authorization: token };
    const answer = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) });
    const text = await answer.text();
    ok(answer.ok, text);
    return JSON.parse(text) as Record<string, unknown>;
  };
  const start = async (): Promise<void> => {
    await server.start();
    // It accepts before it has a leader.
    for (;;) {
      const healthy = await fetch(`${url}/health`).then((answer) => answer.ok);
      if (healthy) return;
      await delay(20);
    }
  };
  await start();
  return {
    server,
    config,
    post,
    put: async (value) => void (await post('/v3/kv/put', { key, value: base64(value) })),
    remove: async () => void (await post('/v3/kv/deleterange', { key })),
    kill: () => server.kill(),
    start,
  };
}
