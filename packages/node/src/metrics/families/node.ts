/** Metrics of the node as a whole: what runs, its health, its configuration, what it sends to a collector. */
import type { ComponentStatus } from '../../health/types.ts';
import type { Family } from '../family.ts';
import type { ConfigurationFigures, ExportFigures } from '../sources.ts';

const DEGREE: Readonly<Record<ComponentStatus, number>> = { up: 0, degraded: 1, down: 2 };

function ofConfiguration(value: (figures: ConfigurationFigures) => number): Family['collect'] {
  return ({ configuration }, add) => {
    if (configuration !== null) add(value(configuration));
  };
}

function eachSignal(value: (figures: ExportFigures) => number): Family['collect'] {
  return ({ exports }, add) => {
    for (const [signal, figures] of exports) add(value(figures), signal);
  };
}

export const NODE_FAMILIES: readonly Family[] = [
  {
    name: 'zeroth_build_info',
    type: 'gauge',
    unit: null,
    labels: ['version', 'runtime'],
    help: '1; what runs.',
    collect: ({ version }, add) => add(1, version, process.version),
  },
  {
    name: 'zeroth_live',
    type: 'gauge',
    unit: null,
    labels: [],
    help: '1 while /health/live says yes.',
    collect: ({ health }, add) => add(health.live ? 1 : 0),
  },
  {
    name: 'zeroth_ready',
    type: 'gauge',
    unit: null,
    labels: [],
    help: '1 while /health/ready says yes.',
    collect: ({ health }, add) => add(health.ready ? 1 : 0),
  },
  {
    name: 'zeroth_paused',
    type: 'gauge',
    unit: null,
    labels: [],
    help: '1 while the node is paused: it takes nothing in, and delivers what it has.',
    collect: ({ paused }, add) => add(paused ? 1 : 0),
  },
  {
    name: 'zeroth_health_status',
    type: 'gauge',
    unit: null,
    labels: ['component'],
    help: 'Health of each component: 0 up, 1 degraded, 2 down.',
    collect: ({ health }, add) => {
      for (const [component, { status }] of Object.entries(health.components)) add(DEGREE[status], component);
    },
  },
  {
    name: 'zeroth_event_loop_delay_seconds',
    type: 'gauge',
    unit: 'seconds',
    labels: ['stat'],
    help: 'How long the event loop was held up within the last ten seconds: p99 and max.',
    collect: ({ loop }, add) => {
      add(loop.recent.p99 / 1000, 'p99');
      add(loop.recent.max / 1000, 'max');
    },
  },
  {
    name: 'zeroth_config_version',
    type: 'gauge',
    unit: null,
    labels: [],
    help: 'Version of the configuration that runs; it grows with each one that was applied.',
    collect: ofConfiguration(({ version }) => version),
  },
  {
    name: 'zeroth_config_reloads_total',
    type: 'counter',
    unit: null,
    labels: ['result'],
    help: 'Reloads of the configuration, accepted and refused.',
    collect: ({ configuration }, add) => {
      if (configuration === null) return;
      add(configuration.reloads.accepted, 'accepted');
      add(configuration.reloads.refused, 'refused');
    },
  },
  {
    name: 'zeroth_config_overrides',
    type: 'gauge',
    unit: null,
    labels: [],
    help: 'Keys that are set by hand.',
    collect: ofConfiguration(({ overrides }) => overrides),
  },
  {
    name: 'zeroth_config_source_up',
    type: 'gauge',
    unit: null,
    labels: ['source'],
    help: '1 while the configuration centre can be reached.',
    collect: ({ configuration }, add) => {
      for (const { name, up } of configuration?.sources ?? []) add(up ? 1 : 0, name);
    },
  },
  {
    name: 'zeroth_telemetry_exported_total',
    type: 'counter',
    unit: null,
    labels: ['signal'],
    help: 'What a collector took: exports of metrics, log lines, spans.',
    collect: eachSignal(({ exported }) => exported),
  },
  {
    name: 'zeroth_telemetry_failed_total',
    type: 'counter',
    unit: null,
    labels: ['signal'],
    help: 'What a collector did not take, and is lost.',
    collect: eachSignal(({ failed }) => failed),
  },
  {
    name: 'zeroth_telemetry_dropped_total',
    type: 'counter',
    unit: null,
    labels: ['signal'],
    help: 'What was given up because too much waited for the collector.',
    collect: eachSignal(({ dropped }) => dropped),
  },
];
