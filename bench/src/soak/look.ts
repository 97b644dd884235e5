/** What the soak watches: memory after a collection, handles, listeners; and what it makes of it. */
import { EventEmitter } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

export interface Sample {
  readonly minute: number;
  readonly rss: number;
  readonly heap: number;
  readonly external: number;
  readonly handles: number;
  readonly listeners: number;
  readonly episodes: number;
  readonly messages: number;
  readonly cuts: number;
}

export const MB: number = 1024 * 1024;

/** What holds the event loop, by kind: one line of text, and how many. */
export function handles(): { count: number; text: string } {
  const kinds = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) {
    // Timers come and go with the soak itself.
    if (kind !== 'Timeout' && kind !== 'Immediate') kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  const text = [...kinds].map(([kind, count]) => `${kind} ${count}`).sort();
  return { count: [...kinds.values()].reduce((sum, n) => sum + n, 0), text: text.join(', ') };
}

/** Listeners of the process, of what holds its event loop, and of these objects where they have any. */
export function listeners(objects: Iterable<object>): number {
  // Not documented, and the one way to what is open.
  const { _getActiveHandles: active } = process as { _getActiveHandles?: () => object[] };
  let count = 0;
  for (const object of new Set([
    process,
    process.stdout,
    process.stderr,
    ...(active?.() ?? []),
    ...objects,
  ])) {
    if (!(object instanceof EventEmitter)) continue;
    for (const name of object.eventNames()) count += object.listenerCount(name);
  }
  return count;
}

/** Collects until nothing more is found: memory of buffers is freed by another thread, a moment later. */
export async function collect(): Promise<void> {
  const { gc } = globalThis as { gc?: () => void };
  if (gc === undefined) throw new Error('run it with --expose-gc');
  for (let i = 0; i < 4; i++) {
    gc();
    await delay(50);
  }
}

/** Least squares: growth of the values from the first to the last. */
function growth(values: readonly number[]): number {
  const n = values.length;
  const middle = (n - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  let above = 0;
  let below = 0;
  values.forEach((value, i) => {
    above += (i - middle) * (value - mean);
    below += (i - middle) ** 2;
  });
  return below === 0 ? 0 : (above / below) * (n - 1);
}

/** What is not flat over the second half; empty when all is. */
export function verdict(samples: readonly Sample[]): string[] {
  const half = samples.slice(samples.length >> 1);
  const of = (name: 'rss' | 'heap' | 'external'): number[] => half.map((sample) => sample[name]);
  // The heap after a collection is what is held; the resident size is what the allocator makes of it.
  const bounds = [
    ['heap', of('heap'), 2 * MB, 0.05],
    ['external', of('external'), 2 * MB, 0.05],
    ['rss', of('rss'), 8 * MB, 0.08],
  ] as const;
  return bounds.flatMap(([name, values, least, part]) => {
    const grown = growth(values);
    const allowed = Math.max(least, (values[0] ?? 0) * part);
    const text = `${name} grew by ${(grown / MB).toFixed(1)} MB over the second half; noise is ${(allowed / MB).toFixed(1)} MB`;
    return grown > allowed ? [text] : [];
  });
}
