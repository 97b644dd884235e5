/**
 * A key of a NATS JetStream key-value bucket.
 *
 * Guarantees: the watch has begun before it is asked whether the key is there, so no change is missed. The watch carries
 * sizes only; a value is fetched, by its revision, when it is within the limit, and once a second of a key that never
 * stands still. A connection that is lost ends it, and whoever asks again gets the value as it is then. What is loaded
 * for it is loaded when it is used.
 */

import { connect as dial } from 'node:net';
import type { KV, KvWatchEntry } from '@nats-io/kv';
import type { ConnectionOptions, NatsConnection } from '@nats-io/transport-node';
import type { SourceConfig } from '../config/types.ts';
import type { Centre, State } from './follow.ts';
import { tooSlow, watchTime } from './follow.ts';
import { reasonOf } from './http.ts';
import { Pace } from './pace.ts';
import { keyMissing, MAX_TEXT } from './source.ts';
import { textOf, tooLarge } from './text.ts';

/** Milliseconds. Two pings without an answer end the connection. */
const PING = 20_000;

export async function nats(config: SourceConfig, name: string, servers: readonly string[]): Promise<Centre> {
  const [{ connect }, { Kvm, KvWatchInclude }] = await Promise.all([
    import('@nats-io/transport-node'),
    import('@nats-io/kv'),
  ]);
  const { key, bucket } = config;

  async function* states(
    server: string,
    timeout: number,
    signal: AbortSignal,
  ): AsyncGenerator<State, void, undefined> {
    const pace = new Pace();
    await greeting(server, timeout, signal);
    const connection = await unlessAborted(connect(optionsOf(config, server, timeout)), signal);
    let watch: Awaited<ReturnType<KV['watch']>> | null = null;
    void connection.closed().then(() => watch?.stop());
    // Ends every wait below, at once.
    const abort = (): void => void connection.close();
    signal.addEventListener('abort', abort, { once: true });
    try {
      const bound = await new Kvm(connection).open(bucket, { timeout });
      // A watch does not end when its bucket is removed.
      while (!connection.isClosed()) {
        watch = await bound.watch({ key, headers_only: true, include: KvWatchInclude.LastValue });
        const timer = setTimeout((ending) => ending.stop(), watchTime(timeout), watch);
        try {
          if (!(await isThere(bound, key))) yield missing(config, name);
          let ours = false;
          for await (const entry of watch) {
            // What came meanwhile stands behind it: of a key that never stands still only the last is fetched.
            if (!ours) await pace.turn(signal);
            ours = true;
            if (watch.getPending() > 0) continue;
            const state = await stateOf(bound, entry, config, name);
            if (state === null) continue;
            ours = false;
            yield state;
          }
        } finally {
          clearTimeout(timer);
          watch.stop();
        }
      }
      throw (await connection.closed()) ?? new Error('it closed the connection');
    } catch (error) {
      signal.throwIfAborted();
      throw translated(error, config, name);
    } finally {
      signal.removeEventListener('abort', abort);
      await connection.close();
    }
  }

  return { name, servers, states };
}

function optionsOf(config: SourceConfig, server: string, timeout: number): ConnectionOptions {
  const { user, password, token } = config;
  return {
    servers: [server],
    name: 'zeroth',
    timeout,
    // Whoever asks for states does that, and there is one place that counts and pauses.
    reconnect: false,
    ignoreClusterUpdates: true,
    pingInterval: PING,
    maxPingOut: 2,
    ...(server.startsWith('tls:') ? { tls: {} } : {}),
    ...(user === '' ? {} : { user, pass: password }),
    ...(token === '' ? {} : { token }),
  };
}

async function isThere(bucket: KV, key: string): Promise<boolean> {
  let there = false;
  for await (const found of await bucket.keys(key)) there ||= found === key;
  return there;
}

/** Null: it was replaced before it could be fetched, and the next entry follows. */
async function stateOf(
  bucket: KV,
  entry: KvWatchEntry,
  config: SourceConfig,
  name: string,
): Promise<State | null> {
  if (entry.operation !== 'PUT') return missing(config, name);
  if (entry.length > MAX_TEXT) return tooLarge(name, entry.length);
  const found = await bucket.get(config.key, { revision: entry.revision });
  return found === null ? null : textOf(name, found.value, String(entry.revision));
}

function missing({ bucket, key }: SourceConfig, name: string): State {
  return keyMissing(name, `nats kv put ${bucket} ${key} < zeroth.yaml puts it there`);
}

function translated(error: unknown, { bucket }: SourceConfig, name: string): Error {
  const reason = reasonOf(error);
  if (/stream not found/i.test(reason)) {
    return keyMissing(name, `there is not even the bucket, which nats kv add ${bucket} makes`);
  }
  return new Error(reason);
}

/**
 * Resolves when the server has said INFO. The library does not close a connection on which nothing comes: of a server
 * that is frozen, one would be left for each attempt.
 */
function greeting(server: string, timeout: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(server);
    const socket = dial(Number(port || 4222), hostname.replace(/^\[|\]$/g, ''));
    const end = (settle: () => void): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', aborted);
      socket.on('error', () => {}).destroy();
      settle();
    };
    const fail = (error: unknown): void => end(() => reject(error));
    const aborted = (): void => fail(signal.reason);
    const timer = setTimeout(() => fail(tooSlow(timeout)), timeout);
    socket.once('error', (error) => fail(new Error(reasonOf(error))));
    socket.once('close', () => fail(new Error('it closed the connection')));
    socket.once('data', (chunk) =>
      chunk.subarray(0, 4).toString('latin1') === 'INFO'
        ? end(resolve)
        : fail(new Error('what listens there is no NATS server')),
    );
    signal.addEventListener('abort', aborted, { once: true });
    if (signal.aborted) aborted();
  });
}

/** A dial can't be called off: what it brings after the signal is closed, and it ends with its own time. */
function unlessAborted(dial: Promise<NatsConnection>, signal: AbortSignal): Promise<NatsConnection> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      reject(signal.reason);
      dial.then((late) => late.close()).catch(() => {});
    };
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    const settled = (): void => signal.removeEventListener('abort', abort);
    dial.then(resolve, reject).finally(settled);
  });
}
