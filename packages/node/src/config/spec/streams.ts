/**
 * The specification of streams: of `streams`, and of the `stream` of a route.
 *
 * Guarantees: see table.ts, of which this is a part; both places have the same keys.
 */

import type { RetainConfig, StreamConfig, StreamSettings } from '../types.ts';
import type { EntriesSpec, KeySpecs, SectionSpec } from './kinds.ts';
import { COMMON, NAME_PATTERN, SECTION } from './kinds.ts';

/** The largest message that a stream takes: the store writes a message in one piece. */
export const RECORD_MAX: number = 1024 ** 3;

const RETAIN: SectionSpec<RetainConfig> = {
  ...SECTION,
  description:
    'How much is kept, whichever limit is met first; the oldest goes first, by whole segments. What a `pipeline` route has not delivered is never removed: at `bytes` or `count` its producers are held up instead.',
  knownAs: ['retention', 'limits', 'limit', 'keep'],
  keys: {
    bytes: {
      ...COMMON,
      type: 'size',
      description: 'Octets on the disk. `0`: no limit.',
      default: '10GiB',
      unit: 'bytes',
      min: '0B',
      max: '1048576GiB',
      knownAs: ['size', 'maxbytes', 'maxsize', 'retentionbytes'],
    },
    age: {
      ...COMMON,
      type: 'duration',
      description: 'Time since a record was stored. `0s`: no limit.',
      default: '0s',
      unit: 'ms',
      min: '0s',
      max: '36500d',
      knownAs: ['time', 'maxage', 'ttl', 'duration', 'retentiontime'],
    },
    count: {
      ...COMMON,
      type: 'integer',
      description: 'Records. `0`: no limit.',
      default: 0,
      unit: 'records',
      min: 0,
      max: Number.MAX_SAFE_INTEGER,
      knownAs: ['records', 'messages', 'maxcount', 'maxrecords', 'maxmsgs'],
    },
  },
};

export const STREAM_KEYS: KeySpecs<StreamSettings> = {
  retain: RETAIN,
  fsync: {
    ...COMMON,
    type: 'choice',
    description: 'When a record counts as stored: then it is acknowledged, forwarded and delivered.',
    default: 'always',
    choices: {
      always:
        'when the disk has it; survives a power cut. What comes meanwhile is written and synced together, so many producers share the wait',
      interval:
        'when the operating system has it, and the disk is told every `fsyncInterval`: survives a crash of the node; a power cut or a crash of the system may take what came since',
      never:
        'when the operating system has it, which writes it to the disk when it likes: survives a crash of the node; a power cut or a crash of the system may take some tens of seconds',
    },
    knownAs: ['sync', 'durability', 'flush', 'fdatasync'],
  },
  fsyncInterval: {
    ...COMMON,
    type: 'duration',
    description: 'The time between two syncs with `fsync: interval`.',
    default: '100ms',
    unit: 'ms',
    min: '1ms',
    max: '1h',
    knownAs: ['syncinterval', 'flushinterval', 'interval'],
  },
};

export const STREAMS: EntriesSpec<Omit<StreamConfig, 'name'>> = {
  ...COMMON,
  type: 'entries',
  description:
    'Durable streams that belong to no route: clients of `sessions` publish to them and consume from them. Each key is the name of a stream. The stream of a route is not repeated here. Dead letters of a stream are kept in `<stream>.dead` with the same settings, unless that name stands here, too.',
  noun: 'stream',
  namePattern: NAME_PATTERN,
  maxEntries: 1000,
  entry: {
    ...SECTION,
    description: 'One stream.',
    keys: STREAM_KEYS,
  },
  knownAs: ['stream', 'topics', 'queues'],
};
