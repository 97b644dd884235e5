/** Core NATS through its Node client: the same work as PUB and SUB, and as REQ and REP, over a nats-server. */
import type { NatsConnection } from 'nats';
import type { ForeignDriver } from './common.ts';
import { Meter, sayReady, sayResult } from './common.ts';
import { roundTrips } from './reqrep.ts';

const SUBJECT = 'bench';

export async function open(endpoint: string): Promise<NatsConnection> {
  const { connect } = await import('nats');
  return connect({ servers: endpoint.replace('tcp://', '') });
}

/** At most `window` messages that the subscriber has not acknowledged, as in pubsub.ts. */
export const natsPub: ForeignDriver = async ({ endpoint, size, window }) => {
  const connection = await open(endpoint);
  const body = new Uint8Array(size);
  const step = Math.floor(window / 10);
  const acks = connection.subscribe('acks')[Symbol.asyncIterator]();
  await connection.flush();
  sayReady(endpoint);
  for (let credit = window; ; credit--) {
    if (credit === 0) {
      await acks.next();
      credit = step;
    }
    connection.publish(SUBJECT, body);
  }
};

export const natsSub: ForeignDriver = async (options) => {
  const connection = await open(options.endpoint);
  const meter = new Meter(options);
  const step = Math.floor(options.window / 10);
  const messages = connection.subscribe(SUBJECT);
  await connection.flush();
  sayReady(options.endpoint);
  let unacked = 0;
  for await (const message of messages) {
    if (++unacked === step) {
      unacked = 0;
      connection.publish('acks');
    }
    if (meter.add(message.data.length)) break;
  }
  sayResult(meter.result());
};

export const natsReq: ForeignDriver = async (options) => {
  const connection = await open(options.endpoint);
  const body = new Uint8Array(options.size);
  sayReady(options.endpoint);
  await roundTrips(options, async () => {
    await connection.request(SUBJECT, body);
  });
};

export const natsRep: ForeignDriver = async ({ endpoint }) => {
  const connection = await open(endpoint);
  const requests = connection.subscribe(SUBJECT);
  await connection.flush();
  sayReady(endpoint);
  for await (const request of requests) request.respond(request.data);
};
