/**
 * NATS JetStream through its Node client: one stream with file storage and one replica, everything else as it is by
 * default. So an acknowledged record is with the operating system; the disk is told every two minutes.
 */
import type { JetStreamClient, NatsConnection } from 'nats';
import type { DriverOptions, ForeignDriver } from './common.ts';
import { sayReady } from './common.ts';
import { open } from './nats.ts';
import { consume, fill, keepInFlight } from './records.ts';
import { roundTrips } from './reqrep.ts';

const STREAM = 'bench';
const GROUP = 'group';

async function openStream({ endpoint }: DriverOptions): Promise<[NatsConnection, JetStreamClient]> {
  const { RetentionPolicy, StorageType } = await import('nats');
  const connection = await open(endpoint);
  const { streams } = await connection.jetstreamManager();
  await streams.add({
    name: STREAM,
    subjects: [STREAM],
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
    num_replicas: 1,
  });
  return [connection, connection.jetstream()];
}

export const jsPublish: ForeignDriver = async (options) => {
  const [, jetStream] = await openStream(options);
  const body = new Uint8Array(options.size);
  sayReady(options.endpoint);
  await keepInFlight(options, () => jetStream.publish(STREAM, body));
};

export const jsPublishOne: ForeignDriver = async (options) => {
  const [, jetStream] = await openStream(options);
  const body = new Uint8Array(options.size);
  sayReady(options.endpoint);
  await roundTrips(options, async () => {
    await jetStream.publish(STREAM, body);
  });
};

/** Not acknowledged one by one, because nobody measures it and it is faster; that all are there is asked at the end. */
export const jsFill: ForeignDriver = async (options) => {
  const [connection] = await openStream(options);
  const body = new Uint8Array(options.size);
  sayReady(options.endpoint);
  let sent = 0;
  await fill({ ...options, window: 1 }, async () => {
    connection.publish(STREAM, body);
    if (++sent % 1000 === 0 || sent === options.count) await connection.flush();
  });
  const { streams } = await connection.jetstreamManager();
  const { state } = await streams.info(STREAM);
  if (state.messages !== options.count) throw new Error(`${state.messages} of ${options.count} were stored`);
};

/** A durable pull consumer. The server's limit of unacknowledged messages is lifted and batches are large: faster so. */
export const jsConsume: ForeignDriver = async (options) => {
  const { AckPolicy } = await import('nats');
  const connection = await open(options.endpoint);
  const { consumers } = await connection.jetstreamManager();
  await consumers.add(STREAM, {
    durable_name: GROUP,
    ack_policy: AckPolicy.Explicit,
    max_ack_pending: -1,
  });
  const consumer = await connection.jetstream().consumers.get(STREAM, GROUP);
  sayReady(options.endpoint);
  await consume(options, await consumer.consume({ max_messages: 20_000 }), ({ data }) => data);
};
