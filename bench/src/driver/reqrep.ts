/** REQ and REP one at a time (latency), DEALER and ROUTER with many in flight (throughput). */
import { build } from 'hdr-histogram-js';
import type { Driver, DriverOptions } from './common.ts';
import { attach, Meter, sayReady, sayResult } from './common.ts';

/** Round trips one after the other. Nanoseconds go into a histogram of 0.1 % resolution. */
export async function roundTrips(
  { warm, time }: Pick<DriverOptions, 'warm' | 'time'>,
  once: () => Promise<void>,
): Promise<void> {
  const histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 10e9,
    numberOfSignificantValueDigits: 3,
  });
  const start = performance.now();
  const warmEnd = start + warm * 1000;
  const end = warmEnd + time * 1000;
  for (let after = start; after < end; ) {
    const before = performance.now();
    await once();
    after = performance.now();
    if (before >= warmEnd) histogram.recordValue(Math.round((after - before) * 1e6));
  }
  sayResult({
    count: histogram.totalCount,
    p50: histogram.getValueAtPercentile(50) / 1000,
    p99: histogram.getValueAtPercentile(99) / 1000,
  });
}

export const req: Driver = async (options) => {
  const { lib, endpoint, size, bind } = options;
  const socket = new lib.Request({ linger: 0 });
  const body = Buffer.alloc(size);
  sayReady(await attach(socket, endpoint, bind ?? false));
  await roundTrips(options, async () => {
    await socket.send(body);
    await socket.receive();
  });
};

export const rep: Driver = async ({ lib, endpoint, bind }) => {
  const socket = new lib.Reply({ linger: 0 });
  sayReady(await attach(socket, endpoint, bind ?? true));
  for await (const message of socket) await socket.send(message);
};

/** Keeps `window` requests in flight: each reply that comes is sent out again as the next request. */
export const dealer: Driver = async (options) => {
  const { lib, endpoint, size, bind, window } = options;
  const socket = new lib.Dealer({ linger: 0 });
  const meter = new Meter(options);
  const body = Buffer.alloc(size);
  sayReady(await attach(socket, endpoint, bind ?? false));
  for (let i = 0; i < window; i++) await socket.send(body);
  for await (const message of socket) {
    if (meter.add(message[0]?.length ?? 0)) break;
    await socket.send(message);
  }
  sayResult(meter.result());
};

export const router: Driver = async ({ lib, endpoint, bind }) => {
  const socket = new lib.Router({ linger: 0 });
  sayReady(await attach(socket, endpoint, bind ?? true));
  for await (const message of socket) await socket.send(message);
};

/** REQ and REP in one process and one thread, for inproc. */
export const reqRep: Driver = async (options) => {
  void rep(options);
  await req(options);
};
