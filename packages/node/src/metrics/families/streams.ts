/** Metrics of streams, of the groups and routes that read them, and of the sessions of clients. */
import type { SessionsStatus } from '../../session/server.ts';
import type { Stream } from '../../store/store.ts';
import type { Family } from '../family.ts';
import { ageOf, type GroupRow } from '../groups.ts';

const STREAM: readonly string[] = ['stream'];
const GROUP: readonly string[] = ['stream', 'group'];

function eachStream(value: (stream: Stream) => number): Family['collect'] {
  return ({ streams }, add) => {
    for (const stream of streams) add(value(stream), stream.name);
  };
}

function eachGroup(value: (row: GroupRow) => number): Family['collect'] {
  return ({ groups }, add) => {
    for (const row of groups) add(value(row), row.stream, row.group);
  };
}

function ofSessions(value: (sessions: SessionsStatus) => number): Family['collect'] {
  return ({ sessions }, add) => {
    if (sessions !== null) add(value(sessions));
  };
}

export const STREAM_FAMILIES: readonly Family[] = [
  {
    name: 'zeroth_stream_records_total',
    type: 'counter',
    unit: null,
    labels: STREAM,
    help: 'Records appended since the stream was opened.',
    collect: eachStream(({ stats }) => stats.records),
  },
  {
    name: 'zeroth_stream_repeated_records_total',
    type: 'counter',
    unit: null,
    labels: STREAM,
    help: 'Records left out because the stream had them already (a producer sent them again).',
    collect: eachStream(({ stats }) => stats.repeated),
  },
  {
    name: 'zeroth_stream_size_bytes',
    type: 'gauge',
    unit: 'bytes',
    labels: STREAM,
    help: 'Bytes on the disk.',
    collect: eachStream(({ stats }) => stats.bytes),
  },
  {
    name: 'zeroth_stream_retain_bytes',
    type: 'gauge',
    unit: 'bytes',
    labels: STREAM,
    help: 'retain.bytes of the configuration; 0 is unlimited.',
    collect: eachStream(({ settings }) => settings.retain.bytes),
  },
  {
    name: 'zeroth_stream_first_sequence',
    type: 'gauge',
    unit: null,
    labels: STREAM,
    help: 'Sequence of the oldest record that is kept.',
    collect: eachStream(({ first }) => first),
  },
  {
    name: 'zeroth_stream_next_sequence',
    type: 'gauge',
    unit: null,
    labels: STREAM,
    help: 'Sequence that the next record gets.',
    collect: eachStream(({ next }) => next),
  },
  {
    name: 'zeroth_stream_committed_sequence',
    type: 'gauge',
    unit: null,
    labels: STREAM,
    help: 'Every record before this one is committed, as fsync says.',
    collect: eachStream(({ committed }) => committed),
  },
  {
    name: 'zeroth_stream_pending_bytes',
    type: 'gauge',
    unit: 'bytes',
    labels: STREAM,
    help: 'Bytes appended and not committed.',
    collect: eachStream(({ stats }) => stats.pending),
  },
  {
    name: 'zeroth_stream_commit_seconds',
    type: 'histogram',
    unit: 'seconds',
    labels: STREAM,
    help: 'Time of each commit: the write, and with fsync: always the sync.',
    collect: ({ timings }, add) => {
      for (const [stream, histogram] of timings.commits) add(histogram.value(), stream);
    },
  },
  {
    name: 'zeroth_stream_trouble',
    type: 'gauge',
    unit: null,
    labels: STREAM,
    help: '1 while the stream accepts no records: disk full, read-only or broken, or full of what is not delivered.',
    collect: eachStream(({ trouble }) => (trouble === null ? 0 : 1)),
  },
  {
    name: 'zeroth_stream_full',
    type: 'gauge',
    unit: null,
    labels: STREAM,
    help: '1 while publishers are held up because there is no room for more.',
    collect: eachStream(({ hasRoom }) => (hasRoom ? 0 : 1)),
  },
  {
    name: 'zeroth_stream_waiting_records',
    type: 'gauge',
    unit: null,
    labels: STREAM,
    help: "Records of a pipeline route's stream that no consumer has yet.",
    collect: ({ routes }, add) => {
      for (const { name, pattern, stream } of routes)
        if (pattern === 'pipeline' && stream !== null) add(stream.waiting, name);
    },
  },
  {
    name: 'zeroth_stream_waiting_age_seconds',
    type: 'gauge',
    unit: 'seconds',
    labels: STREAM,
    help: "How long ago the oldest of a pipeline route's waiting records was stored.",
    collect: ({ routes, now }, add) => {
      for (const { name, pattern, stream } of routes)
        if (pattern === 'pipeline' && stream !== null) add(ageOf(stream.waitingSince, now) / 1000, name);
    },
  },
  {
    name: 'zeroth_group_lag_records',
    type: 'gauge',
    unit: null,
    labels: GROUP,
    help: 'Committed records that a consumer group has not acknowledged.',
    collect: eachGroup(({ lag }) => lag),
  },
  {
    name: 'zeroth_group_lag_seconds',
    type: 'gauge',
    unit: 'seconds',
    labels: GROUP,
    help: 'How long ago the oldest record that the group has not acknowledged was stored; 0: there is none.',
    collect: eachGroup(({ age }) => age / 1000),
  },
  {
    name: 'zeroth_group_in_flight_records',
    type: 'gauge',
    unit: null,
    labels: GROUP,
    help: 'Records that consumers have and did not acknowledge.',
    collect: eachGroup(({ inFlight }) => inFlight),
  },
  {
    name: 'zeroth_group_consumers',
    type: 'gauge',
    unit: null,
    labels: GROUP,
    help: 'Consumers of the group.',
    collect: eachGroup(({ consumers }) => consumers),
  },
  {
    name: 'zeroth_sessions',
    type: 'gauge',
    unit: null,
    labels: [],
    help: 'Clients with a session, those included that are away for a moment.',
    collect: ofSessions(({ sessions }) => sessions),
  },
  {
    name: 'zeroth_sessions_connected',
    type: 'gauge',
    unit: null,
    labels: [],
    help: 'Clients with a session that are connected.',
    collect: ofSessions(({ connected }) => connected),
  },
  {
    name: 'zeroth_session_malformed_messages_total',
    type: 'counter',
    unit: null,
    labels: [],
    help: 'Messages of clients that were not as the session protocol says.',
    collect: ofSessions(({ malformed }) => malformed),
  },
];
