/**
 * What a metric is here: a family with a name, a help text and labels, and how its values are read.
 *
 * Guarantees: pure types. The table of all families (table.ts) is read by `/metrics`, by OpenTelemetry and by docs/metrics.md.
 */
import type { HistogramValue } from './histogram.ts';
import type { View } from './view.ts';

export type FamilyType = 'counter' | 'gauge' | 'histogram';

/** Base units, as Prometheus asks for; null: a number of things. */
export type Unit = 'seconds' | 'bytes' | null;

/** One value; `labels` are the values of the family's labels, in their order. */
export interface Sample {
  readonly labels: readonly string[];
  readonly value: number | HistogramValue;
}

/** Adds a value to what is collected. */
export type Add = (value: number | HistogramValue, ...labels: readonly string[]) => void;

export interface Family {
  /** Prometheus conventions: base unit, `_total` at the end of a counter. */
  readonly name: string;
  readonly type: FamilyType;
  readonly unit: Unit;
  readonly labels: readonly string[];
  readonly help: string;
  readonly collect: (view: View, add: Add) => void;
}

export interface Collected {
  readonly family: Family;
  readonly samples: readonly Sample[];
}
