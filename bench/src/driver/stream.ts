/** Durable streams of the node through @zeroth/client: the same work as jetstream.ts. */

import { setTimeout as delay } from 'node:timers/promises';
import type { Client, Stream } from '@zeroth/client';
import type { ForeignDriver } from './common.ts';
import { sayReady, sayResult } from './common.ts';
import { consume, consumeAll, fill, keepInFlight } from './records.ts';
import { roundTrips } from './reqrep.ts';

const STREAM = 'bench';
const GROUP = 'group';

/** As large as the batches of the other side. */
const CREDIT = 20_000;

async function openStream(endpoint: string): Promise<Stream> {
  const { connect } = await import('@zeroth/client');
  const client: Client = await connect(endpoint, { name: `bench-${process.pid}` });
  return client.stream(STREAM);
}

export const streamPublish: ForeignDriver = async (options) => {
  const stream = await openStream(options.endpoint);
  const body = new Uint8Array(options.size);
  sayReady(options.endpoint);
  await keepInFlight(options, () => stream.publish(body));
};

export const streamPublishOne: ForeignDriver = async (options) => {
  const stream = await openStream(options.endpoint);
  const body = new Uint8Array(options.size);
  sayReady(options.endpoint);
  await roundTrips(options, async () => {
    await stream.publish(body);
  });
};

export const streamFill: ForeignDriver = async (options) => {
  const stream = await openStream(options.endpoint);
  const body = new Uint8Array(options.size);
  sayReady(options.endpoint);
  await fill(options, () => stream.publish(body));
};

export const streamConsume: ForeignDriver = async (options) => {
  const stream = await openStream(options.endpoint);
  sayReady(options.endpoint);
  const records = stream.consume({ group: GROUP, from: 'first', credit: CREDIT });
  await consume(options, records, ({ body }) => body);
};

/** From the first record to the last. */
export const streamReplay: ForeignDriver = async (options) => {
  const stream = await openStream(options.endpoint);
  sayReady(options.endpoint);
  await consumeAll(options, stream.consume({ from: 'first', credit: CREDIT }), ({ body }) => body);
};

/** Octets per second that are committed, whoever sends them: the node is asked, at the beginning and at the end. */
export const streamGrowth: ForeignDriver = async ({ endpoint, size, warm, time }) => {
  const stream = await openStream(endpoint);
  const committed = async (): Promise<[number, number]> => {
    const { next } = await stream.info();
    return [next, performance.now()];
  };
  sayReady(endpoint);
  const start = await stream.info();
  while ((await stream.info()).next === start.next) await delay(10);
  await delay(warm * 1000);
  const [first, from] = await committed();
  await delay(time * 1000);
  const [last, to] = await committed();
  sayResult({ rate: ((last - first) * size) / ((to - from) / 1000) });
};
