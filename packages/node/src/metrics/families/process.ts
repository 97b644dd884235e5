/** Metrics of the process, under the names that Prometheus' clients agree on. */
import type { Family } from '../family.ts';
import type { ProcessFigures } from '../process.ts';

const of =
  (value: (figures: ProcessFigures) => number): Family['collect'] =>
  ({ process }, add) =>
    add(value(process));

export const PROCESS_FAMILIES: readonly Family[] = [
  {
    name: 'process_start_time_seconds',
    type: 'gauge',
    unit: 'seconds',
    labels: [],
    help: 'When the node was started, in seconds since 1970.',
    collect: ({ startedAt }, add) => add(startedAt / 1000),
  },
  {
    name: 'process_cpu_seconds_total',
    type: 'counter',
    unit: 'seconds',
    labels: [],
    help: 'Processor time, user and system.',
    collect: of(({ cpu }) => cpu),
  },
  {
    name: 'process_resident_memory_bytes',
    type: 'gauge',
    unit: 'bytes',
    labels: [],
    help: 'Resident memory.',
    collect: of(({ resident }) => resident),
  },
  {
    name: 'process_open_fds',
    type: 'gauge',
    unit: null,
    labels: [],
    help: 'Open files and connections. Linux only.',
    collect: ({ process: { openFiles } }, add) => {
      if (openFiles !== null) add(openFiles);
    },
  },
  {
    name: 'nodejs_heap_size_used_bytes',
    type: 'gauge',
    unit: 'bytes',
    labels: [],
    help: "Used part of V8's heap.",
    collect: of(({ heapUsed }) => heapUsed),
  },
  {
    name: 'nodejs_heap_size_total_bytes',
    type: 'gauge',
    unit: 'bytes',
    labels: [],
    help: "V8's heap.",
    collect: of(({ heapTotal }) => heapTotal),
  },
  {
    name: 'nodejs_external_memory_bytes',
    type: 'gauge',
    unit: 'bytes',
    labels: [],
    help: "Memory outside of V8's heap: messages, mostly.",
    collect: of(({ external }) => external),
  },
  {
    name: 'nodejs_gc_duration_seconds',
    type: 'histogram',
    unit: 'seconds',
    labels: ['kind'],
    help: 'Pauses of the garbage collector.',
    collect: ({ process: { pauses } }, add) => {
      for (const [kind, histogram] of pauses) add(histogram.value(), kind);
    },
  },
  {
    name: 'nodejs_event_loop_busy_seconds_total',
    type: 'counter',
    unit: 'seconds',
    labels: [],
    help: 'Time in which the event loop did something: its rate is the utilisation.',
    collect: of(({ busy }) => busy),
  },
];
