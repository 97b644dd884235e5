/** A consumer without a group after reconnects: where it asks to go on. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { messageLength, writeMessage } from '@zeroth/zmq/run';
import type { Port } from '../../../src/connection/port.ts';
import { Consumption } from '../../../src/consume/consumer.ts';
import { verifyConsume } from '../../../src/options.ts';
import type { From, Welcome } from '../../../src/wire/messages.ts';

function welcome(resumed: boolean): Welcome {
  return {
    protocol: 1,
    node: 'n',
    heartbeat: 5000,
    window: 1_000_000,
    maxMessageSize: 1_000_000,
    resumed,
    trace: false,
  };
}

function runOf(count: number): Buffer {
  const frames = [Buffer.from('x')];
  const run = Buffer.alloc(count * messageLength(frames));
  for (let at = 0; at < run.length; ) at = writeMessage(run, at, frames);
  return run;
}

describe('a consumer without a group', () => {
  for (const [says, next] of [
    ['the end of what is on the way', 9],
    ['a place before acknowledgements that were lost', 1],
  ] as const)
    it(`goes on after what it got when the node it finds again says ${says}`, async () => {
      const asked: From[] = [];
      const port: Port = {
        session: welcome(false),
        send: (message) => {
          if (message.type === 'CONSUME') asked.push(message.request.from);
        },
        fail: (reason) => assert.fail(reason),
      };
      const request = verifyConsume('telemetry', { live: true, from: 'first' }, true);
      const consumer = new Consumption(1, port, request, Buffer.alloc(0), true, () => undefined);
      consumer.joined(welcome(false));
      consumer.consuming(1);
      consumer.records([{ sequence: 1, timestamp: 1, deliveries: 1, run: runOf(4) }]);
      for (let taken = 0; taken < 4; taken += 1) await consumer.next();
      // It asks for the fifth, which acknowledges the fourth.
      const fifth = consumer.next();
      consumer.lost();
      consumer.joined(welcome(true));
      consumer.consuming(next);
      // Lost again before anything comes; this time the session is gone, too.
      consumer.lost();
      consumer.joined(welcome(false));
      consumer.consuming(5);
      consumer.records([{ sequence: 5, timestamp: 1, deliveries: 1, run: runOf(1) }]);
      const { value } = await fifth;
      assert.equal(value?.sequence, 5);
      assert.deepEqual(asked, ['first', { sequence: 5 }, { sequence: 5 }]);
    });
});
