/** A session server on a store in memory, with streams `t` and `u`, for one test. */
import type { TestContext } from 'node:test';
import { type SessionServer, startSessions } from '../../src/session/server.ts';
import type { SpanHook } from '../../src/session/spans.ts';
import { testLog } from './log.ts';
import { MemoryStore, type MemoryStream, SETTINGS } from './memory-store.ts';
import { RawClient } from './session-client.ts';

export interface Sessions {
  readonly server: SessionServer;
  readonly store: MemoryStore;
  readonly stream: MemoryStream;
  /** What was logged: the messages. */
  readonly logged: string[];
  /** A client that has said HELLO. */
  client(name: string, heartbeat?: number): Promise<RawClient>;
  /** One that has not. */
  stranger(name: string): RawClient;
}

export async function sessions(
  t: TestContext,
  options: {
    maxSessions?: number;
    heartbeat?: number;
    maxMessageSize?: number;
    now?: () => number;
    store?: MemoryStore;
    spans?: SpanHook;
  } = {},
): Promise<Sessions> {
  const store = options.store ?? new MemoryStore();
  const stream = await store.open('t');
  await store.open('u');
  const logged: string[] = [];
  const log = testLog((level, _fields, message) => {
    if (['warn', 'error', 'fatal'].includes(level)) logged.push(message);
  });
  const server = await startSessions({
    config: {
      bind: ['tcp://127.0.0.1:*'],
      maxSessions: options.maxSessions ?? 100,
      maxMessageSize: options.maxMessageSize ?? 64 * 1024 * 1024,
      heartbeatInterval: options.heartbeat ?? 5000,
      ipv6: false,
      wsOrigins: '',
    },
    nodeName: 'node',
    store,
    settingsOf: () => SETTINGS,
    log,
    ...(options.now === undefined ? {} : { now: options.now }),
    ...(options.spans === undefined ? {} : { spans: options.spans }),
  });
  const clients: RawClient[] = [];
  t.after(async () => {
    for (const client of clients) client.close();
    await server.stop({ timeout: 100 });
  });
  const stranger = (name: string): RawClient => {
    const client = new RawClient(server.endpoints[0]!, name);
    clients.push(client);
    return client;
  };
  const client = async (name: string, heartbeat?: number): Promise<RawClient> => {
    const made = stranger(name);
    await made.hello(heartbeat);
    return made;
  };
  return { server, store, stream, logged, client, stranger };
}
