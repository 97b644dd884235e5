/**
 * The text format of Prometheus, version 0.0.4.
 *
 * Guarantees: pure; whatever a label's value holds, a line stays one line. promtool reads what a real node writes
 * (test/interop/promtool.test.ts).
 */
import type { Collected, Sample } from './family.ts';
import type { HistogramValue } from './histogram.ts';

export const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** Of one family; nothing for one without values. */
export function exposition({ family, samples }: Collected): string {
  if (samples.length === 0) return '';
  const { name, help, type } = family;
  let text = `# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n# TYPE ${name} ${type}\n`;
  for (const sample of samples) text += lines(name, family.labels, sample);
  return text;
}

function lines(name: string, names: readonly string[], { labels, value }: Sample): string {
  const pairs = names.map((label, at) => `${label}="${escaped(labels[at] ?? '')}"`).join(',');
  if (typeof value === 'number') return `${name}${braced(pairs)} ${figure(value)}\n`;
  return histogram(name, pairs, value);
}

function histogram(name: string, pairs: string, { bounds, counts, sum, count }: HistogramValue): string {
  const before = pairs === '' ? '' : `${pairs},`;
  let text = '';
  let below = 0;
  bounds.forEach((bound, at) => {
    below += counts[at] ?? 0;
    text += `${name}_bucket{${before}le="${figure(bound)}"} ${below}\n`;
  });
  text += `${name}_bucket{${before}le="+Inf"} ${count}\n`;
  return `${text}${name}_sum${braced(pairs)} ${figure(sum)}\n${name}_count${braced(pairs)} ${count}\n`;
}

const braced = (pairs: string): string => (pairs === '' ? '' : `{${pairs}}`);

function figure(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}

const SPECIAL = /[\\"\n]/;

function escaped(value: string): string {
  if (!SPECIAL.test(value)) return value;
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
