/**
 * The metrics of the node as OpenTelemetry's SDK has them.
 *
 * Guarantees: pure; names, labels and values are those of `/metrics`, so that dashboards and alerts fit both.
 */
import type { Attributes, HrTime } from '@opentelemetry/api';
import { ValueType } from '@opentelemetry/api';
import type { DataPoint, Histogram, MetricData } from '@opentelemetry/sdk-metrics';
import { AggregationTemporality, DataPointType } from '@opentelemetry/sdk-metrics';
import type { Collected, Family, Sample } from '../metrics/family.ts';
import type { HistogramValue } from '../metrics/histogram.ts';

/** UCUM, as OpenTelemetry asks for. */
const UNITS = { seconds: 's', bytes: 'By' } as const;

/** Times are milliseconds since 1970. */
export function metricData(all: readonly Collected[], from: number, until: number): MetricData[] {
  const times = { startTime: hrTime(from), endTime: hrTime(until) };
  return all
    .filter(({ samples }) => samples.length > 0)
    .map(({ family, samples }) => {
      const { name, help, unit, type } = family;
      const base = {
        descriptor: {
          name,
          description: help,
          // Not '1': who translates to Prometheus takes that for a ratio, and says so in the name.
          unit: unit === null ? '' : UNITS[unit],
          valueType: ValueType.DOUBLE,
        },
        aggregationTemporality: AggregationTemporality.CUMULATIVE,
      };
      if (type === 'histogram') {
        const dataPoints = samples.flatMap((sample) => histogramPoint(family, sample, times));
        return { ...base, dataPointType: DataPointType.HISTOGRAM, dataPoints };
      }
      const dataPoints = samples.flatMap((sample) => numberPoint(family, sample, times));
      return type === 'counter'
        ? { ...base, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints }
        : { ...base, dataPointType: DataPointType.GAUGE, dataPoints };
    });
}

interface Times {
  readonly startTime: HrTime;
  readonly endTime: HrTime;
}

function numberPoint(family: Family, { labels, value }: Sample, times: Times): DataPoint<number>[] {
  if (typeof value !== 'number') return [];
  return [{ ...times, attributes: attributesOf(family, labels), value }];
}

function histogramPoint(family: Family, { labels, value }: Sample, times: Times): DataPoint<Histogram>[] {
  if (typeof value === 'number') return [];
  return [{ ...times, attributes: attributesOf(family, labels), value: histogram(value) }];
}

function histogram({ bounds, counts, sum, count }: HistogramValue): Histogram {
  return { buckets: { boundaries: [...bounds], counts: [...counts] }, sum, count };
}

function attributesOf({ labels }: Family, values: readonly string[]): Attributes {
  return Object.fromEntries(labels.map((label, at) => [label, values[at] ?? '']));
}

function hrTime(milliseconds: number): HrTime {
  const seconds = Math.trunc(milliseconds / 1000);
  return [seconds, Math.round((milliseconds - seconds * 1000) * 1e6)];
}
