/**
 * The schemas of what the control API answers, by the names they have in docs/openapi.json.
 *
 * Guarantees: what the operations answer fits (a test holds this). Objects may get more members in later versions.
 */
import { CENSUS_SECTIONS } from '../health/census.ts';
import type { Schema } from './schema.ts';

const text: Schema = { type: 'string' };
const textOrNull: Schema = { type: ['string', 'null'] };
const count: Schema = { type: 'integer', minimum: 0 };
const flag: Schema = { type: 'boolean' };
const time: Schema = { type: 'string', format: 'date-time' };
const timeOrNull: Schema = { type: ['string', 'null'], format: 'date-time' };
const milliseconds: Schema = { type: 'number', minimum: 0 };
const texts: Schema = { type: 'array', items: text };

function object(properties: Readonly<Record<string, Schema>>, optional: readonly string[] = []): Schema {
  return {
    type: 'object',
    properties,
    required: Object.keys(properties).filter((name) => !optional.includes(name)),
  };
}

export function ref(name: string): Schema {
  return { $ref: `#/components/schemas/${name}` };
}

export function listOf(name: string): Schema {
  return { type: 'array', items: ref(name) };
}

const verdict: Schema = { type: 'string', enum: ['up', 'degraded', 'down'] };

export const SCHEMAS: Readonly<Record<string, Schema>> = {
  Error: object({
    error: object({ code: text, message: text, hint: text, problems: listOf('Problem') }, [
      'hint',
      'problems',
    ]),
  }),
  Problem: object({
    code: text,
    file: text,
    line: count,
    column: count,
    key: text,
    value: textOrNull,
    message: text,
    allowed: texts,
    suggestion: textOrNull,
    excerpt: { anyOf: [object({ text, start: count, length: count }), { type: 'null' }] },
  }),
  Actor: object({ via: text, who: text }),
  Health: object(
    {
      status: verdict,
      live: flag,
      ready: flag,
      components: { type: 'object', additionalProperties: ref('Component') },
    },
    ['live', 'ready', 'components'],
  ),
  Component: {
    type: 'object',
    properties: { status: verdict, message: text },
    required: ['status'],
    additionalProperties: true,
  },
  Node: object({
    name: text,
    version: text,
    pid: count,
    runtime: text,
    startedAt: time,
    uptimeMs: milliseconds,
    pausedSince: timeOrNull,
    sessions: texts,
  }),
  Route: object({
    name: text,
    pattern: { type: 'string', enum: ['pubsub', 'reqrep', 'pipeline'] },
    state: text,
    frontend: ref('Side'),
    backend: ref('Side'),
    toBack: ref('Direction'),
    toFront: ref('Direction'),
    stream: {
      anyOf: [
        object({
          first: count,
          next: count,
          bytes: count,
          waiting: count,
          waitingSince: timeOrNull,
          trouble: textOrNull,
        }),
        { type: 'null' },
      ],
    },
  }),
  Side: object({
    socketType: text,
    peerType: text,
    endpoints: { type: 'array', items: object({ how: text, configured: text, address: text }) },
    peers: count,
    queuedIn: count,
    queuedOut: count,
    dropped: count,
  }),
  Direction: object({ messages: count, bytes: count, dropped: count }),
  Stream: object({
    name: text,
    first: count,
    next: count,
    bytes: count,
    pending: count,
    trouble: textOrNull,
    groups: { type: 'array', items: object({ group: text, consumers: count, inFlight: count, lag: count }) },
  }),
  Peer: object({
    route: text,
    side: text,
    id: count,
    remote: text,
    socketType: textOrNull,
    routingId: textOrNull,
    status: { type: 'string', enum: ['healthy', 'slow', 'silent', 'gone'] },
    verdict: text,
    since: time,
    reason: textOrNull,
    evidence: textOrNull,
    isolated: flag,
    quietMs: milliseconds,
    queued: count,
    waitedMs: milliseconds,
    unanswered: count,
  }),
  Sessions: object({ sessions: count, connected: count, consumers: count, malformed: count }),
  Instance: object({
    service: text,
    instance: text,
    status: { type: 'string', enum: ['healthy', 'degraded', 'unhealthy'] },
    expired: flag,
    address: textOrNull,
    note: textOrNull,
    ttlMs: milliseconds,
    expiresInMs: milliseconds,
    renewedAt: time,
  }),
  Override: object({ key: text, value: text, by: ref('Actor'), at: time, expiresAt: timeOrNull }),
  Source: object({ name: text, state: text, since: time, revision: text, error: textOrNull }),
  Configuration: object({
    version: count,
    origin: text,
    appliedAt: time,
    by: ref('Actor'),
    overrides: listOf('Override'),
    restart: { ...texts, description: 'Keys whose new value counts from the next start.' },
    sources: listOf('Source'),
  }),
  Status: object({
    time,
    node: ref('Node'),
    health: ref('Health'),
    config: ref('Configuration'),
    routes: listOf('Route'),
    streams: listOf('Stream'),
    sessions: { anyOf: [ref('Sessions'), { type: 'null' }] },
    peers: object({
      total: count,
      troubled: { ...listOf('Peer'), description: 'Those that are not healthy, at most 100.' },
    }),
  }),
  Census: object({
    baseAt: { ...time, description: 'When the node was ready.' },
    at: time,
    ...Object.fromEntries(CENSUS_SECTIONS.map((section) => [section, ref('CensusSection')])),
  }),
  CensusSection: {
    type: 'object',
    description: 'By what is counted.',
    additionalProperties: object({ base: count, now: count }),
  },
  Change: object({
    key: text,
    kind: { type: 'string', enum: ['added', 'removed', 'changed'] },
    before: textOrNull,
    after: textOrNull,
    reloadable: flag,
  }),
  Reload: object({
    version: count,
    changes: listOf('Change'),
    applied: {
      anyOf: [
        object({
          added: texts,
          removed: texts,
          changed: texts,
          kept: texts,
          restart: texts,
          elapsedMs: milliseconds,
        }),
        { type: 'null' },
      ],
    },
    warnings: texts,
  }),
  HistoryEntry: object({
    version: count,
    at: time,
    by: ref('Actor'),
    origin: text,
    digest: text,
    current: flag,
  }),
};
