/**
 * What the drivers of streams share, ours and JetStream's: the same loops around a `publish` that resolves when the
 * record is stored, and around records that are acknowledged one by one.
 */
import type { DriverOptions } from './common.ts';
import { Meter, sayResult } from './common.ts';

/** `window` publishes are on their way; each that is acknowledged is followed by the next. */
export async function keepInFlight(options: DriverOptions, publish: () => Promise<unknown>): Promise<void> {
  const meter = new Meter(options);
  let over = false;
  const one = async (): Promise<void> => {
    while (!over) {
      await publish();
      over ||= meter.add(options.size);
    }
  };
  await Promise.race(Array.from({ length: options.window }, one));
  sayResult(meter.result());
}

/** `count` publishes, `window` of them on their way. */
export async function fill(options: DriverOptions, publish: () => Promise<unknown>): Promise<void> {
  let left = options.count;
  const one = async (): Promise<void> => {
    while (left-- > 0) await publish();
  };
  const start = performance.now();
  await Promise.all(Array.from({ length: options.window }, one));
  const seconds = (performance.now() - start) / 1000;
  sayResult({ rate: options.count / seconds, count: options.count, seconds });
}

interface Acknowledged {
  ack(): void;
}

/**
 * Takes, looks at and acknowledges records until the measurement is over; before that the `count` of the stream must not
 * be.
 */
export async function consume<R extends Acknowledged>(
  options: DriverOptions,
  records: AsyncIterable<R>,
  body: (record: R) => Uint8Array,
): Promise<void> {
  const meter = new Meter(options);
  let left = options.count;
  for await (const record of records) {
    const { length } = body(record);
    record.ack();
    if (meter.add(length)) break;
    if (--left === 0) throw new Error(`the stream of ${options.count} records was too short`);
  }
  sayResult(meter.result());
}

/** Takes, looks at and acknowledges `count` records, however long it takes. */
export async function consumeAll<R extends Acknowledged>(
  options: DriverOptions,
  records: AsyncIterable<R>,
  body: (record: R) => Uint8Array,
): Promise<void> {
  let left = options.count;
  let bytes = 0;
  const start = performance.now();
  for await (const record of records) {
    bytes += body(record).length;
    record.ack();
    if (--left === 0) break;
  }
  const seconds = (performance.now() - start) / 1000;
  sayResult({ rate: bytes / seconds, bytes, seconds });
}
