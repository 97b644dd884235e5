/**
 * Places of readers, as sessions and routes keep them: JSON whose `acknowledged` says before which sequence all is done.
 * After it the `ranges` of a group are done, too; of a route, what is before `next` and not `outstanding`.
 *
 * Guarantees: a value that is something else is listed all the same, with what can be read of it.
 */

export interface Reader {
  readonly name: string;
  /** `group`, `sharded`, `broadcast`; null: not said. */
  readonly strategy: string | null;
  /** Everything before this sequence is acknowledged; null: not said. */
  readonly acknowledged: number | null;
  /** Records to the end that are not acknowledged. */
  readonly lag: number | null;
}

interface Stream {
  readonly first: number;
  readonly next: number;
}

interface Place {
  readonly strategy?: unknown;
  readonly acknowledged?: unknown;
  readonly ranges?: unknown;
  readonly next?: unknown;
  readonly outstanding?: unknown;
}

export function readersOf(places: ReadonlyMap<string, Uint8Array>, stream: Stream): Reader[] {
  return [...places].map(([name, value]) => {
    const place = parse(value);
    const { strategy, acknowledged } = place;
    return {
      name,
      strategy: typeof strategy === 'string' ? strategy : null,
      acknowledged: isNumber(acknowledged) ? acknowledged : null,
      lag: isNumber(acknowledged) ? lagOf(place, acknowledged, stream) : null,
    };
  });
}

function lagOf({ ranges, next: sent, outstanding }: Place, acknowledged: number, stream: Stream): number {
  const left = (from: number): number => Math.max(0, stream.next - Math.max(stream.first, from));
  return isNumber(sent)
    ? left(sent) + within(outstanding, stream)
    : Math.max(0, left(acknowledged) - within(ranges, stream));
}

/** How many sequences of `ranges` are kept. */
function within(ranges: unknown, { first, next }: Stream): number {
  let count = 0;
  for (const range of Array.isArray(ranges) ? ranges : []) {
    const [from, to] = Array.isArray(range) ? range : [];
    if (isNumber(from) && isNumber(to)) count += Math.max(0, Math.min(to + 1, next) - Math.max(from, first));
  }
  return count;
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value);
}

function parse(value: Uint8Array): Place {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(value).toString('utf8'));
    return typeof parsed === 'object' && parsed !== null ? parsed : {};
  } catch {
    return {};
  }
}
