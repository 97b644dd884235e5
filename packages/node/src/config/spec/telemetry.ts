/**
 * The specification of `telemetry`: OpenTelemetry.
 *
 * Guarantees: see table.ts, of which this is a part.
 */

import type { TelemetryConfig } from '../types.ts';
import type { BooleanSpec, OptionalSectionSpec } from './kinds.ts';
import { COMMON, SECTION } from './kinds.ts';

const SIGNAL: Omit<BooleanSpec, 'description'> = { ...COMMON, type: 'boolean', default: true };

export const TELEMETRY: OptionalSectionSpec<TelemetryConfig> = {
  ...SECTION,
  optional: true,
  description:
    'OpenTelemetry: metrics, logs and traces are sent to a collector (OTLP over HTTP). Without this key nothing of it is loaded.',
  knownAs: ['otel', 'otlp', 'opentelemetry', 'tracing', 'observability'],
  keys: {
    endpoint: {
      ...COMMON,
      type: 'text',
      description: 'The collector. `/v1/metrics`, `/v1/logs` and `/v1/traces` are added.',
      default: 'http://127.0.0.1:4318',
      pattern: {
        source: '^https?://[^\\s@]+$',
        allowed: 'a URL with http or https, without user and password',
      },
      maxLength: 1024,
      computed: null,
      knownAs: ['url', 'collector', 'address'],
    },
    headers: {
      ...COMMON,
      type: 'text',
      description: 'HTTP headers for the collector: `name=value`, separated by commas.',
      default: '',
      pattern: {
        // RFC 9110, 5.6.2 Tokens; values are printable ASCII.
        source: "^[\\w!#$%&'*+.^`|~-]+=[ -+\\--~]*(, ?[\\w!#$%&'*+.^`|~-]+=[ -+\\--~]*)*$",
        allowed: 'name=value, several of them separated by commas; names and values as HTTP allows them',
      },
      maxLength: 8192,
      computed: null,
      secret: true,
      knownAs: ['header', 'authorization', 'apikey'],
    },
    interval: {
      ...COMMON,
      type: 'duration',
      description: 'How often metrics are sent.',
      default: '15s',
      unit: 'ms',
      min: '100ms',
      max: '1h',
      knownAs: ['period', 'exportinterval'],
    },
    metrics: { ...SIGNAL, description: 'Send metrics: those of `/metrics`.', knownAs: ['metric'] },
    logs: { ...SIGNAL, description: 'Send the log.', knownAs: ['log'] },
    traces: {
      ...SIGNAL,
      description: 'Send a span for each record that a client published with a trace context.',
      knownAs: ['trace', 'spans'],
    },
    traceSample: {
      ...COMMON,
      type: 'integer',
      description: 'How many of a hundred traces are followed, of those that their publisher follows.',
      default: 100,
      min: 0,
      max: 100,
      knownAs: ['sample', 'sampling', 'samplerate', 'ratio'],
    },
  },
};
